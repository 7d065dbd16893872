"""The JSON status of an exporter, this node's or its peer's, read as something a stranger wrote."""

from __future__ import annotations

from exporter.model.errors import ParseError
from exporter.model.observations import NODE_NAME, ROLES, Check, NodeIdentity, PeerStatus, PeerVip, Status
from exporter.parsers.fields import Fields, parse_json

STATUS_PATH = "/api/v1/status"  # where an exporter serves it
FORMAT = 1
MAXIMUM_ITEMS = 256
MAXIMUM_TEXT = 1000
WHAT = "the status"
MAXIMUM_NAME = 80  # of what becomes a label or a key: names, addresses, versions
_STATUS = {status.word: status for status in Status}


def parse_identity(document: Fields) -> NodeIdentity:
    """Read who the document is about.

    Raises:
        ParseError: it does not say.
    """
    node = document.object("node")
    return NodeIdentity(
        node.word("name", NODE_NAME, "a name that a node can have"),
        node.one_of("role", {role: role for role in ROLES}),
        node.text("address", MAXIMUM_NAME),
        node.text("version", MAXIMUM_NAME),
    )


def parse_time(document: Fields) -> float:
    """Read when the document was made, in Unix seconds.

    Raises:
        ParseError: it does not say.
    """
    return document.number("time")


def parse_checks(document: Fields) -> tuple[Check, ...]:
    """Read the checks.

    Raises:
        ParseError: there are none, or one is not a check.
    """
    return tuple(
        Check(
            id=entry.text("id", MAXIMUM_NAME),
            node=entry.text("node", MAXIMUM_NAME),
            subject=entry.text("subject", MAXIMUM_TEXT),
            collector=entry.text("collector", MAXIMUM_NAME),
            status=entry.one_of("status", _STATUS),
            seen=entry.text("seen", MAXIMUM_TEXT),
            expected=entry.text("expected", MAXIMUM_TEXT),
            advice=entry.text("advice", MAXIMUM_TEXT),
            over=entry.has("over") and entry.flag("over"),
        )
        for entry in document.objects("checks", MAXIMUM_ITEMS)
    )


def parse_document(content: bytes) -> Fields:
    """Read the frame of a status document.

    Raises:
        ParseError: it is not JSON, or not the status of an exporter that speaks this format.
    """
    document = parse_json(content, WHAT)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        msg = f"the answer is not an exporter's status of format {FORMAT}; run the same version on both nodes"
        raise ParseError(msg)
    return Fields(document, WHAT)


def parse_peer(content: bytes, received_at: float) -> PeerStatus:
    """Read what the pair needs to know of the other node.

    Raises:
        ParseError: any of it makes no sense; nothing of such an answer is used.
    """
    document = parse_document(content)
    identity = parse_identity(document)
    now = parse_time(document)
    vrrp = document.object("vrrp") if document.has("vrrp") else None
    sync = document.object("sync") if document.has("sync") else None
    instances = vrrp.objects("instances", MAXIMUM_ITEMS) if vrrp else []
    return PeerStatus(
        name=identity.name,
        role=identity.role,
        version=identity.version,
        vips={vip.text("address", MAXIMUM_NAME): _vip(vip) for vip in _some(document, "vips")},
        keepalived_up=vrrp.flag("keepalived_up") if vrrp else None,
        virtual_router_ids=_by_instance(instances, "virtual_router_id"),
        vrrp_versions=_by_instance(instances, "version"),
        drained=vrrp.flag("drained") if vrrp else None,
        digests={
            entry.text("name", MAXIMUM_NAME): entry.text("digest", MAXIMUM_NAME)
            for entry in (_some(sync, "digests") if sync else [])
        },
        clock_offset=now - received_at,
        checks=tuple(check for check in parse_checks(document) if check.node == identity.name),
    )


def _some(fields: Fields, key: str) -> list[Fields]:
    return fields.objects(key, MAXIMUM_ITEMS) if fields.has(key) else []


def _vip(vip: Fields) -> PeerVip:
    return PeerVip(vip.flag("owned"), vip.number("steady") if vip.has("steady") else None)


def _by_instance(instances: list[Fields], key: str) -> dict[str, int]:
    return {one.text("name", MAXIMUM_NAME): int(one.number(key)) for one in instances if one.has(key)}

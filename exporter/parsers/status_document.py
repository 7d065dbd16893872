"""The JSON status of an exporter, this node's or its peer's, read as something a stranger wrote."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError
from exporter.model.observations import NODE_NAME, ROLES, Check, NodeIdentity, Peer, PeerVip, Status

FORMAT = 1
MAXIMUM_ITEMS = 256
MAXIMUM_TEXT = 1000
MAXIMUM_NAME = 80  # of what becomes a label or a key: names, addresses, versions


def parse_identity(document: Mapping[str, Any]) -> NodeIdentity:
    """Read who the document is about.

    Raises:
        ParseError: it does not say.
    """
    node = _mapping(document, "node")
    name = _text(node, "name")
    if not re.fullmatch(NODE_NAME, name):
        msg = "the status names a node that cannot be"
        raise ParseError(msg)
    role = _name(node, "role")
    if role not in ROLES:
        raise ParseError(f"role in the status is not one of {', '.join(ROLES)}")
    return NodeIdentity(name, role, _name(node, "address"), _name(node, "version"))


def parse_time(document: Mapping[str, Any]) -> float:
    """Read when the document was made, in Unix seconds.

    Raises:
        ParseError: it does not say.
    """
    return _number(document, "time")


def parse_checks(document: Mapping[str, Any]) -> tuple[Check, ...]:
    """Read the checks.

    Raises:
        ParseError: there are none, or one is not a check.
    """
    return tuple(
        Check(
            id=_name(entry, "id"),
            node=_name(entry, "node"),
            subject=_text(entry, "subject"),
            collector=_name(entry, "collector"),
            status=_status(entry),
            seen=_text(entry, "seen"),
            expected=_text(entry, "expected"),
            advice=_text(entry, "advice"),
        )
        for entry in _entries(document, "checks")
    )


def parse_document(content: bytes) -> Mapping[str, Any]:
    """Read the frame of a status document.

    Raises:
        ParseError: it is not JSON, or not the status of an exporter that speaks this format.
    """
    document = parse_json(content, "the status")
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        msg = f"the answer is not an exporter's status of format {FORMAT}; run the same version on both nodes"
        raise ParseError(msg)
    return document


def parse_peer(content: bytes, received_at: float) -> Peer:
    """Read what the pair needs to know of the other node.

    Raises:
        ParseError: any of it makes no sense; nothing of such an answer is used.
    """
    document = parse_document(content)
    identity = parse_identity(document)
    now = parse_time(document)
    vrrp = document.get("vrrp")
    sync = document.get("sync")
    instances = _entries(vrrp, "instances") if isinstance(vrrp, dict) else []
    return Peer(
        name=identity.name,
        role=identity.role,
        version=identity.version,
        vips={_name(vip, "address"): _vip(vip) for vip in _entries(document, "vips", optional=True)},
        keepalived_up=_boolean(vrrp, "keepalived_up") if isinstance(vrrp, dict) else None,
        virtual_router_ids={
            _name(instance, "name"): int(_number(instance, "virtual_router_id"))
            for instance in instances
            if instance.get("virtual_router_id") is not None
        },
        vrrp_versions={
            _name(instance, "name"): int(_number(instance, "version"))
            for instance in instances
            if instance.get("version") is not None
        },
        drained=_boolean(vrrp, "drained") if isinstance(vrrp, dict) else None,
        digests={_name(entry, "name"): _name(entry, "digest") for entry in _entries(sync, "digests", optional=True)}
        if isinstance(sync, dict)
        else {},
        clock_offset=now - received_at,
        checks=tuple(check for check in parse_checks(document) if check.node == identity.name),
    )


def _vip(vip: Mapping[str, Any]) -> PeerVip:
    return PeerVip(_boolean(vip, "owned"), None if vip.get("steady") is None else _number(vip, "steady"))


def _status(entry: Mapping[str, Any]) -> Status:
    word = _text(entry, "status")
    for status in Status:
        if status.word == word:
            return status
    msg = "a check in the status has no verdict"
    raise ParseError(msg)


def _entries(fields: Mapping[str, Any], key: str, *, optional: bool = False) -> list[Mapping[str, Any]]:
    value = fields.get(key)
    if value is None and optional:
        return []
    if not isinstance(value, list) or len(value) > MAXIMUM_ITEMS or not all(isinstance(e, dict) for e in value):
        raise _wrong(key, "a list of objects")
    return value


def _mapping(fields: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = fields.get(key)
    if not isinstance(value, dict):
        raise _wrong(key, "an object")
    return value


def _name(fields: Mapping[str, Any], key: str) -> str:
    return _text(fields, key, MAXIMUM_NAME)


def _text(fields: Mapping[str, Any], key: str, maximum: int = MAXIMUM_TEXT) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or len(value) > maximum:
        raise _wrong(key, f"a text of at most {maximum} characters")
    if value.isprintable():
        return value
    return "".join(character if character.isprintable() else " " for character in value)


def _boolean(fields: Mapping[str, Any], key: str) -> bool:
    value = fields.get(key)
    if not isinstance(value, bool):
        raise _wrong(key, "true or false")
    return value


def _number(fields: Mapping[str, Any], key: str) -> float:
    value = fields.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 2**53:
        raise _wrong(key, "a number")
    return float(value)


def _wrong(key: str, expected: str) -> ParseError:
    return ParseError(f"{key} in the status is not {expected}")

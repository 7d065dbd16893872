"""Are VRRP adverts that do not fit kept from keepalived, and who sends such?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks import conflict
from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import AdvertFilterObservation, Check, NodeStatus
from exporter.settings.values import Settings

LATELY_SECONDS = 600.0
LASTING_SECONDS = 30.0

_EXPECTED = "every VRRP advert for this node is the other node's, and a filter drops what is not"
# By the field that did not fit: what was seen, and what it means.
_KINDS = {
    "foreign_source": (
        "from another address than {peer}",
        "another VRRP router has VIRTUAL_ROUTER_ID {router} (choose another one on both nodes), or PEER_IP is wrong",
    ),
    "ttl": ("of a TTL below 255", "they come from another network, in the other node's name"),
    "version": (
        "of another VRRP version",
        "VRRP_PASSWORD is set on one node alone, or somebody forges adverts of the other node",
    ),
    "interval": (
        "of another interval",
        "VRRP_ADVERT_INTERVAL differs between the nodes, or somebody forges adverts of the other node",
    ),
    "priority": (
        "of a priority that the other node cannot have",
        "both nodes have the same NODE_ROLE, or somebody forges adverts of the other node",
    ),
}
_UNKNOWN_KIND = ("that do not fit ({reason})", "see docker compose logs keepalived")


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate the filter and what it dropped lately; a dead keepalived has its own check."""
    seen = pair.find(status, AdvertFilterObservation)
    if seen is None or not seen.keepalived_up:
        return
    evaluation = Evaluation(status, "adverts")
    if seen.problem is None:
        said = abs(status.time - (seen.report_time or status.time))
        yield evaluation.unknown(
            "vrrp.filter",
            f"nothing has been said of the filter for {age(said)}",
            _EXPECTED,
            "look whether /run/dnsha is full (df /run/dnsha); docker compose logs keepalived says more",
        )
        return
    kinds = _kinds(status, settings, seen)
    if seen.problem:
        also = "".join(f"; before that it dropped adverts {kind}" for kind, _ in kinds[:1])
        yield evaluation.warning(
            "vrrp.filter",
            f"keepalived hears every VRRP advert, forged ones too: {seen.problem}{also}",
            _EXPECTED,
            "the kernel needs nf_tables (modprobe nf_tables), the container NET_ADMIN; it is tried again by itself",
        )
    elif kinds and conflict.explains(status):
        dropped = ", ".join(kind for kind, _ in kinds)
        yield evaluation.ok("vrrp.filter", f"it drops what the wire watch knows the senders of: {dropped}", _EXPECTED)
    elif kinds:
        lasting = any(abs(status.time - last) <= LASTING_SECONDS for last in seen.last_dropped.values())
        yield (evaluation.warning if lasting else evaluation.ended)(
            "vrrp.filter",
            f"VRRP adverts were dropped: {', '.join(kind for kind, _ in kinds)}",
            _EXPECTED,
            f"{'; '.join(meaning for _, meaning in kinds)}; "
            f"tcpdump -eni {settings.network_interface} ip proto 112 or ip6 proto 112 shows the sender's MAC",
        )
    else:
        yield evaluation.ok("vrrp.filter", f"no advert dropped in the last {age(LATELY_SECONDS)}", _EXPECTED)


def _kinds(status: NodeStatus, settings: Settings, seen: AdvertFilterObservation) -> list[tuple[str, str]]:
    """What was dropped lately, in words, and what each kind means."""
    found = []
    for reason, count in seen.dropped.items():
        last = seen.last_dropped.get(reason)
        if last is None or not count or abs(status.time - last) > LATELY_SECONDS:
            continue
        kind, meaning = _KINDS.get(reason, _UNKNOWN_KIND)
        values = {"peer": settings.peer_ip or "nobody", "router": settings.virtual_router_id, "reason": reason}
        ago = age(max(0.0, status.time - last))
        found.append((f"{kind.format(**values)} ({count} so far, the last {ago} ago)", meaning.format(**values)))
    return found

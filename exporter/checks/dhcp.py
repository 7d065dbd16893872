"""Do devices get their addresses, from the owner of the virtual IP and from nobody else?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import Check, DhcpObservation, NodeStatus, VipObservation
from exporter.settings.values import Settings

# A server is there within two seconds of the address; a look may fall in between.
SETTLE_SECONDS = 15.0
# The other node is asked every two seconds.
OLD_COPY_SECONDS = 180.0


def evaluate(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Evaluate what the DHCP service says; that it says nothing is its collector's to tell."""
    seen = pair.find(status, DhcpObservation)
    if seen is None:
        return
    evaluation = Evaluation(status, "dhcp")
    yield _server(evaluation, seen, pair.find(status, VipObservation))
    if settings.peer_ip is not None:
        yield _copy(evaluation, seen, status.time)
    expected = "no DHCP server but the pair's own"
    if seen.foreign:
        yield evaluation.warning(
            "dhcp.foreign",
            f"another DHCP server answers: {', '.join(seen.foreign)}",
            expected,
            "switch it off, in the router for instance: its devices go round this DNS, and both may give one address",
        )
    elif seen.serving:
        yield evaluation.ok("dhcp.foreign", "no other DHCP server was found", expected)


def _server(evaluation: Evaluation, seen: DhcpObservation, vips: VipObservation | None) -> Check:
    expected = "the node that has the virtual IP serves DHCP, and the other one does not"
    time = evaluation.status.time
    ipv4 = [vip for vip in (vips.vips if vips else ()) if vip.family == "ipv4"]
    owned = any(vip.owned for vip in ipv4)
    settled = all(vip.last_transition is None or time - vip.last_transition > SETTLE_SECONDS for vip in ipv4)
    if seen.problem:
        return evaluation.critical(
            "dhcp.server", f"DHCP is not served: {seen.problem}", expected, "docker compose logs dhcp says more"
        )
    if vips is None or seen.serving == owned or not settled:
        leases = f"{seen.leases} leases are known"
        return evaluation.ok("dhcp.server", f"{'serves' if seen.serving else 'stands by'}; {leases}", expected)
    if owned:
        return evaluation.critical(
            "dhcp.server", "this node has the virtual IP and does not serve DHCP", expected,
            "docker compose restart dhcp; docker compose logs dhcp says more",
        )  # fmt: skip
    return evaluation.warning(
        "dhcp.server", "this node serves DHCP without the virtual IP", expected, "docker compose restart dhcp"
    )


def _copy(evaluation: Evaluation, seen: DhcpObservation, now: float) -> Check:
    expected = f"the other node has told its leases in the last {OLD_COPY_SECONDS:.0f} s"
    if seen.copied is not None and now - seen.copied <= OLD_COPY_SECONDS:
        return evaluation.ok(
            "dhcp.copy", f"the other node told its leases {age(max(0.0, now - seen.copied))} ago", expected
        )
    when = "not since the service was started" if seen.copied is None else f"{age(now - seen.copied)} ago"
    return evaluation.warning(
        "dhcp.copy",
        f"the other node last told its leases {when}: {seen.copy_problem or 'it has not been asked yet'}",
        expected,
        "see that dhcp runs there too, with DHCP=yes and the same PAIR_KEY; no address is given twice meanwhile",
    )

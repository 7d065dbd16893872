"""Is the firewall loaded that keeps the LAN from the ports of the stack?

Nobody can try that from the node itself, whose own packets come by loopback. What can be told is whether the table is
there as it was written, which its service looks at: its verdict is final for the kernel, whatever other tables say.
"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Evaluation
from exporter.model import pair
from exporter.model.observations import Check, FirewallObservation, NodeStatus
from exporter.settings.values import Settings

_EXPECTED = "the stack's firewall is loaded, or FIREWALL=off in .env"


def evaluate(status: NodeStatus, _: Settings) -> Iterator[Check]:
    """Evaluate what the firewall's service says; that it says nothing is its collector's to tell."""
    seen = pair.find(status, FirewallObservation)
    if seen is None:
        return
    evaluation = Evaluation(status, "firewall")
    ports = ", ".join(map(str, seen.closed)) or "none"
    if seen.state == "loaded":
        yield evaluation.ok("firewall.loaded", f"loaded; closed to the LAN: {ports}", _EXPECTED)
    elif seen.state == "off":
        yield evaluation.warning(
            "firewall.loaded",
            f"the firewall's service is off, while the exporter was told that it is on; open to the LAN: {ports}",
            _EXPECTED,
            "docker compose up -d, so that both take FIREWALL from .env",
        )
    else:
        yield evaluation.warning(
            "firewall.loaded",
            f"not loaded: {seen.problem}; open to the LAN, unless another firewall closes them: {ports}",
            _EXPECTED,
            "the kernel needs nf_tables (modprobe nf_tables), the container NET_ADMIN, and it must run "
            "(docker compose up -d firewall); it is tried again by itself",
        )

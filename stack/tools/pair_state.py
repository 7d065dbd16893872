"""The state of the pair: this node as its kernel and keepalived have it, the other as its exporter tells."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from exporter.collectors.vrrp import VrrpCollector
from exporter.engine.runtime import RuntimeFiles
from exporter.http.pair_key import key_from
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ExporterError
from exporter.model.observations import PeerStatus, Status, VrrpObservation, VrrpState
from exporter.settings.values import Settings
from exporter.sources.peer_status import ask_peer
from stack.tools.errors import ToolError

# The checks of the other node that say whether it could serve the VIP.
TAKEOVER_CHECKS = (
    "keepalived.running",
    "vrrp.state",
    "vrrp.priority",
    "health.chain",
    "health.address",
    "resolve.pihole",
    "resolve.unbound",
)


@dataclass(frozen=True, slots=True)
class PairState:
    """Both nodes at one moment; ``peer_problem`` says why there is no peer."""

    here: frozenset[str]  # the VIPs that this node's kernel has
    vrrp: VrrpObservation
    peer: PeerStatus | None
    peer_problem: str | None

    def owners(self, vip: str, name: str) -> list[str]:
        """The names of the nodes that have a VIP, as far as they can be asked."""
        found = [name] if vip in self.here else []
        if self.peer is not None and vip in self.peer.vips and self.peer.vips[vip].owned:
            found.append(self.peer.name)
        return found

    @property
    def in_fault(self) -> bool:
        """Whether keepalived takes no part, because of its health check or its interface."""
        return any(instance.state is VrrpState.FAULT for instance in self.vrrp.instances)

    @property
    def lowered(self) -> bool:
        """Whether keepalived has a lower priority than its own, because of a drain or a failing check."""
        return any(
            instance.effective_priority is not None
            and instance.base_priority is not None
            and instance.effective_priority < instance.base_priority
            for instance in self.vrrp.instances
        )


def vip_names(settings: Settings) -> list[str]:
    """The virtual IPs as texts, without prefix lengths."""
    return [str(virtual) for virtual in settings.vip_address]


def read_pair_state(settings: Settings) -> PairState:
    """Ask both nodes now.

    Raises:
        ToolError: this node cannot be asked.
    """
    from exporter.sources.addresses import all_addresses  # pyroute2, which the resident tasks do without

    try:
        held = {change.address for change in all_addresses()}
        vrrp = VrrpCollector(RuntimeFiles(settings.runtime_directory)).collect()
    except (OSError, ExporterError) as error:
        raise ToolError(f"this node cannot be asked: {error}") from error
    peer: PeerStatus | None = None
    problem: str | None = None
    if settings.peer_ip is None:
        problem = "a standalone node has no other one"
    else:
        try:
            tls = speaks_tls(settings.web_config_file)
            key = partial(key_from, settings.pair_key_file)
            peer = ask_peer(str(settings.peer_ip), settings.exporter_port, settings.peer_timeout, key, tls=tls)
        except ExporterError as error:
            problem = str(error)
    return PairState(frozenset(held & set(vip_names(settings))), vrrp, peer, problem)


def takeover_problems(state: PairState) -> list[str]:
    """Say why the other node could not serve the VIP; empty when it could."""
    peer = state.peer
    if peer is None:
        return [state.peer_problem or "the other node is silent"]
    problems = []
    if not peer.keepalived_up:
        problems.append(f"keepalived does not run on {peer.name}")
    if peer.drained:
        problems.append(f"{peer.name} is drained itself; undrain it first")
    problems.extend(
        f"{peer.name}: {check.seen}"
        for check in peer.checks
        if check.id in TAKEOVER_CHECKS and check.status is not Status.OK
    )
    return list(dict.fromkeys(problems))

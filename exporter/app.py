"""Build the exporter from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address

from exporter import __version__, checks
from exporter.collectors.advert_filter import AdvertFilterCollector
from exporter.collectors.conflict import ConflictCollector
from exporter.collectors.dhcp import DhcpCollector
from exporter.collectors.firewall import FirewallCollector
from exporter.collectors.health import HealthCollector
from exporter.collectors.own_keepalived import OwnKeepalivedCollector
from exporter.collectors.peer import PeerCollector
from exporter.collectors.pihole import PiholeCollector
from exporter.collectors.resolve.collector import ResolveCollector
from exporter.collectors.sync import SyncCollector
from exporter.collectors.unbound import UnboundCollector
from exporter.collectors.vip import VipCollector
from exporter.collectors.vrrp import VrrpCollector
from exporter.engine.collector import Collector
from exporter.engine.runner import Runner
from exporter.engine.runtime import RuntimeFiles
from exporter.http.pair_key import key_from
from exporter.http.web_config import speaks_tls
from exporter.model.observations import Check, NodeIdentity, NodeStatus, Status
from exporter.settings import web_port
from exporter.settings.values import Settings

COLLECTORS = (
    "vip",
    "vrrp",
    "health",
    "adverts",
    "firewall",
    "resolve",
    "containers",
    "sync",
    "peer",
    "conflict",
    "dhcp",
    "unbound",
    "pihole",
)
VIP_STATE_FILE, VRRP_STATE_FILE = "vip.json", "vrrp.json"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What all collectors know of the node at one moment, and the checks about it."""

    status: NodeStatus
    checks: tuple[Check, ...]
    verdict: Status


class Application:
    """The collectors of a node and the verdict about what they see."""

    def __init__(self, settings: Settings, *, persistent: bool = True, only: tuple[str, ...] = ()) -> None:
        """Build what the settings ask for; ``only`` restricts it to some collectors.

        One that does not last (``persistent`` false) leaves the counters of a running exporter alone.
        """
        self.settings = settings
        node = NodeIdentity(settings.node_name, settings.node_role, str(settings.node_ip.address), __version__)
        wanted = set(only or COLLECTORS)
        self.runner = Runner(node, [c for c in _collectors(settings, persistent=persistent) if c.name in wanted])

    def collect(self) -> Snapshot:
        """Ask every collector what it knows now, and evaluate the checks."""
        status = self.runner.collect()
        found = checks.evaluate(status, self.settings)
        return Snapshot(status, found, checks.worst(found))


def _collectors(settings: Settings, *, persistent: bool) -> list[Collector]:
    peer = None
    if settings.peer_ip is not None:
        peer = PeerCollector(
            settings.peer_ip,
            settings.exporter_port,
            settings.peer_interval,
            settings.peer_timeout,
            settings.node_name,
            key=partial(key_from, settings.pair_key_file),
            # Both nodes have the same file.
            tls=speaks_tls(settings.web_config_file),
        )
    resolve = ResolveCollector(settings)

    def moved() -> None:
        resolve.ask_again()
        if peer is not None:
            peer.look_closely()

    vip = VipCollector(
        settings.vip_address, settings.state_directory / VIP_STATE_FILE if persistent else None, on_change=moved
    )
    runtime_files = RuntimeFiles(settings.runtime_directory)
    collectors = [vip, *_keepalived(settings, runtime_files, persistent=persistent), resolve]
    if settings.firewall:
        collectors.append(FirewallCollector(runtime_files.firewall))
    if settings.docker_host and settings.containers:
        from exporter.collectors.containers import ContainersCollector

        collectors.append(ContainersCollector(settings))
    if settings.tasks or settings.shared_content:
        collectors.append(SyncCollector(settings.stamp_directory, settings.tasks, settings.shared_content))
    if peer is not None:
        collectors.append(peer)
    if settings.keepalived == "stack":
        collectors.append(ConflictCollector(runtime_files))
    if settings.dhcp:
        collectors.append(DhcpCollector(runtime_files.dhcp))
    return collectors + _resolvers(settings, persistent=persistent)


def _keepalived(settings: Settings, files: RuntimeFiles, *, persistent: bool) -> list[Collector]:
    """What watches keepalived, and what runs beside it in the stack alone."""
    if settings.keepalived == "own":
        pid_file, fifo = settings.keepalived_pid_file, settings.notify_fifo
        return [OwnKeepalivedCollector(pid_file, fifo, settings.state_directory, persistent=persistent)]
    if settings.keepalived == "none":
        return []
    state_file = settings.state_directory / VRRP_STATE_FILE if persistent else None
    return [VrrpCollector(files, state_file=state_file), HealthCollector(files), AdvertFilterCollector(files)]


def _resolvers(settings: Settings, *, persistent: bool) -> list[Collector]:
    """What asks this node's Unbound and Pi-hole for their own statistics."""
    collectors: list[Collector] = []
    if settings.unbound_control is not None:
        collectors.append(UnboundCollector(settings.unbound_control))
    if settings.pihole_statistics_password_file is not None:
        url = settings.pihole_api or web_port.api_url(settings.pihole_web_port, ip_address("127.0.0.1"))
        password_file = settings.pihole_statistics_password_file
        # A process that is not stopped, but ends, gives its session back after each look.
        own, top = str(settings.node_ip.address), settings.pihole_top
        collectors.append(PiholeCollector(url, password_file, own=own, top=top, keep_session=persistent))
    return collectors

"""Names of the files in the runtime directory that keepalived's side writes and the exporter reads.

The directory is a tmpfs shared by the keepalived, guard and exporter containers.
This module is imported by ``stack/keepalived`` too, so it uses the standard library alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_DIRECTORY = Path("/run/dnsha")


@dataclass(frozen=True, slots=True)
class RuntimeFiles:
    """Paths below one runtime directory."""

    directory: Path = DEFAULT_DIRECTORY

    @property
    def lock(self) -> Path:
        """Held with flock(2) by every keepalived process, so it is free exactly when all are dead."""
        return self.directory / "keepalived.lock"

    @property
    def pid(self) -> Path:
        """Process id of keepalived's parent process."""
        return self.directory / "keepalived.pid"

    @property
    def vrrp_pid(self) -> Path:
        """Process id of keepalived's VRRP child."""
        return self.directory / "keepalived-vrrp.pid"

    @property
    def events(self) -> Path:
        """The ordered event log, one JSON object a line."""
        return self.directory / "events.jsonl"

    @property
    def rotated_events(self) -> Path:
        """The previous event log."""
        return self.directory / "events.jsonl.1"

    @property
    def damaged_events(self) -> Path:
        """An event log that something else than the recorder has changed, set aside."""
        return self.directory / "events.jsonl.damaged"

    @property
    def dump(self) -> Path:
        """Keepalived's JSON dump, complete and published atomically; its mtime is when it was taken."""
        return self.directory / "vrrp.json"

    @property
    def drain(self) -> Path:
        """``1`` asks keepalived to hand the VIP over, ``0`` to take part again."""
        return self.directory / "drain"

    @property
    def notify_fifo(self) -> Path:
        """The FIFO on which keepalived announces state changes."""
        return self.directory / "notify.fifo"

    @property
    def values(self) -> Path:
        """Definitions rendered from the environment, included by ``keepalived.conf``."""
        return self.directory / "keepalived-values.conf"

    @property
    def health(self) -> Path:
        """The folder of the health check."""
        return self.directory / "health"

    @property
    def chain_hard(self) -> Path:
        """``1``: nothing listens where this node's DNS should; keepalived goes to FAULT."""
        return self.health / "chain-hard"

    @property
    def chain_soft(self) -> Path:
        """``1``: this node's DNS gives no good answers; keepalived lowers its priority."""
        return self.health / "chain-soft"

    @property
    def address_missing(self) -> Path:
        """``1``: the interface lacks this node's own address; keepalived goes to FAULT."""
        return self.health / "address-missing"

    @property
    def world_failed(self) -> Path:
        """``1``: the other node resolves the internet's names, and this one does not; keepalived yields to it."""
        return self.health / "world-failed"

    @property
    def vip_unanswered(self) -> Path:
        """``1``: the other node has the virtual IP and does not answer there; keepalived raises its priority."""
        return self.health / "vip-unanswered"

    @property
    def health_report(self) -> Path:
        """What the health check found, for the exporter (stack/health/report.py)."""
        return self.health / "report.json"

    @property
    def processes(self) -> Path:
        """What the supervisor says of the processes beside keepalived (stack/keepalived/supervisor.py)."""
        return self.directory / "processes.json"

    @property
    def heartbeat(self) -> Path:
        """Touched several times a second by the supervisor and by each process beside keepalived; it stays empty."""
        return self.directory / "heartbeat"

    @property
    def advert_filter(self) -> Path:
        """What is said of the filter of VRRP adverts (stack/keepalived/advert_filter_keeper.py)."""
        return self.directory / "advert-filter.json"

    @property
    def wire(self) -> Path:
        """What the wire watch found (stack/keepalived/wire/report.py)."""
        return self.directory / "wire.json"

    @property
    def firewall(self) -> Path:
        """What the firewall's service says of its table (stack/firewall/keeper.py)."""
        return self.directory / "firewall.json"

    @property
    def dhcp(self) -> Path:
        """What the DHCP service says of itself (stack/dhcp/status.py)."""
        return self.directory / "dhcp.json"

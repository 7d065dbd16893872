"""What preflight knows of a node: gathered once, evaluated by pure functions. None means that it could not be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from exporter.model.observations import PeerStatus
from exporter.settings.read import Mistake
from exporter.settings.values import Settings
from stack.preflight.clone import Unreadable
from stack.preflight.env_file import EnvFile


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket on a port that the stack needs. ``process`` is None where processes of the host cannot be seen."""

    address: str
    protocol: str  # tcp or udp
    process: str | None
    port: int = 53
    ours: bool = False  # held by a container of this stack


class NeededPort(NamedTuple):
    """Who needs a port, and the variable in .env that gives another one; empty when none does."""

    container: str
    variable: str = ""


@dataclass(frozen=True, slots=True)
class InterfaceAddress:
    """An address of an interface; ``permanent`` is False for one that was leased for a time (DHCP, RFC 4862)."""

    interface: str
    address: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class WireFacts:
    """What was heard on the LAN: who claims which address, and VRRP that contradicts the settings."""

    claims: Mapping[str, frozenset[str]]  # hardware addresses of other hosts, by the IP address they claim
    mismatches: tuple[str, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class StrangerFacts:
    """What the other node lets an address reach that is not its peer's."""

    source: str
    tried: tuple[int, ...]
    opened: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the checks evaluate."""

    settings: Settings | None
    mistakes: tuple[Mistake, ...] = ()  # in the settings of all programs
    retired: tuple[str, ...] = ()  # what stands in .env and is no more, as sentences
    docker_version: str | None = None
    compose_version: str | None = None
    cgroup_memory: bool | None = None
    raspberry_pi: bool = False
    listeners: tuple[Listener, ...] | None = None
    ports: Mapping[int, NeededPort] = field(default_factory=dict)  # all but 53
    interfaces: tuple[str, ...] = ()
    wireless: frozenset[str] = frozenset()  # those of the interfaces that are Wi-Fi
    addresses: tuple[InterfaceAddress, ...] | None = None
    owned_vips: frozenset[str] = frozenset()  # by this node, whose keepalived runs already
    wire: WireFacts | None = None
    wire_problem: str | None = None
    vrrp_version: int = 3
    peer: PeerStatus | None = None
    peer_problem: str | None = None
    firewall: bool = True  # FIREWALL: whether the stack loads its own
    stranger: StrangerFacts | None = None  # None: this node has no address that is a stranger's
    expected_peer_name: str = ""  # PEER_NAME: what this node's Prometheus calls the other node
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)
    synced: bool = True  # nebula-sync is given the passwords of Pi-hole
    encrypted: bool = True  # the other node's sync can ask this Pi-hole, or its own, by TLS
    clock_synchronised: bool | None = None
    resolvers: tuple[str, ...] | None = None  # whom the host asks for names
    free_bytes: int | None = None
    env_file: EnvFile | None = None  # None where the settings come from the environment
    unreadable: tuple[Unreadable, ...] | None = ()  # of the clone

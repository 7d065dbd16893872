"""Gather the facts that preflight evaluates: from /proc, netlink, the LAN and the other node's exporter."""

from __future__ import annotations

import ctypes
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.http.pair_key import PairKey
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ConfigurationError, ExporterError, ParseError
from exporter.model.observations import PeerStatus
from exporter.settings.passwords import is_synced, names_of
from exporter.settings.read import Reading, from_environment, read
from exporter.settings.table import RETIRED, programs
from exporter.settings.values import Settings
from exporter.sources.peer_status import ask_peer
from exporter.sources.resolvers import resolvers
from stack.preflight.addresses import interface_addresses
from stack.preflight.clone import Unreadable, unreadable
from stack.preflight.facts import Facts, InterfaceAddress, NeededPort, StrangerFacts
from stack.preflight.lan import listen
from stack.preflight.port import DNS_PORT, PEER_ONLY, encrypted, listeners, needed
from stack.preflight.stranger import try_ports

# What compose.yaml makes of .env: the one whatever stands there, the other where nothing does.
COMPOSE_SETS = {"DOCKER_HOST": "unix:///run/docker-proxy/docker.sock"}
COMPOSE_DEFAULTS = {"FIREWALL": "on"}
# Told by stack/deploy.sh, because a container cannot ask Docker.
DOCKER_VERSION, COMPOSE_VERSION = "PREFLIGHT_DOCKER_VERSION", "PREFLIGHT_COMPOSE_VERSION"
CONTAINERS = "PREFLIGHT_CONTAINERS"
# Where it has mounted the clone.
CLONE = "PREFLIGHT_CLONE"
INTERFACES = Path("/sys/class/net")
CLOCK_UNSYNCHRONISED = 5  # TIME_ERROR, adjtimex(2)
_TIMEX_BYTES = 512  # more than struct timex on any architecture; its first field, modes, is 0: only ask


def gather(environment: Mapping[str, str], seconds: float, proc: Path = Path("/proc")) -> Facts:
    """Look at this node and its LAN, for so many seconds."""
    observed = "observability" in environment.get("COMPOSE_FILE", "")
    reading = _read(environment, observed=observed)
    settings = _settings(reading)
    ports = needed(environment)
    names = names_of(environment.get("NODE_ROLE"), observed=observed)
    passwords = {name: text for name in names if (text := _password(environment, name))}
    facts = Facts(
        settings=settings,
        mistakes=reading.mistakes,
        retired=retired(environment),
        docker_version=environment.get(DOCKER_VERSION) or None,
        compose_version=environment.get(COMPOSE_VERSION) or None,
        cgroup_memory=cgroup_memory(proc, Path("/sys/fs/cgroup")),
        raspberry_pi="Raspberry Pi" in _text(proc / "device-tree/model"),
        listeners=listeners(proc, {DNS_PORT, *ports}, environment.get(CONTAINERS)),
        ports=ports,
        interfaces=tuple(sorted(path.name for path in INTERFACES.iterdir())),
        wireless=wireless(INTERFACES),
        addresses=interface_addresses(),
        vrrp_version=2 if passwords.get("VRRP_PASSWORD") else 3,
        passwords=passwords,
        synced=is_synced(environment),
        firewall=reading.values.get("firewall", True),
        encrypted=_encrypted(environment, settings),
        expected_peer_name=environment.get("PEER_NAME", ""),
        clock_synchronised=clock_synchronised(),
        # As the host's first process has it. A container's own file is a copy that may be older.
        resolvers=resolvers(proc / "1/root") or resolvers(Path("/")),
        free_bytes=_free_bytes(),
        unreadable=_unreadable(environment),
    )
    if settings is None:
        return facts
    wire, wire_problem = listen(settings, facts.vrrp_version, seconds)
    found, peer_problem = _peer(settings, passwords.get("PAIR_KEY", ""))
    vips = {str(virtual) for virtual in settings.vip_address}
    return replace(
        facts,
        wire=wire,
        wire_problem=wire_problem,
        owned_vips=frozenset(a.address for a in facts.addresses or () if a.address in vips),
        peer=found,
        peer_problem=peer_problem,
        stranger=_stranger(settings, facts.addresses or (), ports),
    )


def retired(environment: Mapping[str, str]) -> tuple[str, ...]:
    """What an older version's ``.env`` may have, and what to do about it."""
    found = [
        f"{key.upper()} is no setting any more: {why}" for key, why in RETIRED.items() if environment.get(key.upper())
    ]
    if any(Path(name).name == "conflicts.yaml" for name in environment.get("COMPOSE_FILE", "").split(":")):
        found.append(f"COMPOSE_FILE names conflicts.yaml, which there is no more: {RETIRED['detect_conflicts']}")
    return tuple(found)


def cgroup_memory(proc: Path, cgroup: Path) -> bool | None:
    """Whether the kernel can limit memory: by the list of cgroup v1, or by what v2 offers here."""
    rows = [line.split() for line in _text(proc / "cgroups").splitlines() if not line.startswith("#")]
    enabled = {row[0]: row[3] for row in rows if len(row) == 4}
    if "memory" in enabled:
        return enabled["memory"] == "1"
    controllers = _text(cgroup / "cgroup.controllers").split()
    return "memory" in controllers if controllers else None


def wireless(interfaces: Path) -> frozenset[str]:
    """Those that are Wi-Fi: the kernel links each to its radio (nl80211), older drivers have a folder of their own."""
    found = (path for path in interfaces.iterdir() if (path / "phy80211").exists() or (path / "wireless").exists())
    return frozenset(path.name for path in found)


def clock_synchronised() -> bool | None:
    """What the kernel thinks of its clock (adjtimex(2)); asking needs no right."""
    try:
        adjtimex = ctypes.CDLL(None, use_errno=True).adjtimex
    except (OSError, AttributeError):
        return None
    state = adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES))
    return None if state < 0 else bool(state != CLOCK_UNSYNCHRONISED)


def _read(environment: Mapping[str, str], *, observed: bool) -> Reading:
    """Read the settings of every program that will run, as they will find them."""
    given = {name: text for name, text in environment.items() if text.strip()}
    texts = from_environment({**COMPOSE_DEFAULTS, **given, **COMPOSE_SETS})
    return read((*programs(observed=observed), "compose"), texts)


def _settings(reading: Reading) -> Settings | None:
    try:
        return Settings(**reading.part("exporter"))
    except ConfigurationError:
        return None


def _encrypted(environment: Mapping[str, str], settings: Settings | None) -> bool:
    """Whether the secondary's sync has a URL that it may send Pi-hole's password to, as far as this node knows."""
    if settings is None or settings.peer_ip is None:
        return True
    given = environment.get("PEER_PIHOLE_API", "").strip()
    if given and settings.node_role == "secondary":
        return given.lower().startswith("https:")
    return encrypted(environment, settings.peer_ip.version)


def _password(environment: Mapping[str, str], name: str) -> str:
    path = environment.get(f"{name}_FILE")
    return _text(Path(path)).strip() if path else environment.get(name, "").strip()


def _peer(settings: Settings, pair_key: str) -> tuple[PeerStatus | None, str | None]:
    if settings.peer_ip is None:
        return None, None
    try:
        tls = speaks_tls(settings.web_config_file)
        key = PairKey(pair_key.encode())
        address, port, timeout = str(settings.peer_ip), settings.exporter_port, 2 * settings.peer_timeout
        return ask_peer(address, port, timeout, lambda: key, tls=tls), None
    except ExporterError as error:
        return None, str(error)


def _unreadable(environment: Mapping[str, str]) -> tuple[Unreadable, ...] | None:
    clone = environment.get(CLONE)
    try:
        return unreadable(Path(clone), environment) if clone else None
    except OSError:
        return None


def _stranger(
    settings: Settings, addresses: tuple[InterfaceAddress, ...], ports: Mapping[int, NeededPort]
) -> StrangerFacts | None:
    peer, own = settings.peer_ip, settings.node_ip.address
    here = [ip_address(one.address) for one in addresses if one.interface == settings.network_interface]
    strange = [one for one in here if one.version == own.version and one != own and not one.is_link_local]
    closed = [port for port, needed_by in ports.items() if needed_by.container in PEER_ONLY]
    return try_ports(strange[0], peer, closed) if peer is not None and strange and closed else None


def _free_bytes() -> int | None:
    try:
        return shutil.disk_usage("/").free
    except OSError:
        return None


def _text(path: Path) -> str:
    try:
        return os.fsdecode(read_bounded(path, 64 << 10)).replace("\0", "")
    except (OSError, ParseError):
        return ""

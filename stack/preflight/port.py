"""Which ports the stack needs, and who listens on them now (proc(5), /proc/net/tcp and its like)."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import struct
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from exporter.settings.table import default_of
from stack.preflight.facts import Listener, NeededPort

DNS_PORT = 53
CLUSTER_PORT = 9094  # of the Alertmanagers, TCP and UDP
EXCHANGE_PORT = 9755  # of the nodes' backups, which each keeps of the other
DHCP_LEASES_PORT = 9756  # of the nodes' DHCP leases, which each knows of the other
# Listening for TCP; for UDP: not connected.
_STATES = {"tcp": "0A", "udp": "07"}
_CONTAINER = re.compile(r"[0-9a-f]{64}")
# What the files in compose/ have their services listen on.
_ALWAYS = {5335: "unbound"}
_BY_FILE = {
    "layout-b": {5301: "pihole", 5302: "pihole-b", 5336: "unbound-b", 8081: "pihole-b"},
    "observability": {9090: "prometheus", 9093: "alertmanager", CLUSTER_PORT: "alertmanager", 9754: "notifier"},
}
# Whose ports only the other node may reach, in every layout.
PEER_ONLY = ("alertmanager", "backup", "dhcp", "notifier")
_GRAFANA_ROLES = ("primary", "standalone")
_BY_VARIABLE = {"EXPORTER_PORT": "exporter", "NODE_EXPORTER_PORT": "node-exporter", "PIHOLE_WEB_PORT": "pihole"}
_GRAFANA = {"GRAFANA_PORT": "grafana"}


def needed(environment: Mapping[str, str]) -> dict[int, NeededPort]:
    """The TCP ports but 53 that the stack needs with these settings, by their number."""
    files = environment.get("COMPOSE_FILE", "")
    ports = {port: NeededPort(container) for port, container in _ALWAYS.items()}
    for part, more in _BY_FILE.items():
        if part in files:
            ports |= {port: NeededPort(container) for port, container in more.items()}
    if environment.get("PEER_IP"):
        ports[EXCHANGE_PORT] = NeededPort("backup")
        if environment.get("DHCP", "").strip().lower() == "yes":
            ports[DHCP_LEASES_PORT] = NeededPort("dhcp")
    grafana = "observability" in files and environment.get("NODE_ROLE") in _GRAFANA_ROLES
    for variable, container in (_BY_VARIABLE | (_GRAFANA if grafana else {})).items():
        # Pi-hole's own form has an address before the port and letters after it: 127.0.0.1:8080o,[::1]:8443os.
        found = re.findall(r"(\d{1,5})[a-z]*(?:,|$)", environment.get(variable) or default_of(variable))
        ports |= {int(port): NeededPort(container, variable) for port in found}
    return ports


def encrypted(environment: Mapping[str, str], version: int) -> bool:
    """Whether a Pi-hole with these settings answers by TLS where the other node asks, by this family of addresses.

    As stack/tools/web_port.py chooses among the entries of Pi-hole's own form.
    """
    text = environment.get("PIHOLE_WEB_PORT") or default_of("PIHOLE_WEB_PORT")
    entries = [entry.rpartition(":") for entry in text.replace(" ", "").split(",")]
    everywhere = ("", "0.0.0.0") if version == 4 else ("[::]",)  # noqa: S104 (what Pi-hole listens on)
    reaching = [port for address, _, port in entries if address in everywhere or port.startswith("+")]
    return any("s" in port for port in reaching or [port for _, _, port in entries])


def listeners(proc: Path, ports: Collection[int], containers: str | None) -> tuple[Listener, ...] | None:
    """List them; None when the kernel's tables cannot be read.

    ``containers`` has the identifiers of the stack's own; without it any container counts as its own.
    """
    found: dict[str, tuple[str, str, int]] = {}
    readable = False
    for name in ("tcp", "tcp6", "udp", "udp6"):
        try:
            text = (proc / "net" / name).read_text("ascii", "replace")
        except OSError:
            continue
        readable = True
        found.update(parse_table(text, name.rstrip("6"), ports))
    if not readable:
        return None
    holders = _holders(proc, found) if found else {}
    return tuple(
        Listener(address, protocol, name, port, bool(inside) and (containers is None or inside in containers))
        for inode, (address, protocol, port) in sorted(found.items())
        for name, inside in [holders.get(inode, (None, ""))]
    )


def parse_table(text: str, protocol: str, ports: Collection[int]) -> dict[str, tuple[str, str, int]]:
    """Return the sockets on the ports, by inode: address, protocol, port; lines that make no sense are left out."""
    found = {}
    for line in text.splitlines():
        fields = line.split()
        if len(fields) < 10 or fields[3] != _STATES[protocol]:
            continue
        match = re.fullmatch(r"([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})", fields[1])
        if match is None or (port := int(match[2], 16)) not in ports:
            continue
        found[fields[9]] = (_address(match[1]), protocol, port)
    return found


def _address(digits: str) -> str:
    """Each 32 bits are in the machine's byte order."""
    words = struct.pack(f"={len(digits) // 8}I", *(int(digits[i : i + 8], 16) for i in range(0, len(digits), 8)))
    return str(ipaddress.ip_address(words))


def _holders(proc: Path, inodes: Iterable[str]) -> dict[str, tuple[str | None, str]]:
    """The processes that hold sockets, as far as this one may see them: each one's name and container ("": none)."""
    links = {f"socket:[{inode}]": inode for inode in inodes}
    holders: dict[str, tuple[str | None, str]] = {}
    for process in proc.iterdir():
        if not process.name.isdigit():
            continue
        try:
            held = _open_files(process / "fd") & links.keys()
            if not held:
                continue
            name = (process / "comm").read_text("utf-8", "replace").strip()
            inside = _CONTAINER.search((process / "cgroup").read_text("utf-8", "replace"))
        except OSError:  # it has ended, or is none of ours
            continue
        for link in held:
            holders[links[link]] = (name, inside[0] if inside else "")
    return holders


def _open_files(descriptors: Path) -> set[str]:
    """What a process has open; what it closes meanwhile is left out."""
    found = set()
    for link in descriptors.iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(link))  # noqa: PTH115 (no path)
    return found

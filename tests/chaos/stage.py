"""What a round is played on: the lab, a stranger on its LAN, and what stands in Docker's place for keepalived."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.lab import processes
from tests.lab.errors import CommandError
from tests.lab.helper_process import HelperProcess
from tests.lab.host import Host
from tests.lab.lab import PROCESSES_FILE, Lab
from tests.lab.plan import INTERFACE, Place
from tests.lab.service import Service

STRANGER: Final = Place("stranger", 200)
ROUTER: Final = Place("router", 1)
"""Leads nowhere, but answers ARP as every home's does: by that a node knows that its link works both ways."""
SETTINGS: Final = {"VRRP_ADVERT_INTERVAL": "0.05"}
FULL: Final = Path("/run/full")
BESIDE: Final = ("recorder", "check", "filter", "wire")
"""The processes beside keepalived, by the names that its supervisor gives them; one that it has not is left out."""


class Stage(Lab):
    """A lab with guards, clocks of its own, a stranger and a router."""

    def __init__(self, *, guard: bool = True) -> None:
        super().__init__(guard=guard, own_clocks=True, environment=SETTINGS)
        self.burners: list[subprocess.Popen[bytes]] = []
        self.senders: list[HelperProcess] = []

    def __enter__(self) -> Self:
        super().__enter__()
        self.stranger, self.router = (
            Host(place, self.lan, logs=self.logs / place.name) for place in (STRANGER, ROUTER)
        )
        for other in (self.stranger, self.router):
            other.power_on()
        for node in self.nodes:
            route(node)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.calm()
        for other in (self.stranger, self.router):
            other.crash()
        self.destroy()  # at once: nothing is learned from a graceful end

    def calm(self) -> None:
        """End what runs for a fault."""
        self.calm_load()
        while self.senders:
            self.senders.pop().close()

    def calm_load(self) -> None:
        """End the busy processes."""
        while self.burners:
            burner = self.burners.pop()
            burner.kill()
            burner.wait()

    def service_of(self, node: str, program: str) -> Service:
        """The service that a program belongs to."""
        services = self.hosts[node].services
        return services.get(program) or services["keepalived"]

    def pids(self, node: str, program: str) -> list[int]:
        """The processes of a program; none when it does not live. ``container`` is all of keepalived's."""
        service = self.service_of(node, program)
        if not self.hosts[node].on or not service.running:
            return []
        if program == "container":
            return processes.tree(service.pid)
        if program in BESIDE:
            return self._beside(node, program, service)
        if program in ("keepalived", "vrrp"):
            parents = [pid for pid in _children(service.pid) if _is_keepalived(pid)]
            return parents if program == "keepalived" else [child for pid in parents for child in _children(pid)]
        return [service.pid]

    def _beside(self, node: str, program: str, service: Service) -> list[int]:
        try:
            told = json.loads(self.hosts[node].path(PROCESSES_FILE).read_text())["processes"][program]["pid"]
        except (OSError, ValueError, KeyError):
            return []
        return [told] if told in _children(service.pid) else []

    def end_orphans(self) -> None:
        """Do what a kernel does to a container whose first process has ended: nothing of it lives on."""
        for host in self.nodes:
            if host.on and not host.service("keepalived").running:
                for pid in processes.living_in(host.holder.network_namespace):
                    if _is_keepalived(pid) or _is_start(pid):
                        processes.send(pid, signal.SIGKILL)

    def burn(self, count: int) -> None:
        """Let so many processes work as hard as they can."""
        command = [sys.executable, "-c", "while True: pass"]
        self.burners += [subprocess.Popen(command, stdin=subprocess.DEVNULL) for _ in range(count)]

    def claim(self, address: str) -> None:
        """Let the stranger tell everybody that an IPv4 address is its own (RFC 5227, 3), as a host that boots does."""
        mac, ip = bytes.fromhex(STRANGER.mac.replace(":", "")), socket.inet_aton(address)
        arp = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + mac + ip + b"\0" * 6 + ip
        with self.stranger.socket(socket.AF_PACKET, socket.SOCK_RAW) as wire:
            wire.bind((INTERFACE, 0))
            wire.send(b"\xff" * 6 + mac + b"\x08\x06" + arp)


def route(node: Host) -> None:
    """Let a node have the router as its gateway, if it has none."""
    for flag, gateway in (("-4", ROUTER.ipv4), ("-6", ROUTER.ipv6)):
        with contextlib.suppress(CommandError):  # without an address, or without a carrier, there is no route
            node.run("ip", flag, "route", "replace", "default", "via", gateway, "dev", INTERFACE)


def _children(pid: int) -> list[int]:
    return [child for child in processes.all_pids() if processes.parent_of(child) == pid]


def _is_keepalived(pid: int) -> bool:
    return processes.name_of(pid) in ("keepalived", "keepalived_vrrp")


def _is_start(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"stack.keepalived.start" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False

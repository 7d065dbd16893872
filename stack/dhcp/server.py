"""dnsmasq as the DHCP server of one node: its configuration, which is pure, and its process.

Known devices keep their address wherever it is in the range: those of the other node's half are named one by one, each
with its own address, in a file that dnsmasq reads at its start and at SIGHUP. New devices get one of this node's half.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from exporter.engine.files import write_atomically
from exporter.settings.dhcp import AddressRange
from stack.dhcp.leases import Lease
from stack.dhcp.ranges import own_part
from stack.dhcp.settings import DhcpSettings

STOP_SECONDS: Final = 3.0
_STATIC: Final = "static-lease "  # as stack/tools/pihole_settings.py names Pi-hole's dhcp.hosts in the inventory
_HARDWARE: Final = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
_ADDRESS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_STATICS_AT_MOST: Final = 2000


class DhcpServer:
    """dnsmasq, its files, and its process."""

    def __init__(self, settings: DhcpSettings) -> None:
        self._settings = settings
        self._directory = settings.directory
        self.leases = settings.directory / "leases"
        self._hosts = settings.directory / "hosts"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def ended_with(self) -> int | None:
        """The exit code of one that was started and has ended by itself."""
        return None if self._process is None else self._process.poll()

    def start(self, statics: Sequence[str], known: Iterable[Lease]) -> None:
        """Start it with what is known.

        Raises:
            OSError: a file cannot be written, or there is no dnsmasq.
        """
        self._write_hosts(statics, known)
        configuration = self._directory / "dnsmasq.conf"
        write_atomically(configuration, render(self._settings, self.leases, self._hosts).encode())
        # As root that has given nothing up: without CAP_SETUID it can become nobody else.
        self._process = subprocess.Popen(
            [
                "dnsmasq",
                "--keep-in-foreground",
                f"--conf-file={configuration}",
                "--user=root",
                "--group=",
                "--pid-file=",
            ],
            stdin=subprocess.DEVNULL,
            pass_fds=(),
        )

    def tell(self, statics: Sequence[str], known: Iterable[Lease]) -> None:
        """Let it know of other devices with an address of their own, without starting it anew.

        Raises:
            OSError: the file cannot be written.
        """
        if self._write_hosts(statics, known) and self._process is not None and self.running:
            self._process.send_signal(signal.SIGHUP)

    def stop(self) -> None:
        """End it; its leases are on disk then."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _write_hosts(self, statics: Sequence[str], known: Iterable[Lease]) -> bool:
        text = hosts(statics, known, own_part(self._settings.whole, self._settings.role)).encode()
        with contextlib.suppress(OSError):
            if self._hosts.read_bytes() == text:
                return False
        write_atomically(self._hosts, text)
        return True


def render(settings: DhcpSettings, leases: Path, hosts_file: Path) -> str:
    """Write dnsmasq's configuration (dnsmasq(8))."""
    own, mask = own_part(settings.whole, settings.role), settings.subnet.netmask
    lines = [
        "port=0",  # no DNS
        f"interface={settings.interface}",
        "except-interface=lo",
        "bind-interfaces",
        "no-ping",  # docs/design.md, "DHCP is a dnsmasq of its own"
        # Not dhcp-authoritative: in a split brain each node would refuse what the other one's devices ask for.
        f"dhcp-range={own.first},{own.last},{mask},{settings.lease_time}",
        # Only who is in the file of hosts gets another address of the subnet.
        f"dhcp-range={settings.subnet.network_address},static,{mask},{settings.lease_time}",
        f"dhcp-lease-max={len(settings.whole) + _STATICS_AT_MOST}",
        f"dhcp-option=3,{settings.router}",
        f"dhcp-option=6,{','.join(map(str, settings.vips))}",
        f"dhcp-leasefile={leases}",
        f"dhcp-hostsfile={hosts_file}",
        "quiet-dhcp",
        "log-facility=-",
    ]
    return "".join(f"{line}\n" for line in lines)


def hosts(statics: Sequence[str], known: Iterable[Lease], own: AddressRange) -> str:
    """Write the file of hosts: static leases, and each lease that is not of this node's part and of no static one."""
    named = ",".join(statics).lower()
    taken = {*_HARDWARE.findall(named), *_ADDRESS.findall(named)}
    copied: dict[str, Lease] = {}
    # Of a device that has two addresses the later one, and of equal ones this node's, which needs no line.
    for one in sorted(known, key=lambda one: (one.end, one.address in own, one.address)):
        copied[one.hardware.lower()] = one
    lines = [
        f"{one.hardware},{one.address}"
        for hardware, one in sorted(copied.items())
        if one.address not in own and _HARDWARE.fullmatch(hardware) and not taken & {hardware, str(one.address)}
    ]
    return "".join(f"{line}\n" for line in (*statics, *lines))


def static_leases(inventory: str) -> tuple[str, ...]:
    """Pi-hole's static leases, in dnsmasq's own form, of this node's inventory; what could be no line is left out."""
    found = [line.removeprefix(_STATIC).strip() for line in inventory.splitlines() if line.startswith(_STATIC)]
    return tuple(one for one in found if one.isprintable() and not one.startswith("#"))[:_STATICS_AT_MOST]


def read_settled(path: Path, again: float = 0.02, tries: int = 20) -> str:
    """Read a file that dnsmasq empties before it writes it anew: as soon as it is the same twice; "" without one.

    Raises:
        OSError: it cannot be read.
        TimeoutError: it changes all the time.
    """
    before = None
    for _ in range(tries):
        text = path.read_text("ascii", "replace") if os.path.exists(path) else ""  # noqa: PTH110
        if text == before:
            return text
        before = text
        time.sleep(again)
    raise TimeoutError

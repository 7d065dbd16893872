"""What a test has devices of the lab do, and busybox' udhcpc as a real one."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any

from .errors import LabError
from .lab import Lab
from .plan import DHCP_FIRST, DHCP_LAST, INTERFACE, REPOSITORY

_SPARE_SECONDS = 10.0
_OBTAINED = re.compile(r"lease of ([0-9.]+) obtained from ([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Leased:
    """What a device got."""

    hardware: str
    address: str
    server: str
    seconds: float
    router: str
    dns: str


def hardware(number: int) -> str:
    """The hardware address of the device with this number."""
    return f"02:dd:00:00:{number >> 8:02x}:{number & 0xFF:02x}"


def get_addresses(lab: Lab, devices: Sequence[tuple[str, str]], seconds: float = 10.0) -> dict[str, Leased]:
    """Let devices get or keep an address (``hardware, address``; "" for a new one), all at once; by hardware address.

    Raises:
        LabError: the devices could not be run.
    """
    given: list[dict[str, Any]] = [{"hardware": one, "address": address} for one, address in devices]
    command = [sys.executable, "-m", "tests.lab.dhcp_devices", INTERFACE, str(seconds)]
    done = subprocess.run(
        lab.client.command(["env", f"--chdir={REPOSITORY}", *command]), input=json.dumps(given), text=True,
        capture_output=True, timeout=seconds + _SPARE_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise LabError(f"the devices failed: {done.stderr}")
    found = [Leased(**one) for one in json.loads(done.stdout)]
    return {one.hardware: one for one in found}


def udhcpc(lab: Lab, number: int, seconds: float = 10.0, wanted: str = "") -> tuple[str, str]:
    """Let busybox' udhcpc get an address on an interface of its own; return it and the server.

    Raises:
        LabError: it got none.
    """
    name = f"dev{number}"
    host = lab.client
    host.run("ip", "link", "add", name, "link", INTERFACE, "address", hardware(number), "type", "macvlan")
    try:
        host.run("ip", "link", "set", name, "up")
        asked = ["-r", wanted] if wanted else []
        done = subprocess.run(
            host.command(["busybox", "udhcpc", "-f", "-q", "-n", "-t", "20", "-T", "1", "-i", name, "-s", "/bin/true",
                          *asked]),
            text=True, capture_output=True, timeout=seconds, check=False,
        )  # fmt: skip
    finally:
        host.run("ip", "link", "delete", name)
    found = _OBTAINED.search(done.stderr + done.stdout)
    if found is None:
        raise LabError(f"udhcpc got no address: {done.stderr}")
    return found[1], found[2]


def lower_half(address: str) -> bool:
    """Whether an address is the primary's to give."""
    first, last = int(IPv4Address(DHCP_FIRST)), int(IPv4Address(DHCP_LAST))
    return int(IPv4Address(address)) < first + (last - first + 1) // 2

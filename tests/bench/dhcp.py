"""How soon the new owner serves DHCP after a crash, and whether two devices ever have one address."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from itertools import count
from typing import Final

from tests.bench.figures import Figure
from tests.lab.dhcp_client import get_addresses, hardware
from tests.lab.errors import LabError, ServiceError
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA
from tests.lab.service import Daemon
from tests.lab.waiting import wait_for

# Two houses, for the lab's subnet has no room for 200 devices.
HOUSES: Final = 2
FAILOVERS: Final = 10  # in each
NEW: Final = 5  # devices before each crash, and as many after it
LIMIT_SECONDS: Final = 5.0
_BOOT_SECONDS: Final = 15.0
_KEEP_SECONDS: Final = 3.0  # a device whose lease nobody knows of is not answered, and keeps it


def crashes() -> list[Figure]:
    """Crash the owner again and again, while devices come and stay."""
    answered: list[float] = []
    twice = devices = 0
    for _ in range(HOUSES):
        with Lab(families=["ipv4"], guard=True, dhcp=True, exporter=False) as lab:
            more, had, conflicts = _house(lab)
        answered += more
        devices += len(had)
        twice += conflicts
    what = f"DHCP, {HOUSES * FAILOVERS} crashes of the owner"
    return [
        Figure(f"{what}: {NEW} new devices have an address, median", statistics.median(answered), "s",
               LIMIT_SECONDS, False, len(answered)),
        Figure(f"{what}: the same, longest", max(answered), "s", LIMIT_SECONDS, False, len(answered)),
        Figure(f"{what}: addresses that two of {devices} devices had", twice, "addresses", 0.0, False, devices),
    ]  # fmt: skip


def _house(lab: Lab) -> tuple[list[float], dict[str, str], int]:
    numbers = count(1)
    had: dict[str, str] = {}
    answered: list[float] = []
    conflicts: set[str] = set()

    def ask(devices: Mapping[str, str], seconds: float) -> None:
        found = get_addresses(lab, list(devices.items()), seconds)
        had.update({one: leased.address for one, leased in found.items()})
        addresses = list(had.values())
        conflicts.update(one for one in addresses if addresses.count(one) > 1)

    def new() -> dict[str, str]:
        return {hardware(next(numbers)): "" for _ in range(NEW)}

    for _ in range(FAILOVERS):
        _wait_serving(lab, ALPHA.name)
        ask(new(), LIMIT_SECONDS)
        begin = time.monotonic()
        lab.crash(ALPHA.name)
        arriving = new()
        ask(arriving, 2 * LIMIT_SECONDS)
        # With what it takes to start the devices.
        answered.append(time.monotonic() - begin if had.keys() >= arriving.keys() else 2 * LIMIT_SECONDS)
        print(
            f"bench: {len(had)} devices; served {answered[-1]:.1f} s after the crash; {len(conflicts)} twice",
            flush=True,
        )
        _wait_serving(lab, BETA.name)
        ask(dict(had), _KEEP_SECONDS)
        _boot(lab)
        _wait_serving(lab, ALPHA.name)
        ask(dict(had), _KEEP_SECONDS)
    return answered, had, len(conflicts)


def _boot(lab: Lab) -> None:
    """Start the node; a service that does not come up is started again, as Docker does."""
    try:
        lab.boot(ALPHA.name)
    except ServiceError:
        host = lab.hosts[ALPHA.name]
        for service in host.services.values():
            if not _is_ready(lab, service.daemon):
                service.kill()
        host.launch_services()
        host.wait_ready(_BOOT_SECONDS)


def _is_ready(lab: Lab, daemon: Daemon) -> bool:
    try:
        return daemon.ready(lab.hosts[ALPHA.name])
    except (OSError, LabError):
        return False


def _wait_serving(lab: Lab, node: str) -> None:
    report = lab.hosts[node].path("/run/dnsha/dhcp.json")
    wait_for(f"{node} to serve DHCP", lambda: json.loads(report.read_text())["serving"], timeout=20.0)

"""Stands for a household: its questions through the virtual IP, and what both Pi-holes have counted of them.

The questions are real ones, which a real Unbound answers with what the lab's internet says. The counts are made up: the
lab has dnsmasq where Pi-hole would count, and what would be blocked is not asked.
"""

from __future__ import annotations

import contextlib
import http.client
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from tests.dashboards.standin_counting import Figures
from tests.lab.errors import LabError
from tests.lab.http_get import get
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA
from tests.lab.service import Daemon

PORT: Final = 8080
FIGURES: Final = "/run/standin-pihole.json"
UNBOUND_CONTROL: Final = "/run/unbound-control.socket"
PASSWORD: Final = "an application password"

# For Unbound, behind what the lab's internet needs.
UNBOUND_LINES: Final = f"""
server:
  extended-statistics: yes
  prefetch: yes
remote-control:
  control-enable: yes
  control-interface: {UNBOUND_CONTROL}
"""

# Domains that somebody made a mistake with: one whose signatures are wrong, and one whose servers fail.
FAULTS: Final = {"unsigned.example.org": "forge", "broken.example.org": "fail"}

_EVERY: Final = 0.2  # seconds between two questions
_BLOCKED_IN: Final = 5  # one of so many is blocked
_DAY: Final = 86_400
_ASKED: Final = ("news.example.org", "mail.example.org", "www.example.com", "cdn.example.com", "api.example.net")
_ADS: Final = ("ads.example.com", "telemetry.example.net", "pixel.example.org")
_CLIENTS: Final = ("tv.lan", "phone.lan", "laptop.lan", "printer.lan", "tablet.lan")
_KINDS: Final = ("A", "AAAA", "A", "HTTPS")


def environment(password_file: Path) -> dict[str, str]:
    """What lets the exporters ask for the statistics of both."""
    password_file.write_text(f"{PASSWORD}\n")
    return {
        "UNBOUND_CONTROL": UNBOUND_CONTROL,
        "PIHOLE_API": f"http://127.0.0.1:{PORT}",
        "PIHOLE_STATISTICS_PASSWORD_FILE": str(password_file),
        "PIHOLE_TOP": "yes",
    }


def pihole_api(password_file: Path) -> Daemon:
    """The stand-in for Pi-hole's API, as a service of a node."""
    return Daemon(
        "pihole_api",
        (sys.executable, "-m", "tests.dashboards.standin_counting", str(PORT), str(password_file), FIGURES),
        ready=lambda host: get(host, "127.0.0.1", PORT, "/api/info/login").status == http.client.OK,
    )


def _yesterday(scale: int, loaded: float) -> Figures:
    """What a Pi-hole counted before; the owner of the virtual IP has nearly all."""
    return Figures(
        blocked=41 * scale,
        cached=97 * scale,
        forwarded=62 * scale,
        loaded=loaded,
        types={"A": 131 * scale, "AAAA": 52 * scale, "HTTPS": 17 * scale},
        domains={name: 20 * scale // rank for rank, name in enumerate(_ASKED, 1)},
        ads={name: 12 * scale // rank for rank, name in enumerate(_ADS, 1)},
        clients={name: 80 * scale // rank for rank, name in enumerate(_CLIENTS, 1)},
    )


class Household:
    """Asks while the context lasts."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._ended = threading.Event()
        loaded = time.time() - 2 * _DAY
        self.figures = {ALPHA.name: _yesterday(210, loaded), BETA.name: _yesterday(6, loaded - 3600)}
        self._thread = threading.Thread(target=self._ask, name="household")

    def __enter__(self) -> Self:
        self.write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def write(self) -> None:
        """Tell the stand-ins what was counted; one that is powered off is told later."""
        for host in self._lab.nodes:
            with contextlib.suppress(LabError, OSError):
                self.figures[host.place.name].write(host.path(FIGURES))

    def _ask(self) -> None:
        for number, name in enumerate(_names()):
            if self._ended.wait(_EVERY):
                return
            kind = _KINDS[number % len(_KINDS)]
            if name not in _ADS:
                with contextlib.suppress(LabError):
                    self._lab.query("client", self._lab.vips[0], name, kind)
            self._count(number, name, kind)
            if number % 5 == 0:
                self.write()

    def _count(self, number: int, name: str, kind: str) -> None:
        for owner in self._lab.owners()[:1]:
            counted = self.figures[owner]
            if name in _ADS:
                counted.blocked += 1
                counted.ads[name] = counted.ads.get(name, 0) + 1
            elif number % 3:
                counted.cached += 1
            else:
                counted.forwarded += 1
            counted.types[kind] = counted.types.get(kind, 0) + 1
            counted.clients[_CLIENTS[number % len(_CLIENTS)]] += 1


def _names() -> Iterator[str]:
    """What is asked for: known names, new ones, a blocked one now and then, and seldom one that is broken."""
    number = 0
    while True:
        for known in _ASKED:
            number += 1
            if number % _BLOCKED_IN == 0:
                yield _ADS[number // _BLOCKED_IN % len(_ADS)]
            yield known
            if number % 3 == 0:
                yield f"page{number}.example.com"
        if number % 50 == 0:
            yield from FAULTS

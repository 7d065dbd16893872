"""The stand-in for Pi-hole's API on a node of the lab, with the figures that a file says.

``python -m tests.dashboards.standin_counting PORT PASSWORD_FILE FIGURES``. The file is ``Figures`` as JSON; while there
is none, as after a boot, it has counted nothing.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.tools.standin_pihole_api import Gravity, StandinPihole
from tests.tools.standin_pihole_content import content, no_statistics
from tests.tools.standin_pihole_server import serve

_LOOK_SECONDS: Final = 0.5
_LIST: Final = "https://lists.example/hosts"
DOMAINS: Final = 146_902


@dataclass(slots=True)
class Figures:
    """What a Pi-hole has counted within a day; ``loaded`` is when it loaded its lists, in Unix seconds."""

    blocked: int
    cached: int
    forwarded: int
    loaded: float
    blocking: bool = True
    types: dict[str, int] = field(default_factory=dict)
    domains: dict[str, int] = field(default_factory=dict)
    ads: dict[str, int] = field(default_factory=dict)
    clients: dict[str, int] = field(default_factory=dict)

    def write(self, file: Path) -> None:
        """Write the file at once, so that nobody reads half of it."""
        unfinished = file.with_suffix(".new")
        unfinished.write_text(json.dumps(dataclasses.asdict(self)))
        unfinished.replace(file)

    def show(self, pihole: StandinPihole) -> None:
        """Let a stand-in answer with them."""
        total = self.blocked + self.cached + self.forwarded
        told = no_statistics()
        told["queries"] |= {
            "total": total,
            "blocked": self.blocked,
            "cached": self.cached,
            "forwarded": self.forwarded,
            "percent_blocked": 100 * self.blocked / total if total else 0,
            "unique_domains": len(self.domains) + len(self.ads),
            "frequency": total / 86_400,
        }
        told["queries"]["types"] |= self.types
        told["clients"] = {"active": len(self.clients), "total": len(self.clients)}
        pihole.statistics = told
        pihole.settings["dns.blocking.active"] = self.blocking
        pihole.gravity = Gravity(DOMAINS, int(self.loaded), (_LIST,))
        pihole.top = {
            "domains": _most("domain", self.domains),
            "blocked": _most("domain", self.ads),
            "clients": _most("name", self.clients),
        }


def _most(kind: str, counts: dict[str, int]) -> list[dict[str, Any]]:
    entries = sorted(counts.items(), key=lambda entry: -entry[1])
    return [{kind: name, "count": count, **({"ip": ""} if kind == "name" else {})} for name, count in entries]


def main(port: str, password_file: str, figures_file: str) -> None:
    """Serve on the loopback for ever."""
    pihole = StandinPihole(content(_LIST), app_password=Path(password_file).read_text().strip())
    Figures(0, 0, 0, 0).show(pihole)
    serve(pihole, "127.0.0.1", int(port))
    while True:
        if Path(figures_file).exists():
            Figures(**json.loads(Path(figures_file).read_text())).show(pihole)
        time.sleep(_LOOK_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Serves the stand-in for Pi-hole v6's API in the stand-in's container, with the password that Pi-hole would read."""

from __future__ import annotations

import importlib
import json
import os
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, "/usr/local/lib")
standin: Any = importlib.import_module("standin_pihole_api")

KEPT = Path("/etc/pihole/standin.json")  # in Pi-hole's volume, where the real one keeps gravity.db
FIRST_LIST = "https://lists.example.test/hosts"  # the real one begins with a list too


class Content(dict[str, Any]):
    """What the Pi-hole holds; it outlives the container."""

    def __setitem__(self, name: str, value: Any) -> None:
        """Hold it, and write all of it down."""
        super().__setitem__(name, value)
        unfinished = KEPT.with_suffix(".new")
        unfinished.write_text(json.dumps(self))
        unfinished.replace(KEPT)


def main() -> None:
    """Serve on the first port that Pi-hole's setting names."""
    setting = os.environ.get("FTLCONF_webserver_port", "80o,443os").split(",")[0]  # noqa: SIM112 (Pi-hole's name)
    standin.PASSWORD = Path("/run/secrets", os.environ["WEBPASSWORD_FILE"]).read_text().strip()
    held = Content(json.loads(KEPT.read_text()) if KEPT.exists() else standin.content(FIRST_LIST))
    handler = type("Handler", (standin._Handler,), {"pihole": standin.StandinPihole(held)})
    ThreadingHTTPServer(("0.0.0.0", int(setting.rstrip("ors"))), handler).serve_forever()


if __name__ == "__main__":
    main()

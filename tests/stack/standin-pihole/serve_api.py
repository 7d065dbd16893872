"""Serves the stand-in for Pi-hole v6's API in the stand-in's container, with the password that Pi-hole would read."""

from __future__ import annotations

import importlib
import os
import sys
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, "/usr/local/lib")
standin: Any = importlib.import_module("standin_pihole_api")


def main() -> None:
    """Serve on the first port that Pi-hole's setting names."""
    setting = os.environ.get("FTLCONF_webserver_port", "80o,443os").split(",")[0]  # noqa: SIM112 (Pi-hole's name)
    standin.PASSWORD = Path("/run/secrets", os.environ["WEBPASSWORD_FILE"]).read_text().strip()
    handler = type("Handler", (standin._Handler,), {"pihole": standin.StandinPihole(standin.content())})
    ThreadingHTTPServer(("0.0.0.0", int(setting.rstrip("ors"))), handler).serve_forever()


if __name__ == "__main__":
    main()

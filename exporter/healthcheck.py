"""``python3 -m exporter.healthcheck``: whether this node's exporter answers, for its container."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from exporter.http.client import http_get
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ExporterError

TIMEOUT_SECONDS = 3.0


def problem(environment: Mapping[str, str]) -> str | None:
    """Ask the exporter that has these settings; say what is wrong."""
    host = environment.get("EXPORTER_ADDRESS") or "127.0.0.1"
    file = environment.get("WEB_CONFIG_FILE")
    tls = speaks_tls(Path(file) if file else None)
    try:
        http_get(host, int(environment["EXPORTER_PORT"]), "/healthz", TIMEOUT_SECONDS, tls=tls)
    except ExporterError as error:
        return str(error)
    return None


if __name__ == "__main__":
    sys.exit(problem(os.environ))

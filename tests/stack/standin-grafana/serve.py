#!/usr/bin/env python3
"""Reads Grafana's provisioning, dashboards and password file as Grafana would, and serves what it found."""

from __future__ import annotations

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

PROVISIONING = Path("/etc/grafana/provisioning")


def found() -> dict[str, Any]:
    """Read everything; an exception ends the container, as it should end the test."""
    providers = [
        provider
        for file in sorted((PROVISIONING / "dashboards").glob("*.yaml"))
        for provider in yaml.safe_load(file.read_text())["providers"]
    ]
    dashboards = {
        str(json.loads(file.read_text())["uid"]): file.name
        for provider in providers
        for file in sorted(Path(provider["options"]["path"]).glob("*.json"))
    }
    sources = [
        source
        for file in sorted((PROVISIONING / "datasources").glob("*.yaml"))
        for source in yaml.safe_load(file.read_text())["datasources"]
    ]
    home = Path(os.environ["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    password_file = os.environ.get("GF_SECURITY_ADMIN_PASSWORD__FILE")
    Path("/var/lib/grafana/grafana.db").touch()
    return {
        "dashboards": dashboards,
        "datasources": {source["uid"]: source["url"] for source in sources},
        "home": json.loads(home.read_text())["uid"],
        "password_length": len(Path(password_file).read_text()) if password_file else None,
    }


def main() -> None:
    """Serve /api/health as Grafana does, and what was found at /standin."""
    answers = {"/api/health": {"database": "ok", "version": "stand-in"}, "/standin": found()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            body = json.dumps(answer).encode()
            self.send_response(200 if answer is not None else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("", int(os.environ.get("GF_SERVER_HTTP_PORT", "3000"))), Handler).serve_forever()


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Reads Grafana's provisioning, dashboards and password file as Grafana would, and serves what it found."""

from __future__ import annotations

import base64
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

PROVISIONING = Path("/etc/grafana/provisioning")


def found() -> tuple[dict[str, Any], str]:
    """Read everything: what to answer, and the administrator's password.

    An exception ends the container, as it should end the test.
    """
    providers = [
        provider
        for file in sorted((PROVISIONING / "dashboards").glob("*.yaml"))
        for provider in yaml.safe_load(file.read_text())["providers"]
    ]
    dashboards = [
        json.loads(file.read_text())
        for provider in providers
        for file in sorted(Path(provider["options"]["path"]).glob("*.json"))
    ]
    sources = [
        source
        for file in sorted((PROVISIONING / "datasources").glob("*.yaml"))
        for source in yaml.safe_load(file.read_text())["datasources"]
    ]
    home = Path(os.environ["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    password_file = os.environ.get("GF_SECURITY_ADMIN_PASSWORD__FILE")
    Path("/var/lib/grafana/grafana.db").touch()
    return {
        "/api/health": {"database": "ok", "version": "stand-in"},
        "/api/search?type=dash-db": [
            {"uid": dashboard["uid"], "title": dashboard["title"], "type": "dash-db"} for dashboard in dashboards
        ],
        "/api/dashboards/home": {"dashboard": json.loads(home.read_text()), "meta": {"isHome": True}},
        "/api/datasources": [
            {"uid": source["uid"], "url": source["url"], "type": source["type"]} for source in sources
        ],
    }, Path(password_file).read_text().strip() if password_file else "admin"


def main() -> None:
    """Serve these paths of Grafana's HTTP API: to anybody, but for the data sources, which an administrator may see."""
    answers, password = found()
    administrator = f"Basic {base64.b64encode(f'admin:{password}'.encode()).decode()}"

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = answers.get(self.path)
            status = 200 if answer is not None else 404
            if self.path == "/api/datasources" and self.headers.get("Authorization") != administrator:
                status, answer = 403, {"message": "You'll need additional permissions to perform this action."}
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    ThreadingHTTPServer(("", int(os.environ.get("GF_SERVER_HTTP_PORT", "3000"))), Handler).serve_forever()


if __name__ == "__main__":
    main()

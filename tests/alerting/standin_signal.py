"""Stands in signal-cli-rest-api's place: ``python -m tests.alerting.standin_signal PORT LOGFILE [OPTIONS]``.

``POST /v2/send`` takes what the real one takes and refuses what it refuses: its Go code binds the JSON to a structure
(``SendMessageV2`` in src/api/api.go), and so a number in place of a string is an error 400. Each message becomes a line
of LOGFILE: ``{"time": Unix seconds, "message": …, "recipients": […], "number": …}``. ``POST /standin/fail`` makes it
answer 400 as the real one does when Signal does not take a message, ``POST /standin/work`` ends that; so does FILE
while it exists.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_STRINGS = ("number", "message", "text_mode", "sticker", "notify_self")
_LISTS_OF_STRINGS = ("recipients", "base64_attachments")
_NUMBER = re.compile(r"\+[0-9]{6,15}")


@dataclass(frozen=True)
class Sent:
    """A message as the phone would show it, and when it came (Unix seconds)."""

    time: float
    message: str
    recipients: list[str]
    number: str


@dataclass
class StandinSignal:
    """A server in threads of its own."""

    port: int = 0
    log: Path | None = None
    fail_while: Path | None = None
    delay: float = 0.0
    address: str = "127.0.0.1"
    failing: bool = False
    sent: list[Sent] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    attempts: int = 0

    def __post_init__(self) -> None:
        standin = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                self._answer(*standin.answer(self.path, body))

            def do_GET(self) -> None:
                self._answer(*((204, None) if self.path == "/v1/health" else (404, {"error": "404 page not found"})))

            def _answer(self, status: int, document: object) -> None:
                body = b"" if document is None else json.dumps(document).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    pass  # whoever asked has gone

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

        self._lock = threading.Lock()
        self._server = Server((self.address, self.port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The Apprise URL of the stand-in, from one made-up number to another."""
        return f"signal://127.0.0.1:{self.port}/+12025550100/+12025550101"

    def answer(self, path: str, body: bytes) -> tuple[int, object]:
        if path in {"/standin/fail", "/standin/work"}:
            self.failing = path.endswith("fail")
            return 200, {}
        if path != "/v2/send":
            return 404, {"error": "404 page not found"}
        self.attempts += 1
        time.sleep(self.delay)
        problem = _problem(body)
        if problem:
            self.refused.append(problem)
            return 400, {"error": problem}
        if self.failing or (self.fail_while is not None and self.fail_while.exists()):
            return 400, {"error": "Failed to send message: untrusted identity"}
        document = json.loads(body)
        sent = Sent(time.time(), document["message"], document["recipients"], document["number"])
        with self._lock:
            self.sent.append(sent)
            if self.log is not None:
                with self.log.open("a", encoding="utf-8") as log:
                    log.write(json.dumps(vars(sent), ensure_ascii=False) + "\n")
        return 201, {"timestamp": str(int(sent.time * 1000))}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


def _problem(body: bytes) -> str:
    try:
        document: Any = json.loads(body)
    except ValueError:
        return "Couldn't process request - invalid request"
    if not isinstance(document, dict):
        return "not an object"
    for key in _STRINGS:
        if key in document and not isinstance(document[key], str) and key != "notify_self":
            return f"{key} is not a string"
    for key in _LISTS_OF_STRINGS:
        value = document.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            return f"{key} is not an array of strings"
    if not _NUMBER.fullmatch(document.get("number", "")):
        return "number is not a phone number"
    if not document.get("recipients"):
        return "Couldn't process request - please provide at least one recipient"
    if document.get("text_mode", "normal") not in {"normal", "styled"}:
        return "text_mode is neither normal nor styled"
    if not document.get("message"):
        return "message is empty"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description="Stand in signal-cli-rest-api's place.")
    parser.add_argument("port", type=int)
    parser.add_argument("log", type=Path)
    parser.add_argument("--fail-while", type=Path, help="fail as long as this file exists")
    parser.add_argument("--address", default="127.0.0.1", help="where to listen")
    options = parser.parse_args()
    StandinSignal(options.port, options.log, options.fail_while, address=options.address)
    threading.Event().wait()


if __name__ == "__main__":
    main()

"""Stands in for a phone and for a dead-man's switch: keeps every request that reaches a host of the lab's LAN."""

from __future__ import annotations

import json
import socket
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from tests.lab.host import Host

PORT: Final = 8000


@dataclass(frozen=True, slots=True)
class Received:
    """A request: when it came (monotonic seconds), from whom, its path, and the message as Apprise's json:// has it."""

    time: float
    sender: str
    path: str
    title: str
    body: str


class StandinPhone:
    """A server on a host that never restarts meanwhile; a context manager."""

    def __init__(self, host: Host) -> None:
        """Listen on every address of the host."""
        self.received: list[Received] = []
        received = self.received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                message = json.loads(content) if content and self.path == "/phone" else {}
                received.append(
                    Received(
                        time.monotonic(),
                        self.client_address[0],
                        self.path.partition("?")[0],
                        message.get("title", ""),
                        message.get("message", ""),
                    )
                )
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.do_POST()

            def log_message(self, *_: object) -> None:
                pass

        listening = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(("0.0.0.0", PORT))
        listening.listen(16)
        self._server = ThreadingHTTPServer(("", 0), Handler, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def messages(self, since: float = 0.0) -> list[Received]:
        """The messages that came to the phone since then."""
        return [one for one in self.received if one.path == "/phone" and one.time >= since]

    def heartbeats(self, since: float = 0.0) -> list[Received]:
        """The calls of the dead-man's switch since then."""
        return [one for one in self.received if one.path == "/heartbeat" and one.time >= since]

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

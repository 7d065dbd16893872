"""Requests to Docker's API through the socket that the exporter is given, as raw as an attacker would send them."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path

from .node import Node


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the status, and everything after the headers."""

    status: int
    body: bytes


def ask(
    node: Node,
    request: str,
    *,
    headers: str = "",
    body: bytes = b"",
    version: str = "HTTP/1.0",  # whose answers are not in chunks
    timeout: float = 10.0,
) -> Reply:
    """Send one request, ``METHOD PATH``, to a node's socket proxy; nothing of it is normalised on the way.

    Raises:
        OSError: the proxy does not answer.
    """
    volume = node.engine.docker("volume", "inspect", "--format", "{{.Mountpoint}}", "dnsha_docker-proxy").strip()
    # The volume is mounted in dockerd's namespace; a UNIX socket's path has 107 bytes at most.
    folder = os.open(Path(f"/proc/{node.engine.pid}/root{volume}"), os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
            stream.settimeout(timeout)
            stream.connect(f"/proc/self/fd/{folder}/docker.sock")
            length = f"Content-Length: {len(body)}\r\n" if body and "Transfer-Encoding" not in headers else ""
            close = "" if "Connection:" in headers else "Connection: close\r\n"
            head = f"{request} {version}\r\nHost: docker\r\n{close}{length}{headers}\r\n"
            stream.sendall(head.encode() + body)
            answer = b""
            deadline = time.monotonic() + timeout
            with contextlib.suppress(ConnectionResetError, TimeoutError):  # it had said what it had to say
                while time.monotonic() < deadline and (chunk := stream.recv(65536)):
                    answer += chunk
    finally:
        os.close(folder)
    first, _, rest = answer.partition(b"\r\n\r\n")
    return Reply(int(first.split()[1]), rest)

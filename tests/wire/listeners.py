"""Listens on ports of every address of a host and gives back what comes: ``listeners.py TCP,TCP UDP,UDP``."""

from __future__ import annotations

import selectors
import socket
import sys
from contextlib import suppress
from typing import cast


def main() -> None:
    """Listen until the end."""
    chosen = selectors.DefaultSelector()
    for kind, listed in ((socket.SOCK_STREAM, sys.argv[1]), (socket.SOCK_DGRAM, sys.argv[2])):
        for port in map(int, filter(None, listed.split(","))):
            listener = socket.socket(socket.AF_INET6, kind)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                listener.listen(64)
            chosen.register(listener, selectors.EVENT_READ, "tcp" if kind == socket.SOCK_STREAM else "udp")
    print("listening", flush=True)
    while True:
        for key, _ in chosen.select():
            one = cast("socket.socket", key.fileobj)
            with suppress(OSError):
                if key.data == "tcp":
                    chosen.register(one.accept()[0], selectors.EVENT_READ, "connection")
                elif key.data == "udp":
                    content, sender = one.recvfrom(2048)
                    one.sendto(content, sender)
                elif content := one.recv(2048):
                    one.sendall(content)
                else:
                    chosen.unregister(one)
                    one.close()


if __name__ == "__main__":
    main()

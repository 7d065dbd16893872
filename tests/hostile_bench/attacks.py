"""What a stranger on the LAN may do to an HTTP server; prints as JSON how often it did it.

``python -m tests.hostile_bench.attacks KIND ADDRESS PORT SECONDS SOURCE...``
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import resource
import socket
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from typing import Final

SLOW_PER_SECOND: Final = 400
HELD: Final = 10_000
OPENED_PER_SECOND: Final = 2_000  # until so many are held, and again what was closed
HEADERS, HEADER_BYTES, HEADER_SENDERS = 99, 64 << 10, 20
SCRAPERS: Final = 200
READERS: Final = 200
_PAUSE_AFTER_REFUSAL: Final = 0.1
_IP_BIND_ADDRESS_NO_PORT: Final = 24  # linux/in.h: choose the port when connecting, so that it need not be unique
_BROKEN: Final = (OSError, asyncio.TimeoutError)


class Attacker:
    """Connects from its sources in turn, and counts what became of it."""

    def __init__(self, address: str, port: int, sources: Sequence[str]) -> None:
        self._target = (address, port)
        self._sources = cycle(sources)
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.counts: Counter[str] = Counter()

    async def connect(self, receive_buffer: int = 0) -> socket.socket:
        """Open one connection; OSError or TimeoutError when it cannot be had within 5 s."""
        connection = socket.socket(self._family)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_IP, _IP_BIND_ADDRESS_NO_PORT, 1)
            if receive_buffer:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.bind((next(self._sources), 0))
            await asyncio.wait_for(asyncio.get_running_loop().sock_connect(connection, self._target), 5)
        except BaseException:
            connection.close()
            self.counts["not connected"] += 1
            raise
        self.counts["connected"] += 1
        return connection

    async def drip(self) -> None:
        """A request of which one byte comes a second."""
        with contextlib.suppress(*_BROKEN):
            connection = await self.connect()
            with connection:
                loop = asyncio.get_running_loop()
                await loop.sock_sendall(connection, b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
                while True:
                    await loop.sock_sendall(connection, b"x")
                    await asyncio.sleep(1)

    async def hold(self) -> None:
        """A connection on which nothing is said."""
        with contextlib.suppress(*_BROKEN):
            connection = await self.connect()
            with connection:
                await asyncio.get_running_loop().sock_recv(connection, 1)

    async def send_headers(self) -> None:
        """A head of 6 MB, again and again."""
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(*_BROKEN):
                connection = await self.connect()
                with connection:
                    await loop.sock_sendall(connection, b"GET / HTTP/1.1\r\n")
                    for number in range(HEADERS):
                        line = b"X-%d: " % number
                        await loop.sock_sendall(connection, line + b"x" * (HEADER_BYTES - len(line) - 3) + b"\r\n")
                    # The last line never comes, so that all of it stays in memory for as long as the server waits.
                    await asyncio.wait_for(loop.sock_recv(connection, 100), 10)
            await asyncio.sleep(0.01)

    async def scrape(self) -> None:
        """Scrapes without a pause."""
        loop = asyncio.get_running_loop()
        while True:
            got = 0
            with contextlib.suppress(*_BROKEN):
                connection = await self.connect()
                with connection:
                    await loop.sock_sendall(connection, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
                    while part := await asyncio.wait_for(loop.sock_recv(connection, 65536), 10):
                        got += len(part)
            self.counts["answered" if got else "refused"] += 1
            if not got:
                await asyncio.sleep(_PAUSE_AFTER_REFUSAL)

    async def never_read(self) -> None:
        """Asks for all metrics, reads nothing of them, and asks again when that has ended."""
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(*_BROKEN):
                connection = await self.connect(receive_buffer=1024)
                with connection:
                    await loop.sock_sendall(connection, b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
                    await asyncio.sleep(10)
            await asyncio.sleep(_PAUSE_AFTER_REFUSAL)


async def at_a_rate(start: Callable[[], Awaitable[None]], per_second: int, most: int) -> None:
    """Begin so many a second, of which ``most`` are under way at once."""
    running: set[asyncio.Future[None]] = set()
    began, begun = time.monotonic(), 0
    while True:
        wanted = int((time.monotonic() - began) * per_second) - begun
        begun += wanted
        for _ in range(min(wanted, most - len(running))):
            one = asyncio.ensure_future(start())
            running.add(one)
            one.add_done_callback(running.discard)
        await asyncio.sleep(0.01)


async def together(work: Callable[[], Awaitable[None]], count: int) -> None:
    """So many at once."""
    await asyncio.gather(*(work() for _ in range(count)))


ATTACKS: Final[dict[str, Callable[[Attacker], Awaitable[None]]]] = {
    "slow": lambda attacker: at_a_rate(attacker.drip, SLOW_PER_SECOND, HELD),
    "held": lambda attacker: at_a_rate(attacker.hold, OPENED_PER_SECOND, HELD),
    "headers": lambda attacker: together(attacker.send_headers, HEADER_SENDERS),
    "scrapers": lambda attacker: together(attacker.scrape, SCRAPERS),
    "readers": lambda attacker: together(attacker.never_read, READERS),
}


async def _attack(kind: str, attacker: Attacker, seconds: float) -> None:
    await asyncio.wait({asyncio.ensure_future(ATTACKS[kind](attacker))}, timeout=seconds)
    print(json.dumps(attacker.counts), flush=True)
    os._exit(0)  # with ten thousand connections open, and nothing to say on any of them


def main() -> None:
    """Attack as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=ATTACKS)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("source", nargs="+")
    options = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    attacker = Attacker(options.address, options.port, options.source)
    asyncio.run(_attack(options.kind, attacker, options.seconds))


if __name__ == "__main__":
    main()

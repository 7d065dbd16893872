"""A stand-in for the exporters of any number of sites: ``python -m tests.alerts_bench.standin_sites PORT``.

Every site says what ``tests/rules/standin_pair.py`` says of a healthy pair, under ``/NODE/JOB/anything``. What it
leaves unproved: sites that differ, and the sites' own network.
"""

from __future__ import annotations

import asyncio
import sys
import time

from tests.rules.standin_pair import NODES, History, Series, dnsha_series, node_exporter_series

_FRESH_SECONDS = 1.0
# What moves on with time; everything else stays as it was then.
_MOVES = ("timestamp_seconds", "_total", "_count", "_bucket")
_STILL = 5000.0  # when nobody has just changed a setting


class Sites:
    """Answers scrapes."""

    def __init__(self) -> None:
        history = History()
        self._series: dict[tuple[str, str], list[Series]] = {}
        for node in NODES:
            self._series[node, "dnsha"] = list(dnsha_series(history, node))
            self._series[node, "node"] = list(node_exporter_series())
        self._answers: dict[tuple[str, str], tuple[float, bytes]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection until it ends."""
        try:
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                _, node, job, *_ = request.split(b" ", 2)[1].decode().split("/")
                body = self._answer(node, job)
                head = (
                    f"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                writer.write(head.encode() + body)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, node: str, job: str) -> bytes:
        now = time.time()
        at, body = self._answers.get((node, job), (0.0, b""))
        if now - at > _FRESH_SECONDS:
            lines = []
            for name, labels, value in self._series[node, job]:
                sample = value(now if name.endswith(_MOVES) else _STILL)
                if sample is not None:
                    lines.append(f"{name}{{{labels}}} {sample:.15g}\n")
            body = "".join(lines).encode()
            self._answers[node, job] = now, body
        return body


async def _main() -> None:
    server = await asyncio.start_server(Sites().serve, "127.0.0.1", int(sys.argv[1]))
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())

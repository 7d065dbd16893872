"""Ask through the virtual IPs the way a client does, all the time, and remember who answered."""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass
from typing import Self

from exporter.addressing import family
from exporter.parsers.dns_answer import RANDOM_LENGTH, Answer, CanaryQuestion
from exporter.settings.values import Settings
from exporter.sources.dns_query import DnsClient, Server

INTERVAL_SECONDS = 0.02
TIMEOUT_SECONDS = 1.0
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Asked:
    """One query: when it was sent (monotonic seconds), through which VIP, and who answered; None: nobody in time."""

    sent: float
    vip: str
    answered_by: str | None


class VipWatch:
    """Asks from its start to its end; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._servers = [
            Server(str(virtual), DNS_PORT, family(virtual.address), "udp") for virtual in settings.vip_address
        ]
        self._question = CanaryQuestion(settings.canary_zone)
        self._lock = threading.Lock()
        self._seen: list[Asked] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vip-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[Asked]:
        """Ask no more, wait for the answers that are due, and return all of it in order of asking."""
        self._ending.set()
        self._thread.join(2 * TIMEOUT_SECONDS)
        return sorted(self.seen(), key=lambda asked: asked.sent)

    def seen(self) -> list[Asked]:
        """What is known so far."""
        with self._lock:
            return list(self._seen)

    def latest(self) -> dict[str, str | None]:
        """Who answered the query through each VIP whose end is known last."""
        return {asked.vip: asked.answered_by for asked in self.seen()}

    def _run(self) -> None:
        client: DnsClient[tuple[str, float]] = DnsClient()
        next_round = time.monotonic()
        under_way = 0
        while under_way or not self._ending.is_set():
            now = time.monotonic()
            if now >= next_round and not self._ending.is_set():
                for server in self._servers:
                    query = self._question.query(os.urandom(RANDOM_LENGTH))
                    client.ask((server.address, now), server, query, TIMEOUT_SECONDS)
                    under_way += 1
                next_round = max(next_round + INTERVAL_SECONDS, now)
            for result in client.wait(min(INTERVAL_SECONDS, max(0.0, next_round - now))):
                under_way -= 1
                address, sent = result.ticket
                node = result.verdict.node if isinstance(result.verdict, Answer) else None
                with self._lock:
                    self._seen.append(Asked(sent, address, node))
        client.close()

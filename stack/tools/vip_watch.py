"""Ask through the virtual IPs the way a client does, all the time, and remember who answered.

Asked from this node's own address: by itself the kernel would ask from the virtual IP while it is here,
and the answers that are under way when it leaves could not come back.
"""

from __future__ import annotations

import ipaddress
import os
import select
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Self

from exporter.model.addressing import Address
from exporter.parsers.dns_answer import MAX_LENGTH, RANDOM_LENGTH, Answer, CanaryQuestion, NotOurs, evaluate
from exporter.settings.values import Settings
from stack.preflight.addresses import interface_addresses

INTERVAL_SECONDS = 0.02
TIMEOUT_SECONDS = 1.0
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class VipQuery:
    """One query: when it was sent (monotonic seconds), through which VIP, and who answered; None: nobody in time."""

    sent: float
    vip: str
    answered_by: str | None


@dataclass(slots=True)
class _Channel:
    """The queries through one virtual IP that are under way, by their DNS identifier."""

    vip: Address
    socket: socket.socket
    waiting: dict[bytes, tuple[float, bytes]] = field(default_factory=dict)

    def ask(self, query: bytes, now: float) -> VipQuery | None:
        """Send a query; one that cannot be sent is lost at once."""
        try:
            self.socket.sendto(query, (str(self.vip), DNS_PORT))
        except OSError:
            return VipQuery(now, str(self.vip), None)
        self.waiting[query[:2]] = (now, query)
        return None

    def receive(self) -> list[VipQuery]:
        """Take the answers that have come."""
        found: list[VipQuery] = []
        while True:
            try:
                reply = self.socket.recv(MAX_LENGTH + 1)
            except OSError:  # none left, or an ICMP error that a time-out will tell
                return found
            sent, query = self.waiting.get(reply[:2], (0.0, b""))
            verdict = evaluate(reply, query) if query else None
            if verdict is not None and not isinstance(verdict, NotOurs):
                del self.waiting[reply[:2]]
                found.append(VipQuery(sent, str(self.vip), verdict.node if isinstance(verdict, Answer) else None))

    def expire(self, now: float) -> list[VipQuery]:
        """Give up those that have waited too long."""
        late = [key for key, (sent, _) in self.waiting.items() if now - sent > TIMEOUT_SECONDS]
        return [VipQuery(self.waiting.pop(key)[0], str(self.vip), None) for key in late]


class VipWatch:
    """Asks from its start to its end; a context manager."""

    def __init__(self, settings: Settings) -> None:
        self._channels = [_Channel(v.address, _socket(v.address, settings)) for v in settings.vip_address]
        self._question = CanaryQuestion(settings.canary_zone)
        self._lock = threading.Lock()
        self._seen: list[VipQuery] = []
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vip-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> list[VipQuery]:
        """Ask no more, wait for the answers that are due, and return all of it in order of asking."""
        self._ending.set()
        self._thread.join(2 * TIMEOUT_SECONDS)
        return sorted(self.seen(), key=lambda asked: asked.sent)

    def seen(self) -> list[VipQuery]:
        """What is known so far."""
        with self._lock:
            return list(self._seen)

    def latest(self) -> dict[str, str | None]:
        """Who answered the query through each VIP whose end is known last."""
        return {asked.vip: asked.answered_by for asked in self.seen()}

    def _run(self) -> None:
        next_round = time.monotonic()
        while not self._ending.is_set() or any(channel.waiting for channel in self._channels):
            now = time.monotonic()
            found: list[VipQuery] = []
            if now >= next_round and not self._ending.is_set():
                for channel in self._channels:
                    lost = channel.ask(self._question.query(os.urandom(RANDOM_LENGTH)), now)
                    found += [lost] if lost else []
                next_round = max(next_round + INTERVAL_SECONDS, now)
            wait = min(INTERVAL_SECONDS, max(0.0, next_round - time.monotonic()))
            select.select([channel.socket for channel in self._channels], [], [], wait)
            for channel in self._channels:
                # Answers first: one that waits in its socket is not late because this thread could not run.
                found += [*channel.receive(), *channel.expire(now)]
            with self._lock:
                self._seen += found
        for channel in self._channels:
            channel.socket.close()


def _socket(vip: Address, settings: Settings) -> socket.socket:
    made = socket.socket(socket.AF_INET if vip.version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)
    made.setblocking(False)  # noqa: FBT003 (it has no keyword)
    source = _own_address(vip, settings)
    if source is not None:
        made.bind((source, 0))
    return made


def _own_address(vip: Address, settings: Settings) -> str | None:
    """An address of this node itself from which the virtual IP is asked; None where there is none of its family."""
    if settings.node_ip.address.version == vip.version:
        return str(settings.node_ip.address)
    vips = {virtual.address for virtual in settings.vip_address}
    for here in interface_addresses() or ():
        address = ipaddress.ip_address(here.address)
        fits = here.interface == settings.network_interface and address.version == vip.version
        if fits and address not in vips and not address.is_link_local:
            return here.address
    return None

"""A DNS client that asks at a fixed rate, whatever becomes of its questions; a process of its own.

``python -m tests.lab.query_sampler SERVER INTERVAL TIMEOUT``, times in seconds. It says ``started`` once it asks, stops
when its standard input ends, and then writes one JSON list: ``[sent, answered, rcode, node]`` for each question, times
in seconds of CLOCK_MONOTONIC, null where there is none. Only a TXT answer to the canary counts as answered.
Plain sockets and a prepared message: at 100 questions a second it must not disturb what it measures.
"""

from __future__ import annotations

import json
import secrets
import select
import socket
import struct
import sys
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from .namespaces import family_of
from .plan import CANARY_ZONE, DNS_PORT

Record = tuple[float, float | None, int | None, str | None]

_HEADER: Final = struct.Struct("!6H")  # RFC 1035, 4.1.1
_RECURSION_DESIRED: Final = 0x0100
_TXT, _IN = 16, 1
_LABEL_LENGTH: Final = 16
_ZONE: Final = b"".join(bytes([len(part)]) + part.encode() for part in [*CANARY_ZONE.split("."), ""])
_QUESTION_LENGTH: Final = 1 + _LABEL_LENGTH + len(_ZONE) + 4
_CATCH_UP_SECONDS: Final = 0.5

UNREADABLE: Final = (struct.error, IndexError, UnicodeDecodeError)
"""What :func:`parse` raises for a message that is no DNS answer."""


def question(identifier: int) -> bytes:
    """A TXT question for a random name in the canary zone, which no cache can know."""
    label = secrets.token_hex(_LABEL_LENGTH // 2).encode()
    header = _HEADER.pack(identifier, _RECURSION_DESIRED, 1, 0, 0, 0)
    return b"".join([header, bytes([len(label)]), label, _ZONE, struct.pack("!2H", _TXT, _IN)])


def parse(message: bytes) -> tuple[int, int, str | None]:
    """Read an answer to :func:`question`: identifier, rcode, and the first TXT string if there is one.

    Raises:
        struct.error, IndexError, UnicodeDecodeError: the message is cut short or garbage.
    """
    identifier, flags, _, answers, _, _ = _HEADER.unpack_from(message)
    rcode = flags & 0xF
    if rcode != 0 or answers == 0:
        return identifier, rcode, None
    offset = _HEADER.size + _QUESTION_LENGTH
    while message[offset] not in range(0xC0, 0x100) and message[offset] != 0:
        offset += 1 + message[offset]
    offset += 1 if message[offset] == 0 else 2
    kind, _, _, _ = struct.unpack_from("!HHIH", message, offset)
    if kind != _TXT:
        return identifier, rcode, None
    text = offset + 10
    return identifier, rcode, message[text + 1 : text + 1 + message[text]].decode()


@dataclass(slots=True)
class QuerySampler:
    """Sends on schedule, receives as answers come, and gives up on each question after its own time-out."""

    server: str
    interval: float
    timeout: float
    records: list[Record] = field(default_factory=list)
    _waiting: OrderedDict[int, int] = field(default_factory=OrderedDict)
    """DNS identifier -> index in ``records``, oldest first."""

    def run(self, stop: int) -> None:
        """Sample until the descriptor ``stop`` becomes readable, then wait for the answers still due."""
        with socket.socket(family_of(self.server), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as channel:
            descriptors: list[int] = [channel.fileno(), stop]
            next_send = time.monotonic()
            while True:
                now = time.monotonic()
                wake = now + self.timeout
                if stop in descriptors:
                    if now - next_send > _CATCH_UP_SECONDS:
                        next_send = now  # this process was held up: no burst
                    while next_send <= now:
                        self._send(channel)
                        next_send += self.interval
                    wake = next_send
                self._expire(now)
                if stop not in descriptors and not self._waiting:
                    return
                if self._waiting:
                    wake = min(wake, self.records[next(iter(self._waiting.values()))][0] + self.timeout)
                readable, _, _ = select.select(descriptors, [], [], max(0.0, wake - time.monotonic()))
                if stop in readable:
                    descriptors.remove(stop)
                if channel.fileno() in readable:
                    self._receive(channel)

    def _send(self, channel: socket.socket) -> None:
        identifier = len(self.records) & 0xFFFF
        self._waiting.pop(identifier, None)
        self.records.append((time.monotonic(), None, None, None))
        try:
            channel.sendto(question(identifier), (self.server, DNS_PORT))
        except OSError:
            return  # not sent (no route, no buffer): lost
        self._waiting[identifier] = len(self.records) - 1

    def _receive(self, channel: socket.socket) -> None:
        while True:
            try:
                message, source = channel.recvfrom(4096)
            except BlockingIOError:
                return
            now = time.monotonic()
            try:
                identifier, rcode, node = parse(message)
            except UNREADABLE:
                continue
            if source[0] != self.server or identifier not in self._waiting:
                continue
            index = self._waiting.pop(identifier)
            self.records[index] = (self.records[index][0], now if node else None, rcode, node)

    def _expire(self, now: float) -> None:
        while self._waiting:
            identifier, index = next(iter(self._waiting.items()))
            if now - self.records[index][0] < self.timeout:
                return
            del self._waiting[identifier]


def main() -> None:
    """Sample as the command line says."""
    server, interval, timeout = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    sampler = QuerySampler(server, interval, timeout)
    print("started", flush=True)
    sampler.run(sys.stdin.fileno())
    json.dump(sampler.records, sys.stdout)


if __name__ == "__main__":
    main()

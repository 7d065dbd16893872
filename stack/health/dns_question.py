"""The canary's question on the wire, and what a reply to it is worth. Pure, and the standard library alone.

Each node's Unbound answers every name below the canary zone with its node's name (TXT, TTL 0). The DO bit (RFC 3225)
keeps dnsmasq, the engine inside Pi-hole, from its cache, so an answer proves Pi-hole and Unbound.
"""

from __future__ import annotations

import struct

LABELS = 64  # Pi-hole remembers names, so there must be few
HEADER = struct.Struct("!6H")  # RFC 1035, 4.1.1
RECURSION_DESIRED = 0x0100
TXT, IN = 16, 1
# RFC 6891, 6.1.2: root name, type 41, 1232 bytes over UDP, no extended rcode, version 0, DO, no options.
OPT = struct.pack("!BHHBBHH", 0, 41, 1232, 0, 0, 0x8000, 0)
BY_ITSELF = "was answered by this very node"
RCODES = {1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}


class DnsQuestion:
    """Makes queries for names below one zone, and evaluates the replies: this node's, or ``elsewhere`` any other's.

    Raises:
        ValueError: the zone is no domain name.
    """

    def __init__(self, zone: str, node: str, *, elsewhere: bool = False) -> None:
        labels = [label.encode("ascii") for label in zone.rstrip(".").split(".")]
        if not all(0 < len(label) < 64 for label in labels) or len(zone) > 240:
            raise ValueError(f"{zone!r} is no domain name")
        self._zone = b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + struct.pack("!HH", TXT, IN)
        self._node = node
        self._elsewhere = elsewhere

    def query(self, identifier: int) -> bytes:
        """Return the wire format of a query with this id (0 to 65,535); the label follows from it."""
        label = f"check-{identifier % LABELS}".encode()
        header = HEADER.pack(identifier, RECURSION_DESIRED, 1, 0, 0, 1)
        return header + bytes([len(label)]) + label + self._zone + OPT

    def evaluate(self, reply: bytes, query: bytes) -> str | None:
        """Say what is wrong with a reply to the query, or None for a good answer."""
        _, flags, _, answers, _, _ = HEADER.unpack_from(reply)
        rcode = flags & 0xF
        if rcode:
            return f"answered {RCODES.get(rcode, rcode)}"
        question = query[HEADER.size : -len(OPT)]
        if answers < 1 or reply[HEADER.size : HEADER.size + len(question)] != question:
            return "answered without an answer"
        # The record of this very name, which dnsmasq and Unbound give as a pointer to the question (RFC 1035, 4.1.4).
        record = reply[HEADER.size + len(question) :]
        if len(record) < 14 or record[:6] != b"\xc0\x0c" + struct.pack("!HH", TXT, IN):
            return "answered with something else than the canary's record"
        node = record[13 : 13 + record[12]].decode("ascii", "replace")
        if self._elsewhere:
            return BY_ITSELF if node == self._node else None
        return None if node == self._node else f"passed the question on to {node!r} instead of this node's Unbound"


def is_reply(message: bytes) -> bool:
    """Whether a message is long enough for a header, and a response (RFC 1035, 4.1.1)."""
    return len(message) >= HEADER.size and bool(message[2] & 0x80)


def identifier_of(message: bytes) -> int:
    """The id of a message that is long enough for a header."""
    return int.from_bytes(message[:2], "big")

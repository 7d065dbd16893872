"""Questions about names of the internet on the wire, and what a reply tells. Pure, and the standard library alone.

Each asks for a name that does not exist, one never asked before, below a domain that does: no cache has its answer, not
even an expired one that Unbound would serve (RFC 8767), so an answer proves that the internet was asked just now.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from stack.health.dns_question import HEADER, IN, OPT, RCODES, RECURSION_DESIRED, identifier_of, is_reply

CHECKING_DISABLED = 0x0010  # RFC 4035, 3.2.2: answer even if validation refuses it
TRUNCATED = 0x0200
A, OPT_TYPE, RRSIG = 1, 41, 46
EXTENDED_ERROR = 15  # RFC 8914
# Those that say why a name of the internet cannot be resolved (RFC 8914, 4).
EXTENDED_ERRORS = {
    1: "unsupported DNSKEY algorithm",
    5: "DNSSEC indeterminate",
    6: "DNSSEC bogus",
    7: "signature expired",
    8: "signature not yet valid",
    9: "DNSKEY missing",
    10: "RRSIGs missing",
    12: "NSEC missing",
    18: "prohibited",
    20: "not authoritative",
    22: "no reachable authority",
    23: "network error",
}
NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5
LONGEST_TEXT = 160
# RFC 6891: as the canary's, without the DO bit; a plain question needs no signatures.
_OPT_PLAIN = struct.pack("!BHHBBHH", 0, OPT_TYPE, 1232, 0, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a reply tells; ``signatures`` are the inception and expiration of each (Unix seconds, RFC 4034, 3.1.5)."""

    rcode: int
    error: str = ""  # the extended error, in words
    signatures: tuple[tuple[int, int], ...] = ()
    truncated: bool = False

    @property
    def resolved(self) -> bool:
        """Whether the internet answered: with the name's records, or by saying that there is no such name."""
        return self.rcode in (NOERROR, NXDOMAIN)

    @property
    def word(self) -> str:
        """Its rcode, in words."""
        return RCODES.get(self.rcode, "NOERROR" if self.rcode == NOERROR else f"rcode {self.rcode}")


def query(domain: str, number: int, identifier: int, *, unchecked: bool = False) -> bytes:
    """Return the wire format of a question for the name with this number (32 bits) below the domain.

    ``unchecked`` asks for the answer and its signatures even if validation refuses them.
    """
    labels = [f"dnsha-{number:08x}", *domain.strip(".").split(".")]
    name = b"".join(bytes([len(label)]) + label.encode("ascii") for label in labels) + b"\0"
    flags = RECURSION_DESIRED | (CHECKING_DISABLED if unchecked else 0)
    opt = OPT if unchecked else _OPT_PLAIN
    return HEADER.pack(identifier, flags, 1, 0, 0, 1) + name + struct.pack("!HH", A, IN) + opt


def read(message: bytes, asked: bytes) -> Reply | None:
    """Read a message; None when it is no reply to what was asked, or makes no sense."""
    question = asked[HEADER.size : -len(OPT)]
    if not is_reply(message) or identifier_of(message) != identifier_of(asked):
        return None
    _, flags, _, *counts = HEADER.unpack_from(message)
    if message[HEADER.size : HEADER.size + len(question)] != question:
        return None
    try:
        error, signatures = _records(message, HEADER.size + len(question), sum(counts))
    except (struct.error, IndexError):
        return None
    return Reply(flags & 0xF, error, signatures, bool(flags & TRUNCATED))


def _records(message: bytes, offset: int, count: int) -> tuple[str, tuple[tuple[int, int], ...]]:
    """The extended error and the signatures' times among so many records (RFC 1035, 4.1.3)."""
    error = ""
    signatures = []
    for _ in range(count):
        offset = _after_name(message, offset)
        kind, _, _, length = struct.unpack_from("!HHIH", message, offset)
        offset += 10
        if kind == RRSIG:
            expiration, inception = struct.unpack_from("!II", message, offset + 8)
            signatures.append((inception, expiration))
        elif kind == OPT_TYPE:
            error = _extended_error(message[offset : offset + length]) or error
        offset += length
    return error, tuple(signatures)


def _after_name(message: bytes, offset: int) -> int:
    while length := message[offset]:
        if length >= 0xC0:  # a pointer ends it
            return offset + 2
        offset += 1 + length
    return offset + 1


def _extended_error(options: bytes) -> str:
    offset = 0
    while offset + 4 <= len(options):
        code, length = struct.unpack_from("!HH", options, offset)
        value = options[offset + 4 : offset + 4 + length]
        if code == EXTENDED_ERROR and len(value) >= 2:
            number = int.from_bytes(value[:2], "big")
            return EXTENDED_ERRORS.get(number, f"extended error {number}")
        offset += 4 + length
    return ""

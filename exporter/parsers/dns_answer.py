"""The canary's queries, and what a reply to one is worth. Pure: bytes in, verdict out.

Each node's Unbound answers every name below the canary zone with one TXT record: its node's name. The
record comes from no cache: its TTL is 0, and every query sets the DO bit (RFC 3225), for which dnsmasq,
the engine inside Pi-hole, does not use its cache unless it validates DNSSEC itself (its rfc1035.c,
``answer_request``). So a good answer proves the whole chain and says who gave it.

The header and the question are compared byte by byte (RFC 1035, section 4.1): most of what is not
ours is recognised there, cheaply. What is ours and not of the usual form is given to dnspython.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal, get_args

import dns.exception
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype

# dnspython imports a record type's module when it first meets the type; that would be in the middle
# of the first measurements.
import dns.rdtypes.ANY.TXT

from exporter.model.errors import ConfigurationError
from exporter.model.observations import NODE_NAME

Reason = Literal[
    "timeout",  # nothing came
    "refused",  # nothing listens there (ICMP port unreachable, TCP reset)
    "unreachable",  # no route, or a router said so
    "closed",  # the TCP connection ended before a whole answer
    "network",  # another error of the network
    "local",  # this host could not even ask
    "truncated",  # TC bit, though the answer is small
    "malformed",  # not a DNS message
    "mismatch",  # only replies to something else
    "rcode",  # a response code other than NOERROR
    "no_answer",  # NOERROR without a node's name
]
REASONS: tuple[Reason, ...] = get_args(Reason)

HEADER_LENGTH = 12
# What the query's EDNS allows over UDP (DNS flag day 2020); a node's name needs about 130. More is not
# an answer to our question, over TCP either.
MAX_LENGTH = 1232

RANDOM_LENGTH = 10  # two bytes for the id, the rest for the label
_LABEL_LENGTH = 2 * (RANDOM_LENGTH - 2)

# Pi-hole keeps every name that it has met, in memory for a day and on the SD card for a month, and
# reads the last day's before it answers: 190,000 over 32,768 names took FTL 5.6 s, 100,000 over 64 0.6 s.
# A reply to an earlier query is told by its id, its port and, mostly, its label.
LABELS = 64
# An OPT record without options (RFC 6891, 6.1.2): root name, type, size, extended rcode, version, DO, length.
_OPT_LENGTH = 11
_TXT = int(dns.rdatatype.TXT).to_bytes(2, "big")
_OPT_IN_REPLY = b"\0\0\x29"
_RCODES = {int(rcode): rcode.name for rcode in dns.rcode.Rcode}


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer, from the node of this name; None: the question does not tell."""

    node: str | None


@dataclass(frozen=True, slots=True)
class Failure:
    """The query failed. ``error`` continues a sentence that begins with the server's address."""

    reason: Reason
    error: str
    rcode: str | None = None  # None: no response to the query


@dataclass(frozen=True, slots=True)
class NotOurs:
    """Not a response to the query: forged, late or garbage. The right one may still come.

    ``failure`` is what it comes to if none does.
    """

    failure: Failure


Verdict = Answer | Failure


class CanaryQuestion:
    """Makes queries for the TXT record of a label in the canary zone.

    Raises:
        ConfigurationError: the zone's name leaves no room for the label.
    """

    def __init__(self, zone: str) -> None:
        try:
            name = dns.name.from_text("0" * _LABEL_LENGTH, dns.name.from_text(zone))
        except dns.exception.DNSException as error:
            msg = f"canary_zone {zone!r} leaves no room for a label of {_LABEL_LENGTH} characters: {error}"
            raise ConfigurationError([msg]) from None
        template = dns.message.make_query(name, dns.rdatatype.TXT, want_dnssec=True, payload=MAX_LENGTH).to_wire()
        label = HEADER_LENGTH + 1
        self._before_label = template[2:label]
        self._after_label = template[label + _LABEL_LENGTH :]

    def query(self, random: bytes) -> bytes:
        """Return a query's wire format, its id and label made from ``RANDOM_LENGTH`` bytes."""
        return random[:2] + self._before_label + random[2:].hex().encode("ascii") + self._after_label


class NameQuestion:
    """Makes queries for the address of one name, where no resolver knows a canary; who answers is then not known.

    The DO bit is not set: the answer may come from a cache, and must be as small as what clients get.

    Raises:
        ConfigurationError: it is no name that DNS could hold.
    """

    def __init__(self, name: str) -> None:
        try:
            template = dns.message.make_query(name, dns.rdatatype.A, use_edns=0, payload=MAX_LENGTH).to_wire()
        except dns.exception.DNSException as error:
            msg = f"probe_name {name!r} is no name that could be asked for: {error}"
            raise ConfigurationError([msg]) from None
        self._after_id = template[2:]

    def query(self, random: bytes) -> bytes:
        """Return a query's wire format, its id made from the first two of ``RANDOM_LENGTH`` bytes."""
        return random[:2] + self._after_id


class LabelCycle:
    """The labels that one node asks for, ``LABELS`` of them in turn; two nodes never ask for the same one."""

    def __init__(self, node: str, start: int) -> None:
        self._node = hashlib.sha256(node.encode()).digest()[: RANDOM_LENGTH - 4]
        self._next = start

    def next(self) -> bytes:
        """Return what is to follow a query's id among its ``RANDOM_LENGTH`` bytes."""
        self._next = (self._next + 1) % LABELS
        return self._node + self._next.to_bytes(2, "big")


def evaluate(reply: bytes, query: bytes) -> Verdict | NotOurs:
    """Say what a reply to the query is worth; nothing that a server can send makes this raise."""
    if len(reply) < HEADER_LENGTH:
        return NotOurs(Failure("malformed", f"sent {len(reply)} bytes, which is less than a DNS header"))
    if reply[:2] != query[:2] or not _is_response(reply):
        return NotOurs(_MISMATCH)
    rcode = reply[3] & 0x0F
    question = query[HEADER_LENGTH:-_OPT_LENGTH]
    same_question = reply[4:6] == b"\0\1" and reply[HEADER_LENGTH : HEADER_LENGTH + len(question)] == question
    # A server that did not understand or want the question may leave it out.
    refusal_alone = rcode != dns.rcode.NOERROR and reply[4:10] == bytes(6)
    if not same_question and not refusal_alone:
        return NotOurs(_MISMATCH)
    if rcode != dns.rcode.NOERROR:
        return _rcode_failure(rcode)
    if reply[2] & 0x02:
        return Failure("truncated", "truncated an answer that is small; is something in between?", "NOERROR")
    if len(reply) > MAX_LENGTH:
        return too_long(len(reply))
    if question[-4:-2] != _TXT:
        return Answer(None) if reply[6:8] != b"\0\0" else _NO_ADDRESS
    text = _only_text(reply, len(query) - _OPT_LENGTH)
    return _evaluate_text(text) if text is not None else _evaluate_any_answer(reply)


def too_long(length: int) -> Failure:
    """Say that a message is longer than any answer to our question."""
    return Failure("malformed", f"sent {length} bytes or more, {MAX_LENGTH} are too many; is it a DNS server?")


def _is_response(reply: bytes) -> bool:
    """Whether QR is set and the opcode is QUERY."""
    return reply[2] & 0xF8 == 0x80


def _only_text(reply: bytes, end_of_question: int) -> bytes | None:
    """Return the text of a reply that is one TXT record of one string for our own name, and an OPT record.

    Such are all good answers of Unbound. Seen so, one costs a tenth of what dnspython takes for it,
    and what dnspython takes would be half the cost of a query.
    """
    record, opt = reply[end_of_question:-_OPT_LENGTH], reply[-_OPT_LENGTH:]
    if (
        reply[6:HEADER_LENGTH] == b"\0\1\0\0\0\1"
        and opt[:3] == _OPT_IN_REPLY
        and opt[5:7] == b"\0\0"  # no extended rcode, version 0
        and opt[9:] == b"\0\0"  # no options
        and record[:6] == b"\xc0\x0c\0\x10\0\1"  # the question's name, TXT, IN; then the TTL
        and len(record) >= 13
        and len(record) - 12 == int.from_bytes(record[10:12], "big") == record[12] + 1
    ):
        return record[13:]
    return None


def _evaluate_any_answer(reply: bytes) -> Verdict:
    try:
        message = dns.message.from_wire(reply)
    except dns.exception.DNSException as error:
        return Failure("malformed", f"sent a message that is not valid DNS ({type(error).__name__})")
    if message.rcode() != dns.rcode.NOERROR:  # extended by an OPT record that nobody asked for (RFC 6891)
        return _rcode_failure(message.rcode())
    asked = message.question[0].name
    records = [
        record
        for rrset in message.answer
        if rrset.rdtype == dns.rdatatype.TXT and rrset.rdclass == dns.rdataclass.IN and rrset.name == asked
        for record in rrset
    ]
    if len(records) != 1:
        return _no_answer(f"{len(records)} TXT records")
    (record,) = records
    if not isinstance(record, dns.rdtypes.ANY.TXT.TXT) or len(record.strings) != 1:
        return _no_answer("a TXT record that is not one string")
    return _evaluate_text(record.strings[0])


def _evaluate_text(text: bytes) -> Verdict:
    name = text.decode("ascii", "replace")
    return Answer(name) if NODE_NAME.fullmatch(name) else _no_answer("a text that is no node's name")


def _rcode_failure(rcode: int) -> Failure:
    name = _RCODES.get(rcode, "OTHER")
    return Failure("rcode", f"answered {name}; look at the logs of the DNS services there", name)


def _no_answer(found: str) -> Failure:
    return Failure("no_answer", f"answered the canary with {found}; does its Unbound serve the canary zone?", "NOERROR")


_NO_ADDRESS = Failure("no_answer", "answered without an address; is PROBE_NAME a name that has one of IPv4?", "NOERROR")
_MISMATCH = Failure("mismatch", "sent only replies to something else; does another host forge or delay answers?")

"""DNS questions asked from any host of the lab."""

from __future__ import annotations

import secrets
import socket
import time
from dataclasses import dataclass

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from .errors import NoAnswerError
from .host import Host
from .namespaces import family_of
from .plan import CANARY_ZONE, DNS_PORT


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered: rcode in capitals, the records' text, and how long it took in seconds."""

    rcode: str
    records: tuple[str, ...]
    seconds: float


def query(
    host: Host,
    server: str,
    name: str,
    kind: str = "A",
    *,
    tcp: bool = False,
    port: int = DNS_PORT,
    timeout: float = 1.0,
) -> Answer:
    """Ask ``server`` (an address) from ``host``, once.

    Raises:
        NoAnswerError: no well-formed answer from that address within ``timeout`` seconds.
    """
    question = dns.message.make_query(name, kind)
    started = time.monotonic()
    try:
        if tcp:
            with host.socket(family_of(server), socket.SOCK_STREAM) as stream:
                stream.settimeout(timeout)
                stream.connect((server, port))
                stream.setblocking(False)
                answer = dns.query.tcp(question, server, timeout=timeout, sock=stream)
        else:
            with host.socket(family_of(server), socket.SOCK_DGRAM) as datagram:
                datagram.setblocking(False)
                answer = dns.query.udp(question, server, timeout=timeout, port=port, sock=datagram)
    except (OSError, EOFError, dns.exception.DNSException) as error:
        message = f"{server} did not answer {host.place.name} about {name} {kind}: {type(error).__name__}: {error}"
        raise NoAnswerError(message) from error
    records = tuple(record.to_text().strip('"') for rrset in answer.answer for record in rrset)
    return Answer(dns.rcode.to_text(answer.rcode()), records, time.monotonic() - started)


def canary(host: Host, server: str, *, port: int = DNS_PORT, tcp: bool = False, timeout: float = 1.0) -> str:
    """Ask for a random canary name; return the name of the node whose whole chain answered.

    Raises:
        NoAnswerError: no answer, or one that names no node.
    """
    label = secrets.token_hex(8)
    answer = query(host, server, f"{label}.{CANARY_ZONE}", "TXT", tcp=tcp, port=port, timeout=timeout)
    if answer.rcode != "NOERROR" or len(answer.records) != 1:
        message = f"{server} answered the canary with {answer.rcode} and {len(answer.records)} records"
        raise NoAnswerError(message)
    return answer.records[0]

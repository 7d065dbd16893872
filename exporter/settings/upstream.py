"""Whom Unbound asks: ``recursive``, the internet's own name servers, or ``tls:ADDRESS@PORT#NAME,...``, by TLS."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from exporter.model.addressing import Address
from exporter.settings.parse import domain

RECURSIVE = "recursive"
DOT_PORT = 853  # RFC 7858
_SERVER = re.compile(r"(?P<address>[^@#\s]+)(?:@(?P<port>[0-9]{1,5}))?#(?P<name>[^@#\s]+)")


@dataclass(frozen=True, slots=True)
class UpstreamServer:
    """One server that is asked over TLS, and the name that its certificate must be for."""

    address: Address
    port: int
    name: str


def parse(text: str) -> tuple[UpstreamServer, ...]:
    """Read it; ``recursive`` has no server.

    Raises:
        ValueError: it is neither; the message says why.
    """
    if text == RECURSIVE:
        return ()
    if not text.startswith("tls:"):
        raise ValueError(f"{text!r} is neither recursive nor tls:ADDRESS@853#NAME")
    return tuple(_server(part.strip()) for part in text.removeprefix("tls:").split(","))


def _server(text: str) -> UpstreamServer:
    match = _SERVER.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text!r} is not ADDRESS@853#NAME, such as 9.9.9.9@853#dns.quad9.net; without the name of the server's "
            "certificate anybody on the way could answer, and in .env a value with a # belongs in single quotes"
        )
    address, port = ipaddress.ip_address(match["address"]), int(match["port"] or DOT_PORT)
    if address.is_loopback or address.is_unspecified or address.is_multicast or getattr(address, "scope_id", None):
        raise ValueError(f"{address} is no address of another host")
    if not 1 <= port <= 65535:
        raise ValueError(f"{text!r}: there is no port {port}")
    return UpstreamServer(address, port, domain(match["name"]))

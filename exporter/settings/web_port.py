"""Where Pi-hole's API is, from PIHOLE_WEB_PORT: CivetWeb's ``listening_ports``, such as ``80o,443os,[::]:80o``."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

_ENTRY = re.compile(r"(?:(\[[0-9A-Fa-f:.]*\]|[0-9.]+):|(\+))?([0-9]{1,5})([ors]*)")
_ANY = ("", "+", "0.0.0.0", "[::]")  # noqa: S104 (what Pi-hole listens on)


@dataclass(frozen=True, slots=True)
class WebPort:
    """One entry: the address (empty for all of IPv4, + for both families), and what is spoken there."""

    address: str
    port: int
    encrypted: bool
    redirects: bool  # answers only where to find the encrypted one

    def reaches(self, host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        """Whether it listens for an address of this node, or of another one with the same settings."""
        if self.address == "+":
            return True
        return self.address in _ANY and (self.address == "[::]") == (host.version == 6)

    def url(self, host: str) -> str:
        """Its URL at a host."""
        scheme, usual = ("https", 443) if self.encrypted else ("http", 80)
        return f"{scheme}://{host}" + ("" if self.port == usual else f":{self.port}")


def parse(text: str) -> tuple[WebPort, ...]:
    """Read the entries.

    Raises:
        ValueError: they are none; the message says why.
    """
    found = []
    for entry in text.replace(" ", "").split(","):
        match = _ENTRY.fullmatch(entry)
        if match is None or not 1 <= int(match[3]) <= 65535:
            raise ValueError(f"{entry!r} is no port in Pi-hole's form, such as 80o, 443os or [::]:8080o")
        marks = match[4]
        found.append(WebPort(match[1] or match[2] or "", int(match[3]), "s" in marks, "r" in marks))
    if all(entry.redirects and not entry.encrypted for entry in found):
        raise ValueError(f"{text!r} has only ports that lead to others; one must answer, such as 443s")
    return tuple(found)


def api_url(ports: tuple[WebPort, ...], host: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """The API's URL at an address: on this node the plain port if there is one, on another one an encrypted one."""
    answering = [entry for entry in ports if entry.encrypted or not entry.redirects]
    best = min(answering, key=lambda entry: (not entry.reaches(host), entry.encrypted == host.is_loopback))
    name = f"[{host}]" if host.version == 6 else str(host)
    if host.is_loopback and best.address not in (*_ANY, name):  # it listens on one address alone, not on loopback
        name = best.address
    return best.url(name)

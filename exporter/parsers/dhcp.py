"""What the DHCP service says of itself, read as something that may be garbage (stack/dhcp/status.py)."""

from __future__ import annotations

import ipaddress

from exporter.model.observations import DhcpObservation
from exporter.parsers.fields import parse_object

_LEASES_BELOW = 1 << 20
_SERVERS_AT_MOST = 64
_TEXT_AT_MOST = 500


def parse_dhcp(content: bytes) -> DhcpObservation:
    """Parse the report.

    Raises:
        ParseError: any of it makes no sense; nothing of it is used.
    """
    report = parse_object(content, "the DHCP service's report")
    foreign = report.array("foreign", _SERVERS_AT_MOST)
    try:
        servers = tuple(str(ipaddress.IPv4Address(one)) for one in foreign if isinstance(one, str))
    except ValueError:
        servers = ()
    if len(servers) < len(foreign):
        report.refuse("foreign", "a list of IPv4 addresses")
    return DhcpObservation(
        report.seconds("time"),
        report.flag("serving"),
        report.excerpt("problem", _TEXT_AT_MOST),
        report.count("leases", _LEASES_BELOW),
        report.seconds("copied") if report.has("copied") else None,
        report.excerpt("copy_problem", _TEXT_AT_MOST),
        servers,
    )

"""Which VRRP adverts may reach keepalived, as a table of nftables (nft(8)); everything here is pure.

VRRPv3 has no authentication, and keepalived believes what it hears: it takes over the interval of whom it takes for the
master, so three forged adverts leave nobody without an owner for minutes. Only adverts for this node's keepalived are
evaluated, those of another virtual router and of another address family pass. Packet sockets still see all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, Literal, get_args

from exporter.model.errors import ConfigurationError
from stack.keepalived.values import KeepalivedSettings

Reason = Literal["foreign_source", "ttl", "version", "interval", "priority"]
"""The field that does not fit, the first in this order."""

REASONS: Final[tuple[Reason, ...]] = get_args(Reason)
TABLE: Final = "inet dnsha_vrrp"
COUNTER_PREFIX: Final = "dropped_"  # nft takes some of the reasons for its own words
REMOVE: Final = f"table {TABLE}\ndelete table {TABLE}\n"
"""Made first if it is not there, so that this never fails; one transaction with what follows."""

_OTHER_ROLE: Final = {"primary": "secondary", "secondary": "primary"}
# Below 255, which is for a router whose own address the virtual one is (RFC 9568, 5.2.4).
_HIGHEST: Final = 254
# Before every usual firewall, so that what such a one drops is counted all the same.
_PRIORITY: Final = "filter - 10"


def highest_priority(configuration: str, role: str) -> int:
    """The highest priority that the other node's adverts can have, by ``keepalived.conf``, which both nodes share.

    There is no lowest one: checks, draining and an end ("0") lower it, and who forges a low priority could forge 0.

    Raises:
        ConfigurationError: the file does not say.
    """
    found = re.search(rf"^\s*@{_OTHER_ROLE.get(role, role)}\s+priority\s+(\d+)\s*$", configuration, re.MULTILINE)
    if found is None:
        msg = f"keepalived.conf has no priority for the other node of a {role}"
        raise ConfigurationError([msg])
    weights = map(int, re.findall(r"^\s*weight\s+(-?\d+)\s*$", configuration, re.MULTILINE))
    return min(_HIGHEST, int(found[1]) + sum(weight for weight in weights if weight > 0))


def render(settings: KeepalivedSettings, highest: int, dropped: Mapping[Reason, int]) -> str:
    """Write the table as one transaction that replaces it; the counters go on from ``dropped``."""
    counters = [
        f"counter {COUNTER_PREFIX}{reason} {{ packets {dropped.get(reason, 0)} bytes 0 }}" for reason in REASONS
    ]
    family, protocol = ("ip6", "ipv6") if settings.address.version == 6 else ("ip", "ipv4")
    # What its socket takes: by unicast what is sent to its address, on whichever interface; by multicast one interface.
    heard = f"{family} daddr {settings.address}" if settings.unicast else f'iifname "{settings.interface}"'
    return "\n".join(
        [
            REMOVE + f"table {TABLE} {{",
            *(f"  {counter}" for counter in counters),
            "  chain input {",
            f"    type filter hook input priority {_PRIORITY}; policy accept;",
            f"    meta nfproto {protocol} meta l4proto vrrp @th,8,8 {settings.virtual_router_id} {heard} jump adverts",
            "  }",
            "  chain adverts {",
            # By multicast a host may hear itself.
            f"    {family} saddr {settings.address} drop",
            *(f"    {match}counter name {COUNTER_PREFIX}{reason} drop" for match, reason in _rules(settings, highest)),
            "  }",
            "}",
            "",
        ]
    )


def _rules(settings: KeepalivedSettings, highest: int) -> list[tuple[str, Reason]]:
    """What does not fit, with a space behind it, and why.

    ``@th`` is VRRP's header, counted in bits: version and type at 0, priority at 16, interval at 32.
    """
    if settings.peer is None or settings.role not in _OTHER_ROLE:
        return [("", "foreign_source")]  # nobody else is this virtual router
    family, hops = ("ip6", "hoplimit") if settings.address.version == 6 else ("ip", "ttl")
    if settings.vrrp_version == 2:  # one byte, after the one of the kind of authentication (RFC 3768, 5.3)
        interval = f"@th,40,8 != {settings.advert_interval_units} "
    else:  # twelve bits, after four reserved ones (RFC 9568, 5.2)
        interval = f"@th,32,16 & 0x0fff != {settings.advert_interval_units} "
    return [
        (f"{family} saddr != {settings.peer} ", "foreign_source"),
        (f"{family} {hops} != 255 ", "ttl"),
        (f"@th,0,8 != {settings.vrrp_version << 4 | 1:#x} ", "version"),
        (interval, "interval"),
        (f"@th,16,8 > {highest} ", "priority"),
    ]

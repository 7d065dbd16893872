"""Who may reach which port of this node, as a table of nftables (nft(8)); everything here is pure.

It filters the stack's own ports and nothing else: what it does not name it lets pass, and what another table drops
stays dropped. DNS is not among them, nor SSH, nor ping, so no mistake here cuts a node off. VRRP has a table of its
own, which knows every field of an advert (stack/keepalived/advert_filter.py).
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Final

from exporter.model.addressing import Network
from stack.firewall.settings import Audience, FirewallSettings
from stack.preflight.port import CLUSTER_PORT

TABLE: Final = "inet dnsha"
REMOVE: Final = f"table {TABLE}\ndelete table {TABLE}\n"
"""Made first if it is not there, so that this never fails; one transaction with what follows."""

# Every neighbour has such an address, on each of its interfaces (RFC 4291, 2.5.6).
_LINK_LOCAL: Final = ipaddress.IPv6Network("fe80::/10")
# Before the usual firewalls, after the filter of adverts.
_PRIORITY: Final = "filter - 5"


def render(settings: FirewallSettings, lan: Sequence[Network]) -> str:
    """Write the table as one transaction that replaces it; ``lan`` are the interface's subnets."""
    peer = [ipaddress.ip_network(settings.peer)] if settings.peer is not None else []
    # No wider by IPv6 than by IPv4: whoever names networks has named all of them.
    neighbours = settings.admins or (*lan, _LINK_LOCAL)
    admitted: dict[Audience, Sequence[Network]] = {
        "nobody": (),
        "peer": peer,
        "admins": [*peer, *settings.admins],
        "lan": [*peer, *neighbours],
    }
    jumps = [
        *(_jump("tcp", settings.ports[audience], audience) for audience in settings.ports),
        _jump("udp", settings.ports.get("nobody", ()), "nobody"),
        _jump("udp", settings.ports.get("peer", frozenset()) & {CLUSTER_PORT}, "peer"),
    ]
    return "\n".join(
        [
            REMOVE + f"table {TABLE} {{",
            "  chain input {",
            f"    type filter hook input priority {_PRIORITY}; policy accept;",
            "    iif lo accept",
            # Answers to what this node asked from a port that happens to be one of these. What others began is filtered
            # packet by packet: a connection that is older than this table does not outlive it.
            "    ct direction reply accept",
            *filter(None, jumps),
            "  }",
            *(line for audience in settings.ports for line in _chain(audience, admitted[audience], settings)),
            "}",
            "",
        ]
    )


def _jump(protocol: str, ports: Iterable[int], chain: str) -> str:
    listed = ", ".join(map(str, sorted(ports)))
    return f"    {protocol} dport {{ {listed} }} jump {chain}" if listed else ""


def _chain(name: str, networks: Iterable[Network], settings: FirewallSettings) -> list[str]:
    everybody = list(networks)
    own_link = f'iifname "{settings.interface}" '  # link-local addresses mean something on one link alone
    sources = (
        ("ip saddr", [one for one in everybody if isinstance(one, ipaddress.IPv4Network)]),
        ("ip6 saddr", [one for one in everybody if isinstance(one, ipaddress.IPv6Network) and not _is_local(one)]),
        (
            own_link + "ip6 saddr",
            [one for one in everybody if isinstance(one, ipaddress.IPv6Network) and _is_local(one)],
        ),
    )
    lines = [
        f"    {match} {{ {', '.join(map(str, ipaddress.collapse_addresses(listed)))} }} accept"  # type: ignore[type-var]
        for match, listed in sources
        if listed
    ]
    return [f"  chain {name} {{", *lines, "    counter drop", "  }"]


def _is_local(network: ipaddress.IPv6Network) -> bool:
    return network.subnet_of(_LINK_LOCAL)

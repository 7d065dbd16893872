"""The LAN: one bridge in a namespace of its own, with a port per host and drops between ports.

A cut is silent: packets vanish in the switch and every carrier stays up. An unplugged cable takes the carrier away.
"""

from __future__ import annotations

import contextlib
import json
from typing import Final

from .errors import CommandError
from .holder import Holder
from .plan import INTERFACE, IPV4_NETWORK, IPV6_NETWORK, Place

_BRIDGE: Final = "lan"
_RULES: Final = """
table bridge cuts {{
  chain forward {{
    type filter hook forward priority 0; policy accept;
{drops}
  }}
}}
"""

_VRRP_ALONE: Final = "ether type ip ip protocol 112"

Drop = tuple[str | None, str | None, bool]
"""Frames from the first port to the second vanish, or their VRRP alone; None stands for every port."""


class Lan:
    """The switch and its cables."""

    def __init__(self) -> None:
        """Make the bridge.

        Raises:
            LabError: the kernel has no bridge for this user.
        """
        self._drops: set[Drop] = set()
        self._holder = Holder(
            "lan",
            [
                # Snooping needs a querier that no home network has; forward at once, without spanning tree.
                ["ip", "link", "add", _BRIDGE, "type", "bridge", "mcast_snooping", "0", "stp_state", "0"],
                ["ip", "link", "set", _BRIDGE, "up"],
            ],
        )

    def connect(self, place: Place, host: Holder) -> None:
        """Run a cable from the switch to a host and give the host its addresses."""
        self._ip(
            f"link add {place.port} type veth peer name {INTERFACE} address {place.mac} netns {host.pid}",
            f"link set {place.port} master {_BRIDGE} up",
        )
        steps = [
            f"link set {INTERFACE} up",
            f"address add {place.ipv4}/{IPV4_NETWORK.prefixlen} dev {INTERFACE}",
            f"address add {place.ipv6}/{IPV6_NETWORK.prefixlen} dev {INTERFACE} nodad",
        ]
        host.run("ip", "-batch", "-", stdin="\n".join(steps) + "\n")

    def disconnect(self, place: Place) -> None:
        """Remove the cable, and with it the host's interface and addresses."""
        # Once the host's namespace is gone the kernel removes the cable too, some time later: whoever is first.
        with contextlib.suppress(CommandError):
            self._ip(f"link del {place.port}")

    def ports(self) -> tuple[str, ...]:
        """The names of the ports that have a cable in them."""
        listed = json.loads(self._holder.run("ip", "-json", "link", "show", "master", _BRIDGE))
        return tuple(link["ifname"] for link in listed)

    def unplug(self, place: Place) -> None:
        """Pull the cable: the host loses its carrier."""
        self._ip(f"link set {place.port} down")

    def plug(self, place: Place) -> None:
        """Put the cable back."""
        self._ip(f"link set {place.port} up")

    def drop(self, source: Place | None, destination: Place | None, *, vrrp_alone: bool = False) -> None:
        """Let frames from one host to another vanish, in this direction only; None stands for everybody."""
        self._drops.add((source.port if source else None, destination.port if destination else None, vrrp_alone))
        self._apply()

    def forward(self, *ways: tuple[Place | None, Place | None], vrrp_alone: bool = False) -> None:
        """Undo some :meth:`drop`, all at once; nothing happens to what is undone already."""
        for source, destination in ways:
            drop = (source.port if source else None, destination.port if destination else None, vrrp_alone)
            self._drops.discard(drop)
        self._apply()

    @property
    def pid(self) -> int:
        """The process that holds the switch's namespaces."""
        return self._holder.pid

    @property
    def drops(self) -> frozenset[Drop]:
        """What vanishes now."""
        return frozenset(self._drops)

    def restore(self) -> None:
        """Forward everything again."""
        self._drops.clear()
        self._apply()

    def destroy(self) -> None:
        """Take the switch and all its cables away."""
        self._holder.destroy()

    def _ip(self, *steps: str) -> None:
        self._holder.run("ip", "-batch", "-", stdin="\n".join(steps) + "\n")

    def _apply(self) -> None:
        """Replace the rules in one kernel transaction."""
        lines = []
        for source, destination, vrrp_alone in sorted(self._drops, key=str):
            matches = [f'iifname "{source}"' if source else "", f'oifname "{destination}"' if destination else ""]
            matches.append(_VRRP_ALONE if vrrp_alone else "")
            lines.append("    " + " ".join(filter(None, [*matches, "drop"])))
        self._holder.run("nft", "-f", "-", stdin="flush ruleset\n" + _RULES.format(drops="\n".join(lines)))

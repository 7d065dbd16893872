"""A stranger on the LAN that sends VRRP advertisements, forged or its own; a process of its own.

``python -m tests.lab.advert_sender '{"source": …}'``, the fields of :class:`Advert` as JSON. It says ``started``, sends
until its input ends or it has sent ``count``, and then writes how many it sent as JSON. It goes by a packet socket: its
own host's kernel has no say in what the packet holds.
"""

from __future__ import annotations

import ipaddress
import json
import os
import select
import socket
import struct
import sys
from dataclasses import asdict, dataclass, replace
from typing import Final

from exporter.wire.ip_packet import IpPacket, internet_checksum, pseudo_header
from exporter.wire.vrrp_advertisement import VRRP

from .plan import INTERFACE, VIPS, VIRTUAL_ROUTER_ID, Place

ETHERTYPES: Final = {4: 0x0800, 6: 0x86DD}


@dataclass(frozen=True, slots=True)
class Advert:
    """One advertisement, as the pair's own nodes send it unless told otherwise (RFC 9568)."""

    source: str
    destination: str
    destination_mac: str
    priority: int = 250
    interval: int = 5  # hundredths of a second; of version 2: seconds
    router: int = VIRTUAL_ROUTER_ID
    hop_limit: int = 255
    version: int = 3
    address: str = VIPS["ipv4"]
    rate: float = 20.0  # a second
    count: int = 0  # 0: until it is stopped

    def changed(self, **fields: str | float) -> Advert:
        """The same with other fields."""
        return replace(self, **fields)  # type: ignore[arg-type]  # the caller's names are the fields'

    @property
    def arguments(self) -> str:
        """What the process is given."""
        return json.dumps(asdict(self))

    def packet(self) -> bytes:
        """The IP packet."""
        source, destination = ipaddress.ip_address(self.source), ipaddress.ip_address(self.destination)
        address = ipaddress.ip_address(self.address).packed
        timing = 0x0100 | self.interval if self.version == 2 else self.interval  # version 2: a plain password follows
        head = struct.pack("!BBBBH", self.version << 4 | 1, self.router, self.priority, 1, timing)
        rest = address + (b"\0" * 8 if self.version == 2 else b"")
        whole = IpPacket(source, destination, self.hop_limit, VRRP, head + b"\0\0" + rest)
        covered = whole.payload if self.version == 2 else pseudo_header(whole) + whole.payload
        payload = head + internet_checksum(covered).to_bytes(2, "big") + rest
        if source.version == 6:
            fixed = struct.pack("!IHBB", 6 << 28, len(payload), VRRP, self.hop_limit)
            return fixed + source.packed + destination.packed + payload
        start = struct.pack("!BBHIBB", 0x45, 0, 20 + len(payload), 0, self.hop_limit, VRRP)
        ends = source.packed + destination.packed
        return start + internet_checksum(start + b"\0\0" + ends).to_bytes(2, "big") + ends + payload


def to_node(node: Place, source: Place) -> Advert:
    """An advertisement to a node by unicast, in the name of another host."""
    return Advert(source.ipv4, node.ipv4, node.mac)


def main() -> None:
    """Send as the command line says."""
    advert = Advert(**json.loads(sys.argv[1]))
    packet = advert.packet()
    kind = ETHERTYPES[packet[0] >> 4]
    to = (INTERFACE, kind, 0, 0, bytes.fromhex(advert.destination_mac.replace(":", "")))
    print("started", flush=True)
    sent = 0
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as wire:
        while True:
            readable, _, _ = select.select([sys.stdin], [], [], 1 / advert.rate)
            if readable and not os.read(sys.stdin.fileno(), 4096):
                break
            if not advert.count or sent < advert.count:
                wire.sendto(packet, to)
                sent += 1
    json.dump(sent, sys.stdout)


if __name__ == "__main__":
    main()

"""A stranger that sends hostile VRRP and ARP at a rate, from the lab's client; a process of its own.

``python -m tests.hostile_bench.frames PER_SECOND SECONDS`` says ``started``, and at the end how many it sent as JSON.

None of its frames claims a node's own address: whoever is believed to have that is that node for everybody on the LAN,
which no program on a node can help (docs/security.md, "What does not hold").
"""

from __future__ import annotations

import json
import random
import socket
import struct
import sys
import time
from collections.abc import Iterator
from typing import Final

from tests.lab.advert_sender import Advert, to_node
from tests.lab.plan import ALPHA, BETA, CLIENT, INTERFACE, VIPS, VIRTUAL_ROUTER_ID

PER_SECOND: Final = 5_000
_KINDS: Final = 2_000  # frames that are made beforehand, and sent in turn
_BROADCAST: Final = "ff:ff:ff:ff:ff:ff"
_VRRP_GROUP: Final = ("224.0.0.18", "01:00:5e:00:00:12")
_IPV4, _ARP = 0x0800, 0x0806
_REQUEST, _REPLY = 1, 2
_BUFFER: Final = 1 << 20
_TICK_SECONDS: Final = 0.002

Frame = tuple[int, str, bytes]  # ethertype, hardware address of the receiver, packet


def adverts(draw: random.Random) -> Iterator[Advert]:
    """One advert of each kind: each differs in one field at least from what the other node sends."""
    forged = to_node(ALPHA, BETA)
    honest = to_node(ALPHA, CLIENT)
    yield forged.changed(interval=4095, priority=draw.choice((0, 254, 255)))
    yield forged.changed(hop_limit=draw.randrange(255), priority=0)
    yield forged.changed(version=2, interval=1, priority=255)
    yield forged.changed(router=draw.choice([other for other in range(1, 256) if other != VIRTUAL_ROUTER_ID]))
    yield honest.changed(priority=draw.randrange(256))
    yield honest.changed(source=f"192.0.2.{draw.randrange(120, 250)}", interval=draw.randrange(4096))
    group, hardware = _VRRP_GROUP
    yield honest.changed(destination=group, destination_mac=hardware, priority=draw.choice((0, 255)))


def damaged(packet: bytes, draw: random.Random) -> bytes:
    """The same packet with its header right and something else behind it."""
    return packet[:20] + draw.randbytes(len(packet) - 20)


def arp(operation: int, hardware: bytes, sender: str, target: str) -> bytes:
    """A packet of RFC 826, for IPv4 on Ethernet."""
    fixed = struct.pack("!HHBBH", 1, _IPV4, 6, 4, operation)
    return fixed + hardware + socket.inet_aton(sender) + bytes(6) + socket.inet_aton(target)


def claims(draw: random.Random) -> Iterator[Frame]:
    """ARP of each kind: who has the virtual IP, that another device has it, and what nobody should answer."""
    vip, hardware = VIPS["ipv4"], bytes((2, 0)) + draw.randbytes(4)
    for receiver in (_BROADCAST, ALPHA.mac):
        yield _ARP, receiver, arp(_REPLY, hardware, vip, ALPHA.ipv4)
        yield _ARP, receiver, arp(_REQUEST, hardware, vip, vip)
        yield _ARP, receiver, arp(_REQUEST, hardware, f"192.0.2.{draw.randrange(120, 250)}", vip)
        yield _ARP, receiver, arp(_REQUEST, hardware, "0.0.0.0", vip)
    yield _ARP, _BROADCAST, arp(_REPLY, hardware, vip, vip)[: draw.randrange(28)]


def frames(draw: random.Random) -> Iterator[Frame]:
    """Without end: as much VRRP as ARP."""
    while True:
        for advert in adverts(draw):
            packet = advert.packet()
            yield _IPV4, advert.destination_mac, packet
            yield _IPV4, advert.destination_mac, damaged(packet, draw)
        yield from claims(draw)


def main() -> None:
    """Send as the command line says."""
    per_second, seconds = int(sys.argv[1]), float(sys.argv[2])
    source = frames(random.Random(1))  # the same frames in each run
    made = [
        ((INTERFACE, kind, 0, 0, bytes.fromhex(receiver.replace(":", ""))), packet)
        for (kind, receiver, packet), _ in zip(source, range(_KINDS), strict=False)
    ]
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER)
        print("started", flush=True)
        began, sent = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            while sent < passed * per_second:
                to, packet = made[sent % _KINDS]
                wire.sendto(packet, to)
                sent += 1
            time.sleep(_TICK_SECONDS)
    json.dump(sent, sys.stdout)


if __name__ == "__main__":
    main()

"""Sends random ARP, IPv4, IPv6 and VRRP packets as fast as it can; run as ``python -m tests.wire.flood SECONDS``."""

from __future__ import annotations

import random
import socket
import sys
import time

from exporter.wire.ip_packet import internet_checksum

ARP = bytes.fromhex("0001 0800 06 04 0002")
VIP = socket.inet_aton("192.0.2.53")
VIP6 = socket.inet_pton(socket.AF_INET6, "2001:db8::53")
ETHERTYPE_IPV4, ETHERTYPE_ARP, ETHERTYPE_IPV6 = 0x0800, 0x0806, 0x86DD


def packets() -> list[tuple[int, bytes]]:
    """One packet of each kind.

    Right is what the kernel's filter looks at, and IPv4's header: with br_netfilter loaded (Docker does
    that) a bridge drops packets in which it is wrong.
    """
    noise = random.randbytes(random.randrange(1, 1200))
    vrrp = random.choice([b"\x31\x35", b"\x21\x35", random.randbytes(2)]) + noise
    ipv6 = b"\x60\0\0\0" + random.choice([b"\0\x18", random.randbytes(2)])
    return [
        (ETHERTYPE_ARP, ARP + random.randbytes(6) + VIP + random.randbytes(random.randrange(20))),
        (ETHERTYPE_IPV4, ipv4_header(len(vrrp)) + vrrp),
        (ETHERTYPE_IPV6, ipv6 + b"\x3a\xff" + random.randbytes(32) + b"\x88\0" + random.randbytes(6) + VIP6 + noise),
    ]


def ipv4_header(length: int) -> bytes:
    """The header of a VRRP packet from a random neighbour."""
    ends = b"\xc0\x00\x02" + random.randbytes(1) + b"\xe0\0\0\x12"
    start = b"\x45\0" + (20 + length).to_bytes(2, "big") + bytes(4) + b"\xff\x70"
    return start + internet_checksum(start + b"\0\0" + ends).to_bytes(2, "big") + ends


def main() -> None:
    """Send until the time is over."""
    end = time.monotonic() + float(sys.argv[1])
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0) as wire:
        while time.monotonic() < end:
            for ethertype, packet in packets():
                try:
                    wire.sendto(packet, ("eth0", ethertype, 0, 0, b"\xff" * 6))
                except BlockingIOError:
                    time.sleep(0.001)


if __name__ == "__main__":
    main()

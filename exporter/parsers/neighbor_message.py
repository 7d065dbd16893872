"""IPv6 neighbour discovery over Ethernet (RFC 4861), as far as it tells who has an address."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from exporter.errors import ParseError
from exporter.parsers.ip_packet import IpPacket, internet_checksum, pseudo_header

ICMPV6 = 58
NEIGHBOR_SOLICITATION = 135
NEIGHBOR_ADVERTISEMENT = 136
HOP_LIMIT = 255  # a packet from beyond a router has less
_MESSAGE = struct.Struct("!BBHI16s")
_TARGET_LINK_LAYER_ADDRESS = 2
_UNSPECIFIED = ipaddress.IPv6Address("::")
_SOLICITED_NODE = ipaddress.IPv6Address("ff02::1:ff00:0").packed[:13]


@dataclass(frozen=True, slots=True)
class NeighborAdvertisement:
    """Somebody says that it has an address."""

    target: ipaddress.IPv6Address
    hardware: bytes | None  # six bytes; None: it is the frame's sender


def parse_neighbor_advertisement(packet: IpPacket) -> NeighborAdvertisement:
    """Parse an advertisement, with the checks of RFC 4861 section 7.1.2.

    Raises:
        ParseError: it is something else, cut off, or comes from beyond a router.
    """
    data = packet.payload
    if packet.source.version != 6 or packet.protocol != ICMPV6 or len(data) < _MESSAGE.size:
        msg = f"{len(data)} bytes are no neighbour advertisement"
        raise ParseError(msg)
    kind, code, _, _, target = _MESSAGE.unpack_from(data)
    if (kind, code) != (NEIGHBOR_ADVERTISEMENT, 0):
        msg = f"an ICMPv6 message has type {kind} and code {code}, not a neighbour advertisement's"
        raise ParseError(msg)
    if packet.hop_limit != HOP_LIMIT or internet_checksum(pseudo_header(packet) + data):
        msg = "a neighbour advertisement has a wrong hop limit or checksum"
        raise ParseError(msg)
    return NeighborAdvertisement(ipaddress.IPv6Address(target), _link_layer_address(data[_MESSAGE.size :]))


def _link_layer_address(options: bytes) -> bytes | None:
    found = None
    while options:
        length = options[1] * 8 if len(options) > 1 else 0
        if not 0 < length <= len(options):
            msg = "a neighbour advertisement's option is empty or cut off"
            raise ParseError(msg)
        if options[0] == _TARGET_LINK_LAYER_ADDRESS and length == 8:
            found = options[2:8]
        options = options[length:]
    return found


def build_neighbor_probe(address: ipaddress.IPv6Address) -> tuple[bytes, bytes]:
    """Ask whether anybody has an address without claiming it, as duplicate address detection does (RFC 4862).

    Returns the IPv6 packet and the hardware address to send it to. Whoever has the address answers
    to all nodes (RFC 4861 section 7.2.4).
    """
    group = ipaddress.IPv6Address(_SOLICITED_NODE + address.packed[13:])
    message = _MESSAGE.pack(NEIGHBOR_SOLICITATION, 0, 0, 0, address.packed)
    unsigned = IpPacket(_UNSPECIFIED, group, HOP_LIMIT, ICMPV6, message)
    checksum = internet_checksum(pseudo_header(unsigned) + message)
    message = _MESSAGE.pack(NEIGHBOR_SOLICITATION, 0, checksum, 0, address.packed)
    header = struct.pack("!IHBB16s16s", 6 << 28, len(message), ICMPV6, HOP_LIMIT, _UNSPECIFIED.packed, group.packed)
    return header + message, b"\x33\x33" + group.packed[12:]

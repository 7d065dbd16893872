"""IPv6 neighbour discovery over Ethernet (RFC 4861), as far as it tells who has an address."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from exporter.model.errors import ParseError
from exporter.wire.ip_packet import IpPacket, internet_checksum, pseudo_header

ICMPV6 = 58
NEIGHBOR_SOLICITATION = 135
NEIGHBOR_ADVERTISEMENT = 136
HOP_LIMIT = 255  # a packet from beyond a router has less
_MESSAGE = struct.Struct("!BBHI16s")
_SOURCE_LINK_LAYER_ADDRESS, _TARGET_LINK_LAYER_ADDRESS = 1, 2
_OVERRIDE = 1 << 29  # what neighbours have cached before gives way
_UNSPECIFIED = ipaddress.IPv6Address("::")
_ALL_NODES = ipaddress.IPv6Address("ff02::1")
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
    return _solicitation(_UNSPECIFIED, address, b"")


def build_neighbor_solicitation(
    hardware: bytes, source: ipaddress.IPv6Address, address: ipaddress.IPv6Address
) -> tuple[bytes, bytes]:
    """Ask who has an address, in the name of one that this host has (RFC 4861 section 7.2.2).

    For one that its owner may just be probing for: it would take a probe for another host's (RFC 4862 section 5.4.3).
    Returns as ``build_neighbor_probe`` does.
    """
    return _solicitation(source, address, bytes([_SOURCE_LINK_LAYER_ADDRESS, 1]) + hardware)


def build_neighbor_announcement(hardware: bytes, address: ipaddress.IPv6Address) -> tuple[bytes, bytes]:
    """Say to all nodes that this host has an address (RFC 4861 section 7.2.6); returns as ``build_neighbor_probe``."""
    option = bytes([_TARGET_LINK_LAYER_ADDRESS, 1]) + hardware
    return _message(address, _ALL_NODES, NEIGHBOR_ADVERTISEMENT, _OVERRIDE, address, option)


def _solicitation(source: ipaddress.IPv6Address, address: ipaddress.IPv6Address, option: bytes) -> tuple[bytes, bytes]:
    group = ipaddress.IPv6Address(_SOLICITED_NODE + address.packed[13:])
    return _message(source, group, NEIGHBOR_SOLICITATION, 0, address, option)


def _message(
    source: ipaddress.IPv6Address,
    group: ipaddress.IPv6Address,
    kind: int,
    flags: int,
    target: ipaddress.IPv6Address,
    option: bytes,
) -> tuple[bytes, bytes]:
    """Build the IPv6 packet, and the hardware address of the group that it goes to."""
    message = _MESSAGE.pack(kind, 0, 0, flags, target.packed) + option
    unsigned = IpPacket(source, group, HOP_LIMIT, ICMPV6, message)
    checksum = internet_checksum(pseudo_header(unsigned) + message)
    message = _MESSAGE.pack(kind, 0, checksum, flags, target.packed) + option
    header = struct.pack("!IHBB16s16s", 6 << 28, len(message), ICMPV6, HOP_LIMIT, source.packed, group.packed)
    return header + message, b"\x33\x33" + group.packed[12:]

"""IP packets as a packet socket delivers them (RFC 791, RFC 8200), and the checksum of what they carry (RFC 1071)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from exporter.model.addressing import Address
from exporter.model.errors import ParseError

_IPV4 = struct.Struct("!BxHxxHBBxx4s4s")
_IPV6 = struct.Struct("!4xHBB16s16s")
_MORE_FRAGMENTS_OR_OFFSET = 0x3FFF


@dataclass(frozen=True, slots=True)
class IpPacket:
    """One unfragmented packet, without its header's options."""

    source: Address
    destination: Address
    hop_limit: int  # IPv4 calls it TTL
    protocol: int
    payload: bytes


def parse_ip_packet(data: bytes) -> IpPacket:
    """Parse a packet of either version; bytes that the link added behind it are left out.

    Raises:
        ParseError: it is cut off, a fragment, or not IP.
    """
    version = data[0] >> 4 if data else 0
    if version == 4 and len(data) >= _IPV4.size:
        return _parse_ipv4(data)
    if version == 6 and len(data) >= _IPV6.size:
        length, protocol, hop_limit, source, destination = _IPV6.unpack_from(data)
        payload = data[_IPV6.size : _IPV6.size + length]
        if len(payload) < length:
            msg = f"an IPv6 packet of {length} bytes is cut off at {len(payload)}"
            raise ParseError(msg)
        return IpPacket(ipaddress.IPv6Address(source), ipaddress.IPv6Address(destination), hop_limit, protocol, payload)
    msg = f"{len(data)} bytes are no IP packet"
    raise ParseError(msg)


def _parse_ipv4(data: bytes) -> IpPacket:
    first, length, fragment, hop_limit, protocol, source, destination = _IPV4.unpack_from(data)
    header = (first & 0x0F) * 4
    if not _IPV4.size <= header <= length <= len(data):
        msg = f"an IPv4 packet has a header of {header}, a length of {length} and only {len(data)} bytes"
        raise ParseError(msg)
    if fragment & _MORE_FRAGMENTS_OR_OFFSET:
        msg = "an IPv4 packet is a fragment"
        raise ParseError(msg)
    return IpPacket(
        ipaddress.IPv4Address(source),
        ipaddress.IPv4Address(destination),
        hop_limit,
        protocol,
        data[header:length],
    )


def pseudo_header(packet: IpPacket) -> bytes:
    """What protocols above IP include in their checksum (RFC 9293 for IPv4, RFC 8200 section 8.1)."""
    ends = packet.source.packed + packet.destination.packed
    if packet.source.version == 4:
        return ends + struct.pack("!xBH", packet.protocol, len(packet.payload))
    return ends + struct.pack("!IxxxB", len(packet.payload), packet.protocol)


def internet_checksum(data: bytes) -> int:
    """The 16-bit one's complement of the one's complement sum; 0 over data that holds its own checksum."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF

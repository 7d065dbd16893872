"""VRRP advertisements: version 3 (RFC 5798, RFC 9568) and version 2 (RFC 3768, authentication as in RFC 2338)."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from exporter.wire.ip_packet import IpPacket, internet_checksum, pseudo_header

VRRP = 112  # the IP protocol
_ADVERTISEMENT = 1
_HEADER = struct.Struct("!BBBBHH")
_V2_AUTHENTICATION_BYTES = 8
_V3_INTERVAL_BITS = 0x0FFF  # the upper four are reserved


@dataclass(frozen=True, slots=True)
class Advertisement:
    """One advertisement. A VRRPv2 password stays out of it: nobody needs to see it."""

    source: Address
    hop_limit: int
    version: int  # 2 or 3
    virtual_router_id: int
    priority: int  # 0: the master gives up
    interval: float  # seconds
    addresses: tuple[Address, ...]
    authentication_type: int | None  # VRRPv2: 0 none, 1 password, 2 IP authentication header; VRRPv3 has none
    checksum_valid: bool


def virtual_router_id(packet: IpPacket) -> int | None:
    """The virtual router a packet is about, also where the rest makes no sense."""
    return packet.payload[1] if len(packet.payload) > 1 else None


def parse_advertisement(packet: IpPacket) -> Advertisement:
    """Parse an advertisement; a wrong checksum is told, not raised.

    Raises:
        ParseError: it is cut off, too long, or not a VRRP advertisement.
    """
    data = packet.payload
    if packet.protocol != VRRP or len(data) < _HEADER.size:
        msg = f"{len(data)} bytes are no VRRP advertisement"
        raise ParseError(msg)
    first, router, priority, count, timing, _ = _HEADER.unpack_from(data)
    version, kind = first >> 4, first & 0x0F
    if kind != _ADVERTISEMENT or version not in (2, 3) or (version == 2 and packet.source.version != 4):
        msg = f"VRRP version {version}, type {kind} over IPv{packet.source.version} is unknown"
        raise ParseError(msg)
    size = packet.source.max_prefixlen // 8
    end = _HEADER.size + count * size
    expected = end + (_V2_AUTHENTICATION_BYTES if version == 2 else 0)
    if len(data) != expected:
        msg = f"VRRPv{version} with {count} addresses has {len(data)} bytes instead of {expected}"
        raise ParseError(msg)
    return Advertisement(
        source=packet.source,
        hop_limit=packet.hop_limit,
        version=version,
        virtual_router_id=router,
        priority=priority,
        interval=float(timing & 0xFF) if version == 2 else (timing & _V3_INTERVAL_BITS) / 100,
        addresses=tuple(ipaddress.ip_address(data[at : at + size]) for at in range(_HEADER.size, end, size)),
        authentication_type=timing >> 8 if version == 2 else None,
        checksum_valid=_checksum_valid(packet, version),
    )


def _checksum_valid(packet: IpPacket, version: int) -> bool:
    """RFC 9568 leaves the pseudo-header out for IPv4; keepalived includes it in VRRPv3 and accepts both."""
    plain = packet.source.version == 4 and internet_checksum(packet.payload) == 0
    return plain or (version == 3 and internet_checksum(pseudo_header(packet) + packet.payload) == 0)

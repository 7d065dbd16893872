"""ARP for IPv4 over Ethernet (RFC 826): packets in, packets out."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass
from enum import Enum

from exporter.model.errors import ParseError

_PACKET = struct.Struct("!HHBBH6s4s6s4s")
_ETHERNET_IPV4 = (1, 0x0800, 6, 4)  # hardware and protocol, and the lengths of their addresses


class ArpOperation(Enum):
    """What an ARP packet wants."""

    REQUEST = 1
    REPLY = 2


@dataclass(frozen=True, slots=True)
class ArpPacket:
    """One packet; hardware addresses are six bytes."""

    operation: ArpOperation
    sender_hardware: bytes
    sender: ipaddress.IPv4Address
    target_hardware: bytes
    target: ipaddress.IPv4Address


def parse_arp(data: bytes) -> ArpPacket:
    """Parse a packet; bytes that the link added behind it are left out.

    Raises:
        ParseError: it is cut off, or about something else than IPv4 over Ethernet.
    """
    if len(data) < _PACKET.size:
        msg = f"an ARP packet is cut off at {len(data)} bytes"
        raise ParseError(msg)
    *kind, operation, sender_hardware, sender, target_hardware, target = _PACKET.unpack_from(data)
    if tuple(kind) != _ETHERNET_IPV4:
        msg = "an ARP packet is not about IPv4 over Ethernet"
        raise ParseError(msg)
    try:
        wanted = ArpOperation(operation)
    except ValueError:
        msg = f"an ARP packet has the unknown operation {operation}"
        raise ParseError(msg) from None
    return ArpPacket(
        wanted, sender_hardware, ipaddress.IPv4Address(sender), target_hardware, ipaddress.IPv4Address(target)
    )


def build_arp_probe(hardware: bytes, address: ipaddress.IPv4Address) -> bytes:
    """Ask whether anybody has an address without claiming it: the sender's is 0.0.0.0 (RFC 5227 section 2.1.1)."""
    return _PACKET.pack(*_ETHERNET_IPV4, ArpOperation.REQUEST.value, hardware, bytes(4), bytes(6), address.packed)


def build_arp_request(hardware: bytes, sender: ipaddress.IPv4Address, address: ipaddress.IPv4Address) -> bytes:
    """Ask who has an address, in the name of an address that this host has (RFC 826).

    For one that its owner may just be probing for: it would take a probe for another host's (RFC 5227 section 2.1.1).
    """
    return _PACKET.pack(*_ETHERNET_IPV4, ArpOperation.REQUEST.value, hardware, sender.packed, bytes(6), address.packed)


def build_arp_announcement(hardware: bytes, address: ipaddress.IPv4Address) -> bytes:
    """Say that this host has an address: a request for it from itself (RFC 5227 section 3)."""
    return build_arp_request(hardware, address, address)

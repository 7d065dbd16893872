"""Who serves DHCP on the LAN, and would hand an address out? A server is asked for it, and its offer lapses.

RFC 2131, 4.3.1: a server offers the address that a client requests if it is valid and free. No such client exists, so
nobody's lease is touched.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address

from exporter.model.errors import ParseError
from exporter.wire.ip_packet import parse_ip_packet

# Some servers first ping the address that they are about to offer.
OFFER_SECONDS = 4.0
_SERVER_PORT, _CLIENT_PORT = 67, 68
_UDP = 17
_ETH_P_IP = 0x0800
_COOKIE = b"\x63\x82\x53\x63"
_BROADCAST_FLAG = 0x8000
_LONGEST = 2048
_SHORTEST = 300  # BOOTP's, which some servers insist on (RFC 1542, 2.1)


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server offers: an address, and who the server is."""

    address: IPv4Address
    server: IPv4Address


def offered(interface: str, wanted: IPv4Address, seconds: float = OFFER_SECONDS) -> IPv4Address | None:
    """The address that a DHCP server offers to one that asks for ``wanted``; None where nobody answers.

    Raises:
        OSError: it cannot be asked; PermissionError without root, because a reply is read from a packet socket.
    """
    return next((offer.address for offer in _offers(interface, wanted, seconds)), None)


def servers(interface: str, seconds: float = OFFER_SECONDS) -> frozenset[IPv4Address]:
    """Every DHCP server that offers something within so many seconds; raises as ``offered`` does."""
    return frozenset(offer.server for offer in _offers(interface, None, seconds))


def _offers(interface: str, wanted: IPv4Address | None, seconds: float) -> Iterator[Offer]:
    transaction = secrets.token_bytes(4)
    # Locally administered (IEEE 802, 8.2), so no manufacturer's.
    client = b"\x02" + secrets.token_bytes(5)
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP)) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind((interface, _ETH_P_IP))
        mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        mouth.sendto(discover(transaction, client, wanted), ("255.255.255.255", _SERVER_PORT))
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ear.settimeout(left)
            try:
                offer = parse_offer(ear.recv(_LONGEST), transaction)
            except TimeoutError:
                break
            if offer is not None:
                yield offer


def discover(transaction: bytes, client: bytes, wanted: IPv4Address | None) -> bytes:
    """A DHCPDISCOVER whose answer is broadcast (RFC 2131, 2; RFC 2132, 9.1 and 9.6)."""
    head = struct.pack("!BBBB4sHH16x16s192x4s", 1, 1, 6, 0, transaction, 0, _BROADCAST_FLAG, client, _COOKIE)
    asked = b"\x32\x04" + wanted.packed if wanted is not None else b""
    options = b"\x35\x01\x01" + asked + b"\xff"
    return (head + options).ljust(_SHORTEST, b"\0")


def parse_offer(packet: bytes, transaction: bytes) -> Offer | None:
    """A DHCPOFFER of this transaction; None for every other packet."""
    try:
        parsed = parse_ip_packet(packet)
    except ParseError:
        return None
    if parsed.protocol != _UDP or len(parsed.payload) < 8 + 240:
        return None
    source, destination = struct.unpack_from("!HH", parsed.payload)
    message = parsed.payload[8:]
    if (source, destination) != (_SERVER_PORT, _CLIENT_PORT) or message[0] != 2 or message[4:8] != transaction:
        return None
    options = _options(message[240:])
    if message[236:240] != _COOKIE or options.get(53) != b"\x02" or len(options.get(54, b"")) != 4:
        return None
    return Offer(IPv4Address(message[16:20]), IPv4Address(options[54]))


def _options(data: bytes) -> dict[int, bytes]:
    """The options by their number (RFC 2132); what is cut off is left out."""
    found: dict[int, bytes] = {}
    index = 0
    while index + 1 < len(data) and data[index] != 0xFF:
        if data[index] == 0:  # padding has no length
            index += 1
            continue
        value = data[index + 2 : index + 2 + data[index + 1]]
        if len(value) == data[index + 1]:
            found.setdefault(data[index], value)
        index += 2 + data[index + 1]
    return found

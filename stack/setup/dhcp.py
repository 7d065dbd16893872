"""Would the LAN's DHCP server hand an address out? It is asked for that very one, and its offer lapses.

RFC 2131, 4.3.1: a server offers the address that a client requests if it is valid and free. No such client exists, so
nobody's lease is touched.
"""

from __future__ import annotations

import secrets
import socket
import struct
import time
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


def offered(interface: str, wanted: IPv4Address, seconds: float = OFFER_SECONDS) -> IPv4Address | None:
    """The address that a DHCP server offers to one that asks for ``wanted``; None where nobody answers.

    Raises:
        OSError: it cannot be asked; PermissionError without root, because a reply is read from a packet socket.
    """
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
                answer = parse_offer(ear.recv(_LONGEST), transaction)
            except TimeoutError:
                break
            if answer is not None:
                return answer
    return None


def discover(transaction: bytes, client: bytes, wanted: IPv4Address) -> bytes:
    """A DHCPDISCOVER whose answer is broadcast (RFC 2131, 2; RFC 2132, 9.1 and 9.6)."""
    head = struct.pack("!BBBB4sHH16x16s192x4s", 1, 1, 6, 0, transaction, 0, _BROADCAST_FLAG, client, _COOKIE)
    options = b"\x35\x01\x01" + b"\x32\x04" + wanted.packed + b"\xff"
    return (head + options).ljust(_SHORTEST, b"\0")


def parse_offer(packet: bytes, transaction: bytes) -> IPv4Address | None:
    """The address in a DHCPOFFER of this transaction; None for every other packet."""
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
    return IPv4Address(message[16:20]) if message[236:240] == _COOKIE and _is_offer(message[240:]) else None


def _is_offer(options: bytes) -> bool:
    index = 0
    while index + 1 < len(options) and options[index] != 0xFF:
        if options[index] == 0:  # padding has no length
            index += 1
            continue
        if options[index] == 53:
            return options[index + 2 : index + 3] == b"\x02"
        index += 2 + options[index + 1]
    return False

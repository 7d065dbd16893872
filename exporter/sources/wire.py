"""What an interface's LAN says: who claims addresses, and which VRRP packets pass."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.addressing import Address
from exporter.errors import ParseError
from exporter.parsers.arp import build_arp_probe, parse_arp
from exporter.parsers.ip_packet import parse_ip_packet
from exporter.parsers.neighbor_message import (
    HOP_LIMIT,
    ICMPV6,
    NEIGHBOR_ADVERTISEMENT,
    build_neighbor_probe,
    parse_neighbor_advertisement,
)
from exporter.parsers.vrrp_advertisement import VRRP
from exporter.sources.packet_filter import Field, not_all, one_of, words
from exporter.sources.packet_socket import Frame, PacketSocket

BROADCAST: Final = b"\xff" * 6
ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_IPV6: Final = 0x86DD
VRRP_GROUPS: Final = {4: b"\x01\x00\x5e\x00\x00\x12", 6: b"\x33\x33\x00\x00\x00\x12"}  # 224.0.0.18, ff02::12
# The kernel counts whole buffers, some 700 bytes for a short packet.
QUEUE_BYTES: Final = 64 << 10
# Less than the kernel allows, so that it takes its minimum: room for two or three packets.
SAMPLE_BYTES: Final = 1
MOST_FRAMES: Final = 64  # that are taken from one socket in one reading


@dataclass(frozen=True, slots=True)
class Claim:
    """A host says that it has an address; its hardware address has six bytes."""

    address: Address
    hardware: bytes


@dataclass(frozen=True, slots=True)
class Heard:
    """What has arrived since the last reading, up to a bound."""

    claims: Sequence[Claim]
    peer_adverts: Sequence[Frame]  # VRRP packets, as IP packets
    other_adverts: Sequence[Frame]
    complete: bool  # nothing was left for the next reading


class Wire:
    """Listens on one interface, with a socket for each kind of packet."""

    def __init__(self, interface: str, addresses: Collection[Address], version: int, peer: Address | None) -> None:
        """Listen for claims of some addresses, and for VRRP packets over IPv4 or IPv6.

        Raises:
            OSError: this process may not (EPERM), there is no such interface (ENODEV), or it is not Ethernet.
        """
        ipv4 = [address for address in addresses if isinstance(address, ipaddress.IPv4Address)]
        ipv6 = [address for address in addresses if isinstance(address, ipaddress.IPv6Address)]
        self._arp: PacketSocket | None = None
        self._neighbors: PacketSocket | None = None
        self._peer: PacketSocket | None = None
        self._others: PacketSocket | None = None
        try:
            if ipv4:
                self._arp = _arp_claims(interface, ipv4)
            if ipv6:
                self._neighbors = _neighbor_claims(interface, ipv6)
            if peer is not None:
                self._peer = _adverts_from(interface, peer)
            self._others = _adverts_not_from(interface, version, peer)
        except OSError:
            self.close()
            raise

    def read(self) -> Heard:
        """Return what has arrived, without waiting.

        Raises:
            OSError: the interface has gone down or away (ENETDOWN).
        """
        sockets = (self._arp, self._neighbors, self._peer, self._others)
        read = [socket.read(MOST_FRAMES) if socket else ([], True) for socket in sockets]
        (arp, _), (neighbors, _), (peer, _), (others, _) = read
        claims = [*_claims(arp, _arp_claim), *_claims(neighbors, _neighbor_claim)]
        return Heard(claims, peer, others, all(complete for _, complete in read))

    def ask_for(self, address: Address) -> None:
        """Ask the LAN who has an address, claiming nothing.

        Raises:
            OSError: the interface is down or has gone.
        """
        if isinstance(address, ipaddress.IPv4Address) and self._arp is not None:
            self._arp.send(build_arp_probe(self._arp.hardware_address, address), BROADCAST)
        elif isinstance(address, ipaddress.IPv6Address) and self._neighbors is not None:
            self._neighbors.send(*build_neighbor_probe(address))

    def close(self) -> None:
        """Listen no more."""
        for socket in (self._arp, self._neighbors, self._peer, self._others):
            if socket is not None:
                socket.close()


def _arp_claims(interface: str, addresses: Iterable[ipaddress.IPv4Address]) -> PacketSocket:
    """ARP packets whose sender says that it has one of the addresses."""
    conditions = one_of(Field(14, 4), [int(address) for address in addresses])
    return PacketSocket(interface, ETHERTYPE_ARP, conditions, QUEUE_BYTES)


def _neighbor_claims(interface: str, addresses: Iterable[ipaddress.IPv6Address]) -> PacketSocket:
    """IPv6 neighbour advertisements for addresses that end as one of these does."""
    conditions = [
        *one_of(Field(6, 1), [ICMPV6]),
        *one_of(Field(7, 1), [HOP_LIMIT]),
        *one_of(Field(40, 1), [NEIGHBOR_ADVERTISEMENT]),
        *one_of(Field(60, 4), sorted({int(address) & 0xFFFFFFFF for address in addresses})),
    ]
    return PacketSocket(interface, ETHERTYPE_IPV6, conditions, QUEUE_BYTES)


def _adverts_from(interface: str, peer: Address) -> PacketSocket:
    """A sample of one host's VRRP packets: the first two or three after each reading."""
    ethertype, protocol, source = _vrrp_fields(peer.version)
    conditions = one_of(protocol, [VRRP])
    for field, value in words(source, peer.packed):
        conditions += one_of(field, [value])
    return PacketSocket(interface, ethertype, conditions, SAMPLE_BYTES, VRRP_GROUPS[peer.version])


def _adverts_not_from(interface: str, version: int, peer: Address | None) -> PacketSocket:
    """Every other host's VRRP packets over IPv4 or IPv6."""
    ethertype, protocol, source = _vrrp_fields(version)
    conditions = one_of(protocol, [VRRP])
    if peer is not None:
        conditions += not_all(words(source, peer.packed))
    return PacketSocket(interface, ethertype, conditions, QUEUE_BYTES, VRRP_GROUPS[version])


def _vrrp_fields(version: int) -> tuple[int, Field, int]:
    return (ETHERTYPE_IPV4, Field(9, 1), 12) if version == 4 else (ETHERTYPE_IPV6, Field(6, 1), 8)


def _claims(frames: Iterable[Frame], parse: Callable[[Frame], Claim]) -> Iterator[Claim]:
    for frame in frames:
        try:
            claim = parse(frame)
        except ParseError:  # nobody's claim
            continue
        if any(claim.hardware) and not claim.hardware[0] & 1:  # one host's address: neither zero nor a group's
            yield claim


def _arp_claim(frame: Frame) -> Claim:
    packet = parse_arp(frame.packet)
    return Claim(packet.sender, packet.sender_hardware)


def _neighbor_claim(frame: Frame) -> Claim:
    message = parse_neighbor_advertisement(parse_ip_packet(frame.packet))
    return Claim(message.target, message.hardware or frame.sender)

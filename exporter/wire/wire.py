"""What an interface's LAN says: who claims addresses, and which VRRP packets pass."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from exporter.wire.arp import build_arp_announcement, build_arp_probe, build_arp_request, parse_arp
from exporter.wire.ip_packet import parse_ip_packet
from exporter.wire.neighbor_message import (
    HOP_LIMIT,
    ICMPV6,
    NEIGHBOR_ADVERTISEMENT,
    build_neighbor_announcement,
    build_neighbor_probe,
    build_neighbor_solicitation,
    parse_neighbor_advertisement,
)
from exporter.wire.packet_filter import ETHERTYPE, Field, Instruction, not_all, one_of, sender, words
from exporter.wire.packet_socket import ALL_PROTOCOLS, FROM_THIS_HOST, Frame, PacketSocket
from exporter.wire.vrrp_advertisement import VRRP

BROADCAST: Final = b"\xff" * 6
ETHERTYPE_IPV4: Final = 0x0800
ETHERTYPE_ARP: Final = 0x0806
ETHERTYPE_IPV6: Final = 0x86DD
VRRP_GROUP_ADDRESSES: Final[dict[int, Address]] = {
    4: ipaddress.IPv4Address("224.0.0.18"),
    6: ipaddress.IPv6Address("ff02::12"),
}
VRRP_GROUPS: Final = {4: b"\x01\x00\x5e\x00\x00\x12", 6: b"\x33\x33\x00\x00\x00\x12"}
# The kernel counts whole buffers, some 700 bytes for a short packet.
QUEUE_BYTES: Final = 64 << 10
# Less than the kernel allows, so that it takes its minimum: room for two or three packets.
SAMPLE_BYTES: Final = 1
MOST_FRAMES: Final = 32  # that are taken from one socket in one reading
_TTL: Final = 255


@dataclass(frozen=True, slots=True)
class Claim:
    """A host says that it has an address; hardware addresses have six bytes."""

    address: Address
    hardware: bytes
    sender: bytes  # of the frame, where something on the way has put its own (a Wi-Fi repeater)


@dataclass(frozen=True, slots=True)
class Heard:
    """What has arrived since the last reading, up to a bound."""

    claims: Sequence[Claim]
    peer_adverts: Sequence[Frame]  # VRRP packets, as IP packets
    other_adverts: Sequence[Frame]
    complete: bool  # nothing was left for the next reading


@dataclass(frozen=True, slots=True)
class AdvertShape:
    """What all adverts of one node have in common; ``timing`` is their interval, as its 16 bits are sent.

    ``family`` is IP's version. An address that is None does not matter.
    """

    family: int
    version: int
    virtual_router_id: int
    timing: int
    source: Address | None = None
    destination: Address | None = None

    def fields(self) -> list[tuple[Field, int]]:
        """The same as fields of the IP packet; a header with options does not fit."""
        ipv4 = self.family == 4
        protocol, source = _vrrp_fields(self.family)
        start = 20 if ipv4 else 40
        found = [(protocol, VRRP), (Field(8 if ipv4 else 7, 1), _TTL), *([(Field(0, 1), 0x45)] if ipv4 else [])]
        if self.source is not None:
            found += words(source, self.source.packed)
        if self.destination is not None:
            found += words(source + (4 if ipv4 else 16), self.destination.packed)
        kind = (self.version << 4 | 1) << 8 | self.virtual_router_id
        return [*found, (Field(start, 2), kind), (Field(start + 4, 2), self.timing)]


class Wire:
    """Listens on one interface, with a socket for each kind of packet."""

    def __init__(
        self,
        interface: str,
        addresses: Collection[Address],
        version: int,
        peer: Address | None,
        expected: AdvertShape | None = None,
    ) -> None:
        """Listen for claims of some addresses, and for VRRP packets over IPv4 or IPv6.

        Of the peer's packets a sample is kept, of others' all. ``expected`` is how the peer's should be: what is not
        so then counts among others', and so does all that comes from a host whose hardware ``know_peer`` was not told.

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
            self._others = _other_adverts(interface, version, peer if expected is None else None)
        except OSError:
            self.close()
            raise
        self._expected = expected

    def know_peer(self, hardware: Collection[bytes]) -> None:
        """Take what is as expected for the peer's where it comes from these hardware addresses.

        Raises:
            OSError: the kernel does not take the filter.
        """
        if self._others is not None and self._expected is not None:
            conditions = one_of(_vrrp_fields(self._expected.family)[0], [VRRP])
            for address in hardware:
                conditions += not_all([*self._expected.fields(), *sender(address)])
            self._others.keep(conditions)

    @property
    def hardware_address(self) -> bytes:
        """The interface's own."""
        return self._others.hardware_address if self._others else bytes(6)

    def dropped(self) -> int:
        """How many frames came faster than they were read, since this was last asked; a sample's rest is none."""
        return sum(socket.dropped() for socket in (self._arp, self._neighbors, self._others) if socket)

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

    def ask_in_name_of(self, own: Address, address: Address) -> None:
        """Ask the LAN who has an address, in the name of one that this host has now.

        Raises:
            OSError: the interface is down or has gone.
        """
        if isinstance(address, ipaddress.IPv4Address) and isinstance(own, ipaddress.IPv4Address) and self._arp:
            self._arp.send(build_arp_request(self._arp.hardware_address, own, address), BROADCAST)
        elif isinstance(address, ipaddress.IPv6Address) and isinstance(own, ipaddress.IPv6Address) and self._neighbors:
            self._neighbors.send(*build_neighbor_solicitation(self._neighbors.hardware_address, own, address))

    def announce(self, address: Address) -> None:
        """Say to the LAN that this host has an address, which it must have.

        Raises:
            OSError: the interface is down or has gone.
        """
        if isinstance(address, ipaddress.IPv4Address) and self._arp is not None:
            self._arp.send(build_arp_announcement(self._arp.hardware_address, address), BROADCAST)
        elif isinstance(address, ipaddress.IPv6Address) and self._neighbors is not None:
            self._neighbors.send(*build_neighbor_announcement(self._neighbors.hardware_address, address))

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
    protocol, source = _vrrp_fields(peer.version)
    conditions = one_of(protocol, [VRRP])
    for field, value in words(source, peer.packed):
        conditions += one_of(field, [value])
    return PacketSocket(interface, _ETHERTYPES[peer.version], conditions, SAMPLE_BYTES, VRRP_GROUPS[peer.version])


def _other_adverts(interface: str, version: int, peer: Address | None) -> PacketSocket:
    """Every host's VRRP packets over IPv4 or IPv6, but for the peer's."""
    protocol, source = _vrrp_fields(version)
    conditions = one_of(protocol, [VRRP])
    if peer is not None:
        conditions += not_all(words(source, peer.packed))
    return PacketSocket(interface, _ETHERTYPES[version], conditions, QUEUE_BYTES, VRRP_GROUPS[version])


def own_adverts_unlike(interface: str, expected: AdvertShape) -> PacketSocket:
    """The VRRP packets that this host itself sends from an interface, but for those of a shape.

    The kernel shows outgoing packets only to sockets for all protocols, and every packet of the interface passes the
    filter of such a one: it is not to be kept open.

    Raises:
        OSError: as for ``Wire``.
    """
    version = expected.family
    conditions: list[Instruction] = [
        *one_of(ETHERTYPE, [_ETHERTYPES[version]]),
        *one_of(_vrrp_fields(version)[0], [VRRP]),
        *not_all(expected.fields()),
    ]
    return PacketSocket(interface, ALL_PROTOCOLS, conditions, QUEUE_BYTES, types=FROM_THIS_HOST)


_ETHERTYPES: Final = {4: ETHERTYPE_IPV4, 6: ETHERTYPE_IPV6}


def _vrrp_fields(version: int) -> tuple[Field, int]:
    """Where the protocol is in an IP packet, and where the source begins."""
    return (Field(9, 1), 12) if version == 4 else (Field(6, 1), 8)


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
    return Claim(packet.sender, packet.sender_hardware, frame.sender)


def _neighbor_claim(frame: Frame) -> Claim:
    message = parse_neighbor_advertisement(parse_ip_packet(frame.packet))
    return Claim(message.target, message.hardware or frame.sender, frame.sender)

"""Does this node's link work both ways? Somebody that is asked for its hardware address must answer now.

The gateway and the other node are asked, by ARP or neighbour discovery, which no firewall of either filters by default;
an entry in the kernel's neighbour table proves nothing of it, for it outlives a link. What that table does tell is to
whom this node's questions go. Needs CAP_NET_RAW.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from exporter.wire.arp import ArpOperation, build_arp_probe, parse_arp
from exporter.wire.ip_packet import parse_ip_packet
from exporter.wire.neighbor_message import (
    ICMPV6,
    NEIGHBOR_ADVERTISEMENT,
    build_neighbor_probe,
    parse_neighbor_advertisement,
)
from exporter.wire.packet_filter import Field, one_of
from exporter.wire.packet_socket import PacketSocket
from stack.guard.netlink import all_neighbours

PROOF_SECONDS = 1.5
# Those of a silence that would move the address (standby.py), and some.
STRANGER_SECONDS = 5.0
BUFFER_BYTES = 16 << 10
READS_AT_ONCE = 16
BROADCAST = b"\xff" * 6
ETHERTYPES = {4: 0x0806, 6: 0x86DD}  # of ARP, and of IPv6
# Only what can be an answer wakes this process: ARP's operation; the kind of an ICMPv6 message.
FILTERS = {
    4: one_of(Field(6, 2), [ArpOperation.REPLY.value]),
    6: [*one_of(Field(6, 1), [ICMPV6]), *one_of(Field(40, 1), [NEIGHBOR_ADVERTISEMENT])],
}
NAMES = {4: "ARP", 6: "neighbour discovery"}
PROC_NET = Path("/proc/net")


class Link:
    """Asks on one interface while that is wanted. Times are seconds of a monotonic clock."""

    def __init__(self, interface: str, peer: Address, proc_net: Path = PROC_NET) -> None:
        self._interface = interface
        self._peer = peer
        self._proc_net = proc_net
        self._sockets: dict[int, PacketSocket] = {}
        self._asked: dict[Address, float] = {}
        self._proved: dict[int, float] = {}
        self._unable: dict[int, str] = {}
        self._strangers: dict[Address, tuple[float, str]] = {}

    @property
    def descriptors(self) -> list[int]:
        """What to wait on for answers."""
        return [one.fileno() for one in self._sockets.values()]

    def ask(self, now: float, version: int) -> None:
        """Ask the gateway and the other node of one family of addresses."""
        self._unable[version] = ""
        try:
            if version not in self._sockets:
                self._sockets[version] = PacketSocket(
                    self._interface, ETHERTYPES[version], FILTERS[version], BUFFER_BYTES
                )
            for neighbour in {*gateways(self._interface, self._proc_net), self._peer}:
                if neighbour.version == version:
                    self._asked[neighbour] = now
                    self._send(self._sockets[version], neighbour)
        except OSError as error:
            self._unable[version] = f"{self._interface} cannot be asked: {error.strerror or error}"
            self._close(version)

    def receive(self, now: float) -> None:
        """Take what has come."""
        for version, packets in list(self._sockets.items()):
            try:
                frames, _ = packets.read(READS_AT_ONCE)
                own = packets.hardware_address
            except OSError as error:
                self._unable[version] = f"{self._interface} cannot be heard: {error.strerror or error}"
                self._close(version)
                continue
            for frame in frames:
                with contextlib.suppress(ParseError):
                    answered = _arp_answer(frame.packet, own) if version == 4 else _neighbor_answer(frame.packet)
                    if frame.sender != own and now - self._asked.get(answered, float("-inf")) <= PROOF_SECONDS:
                        self._proved[version] = now

    def doubt(self, now: float, version: int) -> str:
        """Say why the link is not proved for one family of addresses; empty when it is."""
        if now - self._proved.get(version, float("-inf")) <= PROOF_SECONDS:
            return ""
        if self._unable.get(version):
            return self._unable[version]
        return f"neither the gateway nor the other node answers {NAMES[version]}, so its own link may be broken"

    def poll(self, now: float, addresses: Iterable[Address]) -> None:
        """See whether this node's questions to addresses of the other node go to somebody else."""
        try:
            index = socket.if_nametoindex(self._interface)
            known = {one.packed: one.hardware for one in all_neighbours() if one.interface_index == index}
        except OSError:
            return
        peer = known.get(self._peer.packed)
        for address in addresses:
            there = known.get(address.packed)
            if there is not None and peer is not None and there != peer:
                self._strangers[address] = (now, there.hex(":"))

    def stranger_at(self, now: float, address: Address) -> str:
        """Say who was seen to have an address lately; empty when nobody was.

        Whoever claims it by ARP or neighbour discovery would go on if another node had it: the owner's answers and the
        claims take turns, so that one look may miss them.
        """
        seen, hardware = self._strangers.get(address, (float("-inf"), ""))
        if now - seen > STRANGER_SECONDS:
            return ""
        return f"another device, {hardware}, claims that address, and would go on if {address} moved"

    def close(self) -> None:
        """Ask no more."""
        for version in list(self._sockets):
            self._close(version)

    def _close(self, version: int) -> None:
        packets = self._sockets.pop(version, None)
        if packets is not None:
            packets.close()

    @staticmethod
    def _send(packets: PacketSocket, neighbour: Address) -> None:
        if isinstance(neighbour, ipaddress.IPv4Address):
            packets.send(build_arp_probe(packets.hardware_address, neighbour), BROADCAST)
        else:
            packets.send(*build_neighbor_probe(neighbour))


def _arp_answer(packet: bytes, own: bytes) -> Address:
    """Who answers this very interface.

    Raises:
        ParseError: nobody does; what a host announces to everybody proves only one direction.
    """
    reply = parse_arp(packet)
    if reply.operation is not ArpOperation.REPLY or reply.target_hardware != own:
        msg = "an ARP packet is no answer to this interface"
        raise ParseError(msg)
    return reply.sender


def _neighbor_answer(packet: bytes) -> Address:
    """Who answers a probe, which is told to everybody (RFC 4861, 7.2.4).

    Raises:
        ParseError: nobody does.
    """
    return parse_neighbor_advertisement(parse_ip_packet(packet)).target


def gateways(interface: str, proc_net: Path = PROC_NET) -> Iterator[Address]:
    """The gateways of an interface's default routes (proc(5): net/route and net/ipv6_route)."""
    for row in _rows(proc_net / "route"):
        # Interface, destination, gateway, … mask in the eighth column; in this machine's byte order.
        if len(row) >= 11 and row[0] == interface and row[1] == row[7] == "00000000" and row[2] != "00000000":
            yield ipaddress.IPv4Address(struct.pack("=I", int(row[2], 16)))
    for row in _rows(proc_net / "ipv6_route"):
        # Destination, its length, source, its length, next hop, … interface; in network byte order.
        if len(row) == 10 and row[0] == "0" * 32 and row[1] == "00" and row[9] == interface and row[4] != "0" * 32:
            yield ipaddress.IPv6Address(bytes.fromhex(row[4]))


def _rows(table: Path) -> list[list[str]]:
    try:
        return [line.split() for line in table.read_text("ascii", "replace").splitlines()]
    except OSError:  # a kernel without that family
        return []

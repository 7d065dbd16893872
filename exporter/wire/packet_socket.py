"""Packet sockets (packet(7)): one interface's packets of one kind; they need CAP_NET_RAW and nothing else."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import socket
import struct
from dataclasses import dataclass
from typing import Final

from exporter.wire.packet_filter import INTERFACE_INDEX, PACKET_TYPE, Instruction, assemble, one_of

LONGEST_PACKET: Final = 4608  # an advertisement of 255 IPv6 addresses has 4,128
_ETHERNET: Final = 1  # ARPHRD_ETHER; Wi-Fi has it too
_HARDWARE_BYTES: Final = 6
# linux/filter.h, linux/if_packet.h, linux/sockios.h; Python has no names for them.
_SO_ATTACH_FILTER: Final = 26
_SOL_PACKET: Final = 263
_PACKET_ADD_MEMBERSHIP: Final = 1
_PACKET_STATISTICS: Final = 6
_PACKET_MR_MULTICAST: Final = 0
_SIOCGIFHWADDR: Final = 0x8927
TO_THIS_HOST: Final = (0, 1, 2)  # PACKET_HOST, PACKET_BROADCAST, PACKET_MULTICAST: not others', not our own
FROM_THIS_HOST: Final = (4,)  # PACKET_OUTGOING, which only a socket for all protocols is given
ALL_PROTOCOLS: Final = 3  # ETH_P_ALL


class NotEthernetError(OSError):
    """The interface has no Ethernet addresses, so no ARP and no VRRP."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One packet and the hardware address that sent it, six bytes on Ethernet."""

    sender: bytes
    packet: bytes


class PacketSocket:
    """Receives an interface's packets of one kind, as far as a filter lets them through, and sends some."""

    def __init__(
        self,
        interface: str,
        ethertype: int,
        conditions: list[Instruction],
        buffer: int,
        group: bytes | None = None,
        types: tuple[int, ...] = TO_THIS_HOST,
    ) -> None:
        """Begin to receive; ``group`` is a multicast hardware address to receive as well.

        Raises:
            OSError: this process may not (EPERM), there is no such interface (ENODEV), or it is not Ethernet.
        """
        index = _index(interface)
        self._interface = interface
        self._index = index
        self._types = types
        self._ethertype = ethertype
        # Protocol 0 receives nothing until the filter is in place and bind tells the protocol.
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, 0
        )
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            self.keep(conditions)
            self._socket.bind((interface, ethertype))
            self._check_interface(index)
            if group is not None:
                request = struct.pack("=iHH8s", index, _PACKET_MR_MULTICAST, len(group), group)
                self._socket.setsockopt(_SOL_PACKET, _PACKET_ADD_MEMBERSHIP, request)
        except OSError:
            self._socket.close()
            raise

    @property
    def hardware_address(self) -> bytes:
        """The interface's own.

        Raises:
            OSError: the interface has gone (ENODEV), or another one has its name now.
        """
        name, _, _, _, address = self._socket.getsockname()
        if name != self._interface or len(address) != _HARDWARE_BYTES:
            raise OSError(errno.ENODEV, "the interface has gone")
        return bytes(address)

    def fileno(self) -> int:
        """What to wait on for packets."""
        return self._socket.fileno()

    def read(self, limit: int) -> tuple[list[Frame], bool]:
        """Return what has arrived, at most ``limit`` frames, without waiting, and whether that was all.

        Raises:
            OSError: the interface has gone down or away since the last time (ENETDOWN).
        """
        frames: list[Frame] = []
        while len(frames) < limit:
            try:
                packet, (_, _, _, _, sender) = self._socket.recvfrom(LONGEST_PACKET)
            except BlockingIOError:
                return frames, True
            frames.append(Frame(bytes(sender), packet))
        return frames, False

    def send(self, packet: bytes, destination: bytes) -> None:
        """Send one packet; where there is no room for it now it is lost, as on the wire.

        Raises:
            OSError: the interface is down or has gone.
        """
        try:
            self._socket.sendto(packet, (self._interface, self._ethertype, 0, 0, destination))
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise

    def keep(self, conditions: list[Instruction]) -> None:
        """Let only packets through that fit from now on.

        Raises:
            OSError: the kernel does not take the filter.
        """
        # Packets of VLANs and macvlans on top of the interface pass it too; they carry another index.
        index = one_of(INTERFACE_INDEX, [self._index])
        self._attach(assemble(index, one_of(PACKET_TYPE, self._types), conditions))

    def dropped(self) -> int:
        """How many packets that fit there was no room for since this was last asked."""
        _, drops = struct.unpack("=II", self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8))
        return int(drops)

    def close(self) -> None:
        """Receive no more."""
        self._socket.close()

    def _check_interface(self, index: int) -> None:
        if self._socket.getsockname()[3] != _ETHERNET:
            msg = f"{self._interface} is not an Ethernet interface"
            raise NotEthernetError(errno.EPROTOTYPE, msg)
        if _index(self._interface) != index:  # replaced meanwhile: the filter is for the one before
            raise OSError(errno.ENODEV, "the interface has gone")

    def _attach(self, program: bytes) -> None:
        code = ctypes.create_string_buffer(program, len(program))
        self._socket.setsockopt(
            socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(program) // 8, ctypes.addressof(code))
        )


def _index(interface: str) -> int:
    try:
        return socket.if_nametoindex(interface)
    except OSError:  # without an errno up to Python 3.13
        raise OSError(errno.ENODEV, "there is no such interface") from None


def own_hardware_addresses() -> set[bytes]:
    """The hardware addresses of all of this host's interfaces.

    By default Linux answers ARP for any of its addresses on each of its interfaces, so a Raspberry Pi
    with cable and Wi-Fi on the same LAN answers twice.
    """
    found = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        for _, name in socket.if_nameindex():
            try:
                answer = fcntl.ioctl(control, _SIOCGIFHWADDR, struct.pack("16s24x", os.fsencode(name)))
            except OSError:  # it has gone meanwhile
                continue
            found.add(answer[18 : 18 + _HARDWARE_BYTES])
    return found

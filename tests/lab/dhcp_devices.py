"""Devices that want an address by DHCP: many of them in one process, on a host of the lab.

``python -m tests.lab.dhcp_devices INTERFACE SECONDS`` reads ``[{"hardware", "address"}]`` as JSON from its input and
writes what each device came to, ``[{"hardware", "address", "server", "seconds", "dns", "router"}]``. A device without
an address discovers (RFC 2131, 3.1); one with an address asks everybody whether it may keep it, as after a boot (4.3.2,
INIT-REBOOT), and discovers after a DHCPNAK. An answer to REBINDING would go to that address, which no interface has.
"""

from __future__ import annotations

import json
import secrets
import socket
import struct
import sys
import time
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from exporter.model.errors import ParseError
from exporter.wire.ip_packet import parse_ip_packet

_COOKIE = b"\x63\x82\x53\x63"
_ETH_P_IP = 0x0800
_AGAIN_SECONDS = 1.0
_DISCOVER, _OFFER, _REQUEST, _ACK, _NAK = 1, 2, 3, 5, 6


@dataclass
class Device:
    """One device and what it has come to."""

    hardware: bytes
    address: str = ""
    keeps: bool = False
    transaction: bytes = field(default_factory=lambda: secrets.token_bytes(4))
    offer: tuple[str, bytes] | None = None
    next_send: float = 0.0
    result: dict[str, Any] = field(default_factory=dict)

    def message(self) -> bytes:
        """What it sends now."""
        head = struct.pack("!BBBB4sHH16x16s192x4s", 1, 1, 6, 0, self.transaction, 0, 0x8000, self.hardware, _COOKIE)
        options = bytes((53, 1, _REQUEST if self.keeps or self.offer else _DISCOVER))
        if self.offer:
            options += b"\x32\x04" + IPv4Address(self.offer[0]).packed + b"\x36\x04" + self.offer[1]
        elif self.address:
            options += b"\x32\x04" + IPv4Address(self.address).packed
        return (head + options + b"\x37\x03\x01\x03\x06\xff").ljust(300, b"\0")

    def hear(self, message: bytes, seconds: float) -> None:
        """Take an answer."""
        options = _options(message[240:])
        kind, address = options.get(53, b"\0")[0], str(IPv4Address(message[16:20]))
        if kind == _OFFER and not self.keeps and not self.offer:
            self.offer, self.next_send = (address, options[54]), 0.0
        elif kind == _NAK:
            self.keeps, self.offer, self.address, self.next_send = False, None, "", 0.0
        elif kind == _ACK:
            self.result = {
                "hardware": self.hardware.hex(":"),
                "address": address,
                "server": str(IPv4Address(options[54])),
                "seconds": seconds,
                "router": str(IPv4Address(options[3])),
                "dns": str(IPv4Address(options[6][:4])),
            }


def main() -> None:
    """Let every device of the input get an address, at most so many seconds long."""
    interface, limit = sys.argv[1], float(sys.argv[2])
    devices = [
        Device(bytes.fromhex(one["hardware"].replace(":", "")), one.get("address", ""), bool(one.get("address")))
        for one in json.load(sys.stdin)
    ]
    waiting = {one.transaction: one for one in devices}
    with (
        socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_IP)) as ear,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth,
    ):
        ear.bind((interface, _ETH_P_IP))
        mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        mouth.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
        begin = time.monotonic()
        while waiting and time.monotonic() - begin < limit:
            for one in [one for one in waiting.values() if one.next_send <= time.monotonic()]:
                one.next_send = time.monotonic() + _AGAIN_SECONDS
                mouth.sendto(one.message(), ("255.255.255.255", 67))
            ear.settimeout(0.05)
            try:
                message = _payload(ear.recv(2048))
            except TimeoutError:
                continue
            device = waiting.get(message[4:8])
            if device is not None and len(message) > 240 and message[0] == 2:
                device.hear(message, time.monotonic() - begin)
                if device.result:
                    del waiting[device.transaction]
    print(json.dumps([one.result for one in devices if one.result]))


def _payload(packet: bytes) -> bytes:
    try:
        parsed = parse_ip_packet(packet)
    except ParseError:
        return b""
    return parsed.payload[8:] if parsed.protocol == 17 and parsed.payload[2:4] == b"\0\x44" else b""


def _options(data: bytes) -> dict[int, bytes]:
    found, index = {}, 0
    while index + 1 < len(data) and data[index] != 0xFF:
        if data[index] == 0:
            index += 1
            continue
        found[data[index]] = data[index + 2 : index + 2 + data[index + 1]]
        index += 2 + data[index + 1]
    return found


if __name__ == "__main__":
    main()

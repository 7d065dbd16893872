"""Kernel messages about addresses (rtnetlink(7)), by pyroute2: bytes in, changes out.

Importing this takes all of pyroute2, 200 ms and 13 MiB: import it where the kernel is asked, not before.
"""

from __future__ import annotations

import logging
import struct
from dataclasses import dataclass
from ipaddress import ip_address

from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg

from exporter.model.errors import ParseError
from exporter.wire.netlink import (
    NLM_F_DUMP_INTR,
    NLMSG_DONE,
    NLMSG_ERROR,
    RTM_DELADDR,
    RTM_NEWADDR,
    NetlinkMessage,
    messages,
)

IFA_F_DADFAILED = 0x08
IFA_F_TENTATIVE = 0x40
USER_HZ = 100  # unit of IFA_CACHEINFO's stamps in the kernel's interface

# It logs a traceback for each attribute that it cannot decode; ours is a sentence.
logging.getLogger("pyroute2.netlink").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class AddressChange:
    """One address appeared, changed its flags, or went."""

    present: bool
    address: str
    interface_index: int
    usable: bool
    created: float | None  # seconds since boot at which the kernel made the address
    prefix_length: int

    @property
    def entry(self) -> tuple[int, int]:
        """What tells it from another entry of the same address: the kernel takes one twice on an interface."""
        return self.interface_index, self.prefix_length


@dataclass(frozen=True, slots=True)
class AddressMessages:
    """What one datagram held."""

    changes: tuple[AddressChange, ...]
    done: bool  # the dump ends here
    interrupted: bool  # the dump met a change and is not to be trusted


def parse_address_messages(datagram: bytes) -> AddressMessages:
    """Decode one datagram of the kernel.

    Raises:
        ParseError: it is cut off, not netlink, or an error answer.
    """
    found, whole = messages(datagram)
    if not whole:
        msg = "a netlink message is cut off"
        raise ParseError(msg)
    for one in found:
        if one.kind == NLMSG_ERROR:
            msg = f"the kernel refused the request: error {-_error_code(one)}"
            raise ParseError(msg)
    changes = (_parse_change(one) for one in found if one.kind in (RTM_NEWADDR, RTM_DELADDR))
    return AddressMessages(
        tuple(change for change in changes if change is not None),
        done=any(one.kind == NLMSG_DONE for one in found),
        interrupted=any(one.flags & NLM_F_DUMP_INTR for one in found),
    )


def _error_code(one: NetlinkMessage) -> int:
    return int(struct.unpack_from("=i", one.body)[0]) if len(one.body) >= 4 else 0


def _parse_change(one: NetlinkMessage) -> AddressChange | None:
    decoded = ifaddrmsg(one.data)
    try:
        decoded.decode()
        # IFA_LOCAL is the address itself on point-to-point links, where IFA_ADDRESS is the other end.
        address = decoded.get_attr("IFA_LOCAL") or decoded.get_attr("IFA_ADDRESS")
        if address is None:
            return None
        cache = decoded.get_attr("IFA_CACHEINFO")
        flags = decoded.get_attr("IFA_FLAGS") or decoded["flags"]
        # What pyroute2 cannot decode it hands on as bytes.
        return AddressChange(
            present=one.kind == RTM_NEWADDR,
            address=str(ip_address(str(address))),
            interface_index=int(decoded["index"]),
            usable=not flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED),
            created=cache["cstamp"] / USER_HZ if cache else None,
            prefix_length=int(decoded["prefixlen"]),
        )
    except Exception as error:  # pyroute2's decoder raises whatever its fields do on broken input
        msg = f"an address message cannot be decoded: {error}"
        raise ParseError(msg) from error

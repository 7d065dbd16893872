"""Kernel messages about addresses (rtnetlink(7)): bytes in, changes out."""

from __future__ import annotations

import importlib.util
import logging
import struct
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from types import ModuleType
from typing import Any

from exporter.model.errors import ParseError

RTM_NEWADDR = 20
RTM_DELADDR = 21
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLM_F_DUMP_INTR = 0x10
IFA_F_DADFAILED = 0x08
IFA_F_TENTATIVE = 0x40
USER_HZ = 100  # unit of IFA_CACHEINFO's stamps in the kernel's interface

_HEADER = struct.Struct("=IHHII")


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


def _ifaddrmsg() -> Any:  # noqa: ANN401
    """Import pyroute2's decoder for one message alone.

    ``import pyroute2`` loads all of the library: 200 ms and 10 MiB on a Raspberry Pi's exporter that
    needs one of its hundred message classes. A bare package in its place while the class is
    imported keeps the rest out; afterwards the real package can be imported as ever.
    """
    already = "pyroute2" in sys.modules
    if not already:
        spec = importlib.util.find_spec("pyroute2")
        if spec is None or spec.submodule_search_locations is None:
            msg = "pyroute2 is not installed; pip install pyroute2"
            raise ImportError(msg)
        bare = ModuleType("pyroute2")
        bare.__path__ = list(spec.submodule_search_locations)
        sys.modules["pyroute2"] = bare
    try:
        from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
    finally:
        if not already:
            del sys.modules["pyroute2"]
    return ifaddrmsg


IFADDRMSG = _ifaddrmsg()
# It logs a traceback for each attribute that it cannot decode; ours is a sentence.
logging.getLogger("pyroute2.netlink").setLevel(logging.CRITICAL)


def parse_address_messages(datagram: bytes) -> AddressMessages:
    """Decode one datagram of the kernel.

    Raises:
        ParseError: it is cut off, not netlink, or an error answer.
    """
    changes: list[AddressChange] = []
    done = interrupted = False
    offset = 0
    while offset + _HEADER.size <= len(datagram):
        length, kind, flags, _, _ = _HEADER.unpack_from(datagram, offset)
        if length < _HEADER.size or offset + length > len(datagram):
            msg = "a netlink message is cut off"
            raise ParseError(msg)
        message = datagram[offset : offset + length]
        offset += (length + 3) & ~3
        interrupted = interrupted or bool(flags & NLM_F_DUMP_INTR)
        if kind == NLMSG_DONE:
            done = True
        elif kind == NLMSG_ERROR:
            msg = f"the kernel refused the request: error {-_error_code(message)}"
            raise ParseError(msg)
        elif kind in (RTM_NEWADDR, RTM_DELADDR):
            change = _parse_change(message, present=kind == RTM_NEWADDR)
            if change is not None:
                changes.append(change)
    return AddressMessages(tuple(changes), done, interrupted)


def _error_code(message: bytes) -> int:
    return int(struct.unpack_from("=i", message, _HEADER.size)[0]) if len(message) >= _HEADER.size + 4 else 0


def _parse_change(message: bytes, *, present: bool) -> AddressChange | None:
    decoded = IFADDRMSG(message)
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
            present=present,
            address=str(ip_address(str(address))),
            interface_index=int(decoded["index"]),
            usable=not flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED),
            created=cache["cstamp"] / USER_HZ if cache else None,
            prefix_length=int(decoded["prefixlen"]),
        )
    except Exception as error:  # pyroute2's decoder raises whatever its fields do on broken input
        msg = f"an address message cannot be decoded: {error}"
        raise ParseError(msg) from error

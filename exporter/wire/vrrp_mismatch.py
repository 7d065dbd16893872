"""VRRP mismatches: which VRRP packets on the wire do not fit this node's settings, and how."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from exporter.wire.ip_packet import IpPacket
from exporter.wire.vrrp_advertisement import Advertisement, parse_advertisement, virtual_router_id

TTL = 255  # a packet from beyond a router has less (RFC 9568 section 5.1.1.3)
PASSWORD = 1  # VRRPv2's authentication type; the stack speaks VRRPv2 only to have a password
INTERVAL_RESOLUTION_SECONDS = 0.01
LISTED_ADDRESSES = 4


class MismatchReason(Enum):
    """What is wrong with a packet. Only ``other_vrid`` is no fault: a LAN may have many virtual routers."""

    FOREIGN_SOURCE = "foreign_source"  # our virtual router from a host that is not of the pair
    FORGED = "forged"  # in the name of one of the pair, from a hardware address that is not its
    WRONG_VRID = "wrong_vrid"  # one of our virtual IPs under another virtual router
    VERSION = "version"
    PRIORITY = "priority"  # the same on both nodes, or one that the other cannot have
    ADDRESS_LIST = "address_list"
    INTERVAL = "interval"
    AUTHENTICATION = "authentication"
    CHECKSUM = "checksum"
    TTL = "ttl"
    MALFORMED = "malformed"
    OTHER_VRID = "other_vrid"


@dataclass(frozen=True, slots=True)
class OwnVrrp:
    """This node's side. What keepalived has not told is None and compared with nothing."""

    virtual_router_id: int
    address: Address
    addresses: frozenset[Address]  # the virtual IPs of the family that its advertisements list
    peer: Address | None
    version: int | None = None
    priority: int | None = None
    interval: float | None = None  # seconds
    highest: int | None = None  # the highest priority that the peer can have


@dataclass(frozen=True, slots=True)
class VrrpMismatch:
    """One reason and what was seen, to be read after "SOURCE: virtual router ID"."""

    reason: MismatchReason
    seen: str


def vrrp_mismatches(packet: IpPacket, own: OwnVrrp) -> Sequence[VrrpMismatch]:
    """Compare a packet that another host sent with what this node would send; empty when it fits."""
    try:
        advertisement = parse_advertisement(packet)
    except ParseError as error:
        router = virtual_router_id(packet)
        # CARP has the same protocol number and puts its own router ID in the same place.
        if router is not None and router != own.virtual_router_id:
            return (VrrpMismatch(MismatchReason.OTHER_VRID, f"virtual router {router}"),)
        return (VrrpMismatch(MismatchReason.MALFORMED, str(error)),)
    if advertisement.virtual_router_id != own.virtual_router_id:
        return (_other_router(advertisement, own),)
    if not advertisement.checksum_valid:
        return (VrrpMismatch(MismatchReason.CHECKSUM, "its checksum is wrong"),)
    if _is_stranger(advertisement.source, own):
        who = (
            "it has this node's address"
            if advertisement.source == own.address
            else "it is neither this node nor its peer"
        )
        seen = f"{who}, but advertises virtual router {own.virtual_router_id} too"
        return (VrrpMismatch(MismatchReason.FOREIGN_SOURCE, seen),)
    return tuple(_differences(advertisement, own))


def _other_router(advertisement: Advertisement, own: OwnVrrp) -> VrrpMismatch:
    router = advertisement.virtual_router_id
    claimed = sorted(map(str, own.addresses.intersection(advertisement.addresses)))
    if claimed:
        seen = f"it advertises {_listed(claimed)} as virtual router {router}; here it is {own.virtual_router_id}"
        return VrrpMismatch(MismatchReason.WRONG_VRID, seen)
    return VrrpMismatch(MismatchReason.OTHER_VRID, f"virtual router {router}")


def _is_stranger(source: Address, own: OwnVrrp) -> bool:
    """IPv6 adverts come from a link-local address, which no setting tells: those pass for the peer's."""
    unknown_peer = source.is_link_local and source.version == 6 and own.peer is not None
    return source != own.peer and not unknown_peer


def _differences(theirs: Advertisement, own: OwnVrrp) -> Iterator[VrrpMismatch]:
    if theirs.hop_limit != TTL:
        yield VrrpMismatch(MismatchReason.TTL, f"its TTL is {theirs.hop_limit} instead of {TTL}")
    if own.version is not None and theirs.version != own.version:
        seen = (
            f"it speaks VRRPv{theirs.version}, this node VRRPv{own.version} (is VRRP_PASSWORD set on one node alone?)"
        )
        yield VrrpMismatch(MismatchReason.VERSION, seen)
    elif own.version is not None:
        if theirs.version == 2 and theirs.authentication_type != PASSWORD:
            seen = f"its authentication type is {theirs.authentication_type} instead of {PASSWORD}, a password"
            yield VrrpMismatch(MismatchReason.AUTHENTICATION, seen)
        if own.interval is not None and abs(theirs.interval - own.interval) >= INTERVAL_RESOLUTION_SECONDS / 2:
            seen = f"its interval is {theirs.interval:g} s, this node's {own.interval:g} s"
            yield VrrpMismatch(MismatchReason.INTERVAL, seen)
    if own.highest is not None and theirs.priority > own.highest:
        seen = f"its priority is {theirs.priority}, and the other node's {own.highest} at most"
        yield VrrpMismatch(MismatchReason.PRIORITY, seen)
    elif theirs.priority and theirs.priority == own.priority:
        yield VrrpMismatch(MismatchReason.PRIORITY, f"its priority is {theirs.priority}, as this node's is")
    # Over IPv6 the list begins with a link-local address, which no setting tells.
    listed = {address for address in theirs.addresses if address in own.addresses or not address.is_link_local}
    if listed != own.addresses:
        seen = (
            f"it advertises {_listed(sorted(map(str, listed)))}, this node {_listed(sorted(map(str, own.addresses)))}"
        )
        yield VrrpMismatch(MismatchReason.ADDRESS_LIST, seen)


def _listed(addresses: Sequence[str]) -> str:
    more = len(addresses) - LISTED_ADDRESSES
    shown = ", ".join(addresses[:LISTED_ADDRESSES]) or "no address"
    return f"{shown} and {more} more" if more > 0 else shown

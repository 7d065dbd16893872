"""Who else sends VRRP adverts for this pair's virtual router: strangers, forgers, the other node with other settings.

Each is told with its source and its hardware address while it lasts and for ten minutes after. Where the other node's
adverts contradict this node's settings and then fit again, somebody has changed a setting, and that is over.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from exporter.wire.ip_packet import IpPacket, parse_ip_packet
from exporter.wire.packet_socket import Frame
from exporter.wire.vrrp_advertisement import parse_advertisement
from exporter.wire.vrrp_mismatch import MismatchReason, OwnVrrp, VrrpMismatch, vrrp_mismatches
from stack.keepalived.wire.nodes import PATIENCE_SECONDS, Nodes

Kind = Literal["stranger", "forged", "peer", "host"]
Way = Literal["unicast", "multicast"]

LASTS_SECONDS: Final = 5.0
HOST_LASTS_SECONDS: Final = 15.0  # its own packets are looked at every ten
# Ten minutes, and as much as the filter of adverts is late to notice what it drops, which this explains.
REMEMBERED_SECONDS: Final = 620.0
SETTINGS_REMEMBERED_SECONDS: Final = 60.0  # adverts may be 40 s apart
FITS_AGAIN_SECONDS: Final = 3.0
MOST_SENDERS: Final = 8
MOST_SENTENCES: Final = 4
# So many half seconds in which the other node's adverts both fit and do not: not one program that was given new
# settings, but two.
MIXED_TIMES: Final = 3
MIXED_SECONDS: Final = 10.0


@dataclass(slots=True)
class Sender:
    """One sender of adverts that are not as they should be; times by the monotonic clock."""

    kind: Kind
    source: str
    hardware: bytes
    way: Way
    first: float
    last: float
    count: int = 0
    mixed: bool = False  # among others of the same host that are as they should be
    settled: bool = False  # it was the other node with other settings, and they fit again
    seen: dict[str, None] = field(default_factory=dict)  # sentences, in order

    def lasting(self, now: float) -> bool:
        """Whether it goes on."""
        return now - self.last < (HOST_LASTS_SECONDS if self.kind == "host" else LASTS_SECONDS)


@dataclass(slots=True)
class _Speaker:
    packet: IpPacket
    hardware: bytes
    first: float
    last: float
    seen: list[VrrpMismatch]
    count: int = 1


class Speakers:
    """Evaluates VRRP packets, and remembers who sent those that do not fit."""

    def __init__(
        self, own: OwnVrrp, nodes: Nodes, priority: Callable[[], int | None], say: Callable[[str], None]
    ) -> None:
        """Compare with ``own``; ``priority`` says what keepalived's is now, None when that is not known."""
        self._say = say
        self._own = own
        self._nodes = nodes
        self._priority = priority
        self.counts = dict.fromkeys(MismatchReason, 0)
        self.senders: dict[tuple[Kind, str, bytes], Sender] = {}
        self._suspects: dict[bytes, _Speaker] = {}
        self._fitted = float("-inf")
        self._mixed: list[float] = []

    @property
    def suspects(self) -> bool:
        """Whether somebody is to be asked for."""
        return bool(self._suspects)

    def hear(self, frames: Sequence[Frame], now: float) -> None:
        """Evaluate what other hosts sent since the last time."""
        fits = differs = False
        own = replace(self._own, priority=self._priority()) if frames else self._own
        for frame in frames:
            if self._nodes.is_own(frame.sender):  # thrown back by a switch
                continue
            try:
                packet = parse_ip_packet(frame.packet)
            except ParseError as error:
                self.counts[MismatchReason.MALFORMED] += 1
                self._note("stranger", "", frame.sender, "multicast", [str(error)], now)
                continue
            found = vrrp_mismatches(packet, own)
            if self._in_name_of_node(packet.source) and not self._nodes.is_peer(frame.sender):
                self._suspect(packet, frame.sender, found, now)
            elif self._in_name_of_node(packet.source):
                faults = self._count(found)
                fits, differs = fits or not found, differs or bool(faults)
                if faults:
                    self._note("peer", str(packet.source), frame.sender, _way(packet), faults, now)
            elif faults := self._count(found):
                self._note("stranger", str(packet.source), frame.sender, _way(packet), faults, now)
        self._evaluate_suspects(now)
        self._evaluate_peer(now, fits=fits, differs=differs)
        self._forget(now)

    def hear_host(self, frames: Sequence[Frame], now: float) -> None:
        """Evaluate what this very host sent and its keepalived did not."""
        for frame in frames:
            try:
                packet = parse_ip_packet(frame.packet)
                advert = parse_advertisement(packet)
            except ParseError:
                continue
            ours = self._own.addresses.intersection(advert.addresses)
            if advert.virtual_router_id == self._own.virtual_router_id or ours:
                seen = f"VRRPv{advert.version}, virtual router {advert.virtual_router_id}, priority {advert.priority}"
                self._note("host", str(packet.source), frame.sender, _way(packet), [seen], now)

    def _in_name_of_node(self, source: Address) -> bool:
        """IPv6 adverts may come from a link-local address, which no setting tells."""
        nodes = (self._own.peer, self._own.address)
        return source in nodes or (source.version == 6 and source.is_link_local and self._own.peer is not None)

    def _count(self, found: Sequence[VrrpMismatch]) -> list[str]:
        for mismatch in found:
            self.counts[mismatch.reason] += 1
        return [mismatch.seen for mismatch in found if mismatch.reason is not MismatchReason.OTHER_VRID]

    def _suspect(self, packet: IpPacket, hardware: bytes, found: Sequence[VrrpMismatch], now: float) -> None:
        if any(mismatch.reason is MismatchReason.OTHER_VRID for mismatch in found):
            self.counts[MismatchReason.OTHER_VRID] += 1
            return
        suspect = self._suspects.get(hardware)
        if suspect is None and len(self._suspects) < MOST_SENDERS:
            self._suspects[hardware] = _Speaker(packet, hardware, now, now, list(found))
        elif suspect is not None:
            suspect.last = now
            suspect.count += 1
            if len(suspect.seen) < MOST_SENTENCES:
                suspect.seen += found

    def _evaluate_suspects(self, now: float) -> None:
        for hardware, suspect in list(self._suspects.items()):
            if now - suspect.first < PATIENCE_SECONDS:
                continue
            del self._suspects[hardware]
            if self._nodes.is_own(hardware):
                continue
            source = suspect.packet.source
            in_own_name = source == self._own.address
            faults = [one.seen for one in suspect.seen]
            if self._nodes.is_peer(hardware) and not in_own_name:  # it was the other node with a new card
                if faults := self._count(suspect.seen):
                    self._note("peer", str(source), hardware, _way(suspect.packet), faults, suspect.last)
            elif source.is_link_local:
                self.counts[MismatchReason.FOREIGN_SOURCE] += suspect.count
                way = _way(suspect.packet)
                self._note("stranger", str(source), hardware, way, faults, suspect.last, suspect.count)
            elif faults or in_own_name or not self._nodes.peer_unknown:
                self.counts[MismatchReason.FORGED] += suspect.count
                way = _way(suspect.packet)
                self._note("forged", str(source), hardware, way, faults, suspect.last, suspect.count)

    def _evaluate_peer(self, now: float, *, fits: bool, differs: bool) -> None:
        self._mixed = [then for then in self._mixed if now - then < MIXED_SECONDS]
        if fits and differs:
            self._mixed.append(now)
        if fits:
            self._fitted = now
        for sender in self.senders.values():
            if sender.kind != "peer":
                continue
            sender.mixed = sender.mixed or len(self._mixed) >= MIXED_TIMES
            over = now - sender.last > FITS_AGAIN_SECONDS and self._fitted > sender.last
            sender.settled = not sender.mixed and (over or now - sender.last > SETTINGS_REMEMBERED_SECONDS)

    def _forget(self, now: float) -> None:
        for key, sender in list(self.senders.items()):
            if now - sender.last > REMEMBERED_SECONDS:
                del self.senders[key]

    def _note(
        self, kind: Kind, source: str, hardware: bytes, way: Way, faults: Sequence[str], now: float, count: int = 1
    ) -> None:
        key = kind, source, hardware
        sender = self.senders.get(key)
        if sender is None:
            if len(self.senders) >= MOST_SENDERS:
                self._displace_one()
            sender = self.senders[key] = Sender(kind, source, hardware, way, now, now)
            self._say(f"{kind} {source} ({hardware.hex(':')}) sends VRRP by {way}: {'; '.join(faults)}")
        sender.last, sender.way = now, way
        sender.count += count
        for fault in faults:
            if len(sender.seen) < MOST_SENTENCES:
                sender.seen[fault] = None

    def _displace_one(self) -> None:
        """Forget one of those that sent least; which, is left to chance, so that in a flood who comes again stays."""
        least = min(sender.count for sender in self.senders.values())
        weakest = [key for key, sender in self.senders.items() if sender.count == least]
        del self.senders[random.choice(weakest)]  # noqa: S311 (nobody gains by knowing)


def _way(packet: IpPacket) -> Way:
    return "multicast" if packet.destination.is_multicast else "unicast"

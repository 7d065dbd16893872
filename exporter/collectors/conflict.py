"""What the wire says against this node: other hosts that have its virtual IPs, and VRRP that does not fit.

Once a second it empties its sockets and, for each virtual IP that this node owns, asks the LAN who else
has it: with an ARP probe (RFC 5227) or the neighbour solicitation of duplicate address detection
(RFC 4862). Neither claims anything, and whoever has the address answers. (A Linux host with
``arp_ignore`` 8 does not; it is then seen when it announces the address or asks from it.)

Of the peer's VRRP packets two or three a second are looked at, of other hosts' all up to a bound, so
the counts are of what was looked at. Heard are the packets of the address family of the first virtual
IP, which keepalived's instance speaks: a virtual router ID belongs to one family (RFC 9568). Unicast
between other hosts stays unheard, and a password is keepalived's to compare: its error counters tell.
"""

from __future__ import annotations

import errno
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from exporter.addressing import Address
from exporter.contradictions import Contradiction, OwnVrrp, Reason, contradictions
from exporter.errors import CollectorError, NotReadyError, ParseError
from exporter.observations import Conflict, ConflictObservation, VipObservation, VrrpObservation
from exporter.pair import SETTLED_SECONDS
from exporter.parsers.ip_packet import parse_ip_packet
from exporter.settings.values import Settings
from exporter.sources.packet_socket import Frame, NotEthernetError, own_hardware_addresses
from exporter.sources.wire import Claim, Wire
from exporter.worker import Worker

log = logging.getLogger(__name__)

PERIOD_SECONDS = 1.0
FIRST_PERIOD_SECONDS = 0.5  # twice, until there is a first result
RETRY_SECONDS = 3.0
FOREIGN_OWNER_SECONDS = 10.0  # how long a sighting lasts
PROBLEM_SECONDS = 60.0  # adverts may be 40 s apart
OWN_VRRP_SECONDS = 5.0  # as often as keepalived dumps
STUCK_SECONDS = 15.0


@dataclass(slots=True)
class _Sighting:
    """Who else has a virtual IP; times by the monotonic clock."""

    owner: bytes | None = None
    seen: float = 0.0
    replies: int = 0


class ConflictCollector:
    """Listens to the LAN and asks it for second owners; needs CAP_NET_RAW."""

    name = "conflict"

    def __init__(
        self,
        settings: Settings,
        vips: Callable[[], VipObservation],
        vrrp: Callable[[], VrrpObservation],
        open_wire: Callable[[str, Collection[Address], int, Address | None], Wire] = Wire,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Watch as the settings say; ``vips`` and ``vrrp`` tell without waiting what this node has.

        Both are called from this collector's thread and may raise CollectorError.
        """
        self._interface = settings.network_interface
        self._vips = vips
        self._vrrp = vrrp
        self._open_wire = open_wire
        self._monotonic = monotonic
        addresses = [virtual.address for virtual in settings.vip_address]
        self._version = addresses[0].version
        peer = settings.peer_ip
        self._own = OwnVrrp(
            virtual_router_id=settings.virtual_router_id,
            address=settings.node_ip.address,
            addresses=frozenset(address for address in addresses if address.version == self._version),
            peer=peer if peer is not None and peer.version == self._version else None,
        )
        self._own_asked = float("-inf")
        self._lock = threading.Lock()  # guards what collect() reads
        self._sightings: dict[Address, _Sighting] = {address: _Sighting() for address in addresses}
        self._advertisements = dict.fromkeys(Reason, 0)
        self._problem: str | None = None
        self._problem_seen = 0.0
        self._failure: str | None = None
        self._heard_at: float | None = None
        self._wire: Wire | None = None
        self._emptied = 0.0  # what the wire gives next has come since then
        self._pending: Sequence[Claim] | None = None  # claims not judged yet; None: nothing was read yet
        self._pending_since = 0.0
        self._worker = Worker("conflict", self._work)

    def start(self) -> None:
        """Begin to listen."""
        self._worker.start()

    def collect(self) -> ConflictObservation:
        """Tell what was heard."""
        now = self._monotonic()
        with self._lock:
            if self._failure is not None:
                raise CollectorError(self._failure)
            if self._heard_at is None:
                msg = "the wire has not been listened to for a second yet"
                raise NotReadyError(msg)
            silence = now - self._heard_at
            if silence > STUCK_SECONDS:
                msg = f"the wire has not been read for {silence:.0f} s; see the exporter's log and restart it"
                raise CollectorError(msg)
            recent = self._problem is not None and now - self._problem_seen < PROBLEM_SECONDS
            return ConflictObservation(
                conflicts=tuple(_describe(address, seen, now) for address, seen in self._sightings.items()),
                advertisements={reason.value: count for reason, count in self._advertisements.items()},
                last_advertisement_problem=self._problem if recent else None,
            )

    def stop(self) -> None:
        """Listen no more."""
        self._worker.stop()
        self._close()

    def _close(self) -> None:
        if self._wire is not None:
            self._wire.close()
            self._wire = None
        self._pending = None

    def _work(self) -> float:
        try:
            if self._wire is None:
                self._wire = self._open_wire(self._interface, self._sightings.keys(), self._version, self._own.peer)
                self._emptied = self._monotonic()
            else:
                self._listen(self._wire)
            for address in self._held():
                self._wire.ask_for(address)
        except OSError as error:
            with self._lock:
                self._failure = _explain(error, self._interface)
            self._close()
            return RETRY_SECONDS
        return PERIOD_SECONDS if self._failure is None and self._heard_at is not None else FIRST_PERIOD_SECONDS

    def _listen(self, wire: Wire) -> None:
        began = self._monotonic()
        heard = wire.read()
        ours = own_hardware_addresses() if heard.claims or heard.other_adverts else set()
        # When an address moves, both nodes have it for some milliseconds, and the new owner announces it
        # meanwhile. So claims are judged one period later: the address must have been here all the time.
        judged = self._pending
        if judged is not None:
            self._note_claims(judged, self._held(), self._monotonic() - self._pending_since + SETTLED_SECONDS)
        self._pending = [claim for claim in heard.claims if claim.hardware not in ours]
        self._pending_since = self._emptied
        self._note_adverts([*heard.peer_adverts, *(frame for frame in heard.other_adverts if frame.sender not in ours)])
        if heard.complete:
            self._emptied = began
        if judged is not None:
            with self._lock:
                self._failure, self._heard_at = None, began

    def _held(self) -> dict[Address, float]:
        """The virtual IPs that this node has, and for how many seconds at least."""
        try:
            vips = self._vips().vips
        except CollectorError:  # its own collector tells
            return {}
        held = {vip.address: float("inf") if vip.steady is None else vip.steady for vip in vips if vip.owned}
        return {address: held[str(address)] for address in self._sightings if str(address) in held}

    def _note_claims(self, claims: Sequence[Claim], held: Mapping[Address, float], settled: float) -> None:
        """Count claims of what this node has had for long enough, and forget about what it no longer has."""
        now = self._monotonic()
        with self._lock:
            for address, sighting in self._sightings.items():
                if address not in held:
                    sighting.owner = None
            for claim in claims:
                if held.get(claim.address, 0.0) < settled:
                    continue
                sighting = self._sightings[claim.address]
                if sighting.owner is None or now - sighting.seen >= FOREIGN_OWNER_SECONDS:
                    log.warning("%s also answers for %s, which this node owns", claim.hardware.hex(":"), claim.address)
                sighting.owner, sighting.seen = claim.hardware, now
                sighting.replies += 1

    def _note_adverts(self, frames: Sequence[Frame]) -> None:
        if not frames:
            return
        own = self._own_vrrp()
        for frame in frames:
            try:
                packet = parse_ip_packet(frame.packet)
            except ParseError as error:
                self._note_advert(f"host {frame.sender.hex(':')}", [Contradiction(Reason.MALFORMED, str(error))])
                continue
            self._note_advert(str(packet.source), contradictions(packet, own))

    def _note_advert(self, source: str, found: Sequence[Contradiction]) -> None:
        faults = [contradiction.seen for contradiction in found if contradiction.reason is not Reason.OTHER_VRID]
        now = self._monotonic()
        with self._lock:
            for contradiction in found:
                self._advertisements[contradiction.reason] += 1
            if not faults:
                return
            problem = f"{source}: {'; '.join(faults)}"
            if self._problem is None or now - self._problem_seen >= PROBLEM_SECONDS:
                log.warning("VRRP on the wire contradicts this node: %s", problem)
            self._problem, self._problem_seen = problem, now

    def _own_vrrp(self) -> OwnVrrp:
        """What keepalived on this node would send, as it last told."""
        now = self._monotonic()
        if now - self._own_asked < OWN_VRRP_SECONDS:
            return self._own
        self._own_asked = now
        try:
            instances = self._vrrp().instances
        except CollectorError:  # its own collector tells
            instances = ()
        found = [
            instance
            for instance in instances
            if (instance.virtual_router_id, instance.interface) == (self._own.virtual_router_id, self._interface)
        ]
        one = found[0] if len(found) == 1 else None
        self._own = replace(
            self._own,
            version=one.version if one else None,
            priority=one.effective_priority if one else None,
            interval=one.advertisement_interval if one else None,
        )
        return self._own


def _describe(address: Address, sighting: _Sighting, now: float) -> Conflict:
    lasting = sighting.owner is not None and now - sighting.seen < FOREIGN_OWNER_SECONDS
    return Conflict(str(address), sighting.owner.hex(":") if sighting.owner and lasting else None, sighting.replies)


def _explain(error: OSError, interface: str) -> str:
    """Say what is wrong with the wire and what to do."""
    if isinstance(error, NotEthernetError):
        return f"{interface} is not an Ethernet interface; set NETWORK_INTERFACE to the one on the LAN"
    hints = {
        errno.EPERM: "this process lacks CAP_NET_RAW; give it that capability (a process that is not root needs it "
        "as an ambient one), or set DETECT_CONFLICTS=false",
        errno.EAFNOSUPPORT: "packet sockets are forbidden; allow AF_PACKET (seccomp or RestrictAddressFamilies)",
        errno.ENODEV: f"{interface} does not exist; set NETWORK_INTERFACE to the interface on the LAN (ip link)",
        errno.ENETDOWN: f"{interface} is down or was replaced; ip link set {interface} up",
    }
    hint = hints.get(error.errno or 0, f"{error.strerror or error} on {interface}; the next try follows by itself")
    return f"the wire cannot be watched: {hint}"

"""The wire watch: a process beside keepalived that looks at the LAN and asks it who has the virtual IPs.

It wakes twice a second and takes a bounded number of frames, whatever comes: the kernel's filter lets only those of the
virtual IPs and of VRRP through, and drops what there is no room for, which is counted.
"""

from __future__ import annotations

import errno
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from exporter.sources.keepalived import DumpFile
from exporter.wire.packet_socket import NotEthernetError, PacketSocket
from exporter.wire.vrrp_mismatch import OwnVrrp
from exporter.wire.wire import MOST_FRAMES, VRRP_GROUP_ADDRESSES, AdvertShape, Wire, own_adverts_unlike
from stack.keepalived.values import KeepalivedSettings
from stack.keepalived.wire.held import HeldAddresses
from stack.keepalived.wire.nodes import Nodes
from stack.keepalived.wire.owners import Owners
from stack.keepalived.wire.report import WireReporter
from stack.keepalived.wire.resume import resume
from stack.keepalived.wire.speakers import Speakers

TICK_SECONDS = 0.5
ASK_SECONDS = 1.0
# RFC 5227 section 2.4 (c): an address is defended at most once in DEFEND_INTERVAL.
DEFEND_SECONDS = 10.0
RETRY_SECONDS = 3.0
PRIORITY_SECONDS = 5.0  # as often as keepalived dumps
INTERFACES_SECONDS = 10.0
# This host's own packets: long enough for an advert a second, rarely enough to cost nothing.
HOST_EVERY_SECONDS, HOST_FOR_SECONDS = 10.0, 1.5
SAY_SECONDS = 1.0  # between two lines of the log
_SLACK_SECONDS = 0.1  # a tick that comes a little early is not put off to the next


@dataclass(frozen=True, slots=True)
class WireSettings:
    """What the watch compares the LAN with. ``highest`` is the highest priority that the other node can have."""

    node: KeepalivedSettings
    highest: int

    @property
    def addresses(self) -> tuple[Address, ...]:
        """The virtual IPs."""
        return tuple(virtual.address for virtual in self.node.virtual_addresses)

    @property
    def own(self) -> OwnVrrp:
        """What this node's keepalived sends, and what it expects."""
        node = self.node
        version = node.address.version
        return OwnVrrp(
            virtual_router_id=node.virtual_router_id,
            address=node.address,
            addresses=frozenset(address for address in self.addresses if address.version == version),
            peer=node.peer,
            version=node.vrrp_version,
            interval=node.advert_interval_units / (1 if node.vrrp_version == 2 else 100),
            highest=self.highest if node.peer else None,
        )

    @property
    def shape(self) -> AdvertShape:
        """How both nodes' adverts look; VRRPv2's have the kind of authentication before the interval (RFC 3768)."""
        node = self.node
        timing = node.advert_interval_units | (0x0100 if node.vrrp_version == 2 else 0)
        return AdvertShape(node.address.version, node.vrrp_version, node.virtual_router_id, timing)

    @property
    def own_shape(self) -> AdvertShape:
        """How this node's look; a standalone one does not say from which address it sends."""
        node = self.node
        destination = node.peer if node.unicast else VRRP_GROUP_ADDRESSES[node.address.version]
        return replace(self.shape, source=node.address if node.peer else None, destination=destination)


class WireWatch:
    """Looks at one interface's LAN."""

    def __init__(
        self,
        settings: WireSettings,
        files: RuntimeFiles,
        beat: Callable[[], None],
        monotonic: Callable[[], float] = time.monotonic,
        *,
        first: bool = True,
    ) -> None:
        """``first``: keepalived has just been started, so with it begins what is found of others."""
        self._settings = settings
        self._beat = beat
        self._monotonic = monotonic
        self._said = float("-inf")
        node = settings.node
        self._nodes = Nodes(node.address, node.peer)
        self._owners = Owners(settings.addresses, self._nodes, self._say)
        self._speakers = Speakers(settings.own, self._nodes, self._priority, self._say)
        self._held = HeldAddresses([*settings.addresses, node.address], node.interface)
        self._reporter = WireReporter(files, self._owners, self._speakers, self._nodes)
        resume(files, self._owners, self._speakers, self._reporter, monotonic(), findings=not first)
        self._dump = DumpFile(files.dump)
        self._known_priority: int | None = None
        self._priority_asked = float("-inf")
        self._wire: Wire | None = None
        self._host: PacketSocket | None = None
        self._host_opened = self._asked = self._interfaces_asked = self._read = self._retry = float("-inf")
        self._defended: dict[Address, float] = {}

    def run(self) -> None:
        """Look until this process is ended."""
        while True:
            self.poll()
            self._beat()
            time.sleep(TICK_SECONDS)

    def poll(self) -> None:
        """Take what has come, evaluate it, ask on, and tell."""
        now = self._monotonic()
        problem = ""
        if now >= self._retry:
            try:
                self._poll(now)
            except OSError as error:
                problem = _explain(error, self._settings.node.interface)
                self._retry = now + RETRY_SECONDS
                self._close()
        else:
            problem = self._reporter.problem
        self._reporter.tell(now, problem)

    def _poll(self, now: float) -> None:
        wire = self._wire or self._open(now)
        suspected = self._owners.suspects or self._speakers.suspects
        if suspected or now - self._interfaces_asked >= INTERFACES_SECONDS:  # it may be a new card of this host
            self._nodes.poll()
            self._interfaces_asked = now
        self._held.poll(now)
        heard = wire.read()
        self._reporter.dropped += wire.dropped()
        if self._nodes.learn(heard.claims, now):
            wire.know_peer(self._nodes.peer)
        self._owners.hear(heard.claims, self._read, now, self._held.since)
        self._speakers.hear([*heard.peer_adverts, *heard.other_adverts], now)
        if heard.complete:
            self._read = now
        self._look_at_host(now)
        self._ask(wire, now)
        self._defend(wire, now)

    def _ask(self, wire: Wire, now: float) -> None:
        node = self._settings.node
        urgent = self._owners.suspects or self._speakers.suspects
        own_address_held = self._held.since(node.address) is not None
        self._nodes.ask(wire, now, urgent=urgent, own_address_held=own_address_held)
        contested = urgent or any(found.lasting(now) for found in self._owners.found.values())
        if now - self._asked < (TICK_SECONDS if contested else ASK_SECONDS) - _SLACK_SECONDS:
            return
        self._asked = now
        for address in self._owners.found:
            # Over IPv6 the owner's question is answered to all nodes, and another one might disturb its taking over:
            # who is still looking whether it may have an address takes it for another host's.
            if address.version == 4 or self._held.since(address) is not None:
                wire.ask_for(address)

    def _defend(self, wire: Wire, now: float) -> None:
        """Announce what another device was heard to have since the last time; so once after its end, too."""
        for address, found in self._owners.found.items():
            before = self._defended.get(address, float("-inf"))
            latest = found.latest()
            heard = latest is not None and latest[1].last > before
            if heard and now - before >= DEFEND_SECONDS and self._held.since(address) is not None:
                wire.announce(address)
                self._defended[address] = now
                self._reporter.announcements += 1

    def _look_at_host(self, now: float) -> None:
        """Open and close the socket that sees what this host sends."""
        if self._host is None:
            if now - self._host_opened >= HOST_EVERY_SECONDS:
                self._host = own_adverts_unlike(self._settings.node.interface, self._settings.own_shape)
                self._host_opened = now
            return
        frames, _ = self._host.read(MOST_FRAMES)
        self._speakers.hear_host(frames, now)
        if now - self._host_opened >= HOST_FOR_SECONDS:
            self._host.close()
            self._host = None

    def _open(self, now: float) -> Wire:
        node = self._settings.node
        addresses = [*self._settings.addresses, *([node.peer] if node.peer else [])]
        expected = replace(self._settings.shape, source=node.peer) if node.peer else None
        self._wire = wire = Wire(node.interface, addresses, node.address.version, node.peer, expected)
        wire.know_peer(self._nodes.peer)
        self._interfaces_asked = float("-inf")
        self._read = now
        return wire

    def _close(self) -> None:
        for opened in (self._wire, self._host):
            if opened is not None:
                opened.close()
        self._wire = self._host = None

    def _priority(self) -> int | None:
        """Keepalived's own priority, as its last dump has it."""
        now = self._monotonic()
        if now - self._priority_asked >= PRIORITY_SECONDS:
            self._priority_asked = now
            try:
                _, instances = self._dump.read()
            except (OSError, ParseError):  # the exporter tells of it
                instances = ()
            self._known_priority = instances[0].effective_priority if len(instances) == 1 else None
        return self._known_priority

    def _say(self, what: str) -> None:
        now = self._monotonic()
        if now - self._said >= SAY_SECONDS:
            self._said = now
            print(f"wire: {what}", file=sys.stderr, flush=True)


def _explain(error: OSError, interface: str) -> str:
    """Say what is wrong with the wire and what to do."""
    if isinstance(error, NotEthernetError):
        return f"{interface} is not an Ethernet interface; set NETWORK_INTERFACE to the one on the LAN"
    hints = {
        errno.EPERM: "keepalived's container lacks NET_RAW; give it back what compose.yaml gives it",
        errno.EAFNOSUPPORT: "packet sockets are forbidden; allow AF_PACKET (seccomp or RestrictAddressFamilies)",
        errno.ENODEV: f"{interface} does not exist; set NETWORK_INTERFACE to the interface on the LAN (ip link)",
        errno.ENETDOWN: f"{interface} is down or was replaced; ip link set {interface} up",
    }
    hint = hints.get(error.errno or 0, f"{error.strerror or error} on {interface}; the next try follows by itself")
    return f"the wire cannot be watched: {hint}"

"""Given what a node owns and what the wire says, when time passes, then the collector tells a conflict or none.

The wire is a stand-in here, so that time can be wound; tests/wire has the real one.
"""

from __future__ import annotations

import errno
from collections.abc import Collection, Iterator
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from exporter import checks
from exporter.addressing import Address
from exporter.app import Application
from exporter.checks import conflict as conflict_check
from exporter.collectors import conflict
from exporter.collectors.conflict import ConflictCollector
from exporter.errors import CollectorError, NotReadyError
from exporter.observations import (
    CollectorResult,
    ConflictObservation,
    NodeIdentity,
    NodeStatus,
    Status,
    Vip,
    VipObservation,
    VrrpInstance,
    VrrpObservation,
    VrrpState,
)
from exporter.settings.load import load
from exporter.settings.values import Settings
from exporter.sources.packet_socket import Frame, NotEthernetError
from exporter.sources.wire import Claim, Heard, Wire

VIP = "192.0.2.53"
OURS, THEIRS = bytes.fromhex("02000000000b"), bytes.fromhex("02000000000c")
SILENCE = Heard((), (), (), complete=True)
RECORDINGS = Path(__file__).parents[1] / "fixtures" / "vrrp" / "2.3.3"
FROM_PEER = Frame(THEIRS, bytes.fromhex((RECORDINGS / "v3-ipv4-unicast.hex").read_text()))
FROM_PEER_V2 = Frame(THEIRS, bytes.fromhex((RECORDINGS / "v2-password.hex").read_text()))
ENVIRONMENT = {
    "NODE_ROLE": "secondary",
    "NODE_NAME": "beta",
    "NODE_IP": "192.0.2.12/24",
    "PEER_IP": "192.0.2.11",
    "VIP_ADDRESS": "192.0.2.53,192.0.2.54,2001:db8::53",
    "NETWORK_INTERFACE": "eth0",
    "DETECT_CONFLICTS": "true",
}
KEEPALIVED = VrrpInstance(
    name="VI_1",
    state=VrrpState.BACKUP,
    transitions={},
    last_transition=None,
    effective_priority=240,
    base_priority=240,
    virtual_router_id=53,
    interface="eth0",
    version=3,
    advertisement_interval=0.05,
    counters=None,
)


class StandInWire(Wire):
    """Says what it was told to say."""

    def __init__(self) -> None:
        self.heard = SILENCE
        self.error: OSError | None = None
        self.asked: list[str] = []
        self.closed = 0

    def open(self, interface: str, addresses: Collection[Address], version: int, peer: Address | None) -> Wire:
        if self.error is not None:
            raise self.error
        return self

    def read(self) -> Heard:
        if self.error is not None:
            raise self.error
        heard, self.heard = self.heard, SILENCE
        return heard

    def ask_for(self, address: Address) -> None:
        self.asked.append(str(address))

    def close(self) -> None:
        self.closed += 1


class Node:
    """A node with a collector whose time only passes when a test says so."""

    def __init__(self, settings: Settings) -> None:
        self.wire = StandInWire()
        self.now = 1000.0
        self.owned_since: float | None = -1e9  # None: not owned
        self.vip_error: CollectorError | None = None
        self.instances: tuple[VrrpInstance, ...] = (KEEPALIVED,)
        self.asked_keepalived = 0
        self.collector = ConflictCollector(settings, self._vips, self._vrrp, self.wire.open, lambda: self.now)

    def _vips(self) -> VipObservation:
        if self.vip_error is not None:
            raise self.vip_error
        owned = self.owned_since is not None
        steady = self.now - self.owned_since if self.owned_since is not None else None
        one = Vip(VIP, "ipv4", "eth0" if owned else None, True if owned else None, 1, 0, None, steady)
        return VipObservation((one,), 0)

    def _vrrp(self) -> VrrpObservation:
        self.asked_keepalived += 1
        if not self.instances:
            msg = "keepalived says nothing"
            raise CollectorError(msg)
        return VrrpObservation(True, "2.3.3", 1, 0, None, None, False, self.instances)

    def hear(self, *claims: Claim, seconds: float = 1.0, **heard: object) -> ConflictObservation | None:
        """Let time pass, then let the collector read the wire; return what it tells, None if nothing."""
        self.now += seconds
        self.wire.heard = replace(SILENCE, claims=claims, **heard)  # type: ignore[arg-type]
        self.collector._work()
        try:
            return self.collector.collect()
        except CollectorError:
            return None

    def foreign_owner(self) -> str | None:
        return self.collector.collect().conflicts[0].foreign_owner


@pytest.fixture
def settings() -> Settings:
    return load(None, ENVIRONMENT, {}, lambda _: ())


@pytest.fixture
def node(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Node]:
    """A node that owns a virtual IP for long and has listened for a second."""
    monkeypatch.setattr(conflict, "own_hardware_addresses", lambda: {OURS})
    node = Node(settings)
    for _ in range(3):
        node.hear()
    yield node
    node.collector.stop()


CLAIM = Claim(IPv4Address(VIP), THEIRS)


def test_it_is_not_ready_before_the_first_answers_are_judged(settings: Settings) -> None:
    node = Node(settings)
    node.hear(seconds=0.5)
    assert node.hear(CLAIM, seconds=0.5) is None
    with pytest.raises(NotReadyError):
        node.collector.collect()
    seen = node.hear(seconds=0.5)
    assert seen is not None
    assert seen.conflicts[0].foreign_owner is not None


def test_it_hurries_until_there_is_a_first_result(settings: Settings) -> None:
    node = Node(settings)
    assert [node.collector._work() for _ in range(4)] == [0.5, 0.5, 1.0, 1.0]


def test_silence_is_no_conflict(node: Node) -> None:
    seen = node.collector.collect()
    assert [entry.address for entry in seen.conflicts] == ["192.0.2.53", "192.0.2.54", "2001:db8::53"]
    assert [entry.foreign_owner for entry in seen.conflicts] == [None, None, None]
    assert set(seen.advertisements.values()) == {0}
    assert seen.last_advertisement_problem is None


def test_the_owner_asks_for_what_it_owns_and_for_nothing_else(node: Node) -> None:
    assert node.wire.asked == [VIP, VIP, VIP]
    node.owned_since = None
    node.hear()
    assert node.wire.asked == [VIP, VIP, VIP]


def test_another_host_that_answers_is_named_for_ten_seconds_and_counted_for_ever(node: Node) -> None:
    node.hear(CLAIM, CLAIM)
    node.hear()
    assert node.foreign_owner() == "02:00:00:00:00:0c"
    node.now += 9.9
    assert node.foreign_owner() == "02:00:00:00:00:0c"
    node.now += 0.2
    node.hear(seconds=0)
    assert node.foreign_owner() is None
    assert node.collector.collect().conflicts[0].foreign_replies == 2


def test_our_own_interfaces_are_nobody_else(node: Node) -> None:
    node.hear(Claim(CLAIM.address, OURS))
    node.hear()
    assert node.collector.collect().conflicts[0].foreign_replies == 0


def test_while_the_address_is_elsewhere_its_owner_is_no_foreign_one(node: Node) -> None:
    node.owned_since = None
    node.hear(CLAIM)
    node.hear()
    assert node.collector.collect().conflicts[0].foreign_replies == 0


def test_what_the_owner_before_said_is_not_held_against_it(node: Node) -> None:
    node.owned_since = node.now + 0.8
    node.hear(CLAIM)  # in the second in which the address came here
    node.hear(CLAIM)  # in a second at whose start both nodes may have had it
    node.hear()
    assert node.collector.collect().conflicts[0].foreign_replies == 0
    node.hear(CLAIM)
    node.hear()
    assert node.collector.collect().conflicts[0].foreign_replies == 1


def test_nor_what_the_next_owner_says_just_before_this_one_lets_go(node: Node) -> None:
    node.hear(CLAIM)
    node.owned_since = None
    node.hear()
    assert node.collector.collect().conflicts[0].foreign_replies == 0


def test_a_foreign_owner_is_forgotten_when_this_node_gives_the_address_up(node: Node) -> None:
    node.hear(CLAIM)
    node.hear()
    assert node.foreign_owner() is not None
    node.owned_since = None
    node.hear()
    assert node.foreign_owner() is None


def test_packets_that_were_left_unread_may_be_older(node: Node) -> None:
    node.hear(complete=False)
    node.owned_since = node.now - 0.5
    node.hear(CLAIM)  # it may have come in the second before
    node.hear()
    assert node.collector.collect().conflicts[0].foreign_replies == 0


def test_without_the_kernels_word_nothing_is_owned(node: Node) -> None:
    node.vip_error = CollectorError("no netlink")
    node.wire.asked.clear()
    assert node.hear(CLAIM) is not None
    assert node.hear() is not None
    assert node.collector.collect().conflicts[0].foreign_replies == 0
    assert node.wire.asked == []


def test_a_claim_of_an_address_that_is_not_watched_is_nothing(node: Node) -> None:
    node.hear(Claim(IPv4Address("192.0.2.99"), THEIRS))
    seen = node.hear()
    assert seen is not None
    assert [entry.foreign_replies for entry in seen.conflicts] == [0, 0, 0]


def test_the_peers_advertisements_are_compared_with_what_keepalived_told(node: Node) -> None:
    seen = node.hear(peer_adverts=(FROM_PEER, FROM_PEER_V2))
    assert seen is not None
    assert {reason: count for reason, count in seen.advertisements.items() if count} == {"version": 1}
    assert seen.last_advertisement_problem is not None
    assert seen.last_advertisement_problem.startswith("192.0.2.11: it speaks VRRPv2, this node VRRPv3")


def test_a_problem_is_told_for_a_minute(node: Node) -> None:
    node.hear(peer_adverts=(FROM_PEER_V2,))
    for _ in range(59):
        seen = node.hear()
        assert seen is not None
        assert seen.last_advertisement_problem is not None
    seen = node.hear()
    assert seen is not None
    assert seen.last_advertisement_problem is None
    assert seen.advertisements["version"] == 1


def test_keepalived_is_asked_only_when_there_is_something_to_compare_and_not_each_time(node: Node) -> None:
    assert node.asked_keepalived == 0
    for _ in range(10):
        node.hear(peer_adverts=(FROM_PEER,))
    assert node.asked_keepalived == 2


@pytest.mark.parametrize("instances", [(), (replace(KEEPALIVED, virtual_router_id=54),), (KEEPALIVED, KEEPALIVED)])
def test_what_keepalived_does_not_tell_is_not_compared(node: Node, instances: tuple[VrrpInstance, ...]) -> None:
    node.instances = instances
    seen = node.hear(peer_adverts=(FROM_PEER_V2,))
    assert seen is not None
    assert set(seen.advertisements.values()) == {0}


def test_our_own_packets_thrown_back_by_a_switch_are_nothing(node: Node) -> None:
    mirrored = replace(FROM_PEER, sender=OURS)
    stranger = Frame(THEIRS, FROM_PEER.packet[:12] + IPv4Address("192.0.2.66").packed + FROM_PEER.packet[16:])
    seen = node.hear(other_adverts=(mirrored, stranger))
    assert seen is not None
    assert sum(seen.advertisements.values()) == 1


def test_what_is_no_ip_packet_is_malformed_and_named_by_its_sender(node: Node) -> None:
    seen = node.hear(other_adverts=(Frame(THEIRS, b"\x45"),))
    assert seen is not None
    assert seen.advertisements["malformed"] == 1
    assert seen.last_advertisement_problem == "host 02:00:00:00:00:0c: 1 bytes are no IP packet"


@pytest.mark.parametrize(
    "error, advice",
    [
        (PermissionError(errno.EPERM, "Operation not permitted"), "lacks CAP_NET_RAW"),
        (OSError(errno.EAFNOSUPPORT, "Address family not supported"), "allow AF_PACKET"),
        (OSError(errno.ENODEV, "there is no such interface"), "eth0 does not exist; set NETWORK_INTERFACE"),
        (OSError(errno.ENETDOWN, "Network is down"), "ip link set eth0 up"),
        (NotEthernetError(errno.EPROTOTYPE, "not Ethernet"), "eth0 is not an Ethernet interface"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory on eth0"),
        (OSError("something"), "something on eth0"),
    ],
)
def test_a_wire_that_cannot_be_watched_is_explained_and_tried_again(node: Node, error: OSError, advice: str) -> None:
    node.wire.error = error
    assert node.hear() is None
    with pytest.raises(CollectorError, match=advice):
        node.collector.collect()
    assert node.wire.closed == 1
    assert node.hear() is None
    node.wire.error = None
    assert node.hear() is None  # open again, and nothing heard yet
    assert node.hear() is None  # nothing judged yet
    assert node.hear() is not None


def test_a_thread_that_hangs_is_told_instead_of_what_it_knew(node: Node) -> None:
    node.now += 16
    with pytest.raises(CollectorError, match="not been read for 16 s"):
        node.collector.collect()


def status(observation: ConflictObservation | None) -> NodeStatus:
    result = CollectorResult("conflict", 0.0, observation, None)
    return NodeStatus(NodeIdentity("beta", "secondary", "192.0.2.12", "1"), 0.0, (result,))


def test_a_contradiction_of_late_is_a_warning_and_none_is_fine(settings: Settings) -> None:
    (fine,) = conflict_check.judge(status(ConflictObservation((), {}, None)), settings)
    assert fine.status is Status.OK
    (warning,) = conflict_check.judge(status(ConflictObservation((), {}, "192.0.2.66: it is …")), settings)
    assert (warning.id, warning.status, warning.seen) == (
        "conflict.advertisements",
        Status.WARNING,
        "192.0.2.66: it is …",
    )
    assert list(conflict_check.judge(status(None), settings)) == []
    assert warning in checks.judge(status(ConflictObservation((), {}, "192.0.2.66: it is …")), settings)


@pytest.mark.parametrize("wanted, watching", [("true", True), ("false", False)])
def test_it_watches_only_when_asked_to(wanted: str, watching: bool) -> None:
    application = Application(
        load(None, {**ENVIRONMENT, "DETECT_CONFLICTS": wanted}, {}, lambda _: ()), persistent=False
    )
    names = [collector.name for collector in application.runner._collectors]
    assert ("conflict" in names) == watching


def test_a_look_at_the_wire_alone_needs_the_kernels_word_too(settings: Settings) -> None:
    application = Application(settings, persistent=False, only=("conflict",))
    assert {collector.name for collector in application.runner._collectors} == {"conflict", "vip"}

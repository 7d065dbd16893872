"""Given what the LAN says, when time passes, then the wire watch asks, defends, and writes what the exporter reads."""

from __future__ import annotations

import errno
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import Address, parse_virtual_address
from exporter.parsers.wire_report import WireReport, parse_wire_report
from exporter.wire.packet_socket import Frame, NotEthernetError
from exporter.wire.wire import Claim
from stack.keepalived.values import KeepalivedSettings
from stack.keepalived.wire import nodes, watch
from stack.keepalived.wire.watch import WireSettings, WireWatch

from .standin_wire import StandInWire

VIP, VIP6, NODE, PEER = "192.0.2.53", "2001:db8::53", "192.0.2.11", "192.0.2.12"
OURS, THEIRS, STRANGE = (bytes.fromhex(f"0200000000{last}") for last in ("0b", "0c", "64"))
SETTINGS = KeepalivedSettings(
    role="primary",
    name="alpha",
    interface="eth0",
    virtual_router_id=53,
    virtual_addresses=(parse_virtual_address(VIP), parse_virtual_address(VIP6)),
    address=IPv4Address(NODE),
    peer=IPv4Address(PEER),
    unicast=True,
    password="",
    advert_interval=0.05,
)


class StandInHost:
    """What this host itself sends."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []
        self.opened = 0

    def open(self, *_: object) -> StandInHost:
        self.opened += 1
        return self

    def read(self, limit: int) -> tuple[list[Frame], bool]:
        return self.frames[:limit], True

    def close(self) -> None:
        """It is opened again later."""


class StandInHeld:
    """Which addresses this node has."""

    def __init__(self) -> None:
        self.held: set[Address] = {IPv4Address(VIP), IPv6Address(VIP6), IPv4Address(NODE)}

    def make(self, *_: object) -> StandInHeld:
        return self

    def poll(self, now: float) -> None:
        """Nothing changes by itself."""

    def since(self, address: Address) -> float | None:
        return 0.0 if address in self.held else None


class Node:
    """A node whose time passes by half seconds."""

    def __init__(self, directory: Path) -> None:
        self.wire, self.host, self.addresses = StandInWire(), StandInHost(), StandInHeld()
        self.files = RuntimeFiles(directory)
        self.now = 1000.0
        self.watch: WireWatch

    def hear(self, *claims: tuple[str, bytes], seconds: float = 0.5) -> WireReport:
        """Half a second passes in which these addresses are claimed; return what is told then."""
        self.now += seconds
        self.wire.claims = [Claim(_address(address), hardware, hardware) for address, hardware in claims]
        self.watch.poll()
        return parse_wire_report(self.files.wire.read_bytes())


def _address(text: str) -> Address:
    return IPv6Address(text) if ":" in text else IPv4Address(text)


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node that has both virtual IPs."""
    node = Node(tmp_path)
    monkeypatch.setattr(watch, "Wire", node.wire.open)
    monkeypatch.setattr(watch, "own_adverts_unlike", node.host.open)
    monkeypatch.setattr(watch, "HeldAddresses", node.addresses.make)
    monkeypatch.setattr(nodes, "own_hardware_addresses", lambda: {OURS})
    node.watch = WireWatch(WireSettings(SETTINGS, 240), node.files, lambda: None, lambda: node.now)
    node.hear((PEER, THEIRS))
    return node


def test_silence_is_told_too(node: Node) -> None:
    report = node.hear()
    assert report.problem == ""
    assert [(one.address, one.foreign, one.split) for one in report.conflicts] == [
        (VIP, None, False),
        (VIP6, None, False),
    ]
    assert report.advertisers == ()


def test_it_asks_for_the_virtual_ips_each_second(node: Node) -> None:
    node.wire.asked.clear()
    for _ in range(4):
        node.hear()
    assert node.wire.asked == [VIP, VIP6] * 2


def test_a_standby_disturbs_nobody_over_ipv6(node: Node) -> None:
    """Duplicate address detection would take its question for another host's."""
    node.addresses.held = {IPv4Address(NODE)}
    node.wire.asked.clear()
    for _ in range(4):
        node.hear()
    assert node.wire.asked == [VIP, VIP]


def test_it_asks_for_the_peer_rarely_and_at_once_when_somebody_is_suspected(node: Node) -> None:
    node.wire.asked_for_peer.clear()
    for _ in range(18):
        node.hear((PEER, THEIRS))
    assert node.wire.asked_for_peer == []
    node.hear()
    node.hear()
    assert node.wire.asked_for_peer == [f"{NODE} asks for {PEER}"]
    node.hear((VIP, STRANGE))
    assert len(node.wire.asked_for_peer) == 2


def test_a_peer_that_was_never_heard_is_asked_for_every_two_seconds(node: Node) -> None:
    node.watch = WireWatch(WireSettings(SETTINGS, 240), node.files, lambda: None, lambda: node.now)
    node.wire.asked_for_peer.clear()
    for _ in range(12):
        node.hear()
    assert len(node.wire.asked_for_peer) == 3


def test_it_does_not_ask_in_the_name_of_an_address_that_it_has_not(node: Node) -> None:
    node.addresses.held.remove(IPv4Address(NODE))
    node.wire.asked_for_peer.clear()
    for _ in range(60):
        node.hear((VIP, STRANGE))
    assert node.wire.asked_for_peer == []


def test_the_kernels_filter_learns_the_peers_hardware(node: Node) -> None:
    assert node.wire.known_peer == [THEIRS]


def test_an_address_that_a_device_has_is_announced_at_most_once_in_ten_seconds(node: Node) -> None:
    for _ in range(4):
        report = node.hear((VIP, STRANGE))
    assert report.conflicts[0].foreign_owner == "02:00:00:00:00:64"
    assert node.wire.announced == [VIP]
    for _ in range(18):
        node.hear((VIP, STRANGE))
    assert node.wire.announced == [VIP]
    for _ in range(3):
        report = node.hear((VIP, STRANGE))
    assert node.wire.announced == [VIP, VIP]
    assert report.announcements == 2


def test_it_is_announced_once_more_after_the_devices_end(node: Node) -> None:
    """For clients that still believe the device."""
    for _ in range(6):
        node.hear((VIP, STRANGE))
    for _ in range(60):
        node.hear()
    assert node.wire.announced == [VIP, VIP]


def test_what_this_node_has_not_it_does_not_announce(node: Node) -> None:
    node.addresses.held = {IPv4Address(NODE)}
    for _ in range(6):
        report = node.hear((VIP, STRANGE))
    assert report.conflicts[0].foreign_owner is not None
    assert node.wire.announced == []


def test_a_new_card_of_this_very_host_is_looked_for_before_anybody_is_blamed(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nodes, "own_hardware_addresses", lambda: {OURS, STRANGE})
    for _ in range(4):
        report = node.hear((VIP, STRANGE))
    assert report.conflicts[0].foreign is None
    assert node.wire.announced == []


def test_a_split_brain_is_told_and_not_fought_over(node: Node) -> None:
    for _ in range(3):
        report = node.hear((VIP, THEIRS), (PEER, THEIRS))
    assert (report.conflicts[0].split, report.conflicts[0].foreign) == (True, None)
    assert node.wire.announced == []


def test_a_device_is_told_in_the_past_two_seconds_after_its_last_answer(node: Node) -> None:
    for _ in range(6):
        node.hear((VIP, STRANGE))
    reports = [node.hear() for _ in range(4)]
    assert [report.conflicts[0].foreign_owner for report in reports][2:] == [None, None]
    device = reports[-1].conflicts[0].foreign
    assert device is not None
    assert device.last < reports[-1].time


def test_its_own_hosts_packets_are_looked_at_for_a_moment_every_ten_seconds(node: Node) -> None:
    for _ in range(50):
        node.hear()
    assert node.host.opened == 3


@pytest.mark.parametrize(
    "error, advice",
    [
        (PermissionError(errno.EPERM, "Operation not permitted"), "lacks NET_RAW"),
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
    assert advice in node.hear().problem
    assert node.wire.closed == 1
    node.wire.error = None
    assert advice in node.hear().problem, "it is not tried at once"
    assert node.hear(seconds=3).problem == ""


def test_what_it_writes_every_two_seconds_at_least_is_what_the_exporter_reads(node: Node) -> None:
    node.files.wire.unlink()
    for _ in range(4):
        node.now += 0.5
        node.watch.poll()
    assert parse_wire_report(node.files.wire.read_bytes()).problem == ""


def test_a_full_runtime_directory_ends_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    node.now += 5
    node.watch.poll()


@pytest.mark.parametrize(
    "password, timing, version, interval", [("", 5, 3, 0.05), ("secret12", 0x0101, 2, 1.0)], ids=["v3", "v2"]
)
def test_how_the_pairs_adverts_look_follows_from_its_settings(
    password: str, timing: int, version: int, interval: float
) -> None:
    """RFC 9568 section 5.2: the interval in hundredths of a second; RFC 3768 section 5.3: its kind, then seconds."""
    settings = WireSettings(replace(SETTINGS, password=password), 240)
    assert (settings.shape.timing, settings.shape.version) == (timing, version)
    assert (settings.own.version, settings.own.interval, settings.own.highest) == (version, interval, 240)
    assert settings.own.addresses == {IPv4Address(VIP)}
    assert str(settings.own_shape.destination) == PEER
    multicast = WireSettings(replace(SETTINGS, unicast=False), 240)
    assert str(multicast.own_shape.destination) == "224.0.0.18"
    alone = WireSettings(replace(SETTINGS, peer=None, unicast=False, role="standalone"), 240)
    assert (alone.own_shape.source, alone.own.highest) == (None, None)

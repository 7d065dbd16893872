"""Given who answered for a virtual IP and for the other node's address, then a stranger is told from the pair."""

from __future__ import annotations

import random
from ipaddress import IPv4Address

import pytest

from exporter.model.addressing import Address
from exporter.wire.wire import Claim
from stack.keepalived.wire import nodes as nodes_module
from stack.keepalived.wire.nodes import MOST_PEER_ADDRESSES, Nodes
from stack.keepalived.wire.owners import MOST_DEVICES, Owners, Ownership

VIP, NODE, PEER = IPv4Address("192.0.2.53"), IPv4Address("192.0.2.11"), IPv4Address("192.0.2.12")
OURS, THEIRS, STRANGE = (bytes.fromhex(f"0200000000{last}") for last in ("0b", "0c", "64"))


class Lan:
    """The judge of claims on a node whose time passes by half seconds."""

    def __init__(self, *, peer: Address | None = PEER) -> None:
        self.said: list[str] = []
        self.nodes = Nodes(NODE, peer)
        self.nodes.poll()
        self.owners = Owners([VIP], self.nodes, self.said.append)
        self.now = 1000.0
        self.held: float | None = 0.0  # since when this node has the virtual IP

    def hear(self, *claims: Claim, seconds: float = 0.5) -> Ownership:
        """Half a second passes in which these claims come."""
        before, self.now = self.now, self.now + seconds
        self.nodes.learn(claims, self.now)
        self.owners.hear(claims, before, self.now, lambda _: self.held)
        return self.owners.found[VIP]

    def device(self) -> str | None:
        """The strange device that has the virtual IP now."""
        found = self.owners.found[VIP].lasting(self.now)
        return found.hex(":") if found else None


def claim(hardware: bytes, address: Address = VIP, sender: bytes | None = None) -> Claim:
    return Claim(address, hardware, sender or hardware)


@pytest.fixture(autouse=True)
def own_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes_module, "own_hardware_addresses", lambda: {OURS})


@pytest.fixture
def lan() -> Lan:
    """A node that has the virtual IP for long and knows the other one."""
    lan = Lan()
    lan.hear(claim(THEIRS, PEER))
    return lan


def test_silence_is_no_device(lan: Lan) -> None:
    assert lan.hear().latest() is None


def test_a_strange_device_is_told_once_the_other_node_could_have_answered(lan: Lan) -> None:
    lan.hear(claim(STRANGE))
    assert lan.owners.suspects
    assert lan.device() is None
    lan.hear(claim(STRANGE))
    lan.hear(claim(STRANGE))
    assert lan.device() == "02:00:00:00:00:64"
    assert not lan.owners.suspects
    assert lan.owners.found[VIP].replies == 3
    assert lan.said == ["02:00:00:00:00:64, which is neither node, has 192.0.2.53"]


def test_it_lasts_as_long_as_it_answers_and_is_remembered_for_ten_minutes(lan: Lan) -> None:
    for _ in range(6):
        lan.hear(claim(STRANGE))
    lan.hear()
    assert lan.device() is not None, "one answer may be lost"
    lan.hear()
    lan.hear()
    assert lan.device() is None
    assert lan.hear(seconds=590).latest() is not None
    assert lan.hear(seconds=10).latest() is None
    assert lan.owners.found[VIP].replies == 6


def test_the_other_nodes_new_card_is_no_strange_device(lan: Lan) -> None:
    lan.hear(claim(STRANGE))
    lan.hear(claim(STRANGE), claim(STRANGE, PEER))
    lan.hear(claim(STRANGE))
    assert lan.owners.found[VIP].latest() is None


def test_a_device_that_turns_out_to_be_the_other_node_is_forgotten(lan: Lan) -> None:
    for _ in range(4):
        lan.hear(claim(STRANGE))
    assert lan.device() is not None
    assert lan.hear(claim(STRANGE, PEER)).latest() is None


def test_a_repeaters_own_address_in_the_frame_is_the_peers_as_well(lan: Lan) -> None:
    repeater = bytes.fromhex("0200000000aa")
    lan.hear(claim(THEIRS, PEER, sender=repeater))
    assert lan.nodes.is_peer(repeater)


def test_this_nodes_own_interfaces_are_nobody_else(lan: Lan) -> None:
    for _ in range(4):
        lan.hear(claim(OURS), claim(STRANGE, sender=OURS))
    assert lan.owners.found[VIP].replies == 0


def test_a_new_card_of_this_very_host_is_no_strange_device(lan: Lan, monkeypatch: pytest.MonkeyPatch) -> None:
    lan.hear(claim(STRANGE))
    monkeypatch.setattr(nodes_module, "own_hardware_addresses", lambda: {OURS, STRANGE})
    lan.nodes.poll()
    lan.hear(claim(STRANGE))
    lan.hear(claim(STRANGE))
    assert lan.owners.found[VIP].replies == 0


def test_another_address_is_nobodys_business(lan: Lan) -> None:
    for _ in range(4):
        lan.hear(claim(STRANGE, IPv4Address("192.0.2.99")))
    assert lan.owners.found[VIP].replies == 0


def test_while_the_other_node_was_never_heard_one_word_is_not_enough() -> None:
    """It may be the other node's, which hears nothing itself; who answers a question answers the next one too."""
    lan = Lan()
    lan.hear(claim(STRANGE))
    for _ in range(8):
        lan.hear()
    assert lan.owners.found[VIP].latest() is None
    assert not lan.owners.suspects
    for _ in range(4):
        lan.hear(claim(STRANGE))
    assert lan.device() is not None


def test_a_standalone_node_has_no_peer_to_wait_for() -> None:
    lan = Lan(peer=None)
    lan.hear(claim(STRANGE))
    lan.hear()
    lan.hear()
    assert lan.owners.found[VIP].latest() is not None


def test_an_answer_of_the_other_node_while_this_one_owns_the_address_is_split_brain(lan: Lan) -> None:
    lan.hear(claim(THEIRS))
    found = lan.hear(claim(THEIRS))
    assert found.split(lan.now)
    assert found.latest() is None
    assert found.replies == 0
    for _ in range(3):
        lan.hear()
    assert not found.split(lan.now)


def test_what_the_owner_before_said_is_no_split_brain(lan: Lan) -> None:
    lan.held = lan.now + 0.3  # it came here within the next half second
    for _ in range(2):
        found = lan.hear(claim(THEIRS))
    lan.hear()
    assert not found.split(lan.now)


def test_nor_what_the_next_owner_says_just_before_this_one_lets_go(lan: Lan) -> None:
    found = lan.hear(claim(THEIRS))
    lan.held = None
    lan.hear(claim(THEIRS))
    lan.hear()
    assert not found.split(lan.now)


def test_a_flood_of_devices_displaces_neither_the_lasting_one_nor_the_peer(lan: Lan) -> None:
    for _ in range(4):
        lan.hear(claim(STRANGE))
    for _ in range(200):
        random_ones = [claim(b"\2" + random.randbytes(5)) for _ in range(30)]
        lan.hear(claim(STRANGE), *random_ones, *(claim(one.hardware, PEER) for one in random_ones))
    found = lan.owners.found[VIP]
    assert STRANGE in found.devices
    assert len(found.devices) <= MOST_DEVICES
    assert lan.nodes.is_peer(THEIRS)
    assert len(lan.nodes.peer) <= MOST_PEER_ADDRESSES

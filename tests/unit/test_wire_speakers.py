"""Given who the pair is, when VRRP passes that does not fit, then its sender is named for as long as is right."""

from __future__ import annotations

import random
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

import pytest

from exporter.wire.ip_packet import IpPacket, internet_checksum
from exporter.wire.packet_socket import Frame
from exporter.wire.vrrp_mismatch import MismatchReason, OwnVrrp
from exporter.wire.wire import Claim
from stack.keepalived.wire import nodes as nodes_module
from stack.keepalived.wire.nodes import Nodes
from stack.keepalived.wire.speakers import MOST_SENDERS, Sender, Speakers

ALPHA, BETA, STRANGER = IPv4Address("192.0.2.11"), IPv4Address("192.0.2.12"), IPv4Address("192.0.2.66")
VIP = IPv4Address("192.0.2.53")
OURS, THEIRS, STRANGE = (bytes.fromhex(f"0200000000{last}") for last in ("0b", "0c", "64"))
OWN = OwnVrrp(53, ALPHA, frozenset({VIP}), BETA, version=3, interval=0.05, highest=240)
RECORDINGS = Path(__file__).parents[1] / "fixtures" / "vrrp" / "2.3.3"


def advert(
    hardware: bytes = THEIRS,
    source: IPv4Address = BETA,
    *,
    destination: str = "192.0.2.11",
    router: int = 53,
    priority: int = 240,
    interval: int = 5,
) -> Frame:
    """A VRRPv3 packet in an IPv4 packet as RFC 9568 and RFC 791 have them."""
    head = bytes([0x31, router, priority, 1]) + interval.to_bytes(2, "big")
    payload = head + internet_checksum(head + b"\0\0" + VIP.packed).to_bytes(2, "big") + VIP.packed
    ends = source.packed + IPv4Address(destination).packed
    header = b"\x45\0" + (20 + len(payload)).to_bytes(2, "big") + bytes(4) + b"\xff\x70\0\0" + ends
    return Frame(hardware, header + payload)


class Lan:
    """The judge of VRRP on a node whose time passes by half seconds."""

    def __init__(self, own: OwnVrrp = OWN) -> None:
        self.said: list[str] = []
        self.nodes = Nodes(own.address, own.peer)
        self.nodes.poll()
        self.priority: int | None = None
        self.speakers = Speakers(own, self.nodes, lambda: self.priority, self.said.append)
        self.now = 1000.0

    def know_peer(self, hardware: bytes = THEIRS) -> None:
        """The other node answers for its address."""
        self.nodes.learn([Claim(BETA, hardware, hardware)], self.now)

    def hear(self, *frames: Frame, seconds: float = 0.5) -> list[Sender]:
        """Half a second passes in which these packets come."""
        self.now += seconds
        self.speakers.hear(frames, self.now)
        return list(self.speakers.senders.values())

    def counted(self) -> dict[str, int]:
        """How many packets were counted, by reason."""
        return {reason.value: count for reason, count in self.speakers.counts.items() if count}


@pytest.fixture(autouse=True)
def own_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes_module, "own_hardware_addresses", lambda: {OURS})


@pytest.fixture
def lan() -> Lan:
    """A node that knows the other one."""
    lan = Lan()
    lan.know_peer()
    return lan


def test_the_other_nodes_own_adverts_are_well(lan: Lan) -> None:
    assert lan.hear(advert(), advert(priority=0)) == []
    recorded = bytes.fromhex((RECORDINGS / "v3-ipv4-unicast.hex").read_text())
    assert lan.counted() == {}
    assert recorded[8] == 255, "as keepalived sends them, with the full TTL"


def test_a_stranger_is_named_while_it_lasts_and_for_ten_minutes_after(lan: Lan) -> None:
    (sender,) = lan.hear(advert(STRANGE, STRANGER))
    assert (sender.kind, sender.source, sender.hardware, sender.way) == ("stranger", "192.0.2.66", STRANGE, "unicast")
    assert list(sender.seen) == ["it is neither this node nor its peer, but advertises virtual router 53 too"]
    assert sender.lasting(lan.now)
    lan.hear(seconds=6)
    assert not sender.lasting(lan.now)
    assert lan.hear(seconds=600) == [sender]
    assert lan.hear(seconds=20) == []
    assert lan.counted() == {"foreign_source": 1}
    assert len(lan.said) == 1


def test_by_multicast_that_is_said(lan: Lan) -> None:
    (sender,) = lan.hear(advert(STRANGE, STRANGER, destination="224.0.0.18"))
    assert sender.way == "multicast"


def test_another_virtual_router_is_counted_and_nobodys_fault(lan: Lan) -> None:
    other = replace(OWN, addresses=frozenset({IPv4Address("192.0.2.99")}))
    lan = Lan(other)
    lan.know_peer()
    assert lan.hear(advert(STRANGE, STRANGER, router=1), advert(STRANGE, router=1)) == []
    assert lan.counted() == {"other_vrid": 2}


@pytest.mark.parametrize(
    "fields, said",
    [
        ({}, []),
        ({"interval": 4095}, ["its interval is 40.95 s, this node's 0.05 s"]),
        ({"priority": 255}, ["its priority is 255, and the other node's 240 at most"]),
    ],
)
def test_who_sends_in_the_other_nodes_name_and_is_not_it_is_named(
    lan: Lan, fields: dict[str, int], said: list[str]
) -> None:
    assert lan.hear(advert(STRANGE, **fields)) == []  # type: ignore[arg-type]
    assert lan.speakers.suspects, "it may be the other node's new card"
    lan.hear()
    (sender,) = lan.hear()
    assert (sender.kind, sender.source, sender.hardware, list(sender.seen)) == ("forged", "192.0.2.12", STRANGE, said)
    assert lan.counted() == {"forged": 1}
    assert not lan.speakers.suspects


def test_the_other_nodes_new_card_is_no_forger(lan: Lan) -> None:
    lan.hear(advert(STRANGE))
    lan.know_peer(STRANGE)
    for _ in range(4):
        assert lan.hear(advert(STRANGE)) == []
    assert lan.counted() == {}


def test_who_sends_in_this_nodes_name_is_named(lan: Lan) -> None:
    lan.hear(advert(STRANGE, ALPHA))
    lan.hear()
    (sender,) = lan.hear()
    assert (sender.kind, sender.source) == ("forged", "192.0.2.11")


def test_while_the_other_node_was_never_heard_a_good_advert_in_its_name_is_its_own() -> None:
    lan = Lan()
    for _ in range(5):
        assert lan.hear(advert(STRANGE)) == []
    lan.hear(advert(STRANGE, interval=4095))
    lan.hear()
    (sender,) = lan.hear()
    assert sender.kind == "forged"


def test_this_nodes_own_packets_thrown_back_by_a_switch_are_nothing(lan: Lan) -> None:
    assert lan.hear(advert(OURS, ALPHA), advert(OURS, STRANGER)) == []
    assert lan.counted() == {}


def test_settings_that_differ_are_told_until_they_fit(lan: Lan) -> None:
    for _ in range(6):
        (sender,) = lan.hear(advert(interval=20))
    assert (sender.kind, sender.mixed) == ("peer", False)
    assert list(sender.seen) == ["its interval is 0.2 s, this node's 0.05 s"]
    lan.hear(advert())
    for _ in range(8):
        lan.hear(advert())
    assert sender.settled
    lan.hear(advert(interval=20))
    assert not sender.settled


def test_settings_that_differed_on_a_node_now_silent_are_told_for_a_minute(lan: Lan) -> None:
    (sender,) = lan.hear(advert(interval=20))
    lan.hear(seconds=59)
    assert not sender.settled
    lan.hear(seconds=2)
    assert sender.settled
    assert lan.hear(seconds=560) == []


def test_good_and_bad_adverts_of_one_host_at_a_time_are_of_two_programs(lan: Lan) -> None:
    """Or somebody forges the other node's hardware address too: neither is a change of settings."""
    for _ in range(4):
        (sender,) = lan.hear(advert(), advert(interval=4095))
    assert sender.mixed
    for _ in range(20):
        lan.hear(advert())
    assert lan.hear(advert(), seconds=500) == [sender]


def test_both_nodes_of_one_priority_are_told(lan: Lan) -> None:
    lan.priority = 240
    (sender,) = lan.hear(advert(priority=240))
    assert list(sender.seen) == ["its priority is 240, as this node's is"]


def test_a_link_local_source_is_evaluated_by_its_hardware() -> None:
    """The other node's own address in IPv6 adverts may be one that no setting tells."""
    vip, node, peer = (IPv6Address(f"2001:db8::{last}") for last in ("53", "11", "12"))
    lan = Lan(replace(OWN, address=node, addresses=frozenset({vip}), peer=peer))
    lan.nodes.learn([Claim(peer, THEIRS, THEIRS)], lan.now)
    payload = bytes.fromhex("3135f0010005") + b"\0\0" + vip.packed
    packet = IpPacket(IPv6Address("fe80::66"), IPv6Address("ff02::12"), 255, 112, payload)
    checksum = internet_checksum(
        packet.source.packed + packet.destination.packed + len(payload).to_bytes(4, "big") + b"\0\0\0\x70" + payload
    )
    payload = payload[:6] + checksum.to_bytes(2, "big") + payload[8:]
    ends = packet.source.packed + packet.destination.packed
    whole = b"\x60\0\0\0" + len(payload).to_bytes(2, "big") + b"\x70\xff" + ends + payload
    assert lan.hear(Frame(THEIRS, whole)) == []
    lan.hear(Frame(STRANGE, whole))
    lan.hear()
    (sender,) = lan.hear()
    assert (sender.kind, sender.source, sender.way) == ("stranger", "fe80::66", "multicast")


def test_what_is_no_ip_packet_is_malformed_and_named_by_its_sender(lan: Lan) -> None:
    (sender,) = lan.hear(Frame(STRANGE, b"\x45"))
    assert (sender.hardware, list(sender.seen)) == (STRANGE, ["1 bytes are no IP packet"])
    assert lan.counted() == {"malformed": 1}


def test_a_flood_of_strangers_does_not_displace_the_lasting_one(lan: Lan) -> None:
    for number in range(300):
        others = [
            advert(random.randbytes(6), IPv4Address(f"198.51.100.{number * 7 % 250}"), destination="224.0.0.18")
            for _ in range(10)
        ]
        lan.hear(advert(STRANGE, STRANGER), *others)
    senders = lan.speakers.senders
    assert ("stranger", "192.0.2.66", STRANGE) in senders
    assert len(senders) <= MOST_SENDERS


@pytest.mark.parametrize("router, source", [(53, ALPHA), (51, ALPHA), (51, STRANGER)])
def test_another_program_of_this_host_is_told_by_its_adverts(lan: Lan, router: int, source: IPv4Address) -> None:
    """Of our virtual router, or of another one that has our virtual IP."""
    lan.speakers.hear_host([advert(OURS, source, router=router, priority=100, destination="224.0.0.18")], lan.now)
    (sender,) = lan.speakers.senders.values()
    assert (sender.kind, sender.source, sender.way) == ("host", str(source), "multicast")
    assert list(sender.seen) == [f"VRRPv3, virtual router {router}, priority 100"]
    assert sender.lasting(lan.now + 14)


def test_a_program_of_this_host_that_is_about_something_else_is_nobodys_business() -> None:
    lan = Lan(replace(OWN, addresses=frozenset({IPv4Address("192.0.2.99")})))
    lan.speakers.hear_host([advert(OURS, ALPHA, router=1), Frame(OURS, b"\x45")], lan.now)
    assert lan.speakers.senders == {}
    assert set(lan.speakers.counts) == set(MismatchReason)

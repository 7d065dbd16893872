"""The standby asks a virtual IP that answers, is silent or refuses, on loopback, and knows what its link is worth."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter.model.addressing import Address
from stack.health.link import Link
from stack.health.standby_probe import StandbyProbe, StandbySettings
from tests.unit.standin_dns_server import StandinDnsServer, answers_as, good, port_without_server, silent

VIP, PEER = (ipaddress.ip_address(f"127.0.0.{host}") for host in (53, 12))


class StandinLink(Link):
    """A link that is what the test says, and counts how often it was asked."""

    def __init__(self, doubt: str = "", stranger: str = "") -> None:
        super().__init__("lo", PEER)
        self.said, self.stranger, self.asked, self.closed = doubt, stranger, 0, 0

    def stranger_at(self, now: float, address: Address) -> str:
        assert (address, now > 0) == (VIP, True)
        return self.stranger

    def ask(self, now: float, version: int) -> None:
        assert (version, now > 0) == (4, True)
        self.asked += 1

    def doubt(self, now: float, version: int) -> str:
        assert (version, now > 0) == (4, True)
        return self.said


@contextlib.contextmanager
def probing(tmp_path: Path, port: int, link: StandinLink) -> Iterator[StandbyProbe]:
    (tmp_path / "drain").write_text("0\n")
    settings = StandbySettings((VIP,), PEER)
    one = StandbyProbe(settings, "beta", "canary.dnsha.example", "lo", tmp_path / "drain", link=link, port=port)
    with contextlib.closing(one):
        yield one


def drive(
    one: StandbyProbe,
    until: Callable[[], bool],
    seconds: float,
    owned: frozenset[bytes] = frozenset(),
    *,
    works: bool = True,
) -> float:
    """Step as the check does; return how long it took, or that many seconds."""
    began = time.monotonic()
    while not until() and time.monotonic() - began < seconds:
        one.ask(time.monotonic(), owned)
        time.sleep(0.01)
        one.receive(works=works)
    return time.monotonic() - began


@contextlib.contextmanager
def servers(port: int = 0) -> Iterator[tuple[StandinDnsServer, StandinDnsServer]]:
    """The virtual IP and the other node's own address, at the same port."""
    with (
        StandinDnsServer(answers_as("alpha"), host=str(VIP), port=port) as vip,
        StandinDnsServer(answers_as("alpha"), host=str(PEER), port=vip.port) as peer,
    ):
        yield vip, peer


def test_a_vip_that_answers_is_asked_once_a_second_and_nobody_else(tmp_path: Path) -> None:
    link = StandinLink()
    with servers() as (vip, peer), probing(tmp_path, vip.port, link) as one:
        drive(one, lambda: False, 2.5)
        assert (one.standby.taking, len(vip.queries), len(peer.queries), link.asked) == (False, 3, 0, 0)


def test_a_silent_vip_is_taken_and_given_back_when_the_other_node_answers(tmp_path: Path) -> None:
    link = StandinLink()
    with servers() as (vip, peer), probing(tmp_path, vip.port, link) as one:
        drive(one, lambda: False, 1.2)
        vip.behaviour = peer.behaviour = silent
        took = drive(one, lambda: one.standby.taking, 6.0)
        assert 1.5 < took < 4.0
        assert link.asked >= 2
        peer.behaviour = answers_as("alpha")
        owned = frozenset({VIP.packed})
        back = drive(one, lambda: not one.standby.taking, 15.0, owned)
        assert 9.0 < back < 13.0
        assert not one.standby.taking


def test_a_vip_that_refuses_is_taken_too(tmp_path: Path) -> None:
    with probing(tmp_path, port_without_server(), StandinLink()) as one:
        drive(one, lambda: one.standby.taking, 6.0)
        assert one.standby.taking


def test_nothing_is_taken_while_the_link_is_in_doubt_and_it_says_so(tmp_path: Path) -> None:
    with probing(tmp_path, port_without_server(), StandinLink("nobody answers")) as one:
        drive(one, lambda: False, 4.5)
        assert not one.standby.taking
        assert one.standby.problem == "127.0.0.53 did not answer for 3 s, but beta does not take it: nobody answers"


def test_nothing_is_taken_while_another_device_claims_the_address(tmp_path: Path) -> None:
    with probing(tmp_path, port_without_server(), StandinLink(stranger="a camera has it")) as one:
        drive(one, lambda: False, 4.5)
        assert not one.standby.taking
        assert one.standby.problem == "127.0.0.53 did not answer for 3 s, but beta does not take it: a camera has it"


def test_a_link_that_comes_back_together_with_the_vip_takes_nothing(tmp_path: Path) -> None:
    """The silence of before was this node's own: it cannot send for six seconds, and takes the address when it can."""
    link = StandinLink("nobody answers")
    with servers() as (vip, _), probing(tmp_path, vip.port, link) as one:
        vip.behaviour = silent
        drive(one, lambda: False, 4.5)
        link.said = ""
        drive(one, lambda: one.standby.taking, 0.4)
        vip.behaviour = answers_as("alpha")
        drive(one, lambda: one.standby.taking, 2.0)
        assert not one.standby.taking


def test_what_this_node_has_itself_is_not_asked(tmp_path: Path) -> None:
    with servers() as (vip, _), probing(tmp_path, vip.port, StandinLink()) as one:
        drive(one, lambda: False, 1.5, frozenset({VIP.packed}))
        assert vip.queries == []


def test_a_drained_node_takes_nothing(tmp_path: Path) -> None:
    with probing(tmp_path, port_without_server(), StandinLink()) as one:
        (tmp_path / "drain").write_text("1\n")
        drive(one, lambda: False, 4.5)
        assert not one.standby.taking


@pytest.mark.parametrize("answers", [True, False])
def test_a_silent_vip_is_asked_from_new_sockets(tmp_path: Path, answers: bool) -> None:
    """A connected socket keeps its source address, which may have left this node; one that is answered is kept."""
    ports = set()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as vip:
        vip.bind((str(VIP), 0))
        vip.settimeout(0)

        def hear() -> bool:
            with contextlib.suppress(BlockingIOError):
                while True:
                    query, client = vip.recvfrom(512)
                    ports.add(client[1])
                    if answers:
                        vip.sendto(good(query, "alpha"), client)
            return False

        with probing(tmp_path, vip.getsockname()[1], StandinLink("nobody answers")) as one:
            drive(one, hear, 3.5)
    assert len(ports) == 1 if answers else len(ports) > 1


def test_a_silence_counts_from_when_this_node_could_end_it(tmp_path: Path) -> None:
    """Two nodes without DNS that come back together take nothing from each other."""
    with probing(tmp_path, port_without_server(), StandinLink()) as one:
        drive(one, lambda: False, 4.5, works=False)
        assert drive(one, lambda: one.standby.taking, 8.0) > 2.5
        assert one.standby.taking


def test_an_answer_by_this_very_node_proves_nothing(tmp_path: Path) -> None:
    """By a grace route that a dead guard left: neither that the other node is silent, nor that it serves."""
    with servers() as (vip, peer):
        vip.behaviour = peer.behaviour = answers_as("beta")
        with probing(tmp_path, vip.port, StandinLink()) as one:
            drive(one, lambda: one.standby.taking, 6.0)
            assert not one.standby.taking
            vip.behaviour = peer.behaviour = silent
            drive(one, lambda: one.standby.taking, 6.0)
            assert one.standby.taking

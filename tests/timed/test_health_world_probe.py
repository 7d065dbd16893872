"""Rounds of questions about names of the internet, asked of stand-in servers on loopback."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dns.flags
import dns.message
import pytest

from exporter.model.observations import HealthVerdict
from stack.health.world import WorldSettings
from stack.health.world_probe import WorldProbe, default_route
from tests.unit.standin_dns_server import (
    NXDOMAIN,
    SERVFAIL,
    Pause,
    Send,
    StandinDnsServer,
    Step,
    port_without_server,
    reply,
    sends,
    silent,
    with_another_id,
)

PATIENCE = 0.9
resolves = sends(lambda query: reply(query, rcode=NXDOMAIN))
fails = sends(lambda query: reply(query, rcode=SERVFAIL))


@contextlib.contextmanager
def probing(*ports: int, peer: int | None = None, domains: Sequence[str] = ("com", "org")) -> Iterator[WorldProbe]:
    settings = WorldSettings(domains, ("127.0.0.1", peer) if peer else None, PATIENCE)
    probe = WorldProbe(settings, [("127.0.0.1", port) for port in ports])
    with contextlib.closing(probe):
        yield probe


def drive(probe: WorldProbe, until: Callable[[], bool], seconds: float = 10.0) -> None:
    """Ask as the check does until something is so."""
    began = time.monotonic()
    while not until():
        now = time.monotonic()
        assert now - began < seconds, probe.world
        if now >= probe.due:
            probe.begin(now, own_dns=True)
        probe.receive()
        probe.expire(time.monotonic())
        time.sleep(0.002)


def asked(server: StandinDnsServer) -> list[dns.message.Message]:
    return [dns.message.from_wire(query) for query in server.queries]


def test_a_name_that_resolves_is_one_question_and_the_next_is_another_name() -> None:
    with StandinDnsServer(resolves) as server, probing(server.port) as probe:
        drive(probe, lambda: len(server.queries) >= 4 and probe.descriptor is None)
        names = [str(message.question[0].name) for message in asked(server)]
    assert probe.world.verdict is HealthVerdict.OK
    assert len(set(names)) == len(names)
    assert {name.partition(".")[2] for name in names} == {"com.", "org."}


def test_a_name_that_fails_is_asked_for_without_validation_once_each_round() -> None:
    def validates(query: bytes) -> Sequence[Step]:
        unchecked = dns.message.from_wire(query).flags & dns.flags.CD
        return [Send(reply(query, rcode=NXDOMAIN if unchecked else SERVFAIL))]

    with StandinDnsServer(validates) as server, probing(server.port) as probe:
        drive(probe, lambda: probe.world.verdict is HealthVerdict.HARD)
        unchecked = [bool(message.flags & dns.flags.CD) for message in asked(server)]
    assert unchecked[:6] == [False, True] * 3
    assert "DNSSEC's signatures are missing" in probe.world.problem
    assert not probe.world.yields


def test_the_other_node_is_asked_only_when_the_verdict_is_that_nothing_resolves() -> None:
    with (
        StandinDnsServer(fails) as server,
        StandinDnsServer(resolves) as other,
        probing(server.port, peer=other.port) as probe,
    ):
        drive(probe, lambda: probe.world.problem != "" and probe.world.verdict is not HealthVerdict.HARD)
        assert other.queries == []
        drive(probe, lambda: probe.world.yields)
        before = len(other.queries)
        drive(probe, lambda: len(server.queries) >= 12)
        assert len(other.queries) == before == 1
        server.behaviour = resolves
        drive(probe, lambda: probe.world.verdict is HealthVerdict.OK)
    assert not probe.world.yields


@pytest.mark.parametrize("behaviour", [fails, silent])
def test_a_node_yields_to_none_that_does_not_resolve_either(behaviour: Callable[[bytes], Sequence[Step]]) -> None:
    with (
        StandinDnsServer(fails) as server,
        StandinDnsServer(behaviour) as other,
        probing(server.port, peer=other.port) as probe,
    ):
        drive(probe, lambda: len(other.queries) >= 3)
    assert (probe.world.verdict, probe.world.yields) == (HealthVerdict.HARD, False)


def test_silence_and_a_port_that_refuses_are_failures() -> None:
    for port in (port_without_server(), None):
        with StandinDnsServer(silent) as server, probing(port or server.port) as probe:
            drive(probe, lambda: probe.world.verdict is HealthVerdict.HARD)


def test_an_answer_that_comes_too_late_or_to_another_question_is_none() -> None:
    def late(query: bytes) -> Sequence[Step]:
        return [Send(with_another_id(reply(query, rcode=NXDOMAIN))), Pause(0.25), Send(reply(query, rcode=NXDOMAIN))]

    with StandinDnsServer(late) as server, probing(server.port) as probe:
        drive(probe, lambda: probe.world.verdict is HealthVerdict.HARD)


def test_of_two_recursors_one_that_resolves_is_enough() -> None:
    with (
        StandinDnsServer(resolves) as good,
        StandinDnsServer(silent) as bad,
        probing(good.port, bad.port, domains=("com", "org", "de")) as probe,
    ):
        drive(probe, lambda: len(bad.queries) >= 6)
        assert len(good.queries) >= 2
    assert probe.world.verdict is HealthVerdict.OK


def test_while_the_nodes_own_dns_is_silent_nothing_is_asked() -> None:
    with StandinDnsServer(resolves) as server, probing(server.port) as probe:
        for now in (0.0, 1.0):
            probe.begin(now, own_dns=False)
            assert probe.descriptor is None
            assert now < probe.due < now + PATIENCE / 10  # a boot is not to wait for a whole round
    assert server.queries == []
    assert probe.world.verdict is HealthVerdict.UNPROVED


IPV4_HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
IPV4_LAN = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n"
IPV4_DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
ZERO = "0" * 32
IPV6_UNREACHABLE = f"{ZERO} 00 {ZERO} 00 {ZERO} ffffffff 00000001 00000000 00200200       lo\n"
IPV6_DEFAULT = f"{ZERO} 00 {ZERO} 00 fe80{'0' * 24}0001 00000400 00000001 00000000 00000003     eth0\n"


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "expected"),
    [
        (IPV4_HEAD + IPV4_LAN + IPV4_DEFAULT, IPV6_UNREACHABLE, True),
        (IPV4_HEAD + IPV4_LAN, IPV6_DEFAULT, True),
        (IPV4_HEAD + IPV4_LAN, IPV6_UNREACHABLE, False),
        (IPV4_HEAD + IPV4_LAN, None, False),
        (None, None, None),
    ],
)
def test_a_default_route_is_found_in_the_kernels_tables(
    tmp_path: Path, ipv4: str | None, ipv6: str | None, expected: bool | None
) -> None:
    tables = []
    for name, text in (("route", ipv4), ("ipv6_route", ipv6)):
        tables.append(tmp_path / name)
        if text is not None:
            tables[-1].write_text(text)
    assert default_route(tables) is expected

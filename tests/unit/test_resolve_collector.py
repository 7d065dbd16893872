"""Servers that answer, fail, go away and come back, and what the collector says of them."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.collectors.resolve import collector as resolve
from exporter.collectors.resolve.collector import MAX_UNDER_WAY, ResolveCollector
from exporter.model.addressing import parse_virtual_address
from exporter.model.errors import CollectorError, ConfigurationError, NotReadyError
from exporter.model.observations import Probe, ResolveObservation
from exporter.settings.load import load
from exporter.settings.parse import Endpoint, NodeAddress
from exporter.settings.values import Settings
from tests.lab.waiting import wait_for
from tests.unit.standin_dns_server import (
    SERVFAIL,
    Pause,
    Send,
    StandinDnsServer,
    answers_as,
    good,
    port_without_server,
    reply,
    sends,
    silent,
)

LOOPBACK = ipaddress.ip_address("127.0.0.1")
PEER = ipaddress.ip_address("127.0.0.2")
Key = tuple[str, str, str]


def settings_for(vip_port: int, *, peer: bool = False) -> Settings:
    """A node whose every server is the one at the port, asked every 0.05 s."""
    return Settings(
        node_role="primary" if peer else "standalone",
        node_name="node-a",
        node_ip=NodeAddress(ipaddress.ip_address("192.0.2.1"), None),
        peer_ip=PEER if peer else None,
        vip_address=(parse_virtual_address("127.0.0.1"),),
        network_interface="lo",
        virtual_router_id=53,
        exporter_address=None,
        exporter_port=9753,
        pair_key_file=None,
        web_config_file=None,
        runtime_directory=Path("/nonexistent"),
        state_directory=Path("/nonexistent"),
        keepalived="stack",
        keepalived_pid_file=Path("/nonexistent/keepalived.pid"),
        notify_fifo=None,
        docker_host="",
        expected_containers=(),
        additional_containers=(),
        canary_zone="canary.dnsha.example",
        probe_name="",
        resolver_address=(Endpoint(LOOPBACK, vip_port),),
        recursor_address=(Endpoint(LOOPBACK, vip_port),),
        unbound_control=None,
        pihole_statistics_password_file=None,
        pihole_top=False,
        pihole_web_port=(),
        pihole_api="",
        probe_interval=0.05,
        probe_interval_vip=0.05,
        probe_interval_peer=0.05,
        probe_interval_tcp=0.05,
        probe_timeout=0.5,
        slow_answer=0.25,
        peer_interval=1,
        peer_timeout=2,
        clock_tolerance=5,
        stamp_directory=Path("/nonexistent"),
        sync_tasks={},
        shared_content={},
        firewall=False,
        dhcp=False,
        log_level="info",
    )


@contextmanager
def running(collector: ResolveCollector) -> Iterator[ResolveCollector]:
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def eventually(
    collector: ResolveCollector, until: Callable[[dict[Key, Probe]], bool], timeout: float = 10
) -> dict[Key, Probe]:
    """The collector's probes by target, server and protocol, as soon as they satisfy ``until``."""
    return wait_for(
        "such probes",
        lambda: by_key(collector.collect()),
        until=lambda seen: bool(seen) and until(seen),
        timeout=timeout,
        not_yet=(NotReadyError,),
    )


def by_key(observation: ResolveObservation) -> dict[Key, Probe]:
    return {(probe.target, probe.server, probe.protocol): probe for probe in observation.probes}


VIP_UDP = ("vip", "127.0.0.1", "udp")


def test_a_healthy_pair_is_asked_over_udp_and_tcp_and_says_who_answers() -> None:
    with (
        StandinDnsServer(answers_as("node-a")) as own,
        StandinDnsServer(answers_as("node-b"), host=str(PEER), port=own.port),
        running(ResolveCollector(settings_for(own.port, peer=True), port=own.port)) as collector,
    ):
        probes = eventually(collector, lambda probes: all(probe.queries >= 3 for probe in probes.values()))
    assert {key: probe.answered_by for key, probe in probes.items()} == {
        (target, server, protocol): node
        for target, server, node in [
            ("vip", "127.0.0.1", "node-a"),
            ("pihole", "127.0.0.1", "node-a"),
            ("unbound", "127.0.0.1", "node-a"),
            ("peer", "127.0.0.2", "node-b"),
        ]
        for protocol in ("udp", "tcp")
    }
    for probe in probes.values():
        assert (probe.last_ok, probe.last_error, dict(probe.failures), probe.outages) == (True, None, {}, 0)
        assert probe.family == "ipv4"
        assert probe.latency.count == sum(probe.answers.values()) == probe.responses["NOERROR"]
        assert probe.last_latency is not None
        assert 0 < probe.last_latency < 0.5
        assert probe.last_success is not None
        assert abs(probe.last_success - time.time()) < 60


def test_a_standalone_node_has_no_peer_to_ask() -> None:
    with (
        StandinDnsServer(answers_as("node-a")) as server,
        running(ResolveCollector(settings_for(server.port), port=server.port)) as collector,
    ):
        probes = eventually(collector, bool)
    assert {target for target, _, _ in probes} == {"vip", "pihole", "unbound"}


def test_every_virtual_ip_and_every_endpoint_is_asked_in_both_families() -> None:
    with (
        StandinDnsServer(answers_as("node-a")) as four,
        StandinDnsServer(answers_as("node-b"), host="::1", port=four.port),
    ):
        one = settings_for(four.port)
        settings = replace(
            one,
            vip_address=(*one.vip_address, parse_virtual_address("::1")),
            resolver_address=(*one.resolver_address, Endpoint(ipaddress.ip_address("::1"), four.port)),
        )
        with running(ResolveCollector(settings, port=four.port)) as collector:
            probes = eventually(collector, bool)
    assert {(probe.target, probe.family) for probe in probes.values()} == {
        ("vip", "ipv4"),
        ("vip", "ipv6"),
        ("pihole", "ipv4"),
        ("pihole", "ipv6"),
        ("unbound", "ipv4"),
    }
    assert len(probes) == 10
    assert probes["vip", "::1", "tcp"].answered_by == "node-b"


def test_there_is_no_data_until_every_server_had_the_time_to_answer() -> None:
    with StandinDnsServer(silent) as server:
        settings = replace(settings_for(server.port), probe_interval_tcp=3600, probe_timeout=0.3)
        collector = ResolveCollector(settings, port=server.port)
        with pytest.raises(NotReadyError):
            collector.collect()
        with running(collector):
            began = time.monotonic()
            with pytest.raises(NotReadyError, match=r"within 0\.3 s"):
                collector.collect()
            probes = eventually(collector, bool)
            assert 0.25 < time.monotonic() - began < 2
    assert [probe.last_ok for probe in probes.values()] == [False] * 6


def test_a_failure_is_a_sentence_with_address_port_and_protocol() -> None:
    with StandinDnsServer(silent) as mute, StandinDnsServer(sends(lambda query: reply(query, rcode=SERVFAIL))) as ill:
        settings = replace(
            settings_for(mute.port),
            resolver_address=(Endpoint(LOOPBACK, ill.port),),
            recursor_address=(Endpoint(LOOPBACK, nobody := port_without_server()),),
            probe_timeout=0.2,
        )
        with running(ResolveCollector(settings, port=mute.port)) as collector:
            probes = eventually(collector, bool)
    errors = {(target, protocol): probe.last_error or "" for (target, _, protocol), probe in probes.items()}
    assert errors["vip", "udp"].startswith(f"127.0.0.1:{mute.port} (udp) did not answer within 0.2 s")
    assert errors["pihole", "udp"].startswith(f"127.0.0.1:{ill.port} (udp) answered SERVFAIL")
    assert errors["unbound", "tcp"].startswith(f"127.0.0.1:{nobody} (tcp) refused the query")
    failing = probes["pihole", "127.0.0.1", "udp"]
    assert set(failing.failures) == {"rcode"}
    assert failing.responses == {"SERVFAIL": failing.failures["rcode"]}


def test_a_virtual_ip_that_moves_is_answered_by_the_other_node() -> None:
    with (
        StandinDnsServer(answers_as("node-a")) as server,
        running(ResolveCollector(settings_for(server.port), port=server.port)) as collector,
    ):
        eventually(collector, lambda probes: probes[VIP_UDP].answered_by == "node-a")
        server.behaviour = answers_as("node-b")
        probe = eventually(collector, lambda probes: probes[VIP_UDP].answered_by == "node-b")[VIP_UDP]
    assert set(probe.answers) == {"node-a", "node-b"}
    assert probe.outages == 0


def test_a_server_that_goes_away_and_comes_back_had_one_outage_of_that_length() -> None:
    first = StandinDnsServer(answers_as("node-a"))
    with running(ResolveCollector(settings_for(first.port), port=first.port)) as collector:
        with first:
            eventually(collector, lambda probes: probes[VIP_UDP].last_ok is True)
            leaving = time.monotonic()
            leaving_wall = time.time()
        left = time.monotonic()
        out = eventually(collector, lambda probes: probes[VIP_UDP].last_ok is False)[VIP_UDP]
        assert (out.outages, out.last_outage) == (1, None)
        assert out.outage_start is not None
        assert leaving_wall - 0.2 < out.outage_start < time.time()
        time.sleep(0.3)
        returning = time.monotonic()
        with StandinDnsServer(answers_as("node-a"), port=first.port):
            probe = eventually(collector, lambda probes: probes[VIP_UDP].last_ok is True)[VIP_UDP]
            returned = time.monotonic()
    assert (probe.outages, probe.outage_start) == (1, None)
    assert probe.last_outage is not None
    assert returning - left - 0.2 < probe.last_outage < returned - leaving + 0.2
    assert probe.outage_seconds == probe.last_outage


def test_a_silence_much_shorter_than_the_time_out_is_measured_all_the_same() -> None:
    with StandinDnsServer(answers_as("node-a")) as server:
        settings = replace(settings_for(server.port), probe_timeout=0.8, recursor_address=(), resolver_address=())
        with running(ResolveCollector(settings, port=server.port)) as collector:
            eventually(collector, bool)
            began = time.monotonic()
            server.behaviour = silent
            time.sleep(0.2)
            server.behaviour = answers_as("node-a")
            silence = time.monotonic() - began
            probe = eventually(collector, lambda probes: probes[VIP_UDP].last_outage is not None)[VIP_UDP]
    assert probe.outages == 1
    assert probe.last_outage is not None
    assert silence - 0.15 < probe.last_outage < silence + 0.5 < settings.probe_timeout


def test_a_wall_clock_that_steps_during_an_outage_does_not_change_its_length() -> None:
    step = 0.0
    with StandinDnsServer(answers_as("node-a")) as server:
        collector = ResolveCollector(settings_for(server.port), port=server.port, wall=lambda: time.time() + step)
        with running(collector):
            eventually(collector, bool)
            server.behaviour = sends(lambda query: reply(query, rcode=SERVFAIL))
            eventually(collector, lambda probes: probes[VIP_UDP].last_ok is False)
            step = 1e6
            server.behaviour = answers_as("node-a")
            probe = eventually(collector, lambda probes: probes[VIP_UDP].last_ok is True)[VIP_UDP]
    assert probe.last_outage is not None
    assert 0 < probe.last_outage < 10
    assert probe.last_success is not None
    assert probe.last_success > time.time() + 9e5


def test_a_late_answer_is_not_taken_for_the_next_query() -> None:
    with StandinDnsServer(lambda query: [Pause(0.3), Send(good(query))]) as server:
        settings = replace(settings_for(server.port), probe_timeout=0.1)
        with running(ResolveCollector(settings, port=server.port)) as collector:
            probe = eventually(collector, lambda probes: probes[VIP_UDP].failures.get("timeout", 0) >= 5)[VIP_UDP]
    assert set(probe.failures) == {"timeout"}
    assert probe.answers == {}


def test_thousands_of_failing_queries_leave_no_thread_and_no_descriptor_behind() -> None:
    with StandinDnsServer(silent) as mute, StandinDnsServer(lambda query: [Send(b"\xff\xff", raw=True)]) as ill:
        settings = replace(
            settings_for(port_without_server()),
            vip_address=(parse_virtual_address("127.0.0.1"),),
            recursor_address=(Endpoint(LOOPBACK, mute.port),),
            probe_interval=0.001,
            probe_interval_vip=0.001,
            probe_interval_peer=0.001,
            probe_interval_tcp=0.005,
            probe_timeout=0.05,
        )
        before = descriptors()
        collector = ResolveCollector(settings, port=ill.port)
        with running(collector):
            eventually(collector, lambda probes: sum(probe.queries for probe in probes.values()) > 300)
            threads, early = resolver_threads(), descriptors()
            probes = eventually(
                collector, lambda probes: sum(probe.queries for probe in probes.values()) > 2300, timeout=60
            )
            assert resolver_threads() == threads == 1
            # Each probe has what is under way; the stand-ins have a connection for each of these.
            assert descriptors() <= max(early, before + 2 * MAX_UNDER_WAY * len(probes))
        assert not any(probe.answers for probe in probes.values())
    assert resolver_threads() == 0
    assert descriptors() <= before - 4, "the four sockets of the stand-ins are closed as well"


def test_stopping_does_not_wait_for_a_query_under_way() -> None:
    with StandinDnsServer(silent) as server:
        settings = replace(settings_for(server.port), probe_timeout=30)
        before = descriptors()
        collector = ResolveCollector(settings, port=server.port)
        collector.start()
        wait_for("six queries", lambda: len(server.queries), until=lambda seen: seen >= 6, timeout=15)
        began = time.monotonic()
        with pytest.raises(NotReadyError):
            collector.collect()
        collector.stop()
        assert time.monotonic() - began < 1.5
    assert resolver_threads() == 0
    assert descriptors() <= before - 2, "the two sockets of the stand-in are closed as well"


def test_stopping_twice_or_before_the_start_is_no_mistake() -> None:
    collector = ResolveCollector(settings_for(53))
    collector.stop()
    collector.stop()


def test_a_thread_that_is_stuck_is_told_instead_of_repeating_old_answers() -> None:
    skew = 0.0
    with StandinDnsServer(answers_as("node-a")) as server:
        collector = ResolveCollector(
            settings_for(server.port), port=server.port, monotonic=lambda: time.monotonic() + skew
        )
        with running(collector):
            eventually(collector, bool)
        skew = 3600.0
        with pytest.raises(CollectorError, match="has been asked for 3600 s") as raised:
            collector.collect()
        assert not isinstance(raised.value, NotReadyError)


def test_a_canary_zone_without_room_for_a_label_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="canary_zone"):
        ResolveCollector(replace(settings_for(53), canary_zone=".".join(["a" * 60] * 4)))


def resolver_threads() -> int:
    return sum(1 for thread in threading.enumerate() if thread.name == "resolve")


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_healthy_pair_costs_the_other_node_s_pihole_little() -> None:
    """Each query of another node is a row in Pi-hole's database, and a day of them is read at its every start."""
    given = {"NODE_ROLE": "primary", "NODE_NAME": "alpha", "NODE_IP": "192.0.2.11", "PEER_IP": "192.0.2.12"}
    shipped = load(None, {**given, "VIP_ADDRESS": "192.0.2.53", "NETWORK_INTERFACE": "eth0"}, {})
    day = 24 * 3600
    intervals = {
        (target, server.protocol): resolve._interval(shipped, target, server.protocol)
        for target, server in resolve._targets(shipped, 53)
    }
    counted = {key: day / interval for key, interval in intervals.items() if key[0] in ("vip", "peer")}
    assert counted == {
        ("vip", "udp"): 86_400,
        ("vip", "tcp"): 4_320,
        ("peer", "udp"): 8_640,
        ("peer", "tcp"): 4_320,
    }


def test_an_address_answered_by_another_node_is_asked_by_every_protocol_at_once() -> None:
    """So that nothing old is told as if it were of now: TCP is asked seldom."""
    with StandinDnsServer(answers_as("node-a")) as server:
        settings = replace(settings_for(server.port), probe_interval_tcp=3600.0)
        with running(ResolveCollector(settings, port=server.port)) as collector:
            eventually(collector, lambda probes: all(probe.answered_by == "node-a" for probe in probes.values()))
            server.behaviour = answers_as("node-b")
            eventually(collector, lambda probes: all(probe.answered_by == "node-b" for probe in probes.values()))


def test_a_virtual_ip_that_has_moved_is_asked_again_by_every_protocol_soon() -> None:
    """Not at once: the old owner still answers. And not the other servers, which have not moved."""
    with StandinDnsServer(answers_as("node-a")) as server, StandinDnsServer(answers_as("node-a")) as local:
        hourly = dict.fromkeys(("probe_interval", "probe_interval_vip", "probe_interval_tcp"), 3600.0)
        settings = replace(
            settings_for(server.port),
            resolver_address=(Endpoint(LOOPBACK, local.port),),
            recursor_address=(),
            **hourly,  # type: ignore[arg-type]
        )
        with running(ResolveCollector(settings, port=server.port)) as collector:
            eventually(collector, lambda probes: all(probe.answered_by == "node-a" for probe in probes.values()))
            time.sleep(0.3)  # who answers at all was news, and asked again
            before = {key: probe.queries for key, probe in by_key(collector.collect()).items()}
            began = time.monotonic()
            collector.ask_again()
            eventually(
                collector,
                lambda probes: all(
                    probe.queries == before[key] + (probe.target == "vip") for key, probe in probes.items()
                ),
            )
            assert time.monotonic() - began >= 0.5


def test_a_probe_name_is_asked_for_and_does_not_tell_who_answered() -> None:
    def addresses(query: bytes) -> list[Send]:
        return [Send(reply(query, bytes([192, 0, 2, 80]), kind=1))]

    with StandinDnsServer(addresses) as server:
        settings = replace(settings_for(server.port), probe_name="www.example.org", recursor_address=())
        with running(ResolveCollector(settings, port=server.port)) as collector:
            probes = eventually(collector, lambda seen: all(probe.last_ok for probe in seen.values()))
    assert {probe.target for probe in probes.values()} == {"vip", "pihole"}
    assert {(probe.answered_by, *probe.answers) for probe in probes.values()} == {(None,)}

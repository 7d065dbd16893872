"""The other node as its exporter tells it: late, wrong, hostile or not at all, it costs only itself."""

from __future__ import annotations

import ipaddress
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from exporter.collectors.peer import MAXIMUM_IDENTITIES, PeerCollector
from exporter.model.errors import NotReadyError
from exporter.model.observations import NodeIdentity, NodeStatus, PeerObservation, Status
from exporter.views import status_document
from tests.unit import samples
from tests.unit.standin_http_server import (
    Behaviour,
    StandinHttpServer,
    answer,
    drips,
    floods,
    hangs,
    port_without_server,
    sends,
)

LOOPBACK = ipaddress.ip_address("127.0.0.1")
BETA = NodeIdentity("beta", "secondary", samples.BETA, "0.1.0")


def beta_says(owned: bool = False, name: str = "beta", **changes: Any) -> Behaviour:
    """A real exporter's document about a node called beta."""
    vip = samples.vip(stable_seconds=None) if owned else samples.absent_vip(stable_seconds=None)
    identity = NodeIdentity(name, BETA.role, BETA.address, BETA.version)
    status = NodeStatus(identity, time.time(), samples.status(samples.vips(vip), samples.vrrp()).results)
    document = {**json.loads(status_document.build(status, (), Status.OK)), **changes}
    return sends(answer(json.dumps(document).encode()))


@contextmanager
def collecting(
    port: int, interval: float = 60.0, timeout: float = 2.0, clock: Callable[[], float] = time.time
) -> Iterator[PeerCollector]:
    collector = PeerCollector(LOOPBACK, port, interval, timeout, "alpha", clock)
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def until(
    collector: PeerCollector, condition: Callable[[PeerObservation], bool] = lambda _: True, seconds: float = 5.0
) -> PeerObservation:
    """Wait for an observation; each look must come back at once."""
    deadline = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        try:
            seen = collector.collect()
        except NotReadyError:
            seen = None
        assert time.monotonic() - began < 0.5
        if seen is not None and condition(seen):
            return seen
        assert time.monotonic() < deadline, seen
        time.sleep(0.005)


def test_a_peer_that_answers_is_an_observation() -> None:
    with StandinHttpServer(beta_says(owned=True)) as server, collecting(server.port) as collector:
        seen = until(collector)
    assert seen.peer is not None
    assert (seen.peer.name, seen.error, seen.address) == ("beta", None, "127.0.0.1")
    assert seen.peer.vips[samples.VIP].owned
    assert 0 <= seen.age < 5
    assert 0 < seen.query_duration < 5


def test_before_the_first_answer_there_is_nothing_to_say() -> None:
    with StandinHttpServer(hangs) as server, collecting(server.port, timeout=0.2) as collector:
        with pytest.raises(NotReadyError, match=r"the peer 127\.0\.0\.1 has not answered yet"):
            collector.collect()
        assert until(collector).peer is None


def test_a_collector_that_was_never_started_can_be_stopped() -> None:
    PeerCollector(LOOPBACK, 1, 1.0, 1.0, "alpha").stop()


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (hangs, "did not answer within 0.1 s"),
        (drips, "did not answer within 0.1 s"),
        (floods, "sent more than 1048576 bytes"),
        (sends(b""), "did not answer with HTTP"),
        (sends(answer(b"Nothing here", "404 Not Found")), "answered 404"),
        (sends(answer(b"<html>")), "the status is not JSON"),
        (sends(answer(b"[" * 100_000)), "the status is nested too deep"),
        (sends(answer(b'{"format": 1, "time": NaN}')), "the status holds NaN"),
        (sends(answer(b'{"format": 2}')), "run the same version on both nodes"),
        (beta_says(time="yesterday"), "time in the status is not a number"),
        (beta_says(vips=[{"address": "192.0.2.53", "owned": "yes"}]), "owned in the status is not true or false"),
        (beta_says(node={"name": "<script>", "role": "", "address": "", "version": ""}), "a name that a node can have"),
    ],
)
def test_a_peer_that_lies_hangs_drips_or_floods_is_silent_for_a_reason(behaviour: Behaviour, words: str) -> None:
    timeout = 0.1 if "within 0.1 s" in words else 5.0
    with StandinHttpServer(behaviour) as server, collecting(server.port, timeout=timeout) as collector:
        seen = until(collector, seconds=10.0)
    assert seen.peer is None
    assert words in str(seen.error)


def test_a_port_without_an_exporter_is_a_silent_peer() -> None:
    with collecting(port_without_server()) as collector:
        seen = until(collector)
    assert (seen.peer, str(seen.error).endswith("Connection refused")) == (None, True)


def test_a_peer_with_this_node_s_own_name_is_not_believed() -> None:
    """NODE_NAME copied to the other node, or PEER_IP pointing here: its word about itself would be ours."""
    with StandinHttpServer(beta_says(name="alpha")) as server, collecting(server.port) as collector:
        seen = until(collector)
    assert seen.peer is None
    assert seen.error == "127.0.0.1 calls itself alpha, as this node does: fix NODE_NAME or PEER_IP"


def test_the_difference_of_the_clocks_is_told_with_its_sign() -> None:
    with (
        StandinHttpServer(beta_says(time=time.time() + 3600)) as server,
        collecting(server.port) as collector,
    ):
        ahead = until(collector).peer
    with (
        StandinHttpServer(beta_says()) as server,
        collecting(server.port, clock=lambda: time.time() + 3600) as collector,
    ):
        behind = until(collector).peer
    assert ahead is not None
    assert behind is not None
    assert 3590 < ahead.clock_offset < 3610
    assert -3610 < behind.clock_offset < -3590


def test_a_slow_answer_is_taken_for_one_made_halfway() -> None:
    def slow(connection: socket.socket, over: threading.Event) -> None:
        over.wait(1.0)
        beta_says(time=time.time() + 99.5)(connection, over)  # 100 s ahead of the middle between question and answer

    with StandinHttpServer(slow) as server, collecting(server.port, timeout=10.0) as collector:
        seen = until(collector, seconds=15.0)
    assert seen.peer is not None
    # However long a busy machine takes beyond that second, half of it is what can be wrong.
    assert abs(seen.peer.clock_offset - 100.0) <= (seen.query_duration - 1.0) / 2 + 0.01


def test_the_age_of_an_answer_grows_until_the_next_one() -> None:
    with StandinHttpServer(beta_says()) as server, collecting(server.port) as collector:
        first = until(collector)
        second = until(collector, lambda seen: seen.age > first.age + 0.02)
        assert len(server.requests) == 1
    assert second.peer == first.peer


def test_a_peer_that_dies_and_returns_is_silent_in_between() -> None:
    with StandinHttpServer(beta_says()) as server, collecting(server.port, interval=0.02) as collector:
        until(collector, lambda seen: seen.peer is not None)
        server.behaviour = sends(b"")
        until(collector, lambda seen: seen.peer is None)
        server.behaviour = beta_says()
        until(collector, lambda seen: seen.peer is not None)


def test_a_peer_that_always_calls_itself_something_else_makes_no_series_without_end() -> None:
    with StandinHttpServer(beta_says()) as server, collecting(server.port, interval=0.01) as collector:
        until(collector, lambda seen: is_called(seen, "beta"))
        for number in range(MAXIMUM_IDENTITIES - 1):
            server.behaviour = beta_says(name=f"beta-{number}")
            until(collector, lambda seen, number=number: is_called(seen, f"beta-{number}"))  # type: ignore[misc]
        server.behaviour = beta_says(name="one-too-many")
        seen = until(collector, lambda seen: seen.peer is None)
        assert str(seen.error).startswith("127.0.0.1 has called itself by 16 names and versions; look who has")
        server.behaviour = beta_says()
        until(collector, lambda seen: is_called(seen, "beta"))


def is_called(seen: PeerObservation, name: str) -> bool:
    return seen.peer is not None and seen.peer.name == name


def test_a_change_of_ownership_here_makes_it_ask_at_once_and_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.collectors.peer.CHANGE_INTERVAL_SECONDS", 0.01)
    with StandinHttpServer(beta_says()) as server, collecting(server.port, interval=60.0) as collector:
        until(collector)
        collector.look_closely()
        server.wait_for_requests(3)


def test_a_change_of_ownership_there_makes_it_ask_more_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exporter.collectors.peer.CHANGE_INTERVAL_SECONDS", 0.01)
    with StandinHttpServer(beta_says(owned=False)) as server, collecting(server.port, interval=60.0) as collector:
        until(collector)
        server.behaviour = beta_says(owned=True)
        collector._worker.wake()
        until(collector, lambda seen: seen.peer is not None and seen.peer.vips[samples.VIP].owned)
        server.wait_for_requests(len(server.requests) + 3)


def test_it_stops_while_the_peer_hangs() -> None:
    with StandinHttpServer(hangs) as server, collecting(server.port, timeout=0.3) as collector:
        server.wait_for_requests(1)
        collector.stop()
        assert not collector._worker._thread.is_alive()

"""The exporter asks the real Unbound for its statistics through the real HAProxy, which lets it ask nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from exporter.collectors.unbound import UnboundCollector
from exporter.model.errors import CollectorError
from exporter.model.observations import UnboundObservation
from tests.lab.waiting import wait_for

from .unbound_node import UnboundNode, unbound_node

REPOSITORY = Path(__file__).parents[2]
PATH = f"{os.environ['PATH']}:/usr/sbin:/sbin"
INTERVAL = 0.1


@dataclass(frozen=True, slots=True)
class Filtered:
    """A node's Unbound, and the filter's socket before it."""

    node: UnboundNode
    socket: Path

    def send(self, *parts: bytes) -> bytes:
        """Everything that comes back for what is sent."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(10)
            stream.connect(str(self.socket))
            with contextlib.suppress(OSError):
                for part in parts:
                    stream.sendall(part)
                return b"".join(iter(lambda: stream.recv(65536), b""))
        return b""


@pytest.fixture
def filtered(tmp_path: Path) -> Iterator[Filtered]:
    needed = ("unbound", "unshare", "nsenter", "dig", "ip", "haproxy")
    missing = [tool for tool in needed if shutil.which(tool, path=PATH) is None]
    reason = f"missing: {' '.join(missing)}" if missing else "" if os.geteuid() == 0 else "namespaces need root"
    if reason:
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") else pytest.skip(reason)
    with unbound_node(tmp_path) as node, (tmp_path / "haproxy.log").open("wb") as log:
        shipped = (REPOSITORY / "stack" / "haproxy" / "haproxy.cfg").read_text()
        folder = f"/proc/{node.pid}/root/run/unbound-statistics"
        ours = shipped.replace("/run/docker-proxy/", f"{tmp_path}/").replace("/run/unbound-statistics", folder)
        assert ours.count(folder) == 1
        quicker = ours.replace(" mode 660", "").replace("inspect-delay 2s", "inspect-delay 200ms")
        (tmp_path / "haproxy.cfg").write_text(quicker)
        command = [str(shutil.which("haproxy", path=PATH)), "-db", "-f", str(tmp_path / "haproxy.cfg")]
        environment = {**os.environ, "COMPOSE_PROJECT_NAME": "dnsha"}
        proxy = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            listens = tmp_path / "unbound.sock"
            wait_for("the filter, or its end", lambda: listens.exists() or proxy.poll() is not None, timeout=15)
            assert proxy.poll() is None, (tmp_path / "haproxy.log").read_text()
            yield Filtered(node, listens)
        finally:
            proxy.terminate()
            proxy.wait(10)


@pytest.fixture
def collector(filtered: Filtered) -> Iterator[UnboundCollector]:
    made = UnboundCollector(filtered.socket, INTERVAL)
    made.start()
    yield made
    made.stop()


def told(collector: UnboundCollector) -> UnboundObservation | str:
    try:
        return collector.collect()
    except CollectorError as error:
        return str(error)


def counted(collector: UnboundCollector, kind: str, count: int) -> UnboundObservation:
    found = wait_for(
        f"{count} queries of type {kind}",
        lambda: told(collector),
        until=lambda seen: isinstance(seen, UnboundObservation) and seen.queries_by_type[kind] >= count,
        timeout=10,
    )
    assert isinstance(found, UnboundObservation)
    return found


def test_what_clients_ask_is_counted_by_type_and_outcome(filtered: Filtered, collector: UnboundCollector) -> None:
    with filtered.node.started():
        before = counted(collector, "TXT", 1)
        for number in range(3):
            filtered.node.ask(f"x{number}.canary.dnsha.example", "TXT")
        filtered.node.ask("nowhere.example", "A")  # there is no network but loopback
        after = counted(collector, "A", 1)
        wait_for("an answer to it", lambda: told(collector), until=lambda seen: _failures(seen) == 1, timeout=20)
    assert after.queries_by_type["TXT"] - before.queries_by_type["TXT"] == 3
    assert after.cache_hits - before.cache_hits == 3
    assert after.cache_misses - before.cache_misses == 1
    assert after.queries - before.queries == 4


def _failures(seen: UnboundObservation | str) -> int:
    return seen.responses["SERVFAIL"] if isinstance(seen, UnboundObservation) else 0


def test_an_unbound_that_is_away_is_told_and_its_next_start_is_another_one(
    filtered: Filtered, collector: UnboundCollector
) -> None:
    with filtered.node.started():
        first = counted(collector, "TXT", 1)
    problem = wait_for("that it is away", lambda: told(collector), until=lambda seen: isinstance(seen, str))
    assert isinstance(problem, str)
    assert "ended the connection without an answer; is Unbound running?" in problem
    with filtered.node.started():
        second = counted(collector, "TXT", 1)
    assert second.start_time > first.start_time


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    collector = UnboundCollector(tmp_path / "none", 60.0)
    collector.start()
    try:
        said = wait_for("its problem", lambda: told(collector), until=lambda seen: "cannot be used" in str(seen))
    finally:
        collector.stop()
    assert f"{tmp_path}/none cannot be used: No such file or directory; see: docker compose logs" in str(said)


def test_nothing_but_the_statistics_comes_through_the_filter(filtered: Filtered) -> None:
    with filtered.node.started():
        assert b"total.num.queries=" in filtered.send(b"UBCT1 stats_noreset\n")
        for command in (
            b"UBCT1 stats\n",  # would begin the counters anew
            b"UBCT1 status\n",
            b"UBCT1 stop\n",
            b"UBCT1 reload\n",
            b"UBCT1 local_data evil.example. 60 IN A 192.0.2.66\n",
            b"UBCT1 stats_noreset\nUBCT1 stop\n",
            b"UBCT1 stats_noreset \n",
            b"UBCT1 stats_noreset\0\n",
            b"ubct1 STATS_NORESET\n",
            b"\n",
        ):
            assert filtered.send(command) == b"", command
        assert filtered.send(b"UBCT1 ", b"stop\n") == b""
        assert filtered.node.ask("evil.example") == ""
        assert '"alpha"' in filtered.node.ask("x.canary.dnsha.example", "TXT")

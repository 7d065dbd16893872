"""The programs as they run, from outside: a stranger floods them, and the others' requests are all answered."""

from __future__ import annotations

from pathlib import Path

from tests.hostile_bench.lan import STRANGERS, STRANGERS_V6
from tests.hostile_bench.siege import Seen, siege
from tests.unit.network_namespace import in_network_namespace

SECONDS = 3.0
MOST_GROWTH_MEBIBYTES = 8.0


def failed(seen: Seen) -> dict[str, int]:
    """How many requests of each legitimate client had no answer within 5 s."""
    return {name: sum(one is None for one in seconds) for name, seconds in seen.seconds.items()}


def assert_unmoved(seen: Seen) -> None:
    assert all(len(seconds) >= 3 for seconds in seen.seconds.values())
    assert not any(failed(seen).values()), f"without an answer: {failed(seen)}"
    assert seen.growth <= MOST_GROWTH_MEBIBYTES, f"the server grew by {seen.growth:.1f} MiB"
    assert seen.alive
    assert seen.counts["connected"] > 0


@in_network_namespace
def test_slow_connections_stop_no_message(tmp_path: Path) -> None:
    with siege(tmp_path) as at:
        assert_unmoved(at.under("slow", "notifier", SECONDS))
        assert_unmoved(at.under("slow", "notifier", SECONDS, STRANGERS_V6))


@in_network_namespace
def test_slow_connections_of_many_hosts_stop_no_scrape(tmp_path: Path) -> None:
    with siege(tmp_path) as at:
        assert_unmoved(at.under("slow", "exporter", SECONDS, STRANGERS))


@in_network_namespace
def test_ten_thousand_held_connections_cut_nobody_off(tmp_path: Path) -> None:
    with siege(tmp_path) as at:
        assert_unmoved(at.under("held", "notifier", SECONDS))
        assert_unmoved(at.under("held", "exporter", SECONDS, STRANGERS))


@in_network_namespace
def test_large_heads_cost_no_memory(tmp_path: Path) -> None:
    with siege(tmp_path) as at:
        assert_unmoved(at.under("headers", "exporter", SECONDS, STRANGERS))
        assert_unmoved(at.under("headers", "notifier", SECONDS, STRANGERS))


@in_network_namespace
def test_two_hundred_scrapers_and_two_hundred_who_read_nothing_cost_little(tmp_path: Path) -> None:
    with siege(tmp_path) as at:
        assert_unmoved(at.under("scrapers", "exporter", SECONDS, STRANGERS))
        assert_unmoved(at.under("readers", "exporter", SECONDS, STRANGERS))

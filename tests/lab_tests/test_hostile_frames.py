"""Given a stranger that floods a pair with hostile VRRP and ARP, then nobody who belongs to it notices."""

from __future__ import annotations

from tests.hostile_bench.wire_siege import flood, pair
from tests.lab.fixtures import require_lab

SECONDS = 8.0
MOST_GROWTH_MEBIBYTES = 8.0


def test_a_flood_of_vrrp_and_arp_moves_nothing_stops_nothing_and_costs_little() -> None:
    """``make bench-hostile`` has the figures."""
    require_lab()
    with pair() as lab:
        seen = flood(lab, SECONDS)
    assert seen.sent > 10_000
    failed = {name: seconds.count(None) for name, seconds in seen.seconds.items() if None in seconds}
    assert failed == {}
    assert all(len(seconds) >= 3 for seconds in seen.seconds.values())
    assert seen.restarted == frozenset()
    assert seen.moves == 0
    assert max(seen.growth.values()) <= MOST_GROWTH_MEBIBYTES

"""Starts that were seen before they had come."""

from __future__ import annotations

from dataclasses import replace

from alerts.notifier.changes import SAME_OCCURRENCE_SECONDS
from alerts.notifier.clocks import MAXIMUM_STARTS, TOLERANCE_SECONDS, FutureStarts
from tests.unit.notifier.posts import NOON, alert


class Clocks:
    """Two clocks that go on together until one of them is stepped."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.stepped = 0.0

    def starts(self) -> FutureStarts:
        return FutureStarts(now=lambda: NOON + self.passed + self.stepped, monotonic=lambda: self.passed)


def test_a_start_in_the_future_is_remembered_until_it_no_longer_matters() -> None:
    clocks = Clocks()
    starts = clocks.starts()
    ahead = alert(1, starts=60)
    starts.look([ahead, alert(2, starts=60, ends=90)])
    for clocks.passed in (0, 61, SAME_OCCURRENCE_SECONDS - 1):
        starts.look([ahead, alert(3)])
        others = (alert(1, starts=61), alert(2, starts=60), alert(3))
        assert (ahead in starts, [other in starts for other in others]) == (True, [False] * 3)
    clocks.passed = SAME_OCCURRENCE_SECONDS
    assert ahead not in starts
    starts.look([ahead])
    assert ahead not in starts


def test_clocks_in_order_make_no_future() -> None:
    starts = Clocks().starts()
    near, far = (replace(alert(), starts_at=NOON + TOLERANCE_SECONDS + more) for more in (0.0, 0.1))
    starts.look([near, far])
    assert (near in starts, far in starts) == (False, True)


def test_a_clock_that_is_a_day_off_delays_nothing_for_longer() -> None:
    clocks = Clocks()
    starts = clocks.starts()
    ahead = alert(starts=60)
    starts.look([ahead])
    clocks.stepped = -86400.0
    for clocks.passed in (SAME_OCCURRENCE_SECONDS, 3 * SAME_OCCURRENCE_SECONDS):
        starts.look([ahead])
        assert ahead not in starts


def test_no_number_of_alerts_takes_the_memory() -> None:
    starts = Clocks().starts()
    many = [alert(number, starts=86400) for number in range(20)]
    for extra in range(MAXIMUM_STARTS // 20 + 2):
        starts.look([replace(one, starts_at=one.starts_at + extra) for one in many])
    assert len(starts) == MAXIMUM_STARTS

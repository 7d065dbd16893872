"""Durations in a histogram, counted as Prometheus reads them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.resolve.histogram import BOUNDS, Histogram


def test_a_value_that_equals_a_bound_belongs_to_it() -> None:
    histogram = Histogram((0.1, 1.0))
    for value in (0.0, 0.1, 0.1000001, 1.0, 1.0000001, 60.0):
        histogram.add(value)
    seen = histogram.snapshot()
    assert (seen.bounds, seen.counts, seen.count) == ((0.1, 1.0), (2, 2, 2), 6)
    assert abs(seen.total - 62.2000002) < 1e-9


def test_what_was_taken_does_not_change_afterwards() -> None:
    histogram = Histogram()
    before = histogram.snapshot()
    histogram.add(0.5)
    assert (before.count, histogram.snapshot().count) == (0, 1)


def test_the_bounds_grow() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))


@given(st.lists(st.floats(0, 1e6)))
def test_every_value_is_counted_once_and_cumulated_as_le_says(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    seen = histogram.snapshot()
    for place, bound in enumerate(seen.bounds):
        assert sum(seen.counts[: place + 1]) == sum(value <= bound for value in values)
    assert seen.count == len(values)

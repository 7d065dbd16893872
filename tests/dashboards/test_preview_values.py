"""Numbers in the pictures are written as Grafana would."""

from __future__ import annotations

import pytest

from dashboards import style
from dashboards.preview.data import spans
from dashboards.preview.values import mapped, threshold_color, with_unit


def test_a_value_becomes_the_word_that_its_mapping_has() -> None:
    assert mapped(1.0, style.UP) == ("UP", style.GOOD)
    assert mapped(0.0, style.UP) == ("DOWN", style.WARNING)
    assert mapped(0.5, style.UP) is None


@pytest.mark.parametrize("owners, word", [(0.0, "NOBODY"), (1.0, "one"), (2.0, "SPLIT BRAIN"), (3.0, "SPLIT BRAIN")])
def test_a_range_catches_what_no_value_names(owners: float, word: str) -> None:
    found = mapped(owners, style.OWNERS)
    assert found is not None
    assert found[0] == word


def test_the_highest_threshold_that_is_reached_gives_the_colour() -> None:
    steps = style.steps("blue", (0.5, "orange"), (1, "purple"))
    assert [threshold_color(value, steps) for value in (0.0, 0.5, 0.9, 1.0)] == ["blue", "orange", "orange", "purple"]


@pytest.mark.parametrize(
    "value, unit, text",
    [
        (0.00025, "s", "250 µs"),
        (0.14, "s", "140 ms"),
        (9.4, "s", "9.4 s"),
        (7300.0, "s", "2.03 h"),
        (0.123, "percentunit", "12.3 %"),
        (47.8, "celsius", "48 °C"),
        (1_250_000.0, "bps", "1.25 Mb/s"),
        (40_000.0, "dateTimeFromNow", "60 s ago"),
        (float("nan"), "s", "–"),  # noqa: RUF001  a dash, as in tables
    ],
)
def test_a_number_has_its_unit(value: float, unit: str, text: str) -> None:
    assert with_unit(value, unit, now=100.0) == text


def test_a_gap_ends_a_span() -> None:
    samples = ((0.0, 1.0), (5.0, 1.0), (10.0, 0.0), (30.0, 0.0))
    assert list(spans(samples, 5.0)) == [(0.0, 10.0, 1.0), (10.0, 15.0, 0.0), (30.0, 35.0, 0.0)]

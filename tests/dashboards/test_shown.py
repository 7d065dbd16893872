"""Numbers are shown as Grafana would."""

from __future__ import annotations

import pytest

from dashboards import style
from tests.dashboards.shown import mapped, threshold_color


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

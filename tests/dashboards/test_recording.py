"""Every query of every dashboard, asked of a real Prometheus that has the recording of a real pair."""

from __future__ import annotations

import pytest

from dashboards.boards import BOARDS
from dashboards.preview.replay import Replay
from tests.dashboards.documents import Target, targets

TARGETS = list(targets())

# Queries that have nothing to tell of the recording, by dashboard and panel, and why.
_NEVER_SILENT = "it asks whether there is nothing at all to tell, and both exporters were never silent at once"
WITHOUT_DATA = dict.fromkeys(
    ("overview / Who owns the virtual IP? C", "overview / Versions B", "dns / Who answers now B"), _NEVER_SILENT
) | {"failover / Every move C": "it says that nothing moved, and something did"}

# The lab where it was made has no Pi-hole, and nobody asked its Unbounds for what they count.
_NOT_ASKED = "nobody asked Pi-hole and Unbound for their statistics in the recording"
WITHOUT_DATA |= {
    str(target): _NOT_ASKED
    for target in TARGETS
    if str(target).startswith("resolvers / ")
    and not target.panel.startswith("annotation")
    and (not target.instant or target.panel == "Most frequent A")
}

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_the_query_returns_data_over_the_recording(recorded: Replay, target: Target) -> None:
    samples = [sample for series in recorded.range(target.promql) for sample in series.samples]
    assert bool(samples) is (str(target) not in WITHOUT_DATA)


@pytest.mark.parametrize("target", [target for target in TARGETS if target.instant], ids=str)
def test_the_instant_query_returns_data_at_some_moment(recorded: Replay, target: Target) -> None:
    moments = range(int(recorded.start) + 10, int(recorded.end), 10)
    found = any(recorded.instant(target.promql, at) for at in moments)
    assert found is (str(target) not in WITHOUT_DATA)


def test_reasons_are_given_for_queries_that_exist() -> None:
    assert WITHOUT_DATA.keys() <= {str(target) for target in TARGETS}
    assert len(BOARDS) == 7

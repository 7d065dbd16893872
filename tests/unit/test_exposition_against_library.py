"""Our encoder writes what prometheus-client's writes, in both formats.

Two spellings differ and mean the same: labels stand in the table's order, and large numbers without an exponent.
"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

from exporter.views.exposition import encode, from_library

HOSTILE = ["plain", 'quote"', "back\\slash", "line\nbreak", "ünïcode", "", "a,b={}"]


class Registry:
    """What the library's encoders ask of a registry."""

    def __init__(self, found: list[Metric]) -> None:
        self.found = found

    def collect(self) -> Iterable[Metric]:
        return self.found


def families() -> list[Metric]:
    gauge = GaugeMetricFamily("a_gauge", "A help with \\ in it.", labels=["number", "word"])
    for number, word in enumerate(HOSTILE):
        gauge.add_metric([str(number), word], number / 7)
    counter = CounterMetricFamily("a_counter", "Counted.", labels=["word"])
    counter.add_metric(["x"], 12345)
    plain = GaugeMetricFamily("a_plain_one", "Without labels.", value=1234.25)
    histogram = HistogramMetricFamily("a_histogram", "Distributed.", labels=["kind"])
    histogram.add_metric(["x"], [("0.005", 1), ("1.0", 3), ("+Inf", 4)], 2.5)
    return [gauge, counter, plain, histogram]


@pytest.mark.parametrize("accept", ["text/plain", "application/openmetrics-text; version=1.0.0"])
def test_both_encoders_write_the_same(accept: str) -> None:
    encoder, content_type = choose_encoder(accept)
    theirs = encoder(Registry(families()))
    ours, our_type = encode(from_library(families()), accept)
    assert our_type == content_type
    assert ours.decode().splitlines() == theirs.decode().splitlines()


def test_a_large_number_is_the_same_number() -> None:
    family = GaugeMetricFamily("a_time", "Unix time.", value=1795388802.25)
    ours = encode(from_library([family]), "text/plain")[0].decode()
    assert ours.splitlines()[-1] == "a_time 1795388802.25"

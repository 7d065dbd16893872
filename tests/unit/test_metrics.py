"""The one table of metrics keeps Prometheus' rules (https://prometheus.io/docs/practices/naming/)."""

from __future__ import annotations

import pytest

from exporter.model import metrics
from exporter.model.metrics import METRICS, Metric

# Prometheus sets instance and job; type is what it calls its own; le and quantile belong to histograms and summaries.
TAKEN_LABELS = {"instance", "job", "type", "le", "quantile", "__name__"}
UNITS_THAT_ARE_NOT_BASE_UNITS = ("_milliseconds", "_ms", "_minutes", "_hours", "_percent", "_kb", "_mb")

each = pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)


@each
def test_a_name_begins_with_ours_and_is_spelled_as_prometheus_wants_it(metric: Metric) -> None:
    assert metric.name.startswith("dnsha_")
    assert metric.name.replace("_", "").isalnum()
    assert metric.name == metric.name.lower()
    assert not metric.name.endswith((*UNITS_THAT_ARE_NOT_BASE_UNITS, "_total", "_count", "_sum", "_bucket"))


@each
def test_a_time_is_a_timestamp_or_a_length_in_seconds_and_says_so(metric: Metric) -> None:
    if "timestamp" in metric.name:
        assert metric.name.endswith("_timestamp_seconds")
        assert metric.help.startswith("Unix time")
    words = set(metric.name.split("_"))
    if words & {"duration", "interval", "outage", "age", "offset"}:
        assert "seconds" in words
    assert "age" not in words or "maximum" in words  # timestamps, not ages


@each
def test_no_label_takes_a_name_that_prometheus_needs(metric: Metric) -> None:
    assert not TAKEN_LABELS.intersection(metric.labels)
    assert len(set(metric.labels)) == len(metric.labels)
    assert all(label.isidentifier() and label == label.lower() for label in metric.labels)


@each
def test_the_help_is_one_sentence(metric: Metric) -> None:
    assert metric.help.endswith(".")
    assert "\n" not in metric.help


@each
def test_queries_use_the_name_that_samples_have(metric: Metric) -> None:
    assert metric.sample_name == (f"{metric.name}_total" if metric.kind == "counter" else metric.name)


def test_every_constant_of_the_module_is_in_the_table_and_no_name_is_spelled_twice() -> None:
    constants = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    assert constants == list(METRICS.values())
    assert len({metric.name for metric in constants}) == len(constants)

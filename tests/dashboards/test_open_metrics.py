"""What was scraped is written as promtool reads it."""

from __future__ import annotations

from tests.dashboards.open_metrics import Recording

TARGET = {"site": "lab", "node": "alpha"}


def test_scrapes_become_series_with_the_targets_labels_and_their_times() -> None:
    recording = Recording()
    text = '# TYPE dnsha_moves_total counter\ndnsha_moves_total{vip="192.0.2.53"} 1.0\n'
    recording.add_scrape(text, TARGET, 100.0)
    recording.add_scrape(text.replace(" 1.0", " 2.0"), TARGET, 101.0)
    assert list(recording.lines()) == [
        "# TYPE dnsha_moves counter",
        'dnsha_moves_total{site="lab",node="alpha",vip="192.0.2.53"} 1.0 100.000',
        'dnsha_moves_total{site="lab",node="alpha",vip="192.0.2.53"} 2.0 101.000',
        "# EOF",
    ]


def test_a_label_that_the_target_has_too_is_renamed_as_prometheus_does() -> None:
    recording = Recording()
    recording.add_scrape('# TYPE dnsha_node_info gauge\ndnsha_node_info{node="alpha",role="primary"} 1\n', TARGET, 1.0)
    assert list(recording.lines())[1] == (
        'dnsha_node_info{site="lab",node="alpha",exported_node="alpha",role="primary"} 1 1.000'
    )


def test_a_histograms_parts_stay_together() -> None:
    recording = Recording()
    text = '# TYPE t_seconds histogram\nt_seconds_bucket{le="+Inf"} 2\nt_seconds_sum 0.5\nt_seconds_count 2\n'
    recording.add_scrape(text, TARGET, 1.0)
    assert [line.split("{")[0] for line in recording.lines()] == [
        "# TYPE t_seconds histogram",
        "t_seconds_bucket",
        "t_seconds_count",
        "t_seconds_sum",
        "# EOF",
    ]


def test_only_wanted_families_are_kept() -> None:
    recording = Recording()
    recording.add_scrape("# TYPE a gauge\na 1\n# TYPE b_total counter\nb_total 2\n", TARGET, 1.0, {"b"})
    assert list(recording.lines())[:-1] == ["# TYPE b counter", 'b_total{site="lab",node="alpha"} 2 1.000']


def test_what_was_before_a_time_is_left_out() -> None:
    recording = Recording()
    for time in (1.0, 2.0):
        recording.add("up", TARGET, time, "1")
    assert list(recording.lines(since=2.0))[1:-1] == ['up{site="lab",node="alpha"} 1 2.000']

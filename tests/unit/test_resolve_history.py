"""What a probe's queries come to, and how long its outages were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from exporter.collectors.resolve.histogram import BOUNDS, Histogram
from exporter.collectors.resolve.history import MAX_NAMES, Moment, ProbeHistory, Query
from exporter.model.observations import Probe
from exporter.parsers.dns_answer import Answer, Failure
from exporter.sources.dns_query import DnsServer

LOST = Failure("timeout", "did not answer within 1 s")
GOOD = Answer("node-a")
WALL = 1_700_000_000.0  # at monotonic time 0


def new_history() -> ProbeHistory:
    return ProbeHistory("vip", DnsServer("192.0.2.53", 53, "ipv4", "udp"), "node-a")


def at(seconds: float, wall_step: float = 0.0) -> Moment:
    return Moment(seconds, WALL + seconds + wall_step)


def ask(history: ProbeHistory, sent: float, outcome: Answer | Failure, ended: float) -> None:
    history.end(history.begin(at(sent)), outcome, at(ended))


def test_a_probe_that_was_never_asked_knows_nothing() -> None:
    assert new_history().snapshot() == Probe(
        target="vip",
        server="192.0.2.53",
        port=53,
        family="ipv4",
        protocol="udp",
        queries=0,
        failures={},
        responses={},
        answers={},
        latency=Histogram().snapshot(),
        last_ok=None,
        last_error=None,
        last_latency=None,
        last_success=None,
        answered_by=None,
        outages=0,
        outage_seconds=0.0,
        last_outage=None,
        last_outage_start=None,
        outage_start=None,
    )


def test_a_good_answer_is_counted_for_its_node_and_its_time() -> None:
    history = new_history()
    ask(history, 1.0, Answer("node-b"), 1.25)
    probe = history.snapshot()
    assert (probe.last_ok, probe.last_error, probe.answered_by) == (True, None, "node-b")
    assert (probe.queries, probe.answers, probe.responses) == (1, {"node-b": 1}, {"NOERROR": 1})
    assert (probe.last_latency, probe.last_success) == (0.25, WALL + 1.25)
    assert probe.latency.total == 0.25
    assert probe.latency.counts[BOUNDS.index(0.25)] == 1
    assert (probe.outages, probe.outage_start, probe.last_outage) == (0, None, None)


def test_an_outage_goes_from_the_first_lost_query_to_the_first_answer() -> None:
    history = new_history()
    ask(history, 0.0, GOOD, 0.001)
    ask(history, 1.0, LOST, 2.0)
    ask(history, 2.0, LOST, 3.0)
    probe = history.snapshot()
    assert (probe.outages, probe.outage_start, probe.last_outage) == (1, WALL + 1.0, None)
    assert probe.last_error == "192.0.2.53:53 (udp) did not answer within 1 s"
    ask(history, 3.0, GOOD, 3.5)
    probe = history.snapshot()
    assert (probe.outages, probe.outage_start, probe.last_outage, probe.outage_seconds) == (1, None, 2.5, 2.5)
    assert probe.last_outage_start == WALL + 1.0
    assert probe.last_error is None
    assert probe.failures == {"timeout": 2}


def test_an_outage_shorter_than_the_time_out_is_measured_by_queries_sent_in_it() -> None:
    history = new_history()
    ask(history, 0.0, GOOD, 0.001)
    lost = [history.begin(at(sent)) for sent in (1.0, 1.1, 1.2)]
    answered = history.begin(at(1.3))
    history.end(answered, GOOD, at(1.302))
    assert history.snapshot().outages == 0, "the queries before may still be answered"
    for number, query in enumerate(lost):
        history.end(query, LOST, at(2.0 + number / 10))
    probe = history.snapshot()
    assert (probe.outages, probe.outage_start) == (1, None)
    assert probe.last_outage is not None
    assert abs(probe.last_outage - 0.302) < 1e-9


def test_a_slow_answer_is_no_outage_though_later_queries_were_answered_before() -> None:
    history = new_history()
    slow = history.begin(at(1.0))
    ask(history, 1.1, GOOD, 1.101)
    history.end(slow, GOOD, at(1.9))
    probe = history.snapshot()
    assert (probe.outages, probe.queries, probe.answers) == (0, 2, {"node-a": 2})


def test_a_target_that_never_answered_is_out_since_its_first_query() -> None:
    history = new_history()
    ask(history, 5.0, LOST, 6.0)
    probe = history.snapshot()
    assert (probe.last_ok, probe.outages, probe.outage_start) == (False, 1, WALL + 5.0)


def test_each_outage_counts_once_and_their_lengths_add_up() -> None:
    history = new_history()
    for start in (10.0, 20.0, 30.0):
        ask(history, start, LOST, start + 1)
        ask(history, start + 1, LOST, start + 2)
        ask(history, start + 2, GOOD, start + 2.5)
    probe = history.snapshot()
    assert (probe.outages, probe.outage_seconds, probe.last_outage) == (3, 7.5, 2.5)


def test_a_wall_clock_that_steps_does_not_change_a_length() -> None:
    history = new_history()
    history.end(history.begin(at(1.0)), LOST, at(2.0))
    history.end(history.begin(at(2.0, wall_step=-86_400)), GOOD, at(2.5, wall_step=-86_400))
    probe = history.snapshot()
    assert probe.last_outage == 1.5
    assert probe.last_latency == 0.5
    assert probe.last_success == WALL + 2.5 - 86_400


def test_failures_count_by_reason_and_their_responses_by_code() -> None:
    history = new_history()
    ask(history, 1, Failure("rcode", "answered SERVFAIL", "SERVFAIL"), 1.1)
    ask(history, 2, Failure("rcode", "answered REFUSED", "REFUSED"), 2.1)
    ask(history, 3, Failure("no_answer", "answered nothing", "NOERROR"), 3.1)
    ask(history, 4, LOST, 5)
    probe = history.snapshot()
    assert probe.failures == {"rcode": 2, "no_answer": 1, "timeout": 1}
    assert probe.responses == {"SERVFAIL": 1, "REFUSED": 1, "NOERROR": 1}
    assert probe.latency.count == 0


def test_many_names_do_not_become_many_labels_and_the_own_name_always_has_its_place() -> None:
    history = new_history()
    for number in range(100):
        ask(history, number, Answer(f"stranger-{number}"), number + 0.001)
    assert history.snapshot().answered_by == "other"
    ask(history, 100, Answer("node-a"), 100.001)
    probe = history.snapshot()
    assert probe.answered_by == "node-a"
    assert len(probe.answers) == MAX_NAMES + 1
    assert probe.answers["node-a"] == 1
    assert probe.answers["other"] == 100 - (MAX_NAMES - 1)


def test_a_snapshot_does_not_change_afterwards() -> None:
    history = new_history()
    ask(history, 1, GOOD, 1.1)
    ask(history, 2, LOST, 3)
    before = history.snapshot()
    ask(history, 4, Answer("node-b"), 4.1)
    ask(history, 5, Failure("rcode", "answered SERVFAIL", "SERVFAIL"), 5.1)
    assert (before.answers, before.failures, before.responses) == ({"node-a": 1}, {"timeout": 1}, {"NOERROR": 1})
    assert before.latency.count == 1


def test_a_value_on_a_bound_belongs_to_it_and_one_above_all_bounds_to_the_last() -> None:
    histogram = Histogram((0.5, 1.0))
    for value in (0.25, 0.5, 0.75, 1.0, 2.0):
        histogram.add(value)
    latency = histogram.snapshot()
    assert (latency.bounds, latency.counts, latency.total) == ((0.5, 1.0), (2, 2, 1), 4.5)


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 0.95)), max_size=40))
def test_outages_follow_the_order_of_sending_in_whatever_order_queries_end(
    plan: list[tuple[bool, float]],
) -> None:
    """Queries every 0.1 s, each answered after a while or lost after 1 s; the end of each noted as it comes."""
    history = new_history()
    queries: list[tuple[float, Query, Answer | Failure]] = []
    for number, (answered, delay) in enumerate(plan):
        sent = number / 10
        queries.append((sent + (delay if answered else 1.0), history.begin(at(sent)), GOOD if answered else LOST))
    for ended, query, outcome in sorted(queries, key=lambda entry: entry[0]):
        history.end(query, outcome, at(ended))
    began: float | None = None
    lengths = []
    outages = 0
    for number, (answered, delay) in enumerate(plan):
        if not answered and began is None:
            began = number / 10
            outages += 1
        elif answered and began is not None:
            lengths.append(number / 10 + delay - began)
            began = None
    probe = history.snapshot()
    assert probe.outages == outages
    assert abs(probe.outage_seconds - sum(lengths)) < 1e-6
    assert (probe.outage_start is None) == (began is None)
    assert sum(probe.answers.values()) + sum(probe.failures.values()) == probe.queries == len(plan)

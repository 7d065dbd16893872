"""Unbound's statistics, as Unbound writes them and as nobody should."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.parsers.unbound_statistics import BOUNDS, QUERY_TYPES, parse_unbound_statistics

RECORDED = Path(__file__).parents[1] / "fixtures" / "unbound" / "1.26.2" / "stats_noreset.txt"
GOOD = RECORDED.read_bytes()


def changed(old: str, new: str) -> bytes:
    assert GOOD.count(old.encode()) == 1
    return GOOD.replace(old.encode(), new.encode())


def test_what_unbound_has_counted_is_read() -> None:
    """Against the lines of the recording, one by one."""
    seen = parse_unbound_statistics(GOOD)
    assert (seen.queries, seen.cache_hits, seen.cache_misses, seen.prefetches, seen.expired_answers) == (4, 3, 1, 0, 0)
    assert {kind: count for kind, count in seen.queries_by_type.items() if count} == {"TXT": 3, "HTTPS": 1}
    assert seen.responses == {"NOERROR": 3, "NXDOMAIN": 0, "SERVFAIL": 1, "REFUSED": 0, "other": 0}
    assert (seen.secure_answers, seen.bogus_answers, seen.waiting, seen.dropped) == (0, 0, 0, 0)
    assert seen.cache_bytes == {"message": 66337, "rrset": 66104}
    assert seen.start_time == pytest.approx(1795939143.556966 - 3.397902)


def test_the_histogram_of_recursion_has_few_buckets_and_loses_nothing() -> None:
    lines = (
        ("histogram.000000.000256.to.000000.000512=1", "histogram.000000.000256.to.000000.000512=3"),
        ("histogram.000000.016384.to.000000.032768=0", "histogram.000000.016384.to.000000.032768=5"),
        ("histogram.000001.000000.to.000002.000000=0", "histogram.000001.000000.to.000002.000000=7"),
        ("histogram.262144.000000.to.524288.000000=0", "histogram.262144.000000.to.524288.000000=11"),
        ("total.recursion.time.avg=0.000487", "total.recursion.time.avg=0.250000"),
        ("total.num.recursivereplies=1", "total.num.recursivereplies=26"),
    )
    content = GOOD
    for old, new in lines:
        assert content.count(old.encode()) == 1
        content = content.replace(old.encode(), new.encode())
    recursion = parse_unbound_statistics(content).recursion
    found = dict(zip((*recursion.bounds, "above"), recursion.counts, strict=True))
    assert {bound: count for bound, count in found.items() if count} == {0.001024: 3, 0.032768: 5, 2.0: 7, "above": 11}
    assert (recursion.count, recursion.total) == (26, 6.5)


def test_the_buckets_of_recursion_end_where_those_of_unbound_do() -> None:
    assert list(BOUNDS) == sorted(set(BOUNDS))
    # timehist_setup in its util/timehist.c: powers of two, of microseconds below a second.
    ends = {2**power / 1_000_000 for power in range(20)} | {float(2**power) for power in range(20)}
    assert set(BOUNDS) <= ends


def test_types_that_a_stranger_invents_are_one_series() -> None:
    invented = "".join(f"num.query.type.TYPE{number}=2\n" for number in range(300, 556))
    seen = parse_unbound_statistics(GOOD + invented.encode())
    assert seen.queries_by_type["other"] == 512
    assert set(seen.queries_by_type) == {*QUERY_TYPES, "other"}


def test_an_answer_without_data_is_one_of_noerror_and_counted_once() -> None:
    seen = parse_unbound_statistics(GOOD + b"num.answer.rcode.nodata=2\nnum.answer.rcode.NOTIMPL=0\n")
    assert seen.responses["NOERROR"] == 3
    assert seen.responses["other"] == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"error unknown command 'nonsense'\n", "hold a line that is no figure: error unknown command 'nonsense'"),
        (b"", "set extended-statistics: yes"),
        (changed("num.answer.rcode.NOERROR=3", "total.x=3"), "set extended-statistics: yes"),
        (changed("total.num.cachehits=3", "total.num.cachehits=many"), "no figure: total.num.cachehits=many"),
        (changed("total.num.cachehits=3\n", ""), "lack total.num.cachehits"),
        (changed("total.num.cachehits=3", "total.num.cachehits=-3"), "no figure"),
        (changed("total.num.cachehits=3", "total.num.cachehits=inf"), "no figure"),
        (b"\x1b[2J=\xff\n", "no figure"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ParseError, match=reason.replace("(", r"\(")):
        parse_unbound_statistics(content)


@given(st.binary(max_size=300))
def test_nothing_else_than_a_parse_error_comes_of_anything(noise: bytes) -> None:
    for content in (noise, GOOD + noise, GOOD[: len(noise) * 15] + noise):
        try:
            seen = parse_unbound_statistics(content)
        except ParseError as error:
            assert str(error).isprintable()  # noqa: PT017
        else:
            assert len(seen.recursion.counts) == len(BOUNDS) + 1
            assert seen.queries >= 0

"""The figures drawn from a sample are right: pure arithmetic, no lab."""

from __future__ import annotations

import struct

import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.lab import query_sampler
from tests.lab.plan import CANARY_ZONE
from tests.lab.sample import OwnerChange, Query, Sample


def sample(answered: str, *changes: OwnerChange, end: float = 0.0) -> Sample:
    """Questions a second apart: ``a`` and ``b`` are answered by that node, ``.`` is lost."""
    queries = [
        Query(float(at), None if node == "." else at + 0.001, None if node == "." else 0, None if node == "." else node)
        for at, node in enumerate(answered)
    ]
    return Sample(tuple(queries), changes, len(changes), end)


@pytest.mark.parametrize(
    ("answered", "lost", "longest"),
    [
        ("", 0, 0.0),
        ("aaa", 0, 0.0),
        ("aa..bb", 2, 3.0),
        ("a.b..b", 3, 3.0),
        ("..aa", 2, 2.0),
        ("aa..", 2, 2.0),
        ("...", 3, 2.0),
    ],
)
def test_an_outage_lasts_from_the_last_answered_question_to_the_next(answered: str, lost: int, longest: float) -> None:
    seen = sample(answered)
    assert (seen.lost, seen.longest_outage) == (lost, longest)


def test_answers_are_counted_by_node() -> None:
    assert sample("aa.b").answers_by_node == {"a": 2, "b": 1}


def test_two_owners_at_once_are_timed_per_address() -> None:
    seen = sample(
        "",
        OwnerChange(1.0, "192.0.2.53", ("alpha",)),
        OwnerChange(1.5, "2001:db8::53", ("beta",)),
        OwnerChange(2.0, "192.0.2.53", ("alpha", "beta")),
        OwnerChange(2.5, "192.0.2.53", ("beta",)),
        OwnerChange(3.0, "2001:db8::53", ("alpha", "beta")),
        end=4.0,
    )
    assert (seen.owners_seen_max, seen.longest_overlap) == (2, 1.0)


def test_one_owner_after_the_other_is_no_overlap() -> None:
    seen = sample("", OwnerChange(1.0, "192.0.2.53", ("alpha",)), OwnerChange(2.0, "192.0.2.53", ("beta",)), end=3.0)
    assert (seen.owners_seen_max, seen.longest_overlap) == (1, 0.0)


def test_a_question_is_one_that_a_dns_library_understands() -> None:
    message = dns.message.from_wire(query_sampler.question(4711))
    assert message.id == 4711
    (asked,) = message.question
    assert asked.name.to_text().endswith(f".{CANARY_ZONE}.")


@given(st.integers(0, 0xFFFF), st.sampled_from(["alpha", "beta", "x" * 63]), st.booleans())
def test_an_answer_made_by_a_dns_library_is_read_back(identifier: int, node: str, compressed: bool) -> None:
    question = dns.message.from_wire(query_sampler.question(identifier))
    answer = dns.message.make_response(question)
    name = question.question[0].name
    answer.answer.append(dns.rrset.from_text(name, 0, "IN", "TXT", f'"{node}"'))
    wire = answer.to_wire()
    if not compressed:
        pointer = wire.index(b"\xc0\x0c")
        wire = wire[:pointer] + (name.to_wire() or b"") + wire[pointer + 2 :]
    assert query_sampler.parse(wire) == (identifier, 0, node)


def test_an_error_answer_names_no_node() -> None:
    answer = dns.message.make_response(dns.message.from_wire(query_sampler.question(7)))
    answer.set_rcode(dns.rcode.SERVFAIL)
    assert query_sampler.parse(answer.to_wire()) == (7, 2, None)


@given(st.binary(max_size=120))
def test_garbage_is_refused_or_read_but_never_breaks_the_sampler(message: bytes) -> None:
    try:
        query_sampler.parse(message)
    except query_sampler.UNREADABLE:
        return


def test_a_message_that_is_cut_short_is_refused() -> None:
    with pytest.raises(struct.error):
        query_sampler.parse(b"\x00\x01")


def test_a_time_without_exactly_one_owner_counts_none_and_too_many_alike() -> None:
    seen = sample(
        "",
        OwnerChange(1.0, "192.0.2.53", ("alpha",)),
        OwnerChange(2.0, "192.0.2.53", ()),
        OwnerChange(2.25, "192.0.2.53", ("alpha", "beta")),
        OwnerChange(2.5, "192.0.2.53", ("beta",)),
        OwnerChange(3.0, "192.0.2.53", ()),
        end=3.25,
    )
    assert seen.longest_without_one_owner == 0.5

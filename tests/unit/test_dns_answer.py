"""What a reply to the canary's query is worth, whatever a server sends."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable

import dns.flags
import dns.message
import dns.rdatatype
import dns.rrset
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.model.errors import ConfigurationError
from exporter.parsers import dns_answer
from exporter.parsers.dns_answer import (
    MAX_LENGTH,
    RANDOM_LENGTH,
    REASONS,
    Answer,
    CanaryQuestion,
    Failure,
    LabelCycle,
    NameQuestion,
    NotOurs,
    Verdict,
    evaluate,
)
from tests.unit.standin_dns_server import (
    NXDOMAIN,
    QR,
    RD,
    REFUSED,
    SERVFAIL,
    TC,
    good,
    reply,
    txt,
    with_another_id,
    with_another_label,
)

# id 0xABCD, recursion desired, one question: 0001020304050607.canary.dnsha.example TXT IN; and an OPT record: 1232
# bytes, no extended rcode, version 0, the DO bit, no options
HEADER = bytes.fromhex("abcd 0100 0001 0000 0000 0001")
QUESTION = bytes.fromhex(
    "10 30303031303230333034303530363037 06 63616e617279 05 646e736861 07 6578616d706c65 00 0010 0001"
)
OPT = bytes.fromhex("00 0029 04d0 00 00 8000 0000")
QUERY = HEADER + QUESTION + OPT


def reason(verdict: Verdict | NotOurs) -> str:
    assert isinstance(verdict, Failure), verdict
    assert verdict.reason in REASONS
    return verdict.reason


def ignored_as(verdict: Verdict | NotOurs) -> str:
    assert isinstance(verdict, NotOurs), verdict
    return reason(verdict.failure)


def test_a_query_is_what_rfc_1035_says() -> None:
    random = bytes.fromhex("abcd 0001020304050607")
    assert len(random) == RANDOM_LENGTH
    assert CanaryQuestion("canary.dnsha.example").query(random) == QUERY


def test_dnspython_reads_the_query_as_meant() -> None:
    message = dns.message.from_wire(CanaryQuestion("Canary.Example").query(bytes(RANDOM_LENGTH)))
    assert str(message.question[0]) == "0000000000000000.Canary.Example. IN TXT"
    assert message.flags == dns.flags.RD
    assert (message.edns, message.payload, message.ednsflags) == (0, 1232, dns.flags.DO)


def test_two_queries_differ_in_id_and_label() -> None:
    question = CanaryQuestion("canary.dnsha.example")
    one, other = question.query(b"\0\0" + b"a" * 8), question.query(b"\0\1" + b"b" * 8)
    assert one[:2] != other[:2]
    assert one[13:29] != other[13:29]
    assert one[29:] == other[29:]


def test_a_pihole_sees_few_names_and_each_comes_again_as_late_as_possible() -> None:
    cycle = LabelCycle("node-a", start=60)
    labels = [cycle.next() for _ in range(1000)]
    assert len(set(labels)) == 64  # at most, however long it asks
    assert all(len(set(labels[begin : begin + 64])) == 64 for begin in range(900))
    assert {len(label) for label in labels} == {RANDOM_LENGTH - 2}


def test_two_nodes_never_ask_for_the_same_name() -> None:
    one, other = LabelCycle("node-a", start=0), LabelCycle("node-b", start=0)
    assert not {one.next() for _ in range(40_000)} & {other.next() for _ in range(40_000)}


@pytest.mark.parametrize("zone", [".".join(["a" * 60] * 4), "a" * 64 + ".internal"])
def test_a_zone_without_room_for_the_label_is_a_mistake_in_the_settings(zone: str) -> None:
    with pytest.raises(ConfigurationError, match="canary_zone"):
        CanaryQuestion(zone)


@pytest.mark.parametrize("node", ["node-a", "a", "Pi.home.example", "0" + "x" * 62])
def test_a_good_answer_names_its_node(node: str) -> None:
    assert evaluate(good(QUERY, node), QUERY) == Answer(node)


def test_an_answer_that_dnspython_wrote_is_good_too() -> None:
    message = dns.message.make_response(dns.message.from_wire(QUERY), recursion_available=True)
    message.answer.append(dns.rrset.from_text(message.question[0].name, 0, "IN", "TXT", '"node-b"'))
    message.use_edns(0)
    assert evaluate(message.to_wire(), QUERY) == Answer("node-b")


def test_an_answer_is_good_however_its_name_is_written() -> None:
    owner = QUESTION[:-4]
    record = owner + struct.pack("!HHIH", 16, 1, 0, 7) + txt(b"node-a")
    wire = QUERY[:2] + struct.pack("!HHHHH", QR, 1, 1, 0, 0) + QUESTION + record
    assert evaluate(wire, QUERY) == Answer("node-a")


def test_the_ttl_does_not_matter() -> None:
    wire = bytearray(good(QUERY))
    ttl = len(HEADER + QUESTION) + 6
    wire[ttl : ttl + 4] = b"\0\0\x0e\x10"
    assert evaluate(bytes(wire), QUERY) == Answer("node-a")


@pytest.mark.parametrize(
    "rcode, name", [(1, "FORMERR"), (SERVFAIL, "SERVFAIL"), (NXDOMAIN, "NXDOMAIN"), (4, "NOTIMP"), (REFUSED, "REFUSED")]
)
def test_another_response_code_is_told_by_its_name(rcode: int, name: str) -> None:
    verdict = evaluate(reply(QUERY, rcode=rcode), QUERY)
    assert reason(verdict) == "rcode"
    assert isinstance(verdict, Failure)
    assert verdict.rcode == name
    assert name in verdict.error


def test_a_response_code_that_no_rfc_names_is_other() -> None:
    assert evaluate(reply(QUERY, rcode=14), QUERY) == Failure(
        "rcode", "answered OTHER; look at the logs of the DNS services there", "OTHER"
    )


def test_a_response_code_extended_by_an_opt_record_counts() -> None:
    opt = b"\0" + struct.pack("!HHBBHH", 41, 1232, 1, 0, 0, 0)  # the upper bits of 16, BADVERS
    assert reason(evaluate(reply(QUERY)[: -len(OPT)] + opt, QUERY)) == "rcode"


def test_a_refusal_may_leave_the_question_out() -> None:
    assert reason(evaluate(QUERY[:2] + struct.pack("!HHHHH", QR | REFUSED, 0, 0, 0, 0), QUERY)) == "rcode"


def test_success_may_not_leave_the_question_out() -> None:
    assert ignored_as(evaluate(QUERY[:2] + struct.pack("!HHHHH", QR, 0, 0, 0, 0), QUERY)) == "mismatch"


def test_a_truncated_answer_is_a_failure_even_with_a_record_in_it() -> None:
    assert reason(evaluate(reply(QUERY, txt(b"node-a"), flags=QR | RD | TC), QUERY)) == "truncated"


@pytest.mark.parametrize(
    "forge",
    [
        lambda: good(with_another_id(QUERY)),
        lambda: good(with_another_label(QUERY)),
        lambda: good(QUERY.replace(b"\x06canary", b"\x06CANARY")),
        lambda: good(HEADER + QUESTION[:-4] + struct.pack("!HH", 1, 1) + OPT),  # an A record's question
        lambda: good(HEADER + QUESTION[:-4] + struct.pack("!HH", 16, 3) + OPT),  # in class CH
        lambda: reply(QUERY, txt(b"node-a"), flags=RD),  # a query
        lambda: reply(QUERY, txt(b"node-a"), flags=QR | 0x2800),  # an UPDATE's response
        lambda: QUERY,
        lambda: good(QUERY)[:40],
        lambda: good(QUERY)[:4] + b"\0\2" + good(QUERY)[6:],  # two questions
    ],
)
def test_a_reply_to_something_else_is_not_ours(forge: Callable[[], bytes]) -> None:
    assert ignored_as(evaluate(forge(), QUERY)) == "mismatch"


@pytest.mark.parametrize("garbage", [b"", b"\0", b"\xff" * 11])
def test_less_than_a_header_is_not_ours(garbage: bytes) -> None:
    assert ignored_as(evaluate(garbage, QUERY)) == "malformed"


@pytest.mark.parametrize(
    "wire",
    [
        good(QUERY)[:-1],
        good(QUERY) + b"\0",
        reply(QUERY, b"\xff" + b"node-a"),  # a string longer than its record
        reply(QUERY, txt(b"a" * 250), *[txt(b"b" * 250)] * 5),  # longer than any answer
        QUERY[:2] + struct.pack("!HHHHH", QR, 1, 0xFFFF, 0xFFFF, 0xFFFF) + QUESTION,
        reply(QUERY) + b"\xc0\xff",
    ],
)
def test_what_is_ours_but_makes_no_sense_is_malformed(wire: bytes) -> None:
    counted = wire[:6] + b"\0\1" + wire[8:] if wire.endswith(b"\xc0\xff") else wire
    assert reason(evaluate(counted, QUERY)) == "malformed"


def test_an_answer_longer_than_the_limit_is_refused_before_it_is_parsed() -> None:
    verdict = evaluate(good(QUERY) + bytes(MAX_LENGTH), QUERY)
    assert reason(verdict) == "malformed"
    assert isinstance(verdict, Failure)
    assert str(MAX_LENGTH) in verdict.error


@pytest.mark.parametrize(
    "records",
    [
        [],
        [txt()],
        [txt(b"")],
        [txt(b"node-a", b"node-b")],
        [txt(b"node-a"), txt(b"node-b")],
        [txt(b"n" * 64)],
        [txt(b"n" * 255)],
        [txt("knöten".encode())],
        [txt(b"\xff\xfe")],
        [txt(b"node-a\n")],
        [txt(b"node\0a")],
        [txt(b"\x1b[2Jnode-a")],
        [txt(b'node-a",instance="x')],
        [txt(b"node-a\ndnsha_status 0")],
        [txt(b"-node")],
    ],
)
def test_texts_that_are_no_node_name_are_no_answer_and_are_not_repeated(records: list[bytes]) -> None:
    verdict = evaluate(reply(QUERY, *records), QUERY)
    assert isinstance(verdict, Failure)
    if verdict.reason != "malformed":  # a TXT record without a string is not valid DNS
        assert verdict.reason == "no_answer"
        assert verdict.rcode == "NOERROR"
    assert re.fullmatch(r"[A-Za-z0-9 ,;?()']+", verdict.error)


def test_another_type_is_no_answer() -> None:
    assert reason(evaluate(reply(QUERY, bytes([192, 0, 2, 1]), kind=1), QUERY)) == "no_answer"


def test_a_record_of_another_type_beside_the_text_does_not_matter() -> None:
    address = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 0, 4) + bytes([192, 0, 2, 1])
    wire = QUERY[:2] + struct.pack("!HHHHH", QR, 1, 2, 0, 0) + QUESTION + address + good(QUERY)[12 + len(QUESTION) :]
    assert evaluate(wire.removesuffix(OPT), QUERY) == Answer("node-a")


def test_a_good_answer_is_read_without_dnspython() -> None:
    assert dns_answer._only_text(good(QUERY), 12 + len(QUESTION)) == b"node-a"


@pytest.mark.parametrize("flipped", [0x01, 0x02, 0x10, 0x80, 0xFF])
def test_what_is_read_without_dnspython_is_what_dnspython_reads(flipped: int) -> None:
    end = 12 + len(QUESTION)
    whole = good(QUERY)
    for position in (*range(6, 12), *range(end, len(whole))):
        wire = bytearray(whole)
        wire[position] ^= flipped
        text = dns_answer._only_text(bytes(wire), end)
        if text is not None:
            assert dns_answer._evaluate_text(text) == dns_answer._evaluate_any_answer(bytes(wire)), position


@pytest.mark.parametrize("more", [-1, 1])
def test_a_text_of_another_length_than_its_record_is_not_read_without_dnspython(more: int) -> None:
    wire = bytearray(good(QUERY))
    record = 12 + len(QUESTION)
    wire[record + 11] += more
    wire[record + 12] += more
    assert dns_answer._only_text(bytes(wire), record) is None


def test_a_record_of_another_name_is_no_answer() -> None:
    other = b"\x05other\0" + struct.pack("!HHIH", 16, 1, 0, 7) + txt(b"node-a")
    wire = QUERY[:2] + struct.pack("!HHHHH", QR, 1, 1, 0, 0) + QUESTION + other
    assert reason(evaluate(wire, QUERY)) == "no_answer"


def test_a_record_of_another_section_is_no_answer() -> None:
    wire = bytearray(good(QUERY))
    wire[6:10] = b"\0\0\0\1"
    assert reason(evaluate(bytes(wire), QUERY)) == "no_answer"


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_get_a_verdict_and_are_never_good(wire: bytes) -> None:
    assert not isinstance(evaluate(wire, QUERY), Answer)


@settings(deadline=None)
@given(st.binary(max_size=120), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_arbitrary_records_after_our_own_question_get_a_verdict(body: bytes, a: int, b: int, c: int) -> None:
    wire = QUERY[:2] + struct.pack("!HHHHH", QR | RD, 1, a, b, c) + QUESTION + body
    assert isinstance(evaluate(wire, QUERY), Answer | Failure)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(int(kind) for kind in dns.rdatatype.RdataType)),
    st.sampled_from([1, 3, 254, 255, 1232]),
    st.binary(max_size=80),
)
def test_a_record_of_any_type_gets_a_verdict_and_only_a_txt_is_good(kind: int, rdclass: int, data: bytes) -> None:
    record = b"\xc0\x0c" + struct.pack("!HHIH", kind, rdclass, 0, len(data)) + data
    for counts in ((1, 0, 0), (0, 0, 1)):
        wire = QUERY[:2] + struct.pack("!HHHHH", QR | RD, 1, *counts) + QUESTION + record
        verdict = evaluate(wire, QUERY)
        assert not isinstance(verdict, NotOurs)
        if isinstance(verdict, Answer):
            assert (kind, rdclass, counts) == (16, 1, (1, 0, 0))
            assert data == txt(str(verdict.node).encode("ascii"))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_damaged_answer_is_good_only_if_the_damage_is_where_it_does_not_matter(damage: list[tuple[int, int]]) -> None:
    wire = bytearray(good(QUERY))
    for place, value in damage:
        wire[place % len(wire)] = value
    verdict = evaluate(bytes(wire), QUERY)
    if isinstance(verdict, Answer):
        assert wire[:2] == QUERY[:2]
        assert wire[2] & 0xFA == 0x80  # a response, not truncated
        assert wire[3] & 0x0F == 0
        assert wire[12 : 12 + len(QUESTION)] == QUESTION
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}", str(verdict.node))
        ((record,),) = dns.message.from_wire(bytes(wire)).answer
        assert record.to_text() == f'"{verdict.node}"'


@settings(deadline=None)
@given(st.integers(0, 200))
def test_a_part_of_an_answer_is_never_good(length: int) -> None:
    whole = good(QUERY)
    assert isinstance(evaluate(whole[:length], QUERY), Answer) is (length >= len(whole))


NAMED = NameQuestion("www.example.org").query(bytes.fromhex("abcd") + bytes(8))


def test_a_query_for_a_name_asks_for_its_address() -> None:
    message = dns.message.from_wire(NAMED)
    assert (message.id, str(message.question[0])) == (0xABCD, "www.example.org. IN A")
    assert (message.edns, message.payload, message.ednsflags) == (0, 1232, 0)


def test_an_address_is_a_good_answer_that_does_not_tell_the_node() -> None:
    assert evaluate(reply(NAMED, bytes([192, 0, 2, 80]), kind=1), NAMED) == Answer(None)


def test_a_name_without_an_address_is_no_good_answer() -> None:
    found = evaluate(reply(NAMED), NAMED)
    assert isinstance(found, Failure)
    assert "is PROBE_NAME a name that has one of IPv4?" in found.error
    assert reason(evaluate(reply(NAMED, rcode=NXDOMAIN), NAMED)) == "rcode"


def test_an_answer_about_another_name_is_not_ours() -> None:
    assert ignored_as(evaluate(with_another_label(reply(NAMED, bytes(4), kind=1)), NAMED)) == "mismatch"


def test_a_name_that_dns_cannot_hold_is_a_mistake() -> None:
    with pytest.raises(ConfigurationError, match="probe_name"):
        NameQuestion("a" * 64)

"""The health check's question on the wire, read by dnspython; and what replies are worth."""

from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.health.dns_question import LABELS, DnsQuestion, identifier_of, is_reply

QUESTION = DnsQuestion("canary.dnsha.example", "alpha")


def answer(query: bytes, *texts: str, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, owner: str = "") -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
    message.set_rcode(rcode)
    name = owner or message.question[0].name
    if texts:
        message.answer.append(dns.rrset.from_text(name, 0, "IN", "TXT", *(f'"{text}"' for text in texts)))
    return message.to_wire()


def test_dnspython_reads_the_question_as_meant() -> None:
    message = dns.message.from_wire(QUESTION.query(0x1234))
    assert message.id == 0x1234
    assert str(message.question[0]) == f"check-{0x1234 % 64}.canary.dnsha.example. IN TXT"
    assert message.flags == dns.flags.RD
    assert (message.edns, message.payload, message.ednsflags) == (0, 1232, dns.flags.DO)


def test_there_are_few_names() -> None:
    names = {str(dns.message.from_wire(QUESTION.query(number)).question[0].name) for number in range(0, 65536, 37)}
    assert len(names) == LABELS == 64


def test_a_good_answer_is_this_node_s_name() -> None:
    query = QUESTION.query(1)
    assert QUESTION.evaluate(answer(query, "alpha"), query) is None


@pytest.mark.parametrize(
    ("rcode", "said"),
    [
        (dns.rcode.SERVFAIL, "answered SERVFAIL"),
        (dns.rcode.NXDOMAIN, "answered NXDOMAIN"),
        (dns.rcode.REFUSED, "REFUSED"),
    ],
)
def test_an_error_is_named(rcode: dns.rcode.Rcode, said: str) -> None:
    query = QUESTION.query(1)
    assert said in str(QUESTION.evaluate(answer(query, rcode=rcode), query))


def test_another_node_s_answer_is_wrong() -> None:
    query = QUESTION.query(1)
    assert "'beta' instead of this node's Unbound" in str(QUESTION.evaluate(answer(query, "beta"), query))


def test_no_answer_and_another_name_s_answer_are_wrong() -> None:
    query = QUESTION.query(1)
    assert QUESTION.evaluate(answer(query), query) == "answered without an answer"
    assert QUESTION.evaluate(answer(query, "alpha", owner="other.example."), query) is not None
    assert QUESTION.evaluate(answer(QUESTION.query(2), "alpha"), query) is not None


@pytest.mark.parametrize("zone", ["", "a..example", "a" * 64 + ".example", ".".join(["a" * 60] * 4)])
def test_a_zone_that_is_no_name_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="no domain name"):
        DnsQuestion(zone, "alpha")


@given(st.binary(max_size=120))
def test_arbitrary_bytes_are_never_a_good_answer(body: bytes) -> None:
    query = QUESTION.query(0x4142)
    for message in (body, query[:2] + b"\x81\x80" + body, answer(query, "alpha")[:-12][: len(body)]):
        if is_reply(message) and identifier_of(message) == 0x4142:
            assert QUESTION.evaluate(message, query) is not None

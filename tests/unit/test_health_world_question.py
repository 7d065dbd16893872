"""Questions about names of the internet, read by dnspython; and what replies made by dnspython tell."""

from __future__ import annotations

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rrset
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.health.world_question import Reply, query, read

ASKED = query("org", 0xBEEF, 0x1234)
ASKED_UNCHECKED = query("org", 0xBEEF, 0x1234, unchecked=True)
SIGNATURE = "NSEC3 13 2 900 20261210000000 20261120000000 12345 org. aaaa"
INCEPTION, EXPIRATION = 1795132800, 1796860800  # those times in Unix seconds, by `date --utc --date`


def reply(
    asked: bytes, rcode: dns.rcode.Rcode = dns.rcode.NOERROR, *, options: tuple[dns.edns.Option, ...] = ()
) -> dns.message.Message:
    message = dns.message.make_response(dns.message.from_wire(asked), recursion_available=True)
    message.set_rcode(rcode)
    message.use_edns(0, options=list(options))
    return message


def test_dnspython_reads_a_plain_question_as_meant() -> None:
    message = dns.message.from_wire(ASKED)
    assert message.id == 0x1234
    assert str(message.question[0]) == "dnsha-0000beef.org. IN A"
    assert message.flags == dns.flags.RD
    assert (message.edns, message.payload, message.ednsflags) == (0, 1232, 0)


def test_dnspython_reads_an_unchecked_question_as_meant() -> None:
    message = dns.message.from_wire(query("ns.example.org", 1, 7, unchecked=True))
    assert str(message.question[0].name) == "dnsha-00000001.ns.example.org."
    assert message.flags == dns.flags.RD | dns.flags.CD
    assert message.ednsflags == dns.flags.DO


@pytest.mark.parametrize(
    ("rcode", "resolved", "word"),
    [
        (dns.rcode.NOERROR, True, "NOERROR"),
        (dns.rcode.NXDOMAIN, True, "NXDOMAIN"),
        (dns.rcode.SERVFAIL, False, "SERVFAIL"),
        (dns.rcode.REFUSED, False, "REFUSED"),
        (dns.rcode.YXDOMAIN, False, "rcode 6"),
    ],
)
def test_the_internet_has_answered_with_a_name_or_without_one(
    rcode: dns.rcode.Rcode, resolved: bool, word: str
) -> None:
    told = read(reply(ASKED, rcode).to_wire(), ASKED)
    assert told is not None
    assert (told.resolved, told.word) == (resolved, word)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (dns.edns.EDECode.SIGNATURE_NOT_YET_VALID, "signature not yet valid"),
        (dns.edns.EDECode.NO_REACHABLE_AUTHORITY, "no reachable authority"),
        (dns.edns.EDECode.BLOCKED, "extended error 15"),
    ],
)
def test_the_extended_error_is_told_in_words(code: dns.edns.EDECode, said: str) -> None:
    options = (dns.edns.CookieOption(b"12345678", b""), dns.edns.EDEOption(code, "whatever else"))
    told = read(reply(ASKED, dns.rcode.SERVFAIL, options=options).to_wire(), ASKED)
    assert told == Reply(2, said)


def test_the_times_of_signatures_are_read_wherever_they_are() -> None:
    message = reply(ASKED_UNCHECKED, dns.rcode.NXDOMAIN)
    for owner in ("a.org.", "b.org."):
        message.authority.append(
            dns.rrset.from_text(owner, 900, "IN", "NSEC3", "1 0 0 - 2vptu5timamqttgl4luu9kg21e0aor3s A")
        )
        message.authority.append(dns.rrset.from_text(owner, 900, "IN", "RRSIG", SIGNATURE))
    told = read(message.to_wire(), ASKED_UNCHECKED)
    assert told == Reply(3, "", ((INCEPTION, EXPIRATION), (INCEPTION, EXPIRATION)))


def test_a_truncated_reply_is_told_as_such() -> None:
    message = reply(ASKED)
    message.flags |= dns.flags.TC
    told = read(message.to_wire(), ASKED)
    assert told is not None
    assert told.truncated


def test_a_reply_to_something_else_is_none() -> None:
    assert read(reply(query("org", 0xBEEF, 0x4321)).to_wire(), ASKED) is None
    assert read(reply(query("org", 0xBEEE, 0x1234)).to_wire(), ASKED) is None
    assert read(ASKED, ASKED) is None


@given(st.binary(max_size=200), st.integers(0, 40))
def test_arbitrary_bytes_never_raise(body: bytes, records: int) -> None:
    header = reply(ASKED, dns.rcode.NXDOMAIN).to_wire()[: 12 + len(ASKED) - 12 - 11]
    told = read(header[:6] + records.to_bytes(2, "big") + b"\0\0\0\0" + header[12:] + body, ASKED)
    assert told is None or told.rcode == dns.rcode.NXDOMAIN
    assert read(body, ASKED) is None

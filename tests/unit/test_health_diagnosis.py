"""Why a node resolves no name of the internet: given these replies, the check says."""

from __future__ import annotations

import pytest

from exporter.parsers.health_report import MAXIMUM_TEXT
from stack.health.diagnosis import Evidence, diagnose
from stack.health.world_question import Reply

DAY = 86_400.0
NOW = 1_795_000_000.0  # 2026-11-18
SERVFAIL, NXDOMAIN, REFUSED = Reply(2), Reply(3), Reply(5)


def signed(*windows: tuple[float, float]) -> Reply:
    """An answer whose signatures are valid from and until so many days from now."""
    return Reply(3, "", tuple((int(NOW + a * DAY), int(NOW + b * DAY)) for a, b in windows))


def said(
    plain: Reply | None, unchecked: Reply | None, *, installed: float = NOW - 9 * DAY, route: bool | None = True
) -> str:
    return diagnose(Evidence(plain, unchecked, NOW, installed, route))


def test_a_clock_before_any_signature_is_behind() -> None:
    told = said(SERVFAIL, signed((23, 30), (25, 32)))
    assert "validation refuses it, because this node's clock is wrong: it says 2026-11-18" in told
    assert "at least 25 days before the signatures that it is given now were made" in told
    assert "timedatectl set-ntp true" in told


def test_a_clock_after_any_signature_is_ahead() -> None:
    assert "at least 3.0 hours after the signatures" in said(SERVFAIL, signed((-9, -0.125), (-5, 2)))


def test_signatures_that_are_in_time_mean_another_cause() -> None:
    told = said(Reply(2, "DNSSEC bogus"), signed((-3, 4)))
    assert "validation refuses it (DNSSEC bogus), though its signatures are there and in time" in told
    assert "docker restart unbound" in told


def test_a_clock_that_differs_by_seconds_is_no_cause() -> None:
    assert "clock is wrong" not in said(SERVFAIL, signed((30 / DAY, 4)))


def test_an_answer_without_signatures_has_been_stripped() -> None:
    told = said(SERVFAIL, NXDOMAIN)
    assert "DNSSEC's signatures are missing" in told
    assert "forward over TLS" in told


def test_a_truncated_answer_proves_no_missing_signatures() -> None:
    assert "missing" not in said(SERVFAIL, Reply(3, truncated=True))


@pytest.mark.parametrize(
    ("plain", "unchecked", "expected"),
    [
        (None, None, "it does not answer in time: it reaches no name server"),
        (SERVFAIL, SERVFAIL, "it answers SERVFAIL with and without validation: it reaches no name server"),
        (Reply(2, "no reachable authority"), None, "without validation (no reachable authority): it reaches no name"),
        (SERVFAIL, Reply(2, "network error"), "(network error)"),
        (REFUSED, REFUSED, "it answers REFUSED; look in compose/unbound.d for access-control"),
        (Reply(4), Reply(4), "it answers NOTIMP"),
    ],
)
def test_what_is_not_validation_is_told_apart(plain: Reply | None, unchecked: Reply | None, expected: str) -> None:
    assert expected in said(plain, unchecked)


def test_a_forwarder_s_certificates_are_named_where_nothing_is_reached() -> None:
    assert "tls-cert-bundle" in said(SERVFAIL, SERVFAIL)


@pytest.mark.parametrize("plain", [None, SERVFAIL])
def test_a_node_without_a_route_is_told_so(plain: Reply | None) -> None:
    assert "no route to the internet" in said(plain, None, route=False)
    assert "no route to the internet" not in said(plain, None, route=None)


def test_a_route_says_nothing_where_answers_come() -> None:
    """Unbound may forward to a resolver on the LAN."""
    assert "no route" not in said(SERVFAIL, NXDOMAIN, route=False)


def test_a_clock_before_the_programs_own_files_is_wrong_whatever_else_is() -> None:
    assert "this node's clock is 30 days behind the date of this program's own files" in said(
        None, None, installed=NOW + 30 * DAY
    )
    assert "clock" not in said(None, None)


@pytest.mark.parametrize("plain", [None, SERVFAIL, Reply(2, "unsupported DNSKEY algorithm"), REFUSED])
@pytest.mark.parametrize("unchecked", [None, SERVFAIL, NXDOMAIN, signed((23, 30)), signed((-9, -2)), signed((-3, 4))])
def test_no_sentence_is_cut_off_by_the_exporter(plain: Reply | None, unchecked: Reply | None) -> None:
    told = said(plain, unchecked, installed=NOW + 30 * DAY)
    assert len(f"Unbound resolves no name of the internet: {told}") < MAXIMUM_TEXT

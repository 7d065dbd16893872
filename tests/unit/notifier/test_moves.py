"""Given what both exporters said around a move, its time, its way and its reason are found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.notifier.moves import Move, Series, find

# Scrapes are 5 s apart; the move is between the fourth and the fifth.
SCRAPES = range(0, 60, 5)
AT = 17.2
VIP = "192.0.2.53"


def series(name: str, node: str, before: float, after: float, since: float = AT, **labels: str) -> Series:
    """A series whose value changes once."""
    samples = tuple((float(at), after if at >= since else before) for at in SCRAPES)
    return Series({"__name__": name, "node": node, "site": "home", **labels}, samples)


def moved(source: str = "alpha", target: str = "beta", at: float = AT, vip: str = VIP) -> list[Series]:
    return [
        series("dnsha_vip_owned", source, 1, 0, at, vip=vip),
        series("dnsha_vip_owned", target, 0, 1, at, vip=vip),
        series("dnsha_vip_acquisitions_total", source, 7, 7, at, vip=vip),
        series("dnsha_vip_acquisitions_total", target, 3, 4, at, vip=vip),
        series("dnsha_vip_last_transition_timestamp_seconds", target, 1.5, at, at, vip=vip),
        series("dnsha_node_info", "alpha", 1, 1, role="primary"),
        series("dnsha_node_info", "beta", 1, 1, role="secondary"),
    ]


def test_nothing_moves_while_nobody_acquires_anything() -> None:
    assert find([series("dnsha_vip_owned", "alpha", 1, 1, vip=VIP)], 0) == ()
    assert find([], 0) == ()


def test_a_move_has_the_kernels_time_not_the_scrapes() -> None:
    assert find(moved(), 0) == (Move(AT, "alpha", "beta"),)


def test_what_was_before_is_no_news() -> None:
    assert find(moved(), AT + 1) == ()


def test_both_addresses_move_as_one() -> None:
    both = [*moved(), *moved(vip="2001:db8::53", at=AT + 0.3)]
    assert find(both, 0) == (Move(AT, "alpha", "beta"),)


@pytest.mark.parametrize(
    ("also", "reason"),
    [
        (series("dnsha_resolve_outages_total", "alpha", 2, 3, target="pihole"), "Pi-hole stopped on alpha"),
        (series("dnsha_resolve_up", "alpha", 1, 0, target="unbound"), "Unbound stopped on alpha"),
        (series("dnsha_keepalived_up", "alpha", 1, 0), "keepalived stopped on alpha"),
        (series("dnsha_keepalived_starts_total", "alpha", 1, 2), "keepalived stopped on alpha"),
        (series("dnsha_health_ok", "alpha", 1, 0, question="address"), "alpha lost its own address or its link"),
        (series("dnsha_health_ok", "alpha", 1, 0, question="world"), "names of the internet did not resolve on alpha"),
        (series("dnsha_health_ok", "beta", 1, 0, question="vip"), "alpha did not answer on it"),
        (series("up", "alpha", 1, 0, job="dnsha"), "alpha is down"),
    ],
)
def test_a_failure_on_the_node_that_lost_it_is_the_reason(also: Series, reason: str) -> None:
    assert find([*moved(), also], 0) == (Move(AT, "alpha", "beta", reason),)


def test_what_is_wrong_on_the_node_that_took_it_is_not() -> None:
    also = series("dnsha_resolve_outages_total", "beta", 2, 3, target="pihole")
    assert find([*moved(), also], 0) == (Move(AT, "alpha", "beta"),)


def test_what_was_wrong_long_before_or_after_is_not() -> None:
    wrong = [series("dnsha_resolve_outages_total", "alpha", 2, 3, since, target="pihole") for since in (5, 45)]
    assert find([*moved(), *wrong], 0) == (Move(AT, "alpha", "beta"),)


def test_an_exporter_that_is_away_alone_is_no_dead_node() -> None:
    also = [series("up", "alpha", 1, 0, job="dnsha"), series("up", "alpha", 1, 1, job="node")]
    assert find([*moved(), *also], 0) == (Move(AT, "alpha", "beta"),)


def test_a_drain_is_planned() -> None:
    also = series("dnsha_drained", "alpha", 0, 1, 15)
    assert find([*moved(), also], 0) == (Move(AT, "alpha", "beta", "alpha was drained", planned=True),)


def test_going_back_to_the_primary_is_planned() -> None:
    assert find(moved("beta", "alpha"), 0) == (Move(AT, "beta", "alpha", "alpha can have it again", planned=True),)


def of(name: str, node: str, *values: float, **labels: str) -> Series:
    samples = tuple((float(at), value) for at, value in zip(SCRAPES, values, strict=False))
    return Series({"__name__": name, "node": node, "vip": VIP} | labels, samples)


PI_HOLE_STOPPED = of("dnsha_resolve_outages_total", "alpha", 0, 0, 1, 1, 1, 1, target="pihole")
ALPHA_IS_PRIMARY = of("dnsha_node_info", "alpha", *[1] * 12, role="primary")
WENT = Move(6.5, "alpha", "beta", "Pi-hole stopped on alpha")
CAME = Move(18.5, "beta", "alpha", "alpha can have it again", planned=True)


def test_there_and_back_are_two_moves() -> None:
    there_and_back = [
        of("dnsha_vip_owned", "alpha", 1, 1, 0, 0, 1, 1),
        of("dnsha_vip_owned", "beta", 0, 0, 1, 1, 0, 0),
        of("dnsha_vip_acquisitions_total", "alpha", 5, 5, 5, 5, 6, 6),
        of("dnsha_vip_acquisitions_total", "beta", 5, 5, 6, 6, 6, 6),
        of("dnsha_vip_last_transition_timestamp_seconds", "alpha", 1, 1, 6.4, 6.4, 18.5, 18.5),
        of("dnsha_vip_last_transition_timestamp_seconds", "beta", 1, 1, 6.5, 6.5, 18.4, 18.4),
    ]
    assert find([*there_and_back, PI_HOLE_STOPPED, ALPHA_IS_PRIMARY], 0) == (WENT, CAME)


def test_there_and_back_between_two_scrapes_are_two_moves_all_the_same() -> None:
    there_and_back = [
        of("dnsha_vip_owned", "alpha", 1, 1, 1, 1),
        of("dnsha_vip_owned", "beta", 0, 0, 0, 0),
        of("dnsha_vip_acquisitions_total", "alpha", 5, 5, 6, 6),
        of("dnsha_vip_acquisitions_total", "beta", 5, 5, 6, 6),
        of("dnsha_vip_last_transition_timestamp_seconds", "alpha", 1, 1, 9.1, 9.1),
        of("dnsha_vip_last_transition_timestamp_seconds", "beta", 1, 1, 9.0, 9.0),
    ]
    # Between the scrape at 5 s and the kernel's word that it went at 9 s.
    assert find([*there_and_back, PI_HOLE_STOPPED, ALPHA_IS_PRIMARY], 0) == (
        replace(WENT, at=7.0),
        replace(CAME, at=9.1),
    )

"""Views show the checks and decide nothing: page, ``--once``, JSON and metrics say the same of every state.

The states of the checks' own tests are held against each other where they are evaluated (``tests/unit/evaluating.py``).
"""

from __future__ import annotations

import ipaddress
import json
from collections import Counter
from dataclasses import replace

import pytest

from exporter import checks, once
from exporter.model.observations import Check, NodeStatus, Status
from exporter.views import page
from tests.page.stories import STORIES
from tests.unit import agreement, samples
from tests.unit.evaluating import evaluate
from tests.unit.samples import check, container, probe
from tests.unit.standin_application import factory
from tests.unit.standin_http_server import port_without_server

SLOW = samples.status(samples.vips(), samples.resolve(probe("pihole", last_latency=0.9)), samples.containers())
DRAINED = samples.status(samples.vips(), samples.vrrp(drained=True), samples.resolve())


def marks(status: NodeStatus, found: tuple[Check, ...]) -> dict[agreement.Row, str | None]:
    return dict(agreement.rows(page.render(status, found, checks.worst(found))))


@pytest.mark.parametrize("story", STORIES)
def test_every_story_of_the_page_is_told_alike(story: str) -> None:
    status = STORIES[story]()
    agreement.assert_views_agree(status, checks.evaluate(status, samples.settings()))


def test_a_pihole_that_takes_900_ms_is_no_green_tick() -> None:
    seen = marks(SLOW, evaluate(status=SLOW))
    assert seen["DNS", "pihole 127.0.0.1 udp"] == "warning"
    assert seen["Containers", "pihole"] == "ok"


def test_a_drained_node_is_no_green_tick() -> None:
    assert marks(DRAINED, evaluate(status=DRAINED))["Keepalived", "keepalived"] == "warning"


def test_of_two_servers_at_one_address_the_one_that_fails_is_named() -> None:
    """As in layout B, where each node has two Pi-holes."""
    pair = samples.status(
        samples.resolve(probe("pihole", port=5301), probe("pihole", port=5302, last_ok=False, last_error="SERVFAIL"))
    )
    seen = marks(pair, evaluate(status=pair))
    assert seen["DNS", "pihole 127.0.0.1:5301 udp"] == "ok"
    assert seen["DNS", "pihole 127.0.0.1:5302 udp"] == "warning"
    over_ipv6 = evaluate(samples.resolve(probe("unbound", server="::1", family="ipv6")))
    assert [one.subject for one in over_ipv6] == ["[::1]:5335 udp"]


def test_what_the_other_node_says_of_itself_marks_its_row() -> None:
    theirs = check(node="beta", id="container.running", subject="pihole", status=Status.WARNING, seen="x", advice="y")
    pair = samples.status(samples.containers(), samples.peer(samples.beta(checks=(theirs,))))
    seen = marks(pair, evaluate(status=pair))
    assert seen["Other node", "beta"] == "warning"
    assert seen["Containers", "pihole"] == "ok"  # this node's own


def test_the_mark_of_a_row_is_the_check_s_and_nothing_else() -> None:
    """A verdict that no view could have found by itself is shown as it is."""
    healthy = samples.healthy()
    for status in Status:
        for made in evaluate(status=healthy):
            found = (replace(made, status=status, advice="try"),)
            agreement.assert_views_agree(healthy, found)
            assert {mark for mark in marks(healthy, found).values() if mark} <= {status.word}


def test_a_row_that_no_check_is_about_has_no_mark() -> None:
    assert set(marks(samples.healthy(), ()).values()) == {None}


@pytest.mark.parametrize("seen", [SLOW, DRAINED, samples.healthy(), samples.status(samples.containers(container()))])
def test_once_prints_what_the_views_show(seen: NodeStatus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(once, "Application", factory(seen))
    here = samples.settings(
        exporter_port=port_without_server(), exporter_address=ipaddress.ip_address("127.0.0.1"), peer_timeout=1.0
    )
    found = evaluate(status=seen)
    text, code = once.run(here, "text", (), 2.0)
    document = json.loads(once.run(here, "json", (), 2.0)[0])
    assert Counter(agreement.lines(text)) == Counter(agreement.line(one, "alpha") for one in document["checks"])
    assert [one["status"] for one in document["checks"]] == [one.status.word for one in found]
    assert code == checks.worst(found).value

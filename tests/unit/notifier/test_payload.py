"""What Alertmanager posts is understood; what it never posts is refused with the place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notifier.payload import parse
from exporter.model.errors import ParseError
from tests.unit.notifier.posts import NOON, RUNBOOK, alert, entry, group, post


def test_a_post_is_understood() -> None:
    found = group(entry(1), entry(2, ends=90.5, labels={"severity": "warning", "node": "alpha"}), truncatedAlerts=3)
    first, second = found.alerts
    assert found.left_out == 3
    assert (first.firing, first.severity, first.name, first.starts_at) == (True, "critical", "DnsHaSplitBrain", NOON)
    assert (first.summary, first.description, first.link) == ("home: problem 1", "Both answer. Unplug one.", RUNBOOK)
    assert (second.firing, second.severity, second.ends_at) == (False, "warning", NOON + 90.5)
    assert second.labels["node"] == "alpha"


def test_go_writes_nanoseconds_and_zones() -> None:
    assert alert(startsAt="2026-03-01T13:00:00.123456789+01:00").starts_at == pytest.approx(NOON + 0.123456)


def test_groups_differ_by_their_key() -> None:
    assert group(groupKey="a").key != group(groupKey="b").key
    assert len(group(groupKey="x" * 100_000).key) == 32


def test_an_alert_without_texts_is_called_by_its_name() -> None:
    found = alert(annotations={"summary": "", "description": ""}, labels={"severity": "page"})
    assert (found.summary, found.description, found.severity) == ("DnsHaSplitBrain", "", "other")


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://a b", "https://x\nFrom: y", "ftp://x", "https://<x>"])
def test_a_link_that_is_none_is_left_out(link: str) -> None:
    assert alert(annotations={"runbook_url": link}).link == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the post is not JSON"),
        (b"\xff", "the post is not JSON"),
        (b"[]", "the post is not an object"),
        (b"[" * 100_000, "nested too deep"),
        (post(version="5"), "version is not 4"),
        (post(alerts={}), "alerts in the post is not a list"),
        (post(groupKey=7), "groupKey in the post is not a text"),
        (post(truncatedAlerts="many"), "truncatedAlerts in the post is not a count"),
        (post(alerts=[7]), "alerts[0] is not an object"),
        (post(entry(), entry(status="gone")), "status in alerts[1] is not one of firing, resolved"),
        (post(entry(fingerprint="../../etc")), "fingerprint in alerts[0] is not a fingerprint"),
        (post(entry(fingerprint=None)), "fingerprint in alerts[0] is not a fingerprint"),
        (post(alerts=[entry() | {"labels": {"a": 1}}]), "labels in alerts[0] is not an object of strings"),
        (post(alerts=[entry() | {"annotations": None}]), "annotations in alerts[0] is not an object"),
        (post(entry(startsAt="yesterday")), "startsAt in alerts[0] is not a time"),
        (post(entry(endsAt="2026-03-01T12:00:00")), "endsAt in alerts[0] is not a time with its zone"),
        (post(entry(startsAt=5)), "startsAt in alerts[0] is not a text"),
    ],
)
def test_nonsense_is_refused_with_its_place(content: bytes, words: str) -> None:
    with pytest.raises(ParseError) as refused:
        parse(content)
    assert words in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.sampled_from(sorted(entry())), JSON)
def test_no_value_anywhere_breaks_it(key: str, value: Any) -> None:
    try:
        parse(json.dumps(json.loads(post()) | {"alerts": [entry() | {key: value}]}).encode())
    except ParseError as error:
        assert "alerts[0]" in str(error) or "not JSON" in str(error)  # noqa: PT017 (either way is right)

"""Where somebody has a pair already, the checks say nothing of Docker, and do not claim what nobody knows."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.model.observations import Status
from tests.unit import samples
from tests.unit.evaluating import evaluate, the
from tests.unit.samples import NOW, probe

FAILED: dict[str, Any] = {"last_ok": False, "last_error": "it did not answer", "outage_start": NOW - 90}


@pytest.mark.parametrize("target", ["vip", "pihole", "unbound", "peer"])
def test_a_resolver_that_fails_is_called_by_no_product(target: str) -> None:
    one = the(evaluate(samples.resolve(probe(target, **FAILED)), keepalived="own"), f"resolve.{target}")
    assert "Pi-hole" not in one.advice + one.expected
    assert "container" not in one.advice
    assert one.advice.endswith("set PROBE_NAME to a name that resolves")


def test_with_a_probe_name_nobody_is_told_to_set_one() -> None:
    found = evaluate(samples.resolve(probe("pihole", **FAILED)), keepalived="own", probe_name="example.org")
    assert "PROBE_NAME" not in the(found, "resolve.pihole").advice


def test_a_dead_keepalived_is_started_by_systemd() -> None:
    one = the(evaluate(samples.vrrp(keepalived_up=False), keepalived="own"), "keepalived.running")
    assert (one.status, one.advice) == (
        Status.WARNING,
        "start it (systemctl start keepalived) and read its log (journalctl -u keepalived)",
    )


def test_a_missing_pair_key_is_made_without_the_stack_s_scripts() -> None:
    one = the(evaluate(samples.peer(keyed=False), keepalived="own"), "peer.pair_key")
    assert "stack/" not in one.advice
    assert "PAIR_KEY_FILE on both" in one.advice


@pytest.mark.parametrize(("answers", "words"), [(True, "its DNS answers, but"), (False, "nobody is known who could")])
def test_a_node_without_an_exporter_is_not_called_dead_while_its_dns_answers(*, answers: bool, words: str) -> None:
    dns = probe("peer") if answers else probe("peer", **FAILED)
    silent = samples.silent_peer()
    one = the(evaluate(samples.vips(), samples.resolve(dns), silent), "peer.reachable")
    assert one.status is Status.WARNING
    assert words in one.seen

"""From a pair that is no pair any more to the phone, everything between them real: two owners, two islands, no DNS."""

from __future__ import annotations

import time

import pytest

from tests.alerting.watch import Watched
from tests.lab.plan import ALPHA, BETA
from tests.lab_tests.telling import ALPHA_IS_DOWN, DEAD, SOON, TWICE, VIP, told

pytestmark = pytest.mark.timeout(480)

SPLIT_BRAIN = f"home: more than one host has {VIP}"
SPLIT_BRAIN_IS_OVER = f"home: one host alone has {VIP} again"
# Nothing listens on either node, so both are in FAULT and nobody has the address.
DNS_IS_DOWN = f"home: (?:no answer from|no node has) {VIP}, DNS is down"


def test_a_split_brain_is_told_and_its_end_once(watch: Watched) -> None:
    began = time.time()
    watch.lab.kill9_keepalived(ALPHA.name)
    message = told(watch, SPLIT_BRAIN, began)
    assert "Owners: alpha beta" in message.text
    assert "Since: " in message.text
    assert "If keepalived is dead on one of them, start it there" in message.text
    assert "runbooks/DnsHaSplitBrain.md" in message.text
    time.sleep(TWICE)
    watch.lab.start_service(ALPHA.name, "keepalived")
    watch.phone.wait_end(SPLIT_BRAIN_IS_OVER, began, SOON)
    time.sleep(TWICE)
    assert [message.time - began for message in watch.phone.telling(SPLIT_BRAIN, began)][1:] == []
    assert [message.time - began for message in watch.phone.ending(SPLIT_BRAIN_IS_OVER, began)][1:] == []


def test_when_the_nodes_cannot_reach_each_other_both_tell(watch: Watched) -> None:
    began = time.time()
    watch.lab.cut_between(ALPHA.name, BETA.name)
    told(watch, ALPHA_IS_DOWN, began, DEAD)
    told(watch, "home: beta is down", began, DEAD)


def test_a_message_needs_nothing_of_the_dns_that_it_tells_of(watch: Watched) -> None:
    began = time.time()
    for node in (ALPHA, BETA):
        watch.lab.kill_service(node.name, "unbound")
        watch.lab.kill_service(node.name, "dnsmasq")
    told(watch, DNS_IS_DOWN, began)
    assert watch.lab.answering() is None

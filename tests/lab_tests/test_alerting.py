"""From a failure to the phone, everything between them real: exporters, Prometheus, Alertmanager, the notifier.

The tests go on with one lab, because every daemon needs a while to settle; each begins with all of it running.
Those of a single failover come first: five moves within five minutes are flapping, which is told instead of each.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest

from tests.alerting.phone import Message
from tests.alerting.watch import Watched, require_watching, watched
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA

pytestmark = pytest.mark.timeout(480)

SOON = 120.0  # seconds; how soon it really is, `make bench-alerts` says
DEAD = 300.0  # a node that may be booting is no news
TWICE = 12.0  # longer than the second Alertmanager waits for the first one's word
VIP = r"(?:192\.0\.2\.53|2001:db8::53)"
SPLIT_BRAIN = f"home: more than one host has {VIP}"
SPLIT_BRAIN_IS_OVER = f"home: one host alone has {VIP} again"
ALPHA_IS_DOWN = "home: alpha is down, redundancy is lost"
# Nothing listens on either node, so both are in FAULT and nobody has the address.
DNS_IS_DOWN = f"home: (?:no answer from|no node has) {VIP}, DNS is down"


@pytest.fixture(scope="module")
def watching(shared_pair: Lab) -> Iterator[Watched]:
    require_watching()
    shared_pair.reset()
    with watched(shared_pair) as watch:
        watch.wait_calm()
        yield watch
        shared_pair.reset()


@pytest.fixture
def watch(watching: Watched) -> Watched:
    """A pair that is whole again; alerts of the test before may still fire."""
    watching.lab.reset()
    return watching


def told(watch: Watched, headline: str, since: float, within: float = SOON) -> Message:
    return watch.phone.wait_news(headline, since, within)


def test_a_failover_that_heals_is_told_once_and_what_made_it(watch: Watched) -> None:
    began = time.time()
    watch.lab.stop_service(ALPHA.name, "dnsmasq")
    watch.lab.wait_owners(BETA.name)
    time.sleep(3)
    watch.lab.start_service(ALPHA.name, "dnsmasq")
    watch.lab.wait_owners(ALPHA.name)
    moved = "home: the virtual IP moved from alpha to beta at"
    message = told(watch, moved, began)
    assert "and back at" in message.text
    assert "because Pi-hole stopped on alpha" in message.text
    assert "Clients waited" in message.text
    assert "alpha has 192.0.2.53." in message.text
    assert message.time - began < SOON
    time.sleep(90)  # Alertmanager has said by then that it is over
    assert [message.text for message in watch.phone.messages(began)] == [message.text]


def test_the_death_of_the_primary_is_told_by_the_other_node(watch: Watched) -> None:
    began = time.time()
    watch.lab.crash(ALPHA.name)
    moved = told(watch, "home: the virtual IP moved from alpha to beta at", began)
    assert "because alpha is down" in moved.text
    message = told(watch, ALPHA_IS_DOWN, began, DEAD)
    assert "beta has 192.0.2.53" in message.text
    time.sleep(TWICE)
    assert len(watch.phone.telling(ALPHA_IS_DOWN, began)) == 1


def test_prometheus_on_one_node_is_enough(watch: Watched) -> None:
    silent = "home: Unbound on beta does not answer"
    watch.lab.hosts[ALPHA.name].service("prometheus").kill()
    began = time.time()
    watch.lab.kill_service(BETA.name, "unbound")
    told(watch, silent, began)
    time.sleep(TWICE)
    assert len(watch.phone.telling(silent, began)) == 1


def test_a_split_brain_is_told_and_its_end_once(watch: Watched) -> None:
    began = time.time()
    watch.lab.kill9_keepalived(ALPHA.name)
    message = told(watch, SPLIT_BRAIN, began)
    assert "Owners: alpha beta" in message.text
    assert "Since: " in message.text
    assert "If keepalived is dead on one of them, start it there" in message.text
    assert re.search(r"http://192\.0\.2\.1[12]:[0-9]+/runbooks/DnsHaSplitBrain\.md", message.text)
    time.sleep(TWICE)
    watch.lab.start_service(ALPHA.name, "keepalived")
    watch.phone.wait_end(SPLIT_BRAIN_IS_OVER, began, SOON)
    time.sleep(TWICE)
    assert [message.time - began for message in watch.phone.telling(SPLIT_BRAIN, began)][1:] == []
    assert [message.time - began for message in watch.phone.ending(SPLIT_BRAIN_IS_OVER, began)][1:] == []


def test_when_the_nodes_cannot_reach_each_other_both_tell(watch: Watched) -> None:
    watch.phone.wait_end("home: alpha is up again", 0.0, SOON)  # of its death above
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

"""From a failover or a failure to the phone, with exporters, Prometheus, Alertmanager and notifier as they are.

The tests go on with one lab, because every daemon needs a while to settle; each begins with all of it running.
Those of a single failover come first: five moves within five minutes are flapping, which is told instead of each.
"""

from __future__ import annotations

import time

import pytest

from tests.alerting.watch import Watched
from tests.lab.plan import ALPHA, BETA
from tests.lab_tests.telling import ALPHA_IS_DOWN, DEAD, SOON, TWICE, told

pytestmark = pytest.mark.timeout(480)


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

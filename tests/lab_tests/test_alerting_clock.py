"""From a failure to the phone while a node's clock is wrong; in a file of its own, because it mostly waits."""

from __future__ import annotations

import time

import pytest

from tests.alerting.phone import is_about
from tests.alerting.watch import require_watching, watched
from tests.lab.fixtures import require_own_clocks
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA

MINUTE = 60.0
SOON = 120.0  # seconds
TWICE = 12.0  # longer than the second Alertmanager waits for the first one's word


@pytest.mark.timeout(400)
def test_a_node_whose_clock_is_a_minute_ahead_is_watched_and_nothing_is_told_twice() -> None:
    """Unbound is away for so short that its alert begins, by that clock, only after it has ended by the other one."""
    require_watching()
    require_own_clocks()
    headline, ending = "home: Unbound on beta does not answer", "home: Unbound on beta answers again"
    with Lab(own_clocks=True) as lab, watched(lab) as watch:
        lab.step_clock(ALPHA.name, MINUTE)
        watch.wait_calm()
        (_, apart), *_ = watch.query(BETA.name, 'dnsha_peer_clock_offset_seconds{node="beta"}')
        assert apart == pytest.approx(MINUTE, abs=5)
        began = time.time()
        lab.kill_service(BETA.name, "unbound")
        watch.phone.wait_news(headline, began, SOON)
        lab.start_service(BETA.name, "unbound")
        watch.phone.wait_end(ending, began, SOON)
        time.sleep(MINUTE + TWICE)
        begins, ends = watch.phone.telling(headline, began), watch.phone.ending(ending, began)
        # The difference itself is told after CLOCK_DIFFERENCE_FOR.
        others = [
            line for line in watch.phone.begins(began) if not is_about(line, f"(?:{headline}|home: the nodes' clocks)")
        ]
        assert (len(begins), len(ends), others) == (1, 1, []), watch.phone.messages(began)

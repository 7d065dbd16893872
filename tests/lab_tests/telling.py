"""What the tests from a failure to the phone have in common: how long they wait, and for what."""

from __future__ import annotations

from tests.alerting.phone import Message
from tests.alerting.watch import Watched

SOON = 120.0  # seconds; how soon it really is, `make bench-alerts` says
DEAD = 300.0  # a node that may be booting is no news
TWICE = 12.0  # longer than the second Alertmanager waits for the first one's word
VIP = r"(?:192\.0\.2\.53|2001:db8::53)"
ALPHA_IS_DOWN = "home: alpha is down, redundancy is lost"


def told(watch: Watched, headline: str, since: float, within: float = SOON) -> Message:
    """Wait for a message and return it."""
    return watch.phone.wait_news(headline, since, within)

"""A receiver that is out of reach while something happens: the message comes when it is back, once."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.alerting.watch import watched
from tests.bench.figures import Figure
from tests.lab.errors import LabTimeoutError
from tests.lab.lab import Lab
from tests.lab.plan import BETA

_HEADLINE = "home: Unbound on beta does not answer"
_LIMIT = 60.0  # seconds after the receiver is back
_MORE_SECONDS = 30.0


def measure(minutes: float) -> Iterator[list[Figure]]:
    """Let Unbound die while the phone's service is down; yield the figures."""
    with Lab(guard=True) as lab, watched(lab) as watch:
        watch.wait_calm()
        watch.phone.stop()
        lab.kill_service(BETA.name, "unbound")
        print(f"bench-alerts: Unbound is dead, and nothing can be told for {minutes:g} minutes", flush=True)
        time.sleep(minutes * 60)
        back = time.time()
        watch.phone.start()
        try:
            seconds = watch.phone.wait_news(_HEADLINE, back, 2 * _LIMIT).time - back
        except LabTimeoutError as error:
            print(f"bench-alerts: {error}", flush=True)
            seconds = 2 * _LIMIT
        time.sleep(_MORE_SECONDS)
        times = len(watch.phone.telling(_HEADLINE))
    down = f"receiver down for {minutes:g} minutes"
    yield [
        Figure(f"{down}: message after it is back", seconds, "s", _LIMIT, False, 1),
        Figure(f"{down}: messages beyond or below one", abs(times - 1), "messages", 0, False, 1),
    ]

"""Ends that Alertmanager does not tell.

An alert that ends while another one inhibits it is left out of every later post (MuteStage in notify/notify.go drops
the ended ones too), although its beginning was told. So what is open is looked for among all that Alertmanager has,
and has ended when it is there no longer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from alerts.notifier.local import Query, ask
from alerts.notifier.payload import Alert, Group, Severity

LOOK_SECONDS: Final = 30.0
# Longer than an Alertmanager that was started anew waits for what fires: Prometheus repeats it every minute.
GONE_SECONDS: Final = 150.0
# Longer than group_interval, after which Alertmanager tells of the end itself.
GONE_SECONDS_OF: Final[Mapping[Severity, float]] = {"info": 1200.0}
_PATH: Final = "/api/v2/alerts?active=true&silenced=true&inhibited=true&unprocessed=true"


class Unheard:
    """Finds what was told, has ended, and will not be told of."""

    def __init__(
        self,
        told: Callable[[], Mapping[str, Alert]],
        firing: Callable[[], frozenset[str] | None],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take functions that return the alerts whose end is still to be told, and the fingerprints that fire."""
        self._told, self._firing, self._monotonic = told, firing, monotonic
        self._gone_since: dict[str, float] = {}

    def look(self) -> list[Group]:
        """The ends that are due now, one post each; nothing when Alertmanager does not answer."""
        told = self._told()
        firing = self._firing() if told else frozenset()
        if firing is None:
            self._gone_since = {}
            return []
        now, moment = self._monotonic(), time.time()
        gone = {fingerprint for fingerprint in told if fingerprint not in firing}
        self._gone_since = {fingerprint: self._gone_since.get(fingerprint, now) for fingerprint in gone}
        return [
            Group(f"unheard {fingerprint}", (replace(told[fingerprint], firing=False, ends_at=moment - (now - since)),))
            for fingerprint, since in self._gone_since.items()
            if now - since >= GONE_SECONDS_OF.get(told[fingerprint].severity, GONE_SECONDS)
        ]


def firing(alertmanager: Query) -> frozenset[str] | None:
    """The fingerprints of all that this node's Alertmanager has, hidden or not; None when it does not answer."""
    return ask(alertmanager, _PATH, lambda answer: frozenset(str(alert["fingerprint"]) for alert in answer))

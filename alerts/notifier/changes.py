"""What a receiver has to be told: a group as it is now against what it was told before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from alerts.notifier.payload import SEVERITIES, Alert, Group

# One alert may come with different starts: Alertmanager keeps the earliest that it heard from the two Prometheus,
# which judge some seconds apart, on clocks that may differ by a minute. A later start than that is a new occurrence.
SAME_OCCURRENCE_SECONDS: Final = 120.0
# Half of the shortest repeat_interval in alertmanager.yaml (a test compares them): what comes again sooner is no repeat
# but the same once more, such as after a restart of Alertmanager.
REPEAT_SECONDS: Final = 1800.0

Known = Literal["told", "ended", "unknown"]


@dataclass(frozen=True, slots=True)
class Told:
    """That a receiver was told of an alert; Unix seconds. ``ended_at`` is when it was told of the end."""

    starts_at: float
    told_at: float
    ended_at: float | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """News for one receiver, most severe first."""

    new: tuple[Alert, ...]
    ended: tuple[Alert, ...]
    still: tuple[Alert, ...]
    repeat: bool
    left_out: int = 0

    @property
    def worth_telling(self) -> bool:
        """Whether there is any news."""
        return bool(self.new or self.ended or self.repeat)


def compare(group: Group, told: Mapping[str, Told], elsewhere: Mapping[str, Known], now: float) -> Changes:
    """Find the news of a group for one receiver.

    Args:
        group: the group as Alertmanager sees it, with the alerts that concern the receiver.
        told: what this receiver was told, by fingerprint.
        elsewhere: what the other node told of alerts that this one did not; what is not in it is unknown.
        now: Unix seconds.
    """
    new: list[Alert] = []
    ended: list[Alert] = []
    still: list[Alert] = []
    for alert in sorted(group.alerts, key=_urgency):
        entry = told.get(alert.fingerprint)
        is_open = entry is not None and entry.ended_at is None
        if alert.firing:
            same = entry and alert.starts_at <= entry.starts_at + SAME_OCCURRENCE_SECONDS
            (still if is_open and same else new).append(alert)
        elif is_open or (entry is None and elsewhere.get(alert.fingerprint) == "told"):
            ended.append(alert)
    last = max((told[alert.fingerprint].told_at for alert in still), default=now)
    return Changes(
        new=tuple(new),
        ended=tuple(ended),
        still=tuple(still),
        # A clock that went back must not silence anything.
        repeat=bool(still) and not new and not ended and not 0 <= now - last < REPEAT_SECONDS,
        left_out=group.left_out,
    )


def _urgency(alert: Alert) -> tuple[int, float, str]:
    return SEVERITIES.index(alert.severity), alert.starts_at, alert.fingerprint

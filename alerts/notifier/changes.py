"""What a receiver has to be told: a group as it is now against what it was told before. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from alerts.notifier.payload import FAILOVER, SEVERITIES, Alert, Group

# One alert may come with different starts: Alertmanager keeps the earliest that it heard from the two Prometheus,
# which judge some seconds apart, on clocks that may differ by a minute. A later start than that is a new occurrence.
SAME_OCCURRENCE_SECONDS: Final = 120.0
# Half of the shortest repeat_interval in alertmanager.yaml (a test compares them): what comes again sooner is no repeat
# but the same once more, such as after a restart of Alertmanager.
REPEAT_SECONDS: Final = 1800.0


@dataclass(frozen=True, slots=True)
class Told:
    """That a receiver was told of an alert; Unix seconds. ``ended_at`` is when it was told of the end."""

    starts_at: float
    told_at: float
    ended_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the end is still to be told."""
        return self.ended_at is None

    def is_of(self, starts_at: float) -> bool:
        """Whether it is about the occurrence that began then."""
        return starts_at <= self.starts_at + SAME_OCCURRENCE_SECONDS


@dataclass(frozen=True, slots=True)
class Changes:
    """News for one receiver, most severe first.

    ``ended_untold``: nobody need be told, for the other node has told it, or the beginning said that it is over.
    """

    new: tuple[Alert, ...]
    ended: tuple[Alert, ...]
    still: tuple[Alert, ...]
    repeat: bool
    left_out: int = 0
    ended_untold: tuple[Alert, ...] = ()

    @property
    def worth_telling(self) -> bool:
        """Whether there is any news."""
        return bool(self.new or self.ended or self.repeat)


def compare(group: Group, told: Mapping[str, Told], elsewhere: Mapping[str, Told], now: float) -> Changes:
    """Find the news of a group for one receiver.

    Args:
        group: the group as Alertmanager sees it, with the alerts that concern the receiver.
        told: what this receiver was told, by fingerprint.
        elsewhere: what the other node told of alerts about which ``told`` may not know enough.
        now: Unix seconds.
    """
    new: list[Alert] = []
    ended: list[Alert] = []
    ended_untold: list[Alert] = []
    still: list[tuple[Alert, Told]] = []
    for alert in sorted(group.alerts, key=_urgency):
        here, there = told.get(alert.fingerprint), elsewhere.get(alert.fingerprint)
        if alert.firing:
            known = _known(alert, here, there)
            if known:
                still.append((alert, known))
            else:
                new.append(alert)
        elif here and here.is_open and (alert.name == FAILOVER or _is_ended_there(here, there)):
            ended_untold.append(alert)
        elif alert.name == FAILOVER:
            pass
        elif (told_of_it := here or there) and told_of_it.is_open and told_of_it.is_of(alert.starts_at):
            ended.append(alert)
    last = max((known.told_at for _, known in still), default=now)
    return Changes(
        new=tuple(new),
        ended=tuple(ended),
        still=tuple(alert for alert, _ in still),
        # Told in the future: by the other node's clock, or before this one went back, which must not silence anything.
        repeat=bool(still) and not new and not ended and abs(now - last) >= REPEAT_SECONDS,
        left_out=group.left_out,
        ended_untold=tuple(ended_untold),
    )


def is_known_here(alert: Alert, here: Told | None) -> bool:
    """Whether what was told here says all about an alert; otherwise the other node may know better."""
    if not alert.firing:
        return here is not None and not here.is_open
    return here is not None and here.is_open and alert.starts_at <= here.starts_at


def is_stale(alert: Alert, told: Told | None, now: float) -> bool:
    """Whether an alert fires in a post although its end was told a moment ago, here or by the other node.

    An Alertmanager that waits for the other one's word (``--cluster.peer-timeout``) sends what it saw before it waited;
    and where one Prometheus' clock is ahead, what it ended fires in Alertmanager until that time has come.
    """
    if not alert.firing or told is None or told.ended_at is None or told.ended_at < alert.starts_at:
        return False
    return abs(now - told.ended_at) < SAME_OCCURRENCE_SECONDS


def is_over(alert: Alert, told: Told | None) -> bool:
    """Whether the end of this occurrence was told."""
    return told is not None and told.ended_at is not None and alert.starts_at <= told.ended_at


def _is_ended_there(here: Told, there: Told | None) -> bool:
    return there is not None and not there.is_open and there.is_of(here.starts_at)


def _known(alert: Alert, here: Told | None, there: Told | None) -> Told | None:
    """What was told of this very occurrence, here or by the other node, and not ended since."""
    if here and here.is_open and here.is_of(alert.starts_at):
        # The other node told the end of it, and then it began again.
        began_again = there and not there.is_open and alert.starts_at > there.starts_at
        return None if began_again else here
    if there and there.is_open and there.is_of(alert.starts_at):
        # The other node has not heard that its end was told here.
        is_over = here and not here.is_open and here.is_of(there.starts_at)
        return None if is_over else there
    return None


def _urgency(alert: Alert) -> tuple[int, float, str]:
    return SEVERITIES.index(alert.severity), alert.starts_at, alert.fingerprint

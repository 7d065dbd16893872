"""From an event to the phone: seconds, and whether begin and end were told once."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from alerts.thresholds import FLAPPING_MOVES
from tests.alerting.phone import is_about
from tests.alerting.watch import Watched, watched
from tests.alerts_bench.events import EVENTS, Event
from tests.bench.figures import Figure
from tests.lab.errors import LabError, LabTimeoutError
from tests.lab.lab import Lab

_GIVE_UP_SECONDS = 240.0  # longer than a node may take to boot
_MORE_SECONDS = 20.0  # twice as long as the other Alertmanager waits: whatever is told twice is there by then


@dataclass(frozen=True, slots=True)
class Told:
    """What the phone was told of one event; ``seconds`` is None when it was not."""

    seconds: float | None
    begins: int
    ends: int
    others: tuple[str, ...]
    messages: tuple[str, ...] = ()

    @property
    def once(self) -> bool:
        """Whether begin and end were told exactly once."""
        return (self.begins, self.ends) == (1, 1)


def chosen(names: str) -> tuple[Event, ...]:
    """The events whose names contain one of these, comma-separated; all of them when there is none."""
    wanted = [name for name in names.split(",") if name]
    return tuple(event for event in EVENTS if not wanted or any(name in event.name for name in wanted))


def measure(rounds: int, events: Sequence[Event]) -> Iterator[list[Figure]]:
    """Let every event happen as often as asked; yield all figures so far after each."""
    told: dict[str, list[Told]] = {}
    lab = _Watch()
    try:
        for number in range(rounds):
            for event in events:
                began = time.monotonic()
                found = lab.meet(event)
                told.setdefault(event.name, []).append(found)
                seconds = "never" if found.seconds is None else f"after {found.seconds:.1f} s"
                print(
                    f"bench-alerts: round {number + 1} of {rounds}: {event.name}: told {seconds}; told {found.begins} "
                    f"times, its end {found.ends} times; took {time.monotonic() - began:.0f} s",
                    flush=True,
                )
                for line in found.others if found.once else found.messages:
                    print(f"bench-alerts:   also told: {line}", flush=True)
                yield [figure for met in events if met.name in told for figure in _figures(met, told[met.name])]
    finally:
        lab.close()


class _Watch:
    """A watched lab; a new one whenever the virtual IP would otherwise move so often that this is told."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._watched: Watched | None = None
        self._moves = 0

    def meet(self, event: Event) -> Told:
        """Let an event happen and end; say what the phone was told."""
        if self._watched is None or self._moves + event.moves >= max(FLAPPING_MOVES, event.moves + 1):
            self.close()
            lab = self._stack.enter_context(Lab(guard=True))
            self._watched = self._stack.enter_context(watched(lab))
        self._moves += event.moves
        try:
            self._watched.wait_calm()
            return meet(self._watched, event)
        except LabError as error:
            print(f"bench-alerts: {event.name}: {error}", flush=True)
            self.close()
            return Told(None, 0, 0, ())

    def close(self) -> None:
        """Take the lab away."""
        self._watched, self._moves = None, 0
        self._stack.close()


def meet(watch: Watched, event: Event, lasting: float = _MORE_SECONDS, quiet: float = _MORE_SECONDS) -> Told:
    """Let an event happen and end; say what the phone was told.

    Args:
        watch: a watched lab that is calm.
        event: what happens.
        lasting: seconds from the message to the recovery.
        quiet: seconds after the end was told in which all that would be told twice is there.
    """
    phone = watch.phone
    began = time.time()
    struck = event.strike(watch.lab)
    try:
        first = phone.wait_news(event.headline, struck, _GIVE_UP_SECONDS)
    except LabTimeoutError as error:
        print(f"bench-alerts: {event.name}: {error}", flush=True)
        first = None
    time.sleep(lasting)
    event.recover(watch.lab)
    try:
        phone.wait_end(event.ending, struck, event.recovery)
    except LabTimeoutError as error:
        print(f"bench-alerts: {event.name}: {error}", flush=True)
    time.sleep(quiet)
    return Told(
        None if first is None else first.time - struck,
        len(phone.telling(event.headline, began)),
        len(phone.ending(event.ending, began)),
        tuple(line for line in phone.news_lines(began) if not is_about(line, f"(?:{event.headline}|{event.ending})")),
        tuple(f"{message.time - struck:.1f} s: {message.text}" for message in phone.messages(began)),
    )


def _figures(event: Event, told: Sequence[Told]) -> list[Figure]:
    seconds = [_GIVE_UP_SECONDS if each.seconds is None else each.seconds for each in told]
    count = len(told)
    not_once = sum(not each.once for each in told)
    return [
        Figure(f"{event.name}: message after, median", statistics.median(seconds), "s", event.limit, False, count),
        Figure(f"{event.name}: message after, worst", max(seconds), "s", event.limit, False, count),
        Figure(f"{event.name}: begin or end not told exactly once", not_once, "rounds", 0, False, count),
    ]

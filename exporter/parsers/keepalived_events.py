"""The event log that the recorder writes beside keepalived: lines in, history out.

Messages are keepalived's own (``INSTANCE "NAME" STATE PRIORITY``, keepalived.conf(5)) and the
recorder's about keepalived itself (``KEEPALIVED START VERSION``).
"""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from exporter.model.errors import ParseError
from exporter.model.observations import VrrpEvent, VrrpState
from exporter.parsers.fields import parse_json

STATES = {
    "INIT": VrrpState.INIT,
    "BACKUP": VrrpState.BACKUP,
    "MASTER": VrrpState.MASTER,
    "FAULT": VrrpState.FAULT,
    "STOP": VrrpState.STOPPED,
    "DELETED": VrrpState.STOPPED,
}
_INSTANCE = re.compile(r'INSTANCE "(?P<name>[^"]{1,128})" (?P<word>[A-Z_]{1,32}) (?P<priority>[0-9]{1,3})')
_KEEPALIVED = re.compile(r"KEEPALIVED (?P<word>START|CHILD_EXIT|STOP|LOG_REPLACED) (?P<detail>\S{1,32})")
RECENT_EVENTS = 50
MAXIMUM_INSTANCES = 64


@dataclass(slots=True)
class InstanceHistory:
    """What the log says of one VRRP instance; ``heard``: this log tells of it, not only what was counted before."""

    heard: bool = False
    state: VrrpState = VrrpState.INIT
    priority: int | None = None
    last_transition: float | None = None
    transitions: dict[VrrpState, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted; transitions by instance."""

    transitions: Mapping[str, Mapping[VrrpState, int]] = field(default_factory=dict)
    starts: int = 0
    child_exits: int = 0

    def at_least(self, floor: Counts) -> Counts:
        """Return the higher of each two counts."""
        transitions = {name: dict(states) for name, states in self.transitions.items()}
        for name, states in floor.transitions.items():
            counted = transitions.setdefault(name, {})
            for state, count in states.items():
                counted[state] = max(count, counted.get(state, 0))
        return Counts(transitions, max(self.starts, floor.starts), max(self.child_exits, floor.child_exits))


@dataclass(frozen=True, slots=True)
class SavedHistory:
    """What is kept of a history when the exporter ends: how far which log was read, and what was counted.

    ``earlier`` was counted in logs that this log's checkpoints know nothing of.
    """

    origin: float | None
    sequence: int
    counts: Counts
    earlier: Counts


@dataclass(slots=True)
class History:
    """Everything that the log says; ``last_event`` is the time of its latest line, in Unix seconds."""

    instances: dict[str, InstanceHistory] = field(default_factory=dict)
    version: str | None = None
    starts: int = 0
    child_exits: int = 0
    last_start: float | None = None
    last_event: float | None = None
    last_replaced: float | None = None  # when the recorder found its log damaged and wrote it anew
    recent: deque[VrrpEvent] = field(default_factory=lambda: deque(maxlen=RECENT_EVENTS))
    _origin: float | None = None  # time of the log's first line, which tells one log from another
    _sequence: int = 0
    _earlier: Counts = field(default_factory=Counts)
    _at_first_line: bool = True
    _of_no_use: bool = False
    _floor: Counts = field(default_factory=Counts)  # what was counted already
    _saved: SavedHistory | None = None  # until the first line of a log says whether it belongs to it

    @property
    def counts(self) -> Counts:
        """What was counted: it never goes back, whatever was done to the log."""
        transitions = {name: dict(history.transitions) for name, history in self.instances.items()}
        return Counts(transitions, self.starts, self.child_exits).at_least(self._floor)

    def save(self) -> SavedHistory:
        """Return what must survive the exporter."""
        return self._saved or SavedHistory(self._origin, self._sequence, self.counts, self._earlier)

    def resume(self, saved: SavedHistory) -> None:
        """Go on counting from what an earlier exporter saved; the log tells the rest, from its beginning."""
        self._saved, self._floor = saved, saved.counts

    def begin_log(self) -> None:
        """Prepare for a log that is read from its start: the same again, its successor, or another."""
        self._at_first_line, self._of_no_use = True, False

    def add_line(self, line: bytes) -> None:
        """Take one line of the log.

        A log whose first line makes no sense is of no use: nothing says what the others add to. The recorder writes it
        anew, with everything that it has counted.

        Raises:
            ParseError: it is not a line of an event log; the history stays as it was.
        """
        if self._of_no_use:
            msg = "the event log's first line makes no sense"
            raise ParseError(msg)
        first, self._at_first_line = self._at_first_line, False
        try:
            entry = parse_json(line, "a line of the event log")
            sequence, time = _sequence_and_time(entry)
        except ParseError:
            self._of_no_use = first
            raise
        checkpoint = entry.get("checkpoint")
        if first and self._saved is not None:
            saved, self._saved = self._saved, None
            same = time == saved.origin or (checkpoint is not None and sequence >= saved.sequence)
            self._earlier = saved.earlier if same else saved.counts
            self._count_from(self._earlier)
            self._sequence, self._origin = sequence - 1, time
        elif first:
            if time != self._origin and not (checkpoint is not None and sequence >= self._sequence):
                if sequence <= self._sequence:  # not the same recorder's
                    self._sequence, self._earlier = 0, self.counts
                else:
                    self._sequence = sequence - 1
            self._origin = time
        if checkpoint is not None:
            self._restore(checkpoint, sequence)
        elif sequence > self._sequence:
            self._add(str(entry.get("message", "")), time)
            self._sequence = sequence

    def _add(self, message: str, time: float, count: int = 1) -> None:
        instance = _INSTANCE.fullmatch(message)
        keepalived = _KEEPALIVED.fullmatch(message)
        if instance is not None:
            self._add_instance(instance, time, count)
        elif keepalived is not None:
            self._add_keepalived(keepalived["word"], keepalived["detail"], time, count)
        self.last_event = time
        self.recent.append(VrrpEvent(time, message[:256]))

    def _add_instance(self, match: re.Match[str], time: float, count: int) -> None:
        if match["name"] not in self.instances and len(self.instances) >= MAXIMUM_INSTANCES:
            return
        history = self.instances.setdefault(match["name"], InstanceHistory())
        history.heard = True
        history.priority = int(match["priority"])
        state = STATES.get(match["word"])
        if state is not None:
            history.state = state
            history.last_transition = time
            history.transitions[state] = history.transitions.get(state, 0) + count

    def _add_keepalived(self, word: str, detail: str, time: float, count: int) -> None:
        if word == "START":
            self.version, self.last_start = detail, time
            self.starts += count
            for history in self.instances.values():
                history.state = VrrpState.INIT
        elif word == "CHILD_EXIT":
            self.child_exits += count
        elif word == "LOG_REPLACED":
            self.last_replaced = time

    def _count_from(self, earlier: Counts) -> None:
        self.instances = {name: InstanceHistory(transitions=dict(t)) for name, t in earlier.transitions.items()}
        self.starts, self.child_exits = earlier.starts, earlier.child_exits

    def _restore(self, checkpoint: Any, sequence: int) -> None:  # noqa: ANN401
        """Replace the history by the one that a rotated log handed on."""
        counts, last = (checkpoint.get("counts"), checkpoint.get("last")) if isinstance(checkpoint, dict) else (0, 0)
        if not isinstance(counts, dict) or not isinstance(last, dict):
            msg = "the event log's checkpoint has no counts"
            raise ParseError(msg)
        entries = []
        for kind, entry in last.items():
            count = counts.get(kind)
            if type(count) is not int or not 0 < count < 2**53 or not isinstance(entry, dict):
                msg = "the event log's checkpoint counts something that is no number"
                raise ParseError(msg)
            entries.append((*_sequence_and_time(entry), str(entry.get("message", "")), count))
        recent, self._floor = self.recent, self.counts
        self._count_from(self._earlier)
        self.recent = deque(maxlen=RECENT_EVENTS)
        for _, time, message, count in sorted(entries):
            self._add(message, time, count)
        if recent:
            self.recent = recent
        self._sequence = sequence


def _sequence_and_time(entry: Any) -> tuple[int, float]:  # noqa: ANN401
    if isinstance(entry, dict):
        sequence, time = entry.get("seq"), entry.get("time")
        if type(sequence) is int and 0 <= sequence < 2**53 and type(time) in (int, float):
            number = float(time) if abs(time) < 2**53 else math.nan  # type: ignore[arg-type]
            if math.isfinite(number):
                return sequence, number
    msg = "a line of the event log has no sequence number or time"
    raise ParseError(msg)

"""One thread for each receiver, which tells it what it has not been told.

A thread owes its receiver the newest post of each group. It compares the post with what the receiver was told, so that
a post that comes again, from Alertmanager or from a retry here, never becomes a second message.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Final

from alerts.notifier.changes import Changes, Told, compare, is_over
from alerts.notifier.facts import Facts
from alerts.notifier.message import Writer
from alerts.notifier.metrics import Metrics
from alerts.notifier.payload import FAILOVER, Alert, Group
from alerts.notifier.quiet import QuietHours
from alerts.notifier.receivers import DeliveryError, Kind, Receiver
from alerts.notifier.store import Debt, Store

log = logging.getLogger(__name__)

FIRST_RETRY_SECONDS: Final = 10.0
LONGEST_RETRY_SECONDS: Final = 300.0
# After that Alertmanager has repeated what still holds, and the rest is no news.
OWED_SECONDS: Final = 86400.0
MAXIMUM_OWED: Final = 100  # groups
HELD: Final = "held"  # the group of all that waits for the end of the quiet hours
AskElsewhere = Callable[[], Mapping[str, Told] | None]
"""What the other node told of each alert; None when it does not answer, nothing when there is none."""
Gather = Callable[[Changes, float], Facts | None]
"""What is known beyond the alerts, at a time (Unix seconds); None for what nobody wants to be told."""


@dataclass(slots=True, eq=False)
class Task:
    """A post that a receiver has to be told of; ``outcome`` is whether the first attempt went well.

    ``kept``: Alertmanager will not send it again, because somebody else was told of it. ``older``: such a post of the
    same group that it replaces.
    """

    group: Group
    elsewhere: Mapping[str, Told]
    outcome: Future[bool] = field(default_factory=Future)
    since: float = field(default_factory=time.time)
    due: float = field(default_factory=time.monotonic)
    failures: int = 0
    kept: bool = False
    older: Task | None = None

    def inherit(self, older: Task) -> None:
        """Owe also the ends that an older post told of: Alertmanager will not tell of them again."""
        listed = {alert.fingerprint for alert in self.group.alerts}
        ends = (alert for alert in older.group.alerts if not alert.firing and alert.fingerprint not in listed)
        self.group = replace(self.group, alerts=(*self.group.alerts, *ends))
        self.elsewhere = {**older.elsewhere, **self.elsewhere}
        self.older, older.older = older, None

    def settle(self, *, well: bool) -> None:
        """Say how the first attempt went, once."""
        if not self.outcome.done():
            self.outcome.set_result(well)


class Courier:
    """Delivers to one receiver, one message at a time."""

    def __init__(
        self,
        receiver: Receiver,
        store: Store,
        writer: Writer,
        metrics: Metrics,
        ask: AskElsewhere,
        gather: Gather,
        quiet: QuietHours,
    ) -> None:
        self.receiver = receiver
        self._store, self._writer, self._metrics = store, writer, metrics
        self._ask, self._gather, self._quiet = ask, gather, quiet
        self._labels = (str(receiver.number), receiver.scheme)
        self._owed: dict[str, Task] = {}
        self._changed = threading.Condition()
        self._stopping = False
        self._failing = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=receiver.name, daemon=True)
        metrics.failing_since.labels(*self._labels).set(0)
        metrics.owed.labels(*self._labels).set(0)
        for result in ("delivered", "failed"):
            metrics.deliveries.labels(*self._labels, result)

    def start(self) -> None:
        """Begin, with what was owed before a restart."""
        for debt in self._store.owed(self.receiver.identity):
            task = Task(debt.group, {}, since=min(debt.since, time.time()), kept=True)
            if debt.group.key == HELD:
                task.due += self._quiet.left(time.time())
            task.settle(well=False)
            self._owed[task.group.key] = task
        self._thread.start()

    def owe(self, task: Task) -> None:
        """Tell the receiver of a post, which replaces what was owed of the same group."""
        with self._changed:
            if replaced := self._owed.pop(task.group.key, None):
                replaced.settle(well=False)
                if replaced.kept:
                    task.inherit(replaced)
            if len(self._owed) >= MAXIMUM_OWED:
                key, oldest = next(iter(self._owed.items()))
                del self._owed[key]
                oldest.settle(well=False)
            self._owed[task.group.key] = task
            self._changed.notify_all()

    def hold(self, task: Task, seconds: float) -> None:
        """Tell the receiver of a post later, in one message with all others that are held."""
        due = time.monotonic() + seconds
        new = tuple(self._as_it_was(alert) for alert in task.group.alerts if alert.name == FAILOVER and alert.firing)
        with self._changed:
            held = self._owed.get(HELD)
            alerts = {alert.fingerprint: alert for alert in held.group.alerts} if held else {}
            elsewhere = dict(held.elsewhere) if held else {}
            for alert in (*(alert for alert in task.group.alerts if alert.name != FAILOVER), *filter(None, new)):
                before = alerts.get(alert.fingerprint)
                if before is not None and before.firing and not alert.firing:
                    # As if its beginning had been told, or its end would be none.
                    elsewhere[alert.fingerprint] = Told(before.starts_at, before.starts_at)
                alerts[alert.fingerprint] = alert
            if alerts:
                group = Group(HELD, tuple(alerts.values()))
                self._owed[HELD] = Task(group, {**task.elsewhere, **elsewhere}, due=due, kept=True)
                self._owed[HELD].settle(well=True)
                self._changed.notify_all()
        task.settle(well=True)
        self._save()

    def _as_it_was(self, alert: Alert) -> Alert | None:
        """A failover in the words of now, because nobody knows them later, under a name that no other one has."""
        now = time.time()
        facts = self._gather(Changes((alert,), (), (), repeat=False), now)
        if facts is None:
            return None
        name = f"{alert.fingerprint}{int(alert.starts_at):x}"
        return replace(self._writer.as_told(alert, facts, now), fingerprint=name)

    def in_hand(self) -> set[str]:
        """The fingerprints of the alerts of which the receiver is being told, or about to be: their begin or their end.

        Nothing while deliveries fail: nobody should wait for this node then.
        """
        with self._changed:
            if self._failing:
                return set()
            tasks = [task for task in self._owed.values() if not task.outcome.done()]
        return {alert.fingerprint for task in tasks for alert in task.group.alerts}

    @property
    def failing(self) -> bool:
        """Whether its last delivery failed."""
        return self._failing

    def keep(self, task: Task) -> None:
        """Owe a post also after a restart, because nobody will send it again."""
        with self._changed:
            task.kept = True
        self._save()

    def withdraw(self, task: Task) -> None:
        """Owe a post no longer, because somebody else sees to it; what was owed before it is owed again."""
        with self._changed:
            if self._owed.get(task.group.key) is not task:
                return
            del self._owed[task.group.key]
            if task.older is not None:
                task.older.due = task.due
                self._owed[task.group.key] = task.older
            self._count_owed()
        self._save()

    def stop(self) -> None:
        """Let it finish the message in hand and begin no other; does not wait."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()

    def join(self, seconds: float) -> None:
        """Wait until it has stopped."""
        self._thread.join(max(seconds, 0))

    def stuck_for(self) -> float:
        """For how many seconds the message in hand has been under way; for ever, when nobody delivers any more."""
        if not self._thread.is_alive() and not self._stopping:
            return math.inf
        since = self._busy_since
        return time.monotonic() - since if since is not None else 0.0

    def _run(self) -> None:
        while (task := self._next()) is not None:
            self._busy_since = time.monotonic()
            try:
                well = self._attempt(task)
            except Exception as error:  # noqa: BLE001 (the thread must live; the text may hold anything)
                log.error("%s: telling it failed with %s", self.receiver.name, type(error).__name__)  # noqa: TRY400
                well = False
            self._busy_since = None
            self._after(task, well=well)

    def _next(self) -> Task | None:
        with self._changed:
            while not self._stopping:
                self._count_owed()
                task = min(self._owed.values(), key=lambda task: task.due, default=None)
                wait = None if task is None else task.due - time.monotonic()
                if task is not None and wait is not None and wait <= 0:
                    return task
                self._changed.wait(wait)
            for task in self._owed.values():
                task.settle(well=False)
            return None

    def _attempt(self, task: Task) -> bool:
        now = time.time()
        group, elsewhere = self._as_of_now(task) if task.kept else (task.group, task.elsewhere)
        changes = compare(group, self._store.told(self.receiver.identity), elsewhere, now)
        if not changes.worth_telling:
            if changes.ended_untold:
                self._store.record(self.receiver.identity, replace(changes, still=()))
            return True
        facts = self._gather(changes, now)
        if facts is None:
            self._store.record(self.receiver.identity, changes)
            return True
        message = self._writer.write(changes, now, facts)
        began = time.monotonic()
        try:
            self.receiver.deliver(message.title, message.body, _kind(changes))
        except DeliveryError as error:
            log.warning("%s: a message was not delivered: %s", self.receiver.name, error)
            self._count(well=False)
            return False
        finally:
            self._metrics.duration.labels(*self._labels).observe(time.monotonic() - began)
        self._store.record(self.receiver.identity, changes)
        log.info(
            "%s: told of %d new, %d ended, %d lasting",
            self.receiver.name,
            len(changes.new),
            len(changes.ended),
            len(changes.still),
        )
        self._count(well=True)
        return True

    def _as_of_now(self, task: Task) -> tuple[Group, Mapping[str, Told]]:
        """A debt, without what began and has ended by what the other node told meanwhile."""
        told = self._ask()
        if told is None:  # rather an end too many than one too few
            unknown = {alert.fingerprint: alert for alert in task.group.alerts if not alert.firing}
            return task.group, {
                **{name: Told(alert.starts_at, alert.starts_at) for name, alert in unknown.items()},
                **task.elsewhere,
            }
        lasting = tuple(
            alert for alert in task.group.alerts if not (alert.firing and is_over(alert, told.get(alert.fingerprint)))
        )
        return replace(task.group, alerts=lasting), {**task.elsewhere, **told}

    def _after(self, task: Task, *, well: bool) -> None:
        with self._changed:
            is_current = self._owed.get(task.group.key) is task
            done = is_current and (well or time.time() - task.since > OWED_SECONDS)
            if done:
                del self._owed[task.group.key]
            task.failures += 1
            task.due = time.monotonic() + min(FIRST_RETRY_SECONDS * 2 ** (task.failures - 1), LONGEST_RETRY_SECONDS)
            self._count_owed()
        if done:
            self._save()
        task.settle(well=well)

    def _count(self, *, well: bool) -> None:
        metrics = self._metrics
        metrics.deliveries.labels(*self._labels, "delivered" if well else "failed").inc()
        if well:
            metrics.last_success.labels(*self._labels).set_to_current_time()
            metrics.failing_since.labels(*self._labels).set(0)
        elif not self._failing:
            metrics.failing_since.labels(*self._labels).set_to_current_time()
        self._failing = not well

    def _save(self) -> None:
        with self._changed:
            kept = tuple(Debt(task.group, task.since) for task in self._owed.values() if task.kept)
        self._store.owe(self.receiver.identity, kept)

    def _count_owed(self) -> None:
        self._metrics.owed.labels(*self._labels).set(len(self._owed))


def _kind(changes: Changes) -> Kind:
    """What a message is to the phone: as severe as the worst of its news, or of what it repeats."""
    told = changes.new or (() if changes.ended else changes.still)
    if not told:
        return "recovered"
    severity = told[0].severity
    return "warning" if severity == "other" else severity

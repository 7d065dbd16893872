"""One thread for each receiver, which tells it what it has not been told.

A thread has the newest post of each group, and debts: what its receiver missed while another one was told. It compares
both with what the receiver was told, so that what comes again, from Alertmanager or from a retry here, never becomes a
second message.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
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
MAXIMUM_POSTS: Final = 100
MAXIMUM_DEBTS: Final = 5000
AskElsewhere = Callable[[], Mapping[str, Told] | None]
"""What the other node told of each alert; None when it does not answer, nothing when there is none."""
Gather = Callable[[Changes, float], Facts | None]
"""What is known beyond the alerts, at a time (Unix seconds); None for what nobody wants to be told."""


@dataclass(slots=True, eq=False)
class Task:
    """A post that a receiver has to be told of; ``outcome`` is whether that went well."""

    group: Group
    elsewhere: Mapping[str, Told]
    outcome: Future[bool] = field(default_factory=Future)

    def settle(self, *, well: bool) -> None:
        """Say how it went, once."""
        if not self.outcome.done():
            self.outcome.set_result(well)


class Courier:
    """Delivers to one receiver, one message at a time: posts as they come, and debts when their time has come."""

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
        self._ask, self._gather = ask, gather
        self._labels = (str(receiver.number), receiver.scheme)
        self._changed = threading.Condition()
        self._posts: dict[str, Task] = {}  # the newest of each group
        self._debts = {debt.alert.fingerprint: debt for debt in store.owed(receiver.identity)}
        self._retry_at, self._failures = 0.0, 0
        self._held_until = time.monotonic() + quiet.left(time.time())
        self.failing = False  # whether its last delivery failed
        self._stopping = False
        self._busy_since: float | None = None
        self._thread = threading.Thread(target=self._run, name=receiver.name, daemon=True)
        metrics.failing_since.labels(*self._labels).set(0)
        for result in ("delivered", "failed"):
            metrics.deliveries.labels(*self._labels, result)
        metrics.owed.labels(*self._labels).set_function(lambda: len(self._posts) + bool(self._debts))

    def start(self) -> None:
        """Begin, with what was owed before a restart."""
        self._thread.start()

    def owe(self, task: Task) -> None:
        """Tell the receiver of a post, which replaces the one of the same group that has not been told yet."""
        with self._changed:
            replaced = self._posts.pop(task.group.key, None)
            if len(self._posts) >= MAXIMUM_POSTS:
                self._posts.pop(next(iter(self._posts))).settle(well=False)
            if replaced:
                replaced.settle(well=False)
            self._posts[task.group.key] = task
            self._changed.notify_all()

    def keep(self, task: Task) -> None:
        """Owe a post from now on, also after a restart, because nobody will send it again."""
        with self._changed:
            now = time.time()
            new = {alert.fingerprint: Debt(alert, now, task.group.key) for alert in task.group.alerts}
            self._debts = dict([*_unsaid(self._debts, task.group).items(), *new.items()][-MAXIMUM_DEBTS:])
            self._failures, self._retry_at = 1, time.monotonic() + FIRST_RETRY_SECONDS
            self._changed.notify_all()
        self._save()

    def hold(self, task: Task, seconds: float) -> None:
        """Tell the receiver of a post later, in one message with all others that are held."""
        then = time.time() + seconds
        new = tuple(self._as_it_was(alert) for alert in task.group.alerts if alert.name == FAILOVER and alert.firing)
        with self._changed:
            for alert in (*(alert for alert in task.group.alerts if alert.name != FAILOVER), *filter(None, new)):
                before = self._debts.get(alert.fingerprint)
                # As if its beginning had been told, or its end would be none.
                whole = (
                    before is not None and before.held and not alert.firing and (before.whole or before.alert.firing)
                )
                self._debts[alert.fingerprint] = Debt(alert, then, task.group.key, held=True, whole=whole)
            self._held_until = time.monotonic() + seconds
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
            tasks = [] if self.failing else list(self._posts.values())
        return {alert.fingerprint for task in tasks for alert in task.group.alerts}

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
        while (work := self._next()) is not None:
            task, debts = work
            self._busy_since = time.monotonic()
            try:
                well = self._attempt(task, debts)
            except Exception as error:  # noqa: BLE001 (the thread must live; the text may hold anything)
                log.error("%s: telling it failed with %s", self.receiver.name, type(error).__name__)  # noqa: TRY400
                well = False
            self._busy_since = None
            self._after(task, debts, well=well)

    def _next(self) -> tuple[Task, list[Debt]] | None:
        """The next post, with what else is owed; or the debts whose time has come."""
        with self._changed:
            while not self._stopping:
                if self._posts:
                    task = next(iter(self._posts.values()))
                    return task, [debt for debt in _unsaid(self._debts, task.group).values() if not debt.held]
                owed = [debt for debt in self._debts.values() if not debt.held]
                held = [debt for debt in self._debts.values() if debt.held]
                now = time.monotonic()
                due = [(at, debts) for at, debts in ((self._retry_at, owed), (self._held_until, held)) if debts]
                ready = [debt for at, debts in due if at <= now for debt in debts]
                if ready:
                    return Task(Group("owed", ()), {}), ready
                self._changed.wait(min((at - now for at, _ in due), default=None))
            for task in self._posts.values():
                task.settle(well=False)
            return None

    def _attempt(self, task: Task, debts: Sequence[Debt]) -> bool:
        now = time.time()
        owed, elsewhere = self._as_of_now(debts) if debts else ((), {})
        group = replace(task.group, alerts=(*task.group.alerts, *owed))
        changes = compare(group, self._store.told(self.receiver.identity), {**elsewhere, **task.elsewhere}, now)
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
        news = len(changes.new), len(changes.ended), len(changes.still)
        log.info("%s: told of %d new, %d ended, %d lasting", self.receiver.name, *news)
        self._count(well=True)
        return True

    def _as_of_now(self, debts: Sequence[Debt]) -> tuple[tuple[Alert, ...], Mapping[str, Told]]:
        """What is owed, without what began and has ended by what the other node told meanwhile."""
        told = self._ask()
        alerts = [debt.alert for debt in debts]
        if told is None:  # rather an end too many than one too few
            told = {alert.fingerprint: _as_if_told(alert) for alert in alerts if not alert.firing}
        lasting = (one for one in alerts if not (one.firing and is_over(one, told.get(one.fingerprint))))
        whole = {debt.alert.fingerprint: _as_if_told(debt.alert) for debt in debts if debt.whole}
        return tuple(lasting), {**whole, **told}

    def _after(self, task: Task, debts: Sequence[Debt], *, well: bool) -> None:
        with self._changed:
            if self._posts.get(task.group.key) is task:
                del self._posts[task.group.key]
            before, long_ago = len(self._debts), time.time() - OWED_SECONDS
            left = _unsaid(self._debts, task.group) if well else self._debts
            told = {id(debt) for debt in debts} if well else set()
            self._debts = {name: debt for name, debt in left.items() if id(debt) not in told and debt.since > long_ago}
            if debts and not well:
                self._failures += 1
                pause = min(FIRST_RETRY_SECONDS * 2 ** (self._failures - 1), LONGEST_RETRY_SECONDS)
                self._retry_at = time.monotonic() + pause
                if any(debt.held for debt in debts):
                    self._held_until = self._retry_at
            changed = len(self._debts) != before
        if changed:
            self._save()
        task.settle(well=well)

    def _count(self, *, well: bool) -> None:
        metrics = self._metrics
        metrics.deliveries.labels(*self._labels, "delivered" if well else "failed").inc()
        if well:
            metrics.last_success.labels(*self._labels).set_to_current_time()
            metrics.failing_since.labels(*self._labels).set(0)
        elif not self.failing:
            metrics.failing_since.labels(*self._labels).set_to_current_time()
        self.failing = not well

    def _save(self) -> None:
        with self._changed:
            debts = tuple(self._debts.values())
        self._store.owe(self.receiver.identity, debts)


def _unsaid(debts: Mapping[str, Debt], group: Group) -> dict[str, Debt]:
    """The debts of which a post says nothing: it lists all of its group that lasts, but an end only once."""
    listed = {alert.fingerprint for alert in group.alerts}
    return {
        name: debt
        for name, debt in debts.items()
        if name not in listed and (debt.held or debt.key != group.key or not debt.alert.firing)
    }


def _as_if_told(alert: Alert) -> Told:
    return Told(alert.starts_at, alert.starts_at)


def _kind(changes: Changes) -> Kind:
    """What a message is to the phone: as severe as the worst of its news, or of what it repeats."""
    told = changes.new or (() if changes.ended else changes.still)
    if not told:
        return "recovered"
    severity = told[0].severity
    return "warning" if severity == "other" else severity

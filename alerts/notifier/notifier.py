"""The notifier without its server: a post in, a verdict out."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import replace
from typing import Final, Literal

from alerts.notifier import facts, failover, local, peer, unheard
from alerts.notifier.changes import Changes, Told, is_known_here, is_stale
from alerts.notifier.clocks import FutureStarts
from alerts.notifier.courier import Courier, Task
from alerts.notifier.message import Writer
from alerts.notifier.metrics import Metrics
from alerts.notifier.patience import Patience
from alerts.notifier.payload import SEVERITIES, Alert, Group
from alerts.notifier.settings import Settings
from alerts.notifier.silences import UNKNOWN, Silences
from alerts.notifier.store import Store
from alerts.notifier.unheard import Unheard

log = logging.getLogger(__name__)

Verdict = Literal["delivered", "no_receiver", "failed", "not_yet"]
# Alertmanager gives up on a post after its group_interval, but not before 10 s (notify.MinTimeout in notify/notify.go).
OVERALL_SECONDS: Final = 8.0
STUCK_SECONDS: Final = 300.0
# How long one of two nodes that begin at the same moment gives the other one: its answer to the first of two questions
# was that it knew of nothing.
COURTESY_SECONDS: Final = 1.0
NODES_APART_SECONDS: Final = 60
AskPeer = Callable[[], peer.Peer | None]


class Notifier:
    """Hands posts to the couriers of the receivers that they concern."""

    def __init__(self, settings: Settings, metrics: Metrics, ask_peer: AskPeer | None = None) -> None:
        self._settings = settings
        self._metrics = metrics
        self._store = Store(settings.state)
        self._store.adopt({receiver.identity for receiver in settings.all_receivers})
        writer = Writer(settings.timezone, settings.runbooks)
        self._ask_peer = ask_peer or (lambda: peer.ask(settings.peer, settings.port, settings.pair_key))
        self._couriers = {
            receiver.number: Courier(
                receiver, self._store, writer, metrics, self._told_elsewhere, self._gather, settings.quiet
            )
            for receiver in settings.all_receivers
        }
        self._prometheus, alertmanager = local.program(settings.prometheus), local.program(settings.alertmanager)
        self._future = FutureStarts()
        self._patience = Patience()
        self._unheard = Unheard(self._store.open_alerts, lambda: unheard.firing(alertmanager))
        self._silences = Silences(alertmanager, self._prometheus, self._store.open_alerts)
        metrics.critical_silences.set(UNKNOWN)
        self._stopping = threading.Event()
        for severity in SEVERITIES:
            metrics.receivers.labels(severity).set(len(settings.receivers[severity]))
        metrics.told.set_function(lambda: sum(entry.is_open for entry in self._store.known().values()))

    def start(self) -> None:
        """Begin to deliver."""
        for courier in self._couriers.values():
            courier.start()
        threading.Thread(target=self._listen, name="untold", daemon=True).start()

    def stop(self, seconds: float) -> None:
        """Finish the messages in hand, for at most so long."""
        deadline = time.monotonic() + seconds
        self._stopping.set()
        for courier in self._couriers.values():
            courier.stop()
        for courier in self._couriers.values():
            courier.join(deadline - time.monotonic())

    def for_peer(self) -> bytes:
        """What the other node may ask: what was told of each alert, and what is being told."""
        in_hand = {fingerprint for courier in self._couriers.values() for fingerprint in courier.in_hand()}
        return peer.document(self._store.known(), in_hand, self._settings.node)

    def stuck(self) -> list[str]:
        """The receivers that have had a message in hand for too long."""
        return [courier.receiver.name for courier in self._couriers.values() if courier.stuck_for() > STUCK_SECONDS]

    def take(self, group: Group) -> Verdict:
        """Deliver a post to whom it concerns.

        One receiver that got it is enough: what the others lack is owed to them here. To answer "failed" then would
        make the other node's Alertmanager send it as well, to all of them, and would lose the recovery: Alertmanager
        tells of no end whose beginning it could not deliver (needsUpdate in notify/notify.go).
        Only when nobody got it, it is left to Alertmanager, here and on the other node, to try again; and so is an
        alert that fires on after its end was told, or begins in the future: a Prometheus' clock is ahead.
        """
        deadline = time.monotonic() + OVERALL_SECONDS
        self._future.look(group.alerts)
        known = self._store.known()
        fresh = tuple(alert for alert in group.alerts if self._is_fresh(alert, known.get(alert.fingerprint)))
        verdict = self._take(replace(group, alerts=fresh), deadline) if fresh or not group.alerts else "not_yet"
        if len(fresh) < len(group.alerts) and verdict != "failed":
            log.info("the end of it has just been told, or it begins in the future; Alertmanager will try again")
            verdict = "not_yet"
        severity = min((alert.severity for alert in group.alerts), key=SEVERITIES.index, default="other")
        self._metrics.messages.labels(severity, verdict).inc()
        return verdict

    def _take(self, group: Group, deadline: float) -> Verdict:
        elsewhere = self._elsewhere(group.alerts)
        if elsewhere is None:
            return "not_yet"
        tasks = [
            (courier, Task(replace(group, alerts=concerned), elsewhere))
            for number, courier in self._couriers.items()
            if (concerned := tuple(alert for alert in group.alerts if self._concerns(number, alert)))
        ]
        if not tasks:
            return "no_receiver"
        if quiet := self._quiet_for(group):
            log.info("it is told in the morning, after the quiet hours")
            for courier, task in tasks:
                courier.hold(task, quiet)
            return "delivered"
        return _deliver(tasks, deadline)

    def _quiet_for(self, group: Group) -> float:
        """For how many seconds a post is held: not at all when any of it is critical."""
        left = self._settings.quiet.left(time.time())
        if not left or any(alert.severity == "critical" for alert in group.alerts):
            return 0.0
        # Two nodes that hold the same do not tell it at the same moment: the second one asks what the first has told.
        return left + sum(self._settings.node.encode()) % NODES_APART_SECONDS

    def _listen(self) -> None:
        """Tell what Alertmanager does not tell: some ends, and that critical alerts are silenced."""
        while not self._stopping.wait(unheard.LOOK_SECONDS):
            try:
                self._metrics.critical_silences.set(self._silences.covering())
                for group in self._silences.hidden():
                    log.warning("a silence hides %s, which is told all the same", group.alerts[0].name)
                    self.take(group)
                for group in self._unheard.look():
                    log.info("%s has ended, and Alertmanager has not told it", group.alerts[0].name)
                    self.take(group)
            except Exception as error:  # noqa: BLE001 (the thread must live; the text may hold anything)
                log.error("looking for what nobody told failed with %s", type(error).__name__)  # noqa: TRY400

    def _told_elsewhere(self) -> Mapping[str, Told] | None:
        if not self._settings.peer:
            return {}
        answer = self._ask_peer()
        return None if answer is None else answer.told

    def _gather(self, changes: Changes, now: float) -> facts.Facts | None:
        found = facts.gather(changes.new, changes.ended, now, self._prometheus)
        return found if failover.is_worth_telling(changes, found, self._settings.failovers) else None

    def _is_fresh(self, alert: Alert, told: Told | None) -> bool:
        if told is not None and told.is_open:
            return True
        return alert not in self._future and not is_stale(alert, told, time.time())

    def _concerns(self, number: int, alert: Alert) -> bool:
        return any(receiver.number == number for receiver in self._settings.receivers[alert.severity])

    def _elsewhere(self, alerts: tuple[Alert, ...]) -> Mapping[str, Told] | None:
        """Ask the other node about alerts of which this one does not know enough; None when it is better to wait.

        Two Alertmanagers that see a group differently for a moment both send it, and an end may come to the node that
        did not tell the beginning. To wait costs nothing: Alertmanager tries again, soon with a fresh view. But whoever
        makes this node wait for minutes (``patience.HOLD_BACK_SECONDS``) is not believed any more.
        """
        told = {number: self._store.told(courier.receiver.identity) for number, courier in self._couriers.items()}
        asked = [
            alert
            for alert in alerts
            if not all(
                is_known_here(alert, entries.get(alert.fingerprint))
                for number, entries in told.items()
                if self._concerns(number, alert)
            )
        ]
        if not asked or not self._settings.peer:
            return {}
        answer = self._ask_peer()
        asked_for = {alert.fingerprint for alert in asked}
        if answer and self._settings.node > answer.node and any(_is_untold(alert, answer) for alert in asked):
            time.sleep(COURTESY_SECONDS)
            answer = self._ask_peer()
        reason = _reason_to_wait(asked, answer) if answer else None
        if reason and not self._patience.is_over(asked_for):
            log.info("%s; Alertmanager will try again", reason)
            return None
        if reason:
            log.warning("the other node holds messages back for too long (%s); what it says counts for nothing", reason)
            answer = None
        else:
            self._patience.end(asked_for)
        if answer is None:
            # Alertmanager lists inhibited alerts among those that ended: rather such an end too many than one too few.
            return {alert.fingerprint: Told(alert.starts_at, alert.starts_at) for alert in asked if not alert.firing}
        return {fingerprint: answer.told[fingerprint] for fingerprint in asked_for & answer.told.keys()}


def _reason_to_wait(asked: Sequence[Alert], answer: peer.Peer) -> str | None:
    """Why it is better to let Alertmanager try again, with a fresh view."""
    if any(alert.fingerprint in answer.in_hand for alert in asked):
        return "the other node is telling it right now"
    if any(is_stale(alert, answer.told.get(alert.fingerprint), time.time()) for alert in asked):
        return "the other node has just told the end of it"
    return None


def _is_untold(alert: Alert, answer: peer.Peer) -> bool:
    """Whether the other node may be about to tell it: it has not told it, and did not have it in hand when asked."""
    told = answer.told.get(alert.fingerprint)
    return alert.fingerprint not in answer.in_hand and (told is None or not (alert.firing or told.ended_at))


def _deliver(tasks: Sequence[tuple[Courier, Task]], deadline: float) -> Verdict:
    """Hand tasks to their couriers, and wait for what becomes of them; see ``Notifier.take``."""
    for courier, task in tasks:
        courier.owe(task)
    reached = _outcomes(tasks, deadline)
    if any(reached):
        for (courier, task), well in zip(tasks, reached, strict=True):
            if not well:
                courier.keep(task)
        return "delivered"
    if not all(task.outcome.done() for _, task in tasks):
        # To give it up now would make it a second copy, from the other node or from here.
        log.info("a receiver takes long to answer; Alertmanager will try again")
        return "not_yet"
    return "failed"


def _outcomes(tasks: Sequence[tuple[Courier, Task]], deadline: float) -> list[bool]:
    """Whether each went well; not waiting for those that failed before, once somebody has been told."""
    while True:
        reached = [task.outcome.done() and task.outcome.result() for _, task in tasks]
        pending = [(courier, task) for courier, task in tasks if not task.outcome.done()]
        left = deadline - time.monotonic()
        if not pending or left <= 0 or (any(reached) and all(courier.failing for courier, _ in pending)):
            return reached
        wait([task.outcome for _, task in pending], left, FIRST_COMPLETED)

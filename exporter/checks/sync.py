"""Do sync and backup work, and do both nodes hold the same?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Evaluation, age
from exporter.model import pair
from exporter.model.observations import Check, NodeStatus, Status, SyncObservation, SyncTask
from exporter.settings.values import Settings


def evaluate(status: NodeStatus, _: Settings) -> Iterator[Check]:
    """Evaluate every task and every shared content."""
    seen = pair.find(status, SyncObservation)
    evaluation = Evaluation(status, "sync")
    if seen and seen.disk_full:
        yield evaluation.critical(
            "sync.disk",
            f"the disk is full: {seen.disk_full}",
            "room for backups, stamps and what Pi-hole writes",
            "find what fills it (df -h, docker system df) and remove that; DNS answers on, but a restart may fail",
        )
    for task in seen.tasks if seen else ():
        yield _evaluate_task(evaluation, task)
    for name, drifted in pair.drift(status).items():
        if drifted:
            found = _what_differs(status, name) or f"{name} differs between the nodes"
            advice = "on the secondary: docker compose run --rm tools sync now, which says why if it cannot"
            yield evaluation.warning("sync.drift", found, "the same on both", advice, name)
        else:
            yield evaluation.ok("sync.drift", f"{name} is the same on both nodes", subject=name)


def _what_differs(status: NodeStatus, name: str) -> str | None:
    """Name what differs: this node's sync found it, or the other node's, whose check says so."""
    sync, peer = pair.find(status, SyncObservation), pair.find_peer(status)
    names = next((entry.differs for entry in sync.digests if entry.name == name), ()) if sync else ()
    if names:
        return f"{name} differs between the nodes: {', '.join(names)}"
    for check in peer.checks if peer else ():
        if check.id == "sync.drift" and check.subject == name and check.status is not Status.OK:
            return check.seen
    return None


def _evaluate_task(evaluation: Evaluation, task: SyncTask) -> Check:
    name = task.name
    expected = f"a success within {age(task.maximum_age)}"
    if task.last_attempt is None:
        return evaluation.warning(
            "sync.task", f"{name} has never run", expected, "run it by hand and look at its log", name
        )
    if task.last_success is None:
        return evaluation.warning(
            "sync.task", f"{name} has never succeeded: {_error(task)}", expected, "look at its log", name
        )
    since = max(0.0, evaluation.status.time - task.last_success)
    if task.exit_status:
        seen = f"{name} failed: {_error(task)}; last success {age(since)} ago"
        return evaluation.warning("sync.task", seen, expected, "look at its log; run it by hand", name)
    if since > task.maximum_age:
        seen = f"{name} last succeeded {age(since)} ago"
        return evaluation.warning("sync.task", seen, expected, "look whether its container runs; run it by hand", name)
    return evaluation.ok("sync.task", f"{name} succeeded {age(since)} ago", expected, name)


def _error(task: SyncTask) -> str:
    return task.error or f"exit status {task.exit_status}"

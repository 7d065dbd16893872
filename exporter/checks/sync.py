"""Do sync and backup work, and do both nodes hold the same?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Judge, age
from exporter.model import pair
from exporter.model.observations import Check, NodeStatus, SyncObservation, SyncTask
from exporter.settings.values import Settings


def judge(status: NodeStatus, _: Settings) -> Iterator[Check]:
    """Judge every task and every shared content."""
    seen = pair.find(status, SyncObservation)
    judge = Judge(status, "sync")
    if seen and seen.disk_full:
        yield judge.critical(
            "sync.disk",
            f"the disk is full: {seen.disk_full}",
            "room for backups, stamps and what Pi-hole writes",
            "find what fills it (df -h, docker system df) and remove that; DNS answers on, but a restart may fail",
        )
    for task in seen.tasks if seen else ():
        yield _judge_task(judge, task)
    for name, drifted in pair.drift(status).items():
        if drifted:
            yield judge.warning(
                "sync.drift", f"{name} differs between the nodes", "the same on both", "run the sync by hand", name
            )
        else:
            yield judge.ok("sync.drift", f"{name} is the same on both nodes", subject=name)


def _judge_task(judge: Judge, task: SyncTask) -> Check:
    name = task.name
    expected = f"a success within {age(task.maximum_age)}"
    if task.last_attempt is None:
        return judge.warning("sync.task", f"{name} has never run", expected, "run it by hand and look at its log", name)
    if task.last_success is None:
        return judge.warning(
            "sync.task", f"{name} has never succeeded: {_error(task)}", expected, "look at its log", name
        )
    since = max(0.0, judge.status.time - task.last_success)
    if task.exit_status:
        seen = f"{name} failed: {_error(task)}; last success {age(since)} ago"
        return judge.warning("sync.task", seen, expected, "look at its log; run it by hand", name)
    if since > task.maximum_age:
        seen = f"{name} last succeeded {age(since)} ago"
        return judge.warning("sync.task", seen, expected, "look whether its container runs; run it by hand", name)
    return judge.ok("sync.task", f"{name} succeeded {age(since)} ago", expected, name)


def _error(task: SyncTask) -> str:
    return task.error or f"exit status {task.exit_status}"

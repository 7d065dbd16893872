"""The sync of a secondary: each part with a stamp of its own, one failing part not in the way of the other."""

from __future__ import annotations

from collections.abc import Callable

from exporter.settings.values import Settings
from stack.tools import sync_pihole, sync_unbound
from stack.tools.backup import back_up
from stack.tools.errors import PutOffError, RefusedError, ToolError
from stack.tools.progress import say
from stack.tools.runlock import one_run
from stack.tools.settings import TaskSettings
from stack.tools.stamps import stamped


def synchronise(node: Settings, tasks: TaskSettings, wait: float, *, force: bool = False, by_hand: bool = True) -> None:
    """Copy what both nodes share from the primary to this node; unless a person asks for it, when that disturbs nobody.

    Raises:
        RefusedError: this is not the secondary; or something would have been lost, and nothing was overwritten.
        BusyError: another sync is under way still after ``wait`` seconds.
        PutOffError: it waits, because clients use this node now.
        ToolError: a part did not work; the others did what they could.
    """
    if node.node_role != "secondary":
        raise RefusedError(f"{node.node_name} is {node.node_role}: the secondary copies from the primary; run it there")
    parts: list[tuple[str, Callable[[int], None]]] = []
    if tasks.unbound_shared_directory is not None:
        parts.append((sync_unbound.TASK, lambda lock: sync_unbound.copy(node, tasks, lock, force=force)))
    if tasks.sync_pihole_command:
        parts.append((sync_pihole.TASK, lambda lock: sync_pihole.copy(node, tasks, lock, force=force, by_hand=by_hand)))
    failures: list[ToolError] = []
    if force and tasks.sync_pihole_command:  # what is given up can still be had back
        back_up(node, tasks, wait)
    with one_run(tasks.task_directory / "sync.lock", wait) as lock:
        for task, copy in parts:
            try:
                with stamped(node.stamp_directory, task):
                    copy(lock)
            except ToolError as error:
                say(f"{task}: {error}")
                failures.append(error)
    if failures:
        worst = max(
            failures, key=lambda error: (not isinstance(error, PutOffError), not isinstance(error, RefusedError))
        )
        raise type(worst)("; ".join(map(str, failures)))

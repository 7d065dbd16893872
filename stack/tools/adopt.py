"""Give what was changed on this secondary to the primary: while that was away its owner changed this Pi-hole.

Entry by entry, through the primary's API, which keeps everything else that the primary has and restarts nothing but for
a few settings. Afterwards a sync finds the same on both.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from exporter.settings.values import Settings
from stack.tools import gravity, pihole, pihole_content, pihole_settings, sync_pihole
from stack.tools.errors import RefusedError, ToolError
from stack.tools.overwrite_check import Entries, SyncBaseline, differing, own_changes, read_baseline, some_of
from stack.tools.pihole_api import PiholeApi
from stack.tools.pihole_content import Content
from stack.tools.pihole_restart import wait_until_settled
from stack.tools.progress import say
from stack.tools.settings import TaskSettings

NAMED = 10
# The paths of what is in the gravity database (FTL v6.4.1, src/api/list.c), and how many words of an entry's name
# belong to the path before the name itself.
PLACES = {"group": ("groups", 0), "list": ("lists", 1), "domain": ("domains", 2), "client": ("clients", 0)}


@dataclass(frozen=True, slots=True)
class _Entry:
    """An entry of the gravity database: where the API has it, and its value; None where it was removed."""

    kind: str
    path: str
    name: str
    value: dict[str, Any] | None

    @classmethod
    def read(cls, name: str, held: Entries) -> _Entry:
        word, _, rest = name.partition(" ")
        folder, words = PLACES[word]
        *kinds, item = rest.split(" ", words)
        if word == "list":  # its type is part of the query
            path = f"/{folder}/{quote(item, safe='')}?type={kinds[0]}"
        else:
            path = "/".join(["", folder, *kinds, quote(item, safe="")])
        return cls(word, path, item, json.loads(held[name]) if name in held else None)


def adopt(node: Settings, tasks: TaskSettings, *, force: bool) -> None:
    """Make this Pi-hole's own changes on the primary.

    Raises:
        RefusedError: this is not the secondary, or an entry was changed on both nodes.
        ToolError: it did not work, or not all of it.
    """
    if node.node_role != "secondary":
        raise RefusedError(f"{node.node_name} is {node.node_role}: what the secondary has changed is adopted there")
    primary, replica = pihole.there(node, tasks, tasks.sync_timeout), pihole.here(tasks, tasks.sync_timeout)
    with primary.session(), replica.session():
        theirs = pihole_content.fetch(primary, primary.url)
        ours = pihole_content.fetch(replica, replica.url)
        baseline = read_baseline(sync_pihole.baseline_file(tasks))
        both = sync_pihole.Comparable.of(ours, theirs)
        changed = own_changes(both.held, both.wanted, baseline)
        if not changed:
            say(f"adopt: {node.node_name}'s Pi-hole has no changes of its own")
            return
        if not force:
            _refuse_conflicts(changed, both, baseline)
        say(f"adopt: {len(changed)} changes go to {primary.url}: {some_of(changed, NAMED)}")
        _give(primary, changed, ours, theirs)
        primary.renew(tasks.sync_timeout)
        after = pihole_content.fetch(primary, primary.url)
        left = sorted(set(changed) & set(differing(ours.entries, after.entries)))
        if left:
            raise ToolError(f"{some_of(left, NAMED)} could not be made on {primary.url}; make them there by hand")
        if after.lists != theirs.lists:
            gravity.build(primary, tasks.gravity_timeout)


def _refuse_conflicts(changed: Sequence[str], both: sync_pihole.Comparable, baseline: SyncBaseline) -> None:
    conflicts = [name for name in changed if both.wanted.get(name) != baseline.settled.get(name)]
    if conflicts:
        raise RefusedError(
            f"nothing adopted: {some_of(conflicts, NAMED)} changed on both nodes; make them the same by hand, or take "
            "this node's by: … sync adopt --force"
        )


def _give(primary: PiholeApi, changed: Sequence[str], ours: Content, theirs: Content) -> None:
    entries = [_Entry.read(name, ours.tables) for name in changed if name.partition(" ")[0] in PLACES]
    kept = [entry for entry in entries if entry.value is not None]
    for entry in kept:
        if entry.kind == "group":  # PUT makes none that is missing, and says that it did
            method, path = ("PUT", entry.path) if f"group {entry.name}" in theirs.tables else ("POST", "/groups")
            primary.send(method, path, {**(entry.value or {}), "name": entry.name})
    numbers = pihole_content.group_numbers(primary)
    for entry in kept:
        if entry.kind != "group":
            names = (entry.value or {})["groups"]
            missing = [name for name in names if name not in numbers]
            if missing:
                raise ToolError(f"the group {missing[0]} of {entry.name} is missing at {primary.url}; make it there")
            primary.send("PUT", entry.path, {**(entry.value or {}), "groups": [numbers[name] for name in names]})
    for entry in sorted(entries, key=lambda entry: entry.kind == "group"):  # groups last, when nothing is in them
        if entry.value is None:
            primary.delete(entry.path)
    change = pihole_settings.change(theirs.settings, _values(changed, ours, theirs))
    if change.values:
        began = time.monotonic()
        primary.send("PATCH", "/config", change.body)
        if change.restarts:
            wait_until_settled(primary, began)


def _values(changed: Sequence[str], ours: Content, theirs: Content) -> dict[str, Any]:
    """The settings that make these changes; of lists of records only the changed ones come or go."""
    names, values = set(changed), {}
    for key, setting in ours.settings.items():
        if key not in theirs.settings or not names & {*setting.entries, *theirs.settings[key].entries}:
            continue
        word = pihole_settings.RECORDS.get(key)
        if word is None:
            values[key] = setting.value
            continue
        there = theirs.settings[key].value
        kept = [record for record in there if f"{word} {record}" not in names]
        values[key] = kept + [record for record in setting.value if f"{word} {record}" in names]
    return values

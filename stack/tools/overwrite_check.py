"""The overwrite check: would a sync overwrite what was changed on the replica? Pure: entries in, names out.

An entry's name is a path or ``domain deny exact ads.example``; its value is all of it, or a digest.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeGuard

from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json
from stack.tools.errors import RefusedError, ToolError
from stack.tools.progress import say

Entries = Mapping[str, str]

MAXIMUM_BASELINE_BYTES = 64 << 20
NAMED = 5
# A primary that lost this share of what it had is rather broken than tidied up.
LOST_SHARE = 0.5
LOST_AT_LEAST = 4


@dataclass(frozen=True, slots=True)
class SyncBaseline:
    """What the replica held after its last complete sync; ``pending``: what each sync cut off since wanted to write."""

    settled: Entries = field(default_factory=dict)
    pending: tuple[Entries, ...] = ()

    def with_pending(self, wanted: Entries) -> SyncBaseline:
        """Remember what a sync is going to write, before it does."""
        return self if wanted in self.pending else SyncBaseline(self.settled, (*self.pending, wanted))


def differing(one: Entries, other: Entries) -> list[str]:
    """Name the entries that two nodes do not have in common."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def own_changes(replica: Entries, primary: Entries, baseline: SyncBaseline) -> list[str]:
    """Name the replica's entries that came neither from the primary nor from an earlier sync.

    Deletions count: an entry that the last sync left there and somebody took away.
    """
    known = [primary, baseline.settled, *baseline.pending]
    return sorted(
        name
        for name in {*replica, *baseline.settled}
        if not any(replica.get(name) == entries.get(name) for entries in known)
    )


def refuse_overwrite(replica: Entries, primary: Entries, baseline: SyncBaseline, what: str) -> None:
    """Refuse a sync that would lose something.

    Raises:
        RefusedError: the primary is empty or has lost most of what it had, or the replica has changes of its own.
    """
    if not primary:
        raise RefusedError(f"{what}: the primary is empty; restore its backup before anything is copied from it")
    lost = [name for name in baseline.settled if name not in primary]
    if len(lost) >= LOST_AT_LEAST and len(lost) > LOST_SHARE * len(baseline.settled):
        raise RefusedError(
            f"{what}: the primary has lost {len(lost)} of {len(baseline.settled)} entries since the last sync "
            f"({some_of(lost)}); restore its backup, or sync with --force if that was meant"
        )
    changed = own_changes(replica, primary, baseline)
    if changed:
        raise RefusedError(
            f"{what}: the replica has {len(changed)} changes of its own that would be lost ({some_of(changed)}); "
            "keep them by: docker compose run --rm tools sync adopt, or give them up by: … sync now --force"
        )


def read_baseline(path: Path) -> SyncBaseline:
    """Read what an earlier sync left; one that cannot be read is none, which makes a sync more careful.

    Raises:
        ToolError: it is there and the disk does not give it.
    """
    try:
        document = parse_json(read_bounded(path, MAXIMUM_BASELINE_BYTES), "the baseline of the last sync")
    except FileNotFoundError:
        return SyncBaseline()
    except (ParseError, IsADirectoryError):
        return _lost(path)
    except OSError as error:
        raise ToolError(f"{path} cannot be read: {error.strerror}") from None
    settled, pending = (
        (document.get("settled"), document.get("pending")) if isinstance(document, dict) else (None, None)
    )
    if not _are_entries(settled) or not isinstance(pending, list) or not all(map(_are_entries, pending)):
        return _lost(path)
    return SyncBaseline(settled, tuple(pending))


def _lost(path: Path) -> SyncBaseline:
    say(f"{path} is damaged, {set_aside(path)}: what the last sync left is not known, and this one is careful")
    return SyncBaseline()


def write_baseline(path: Path, baseline: SyncBaseline) -> None:
    """Remember for the next sync.

    Raises:
        ToolError: it cannot be written.
    """
    document = {"settled": dict(baseline.settled), "pending": [dict(entries) for entries in baseline.pending]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(document, sort_keys=True).encode())
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None


def _are_entries(value: object) -> TypeGuard[Entries]:
    return isinstance(value, dict) and all(isinstance(entry, str) for entry in value.values())


def some_of(names: Sequence[str], most: int = NAMED) -> str:
    """Name the first ones, and say how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more

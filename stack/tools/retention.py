"""Which backups may go. By the time in their names: times of files change when they are copied."""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DAY_SECONDS = 86400
# Whatever their age: a clock that is wrong must not cost all backups.
ALWAYS_KEPT = 3
_TIME_FORMAT = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, order=True)
class Backup:
    """A backup and when it was made (Unix seconds)."""

    made: float
    path: Path


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of backup, by what its names begin and end with."""

    begin: str
    end: str


PIHOLE, NODE, SEALED = Kind("pihole", ".zip"), Kind("node", ".tar"), Kind("node", ".sealed")


def name_at(node: str, now: float, kind: Kind = PIHOLE) -> str:
    """The name of a backup made at this time."""
    return f"{kind.begin}-{node}-{time.strftime(_TIME_FORMAT, time.gmtime(now))}{kind.end}"


def find(paths: Iterable[Path], node: str, kind: Kind = PIHOLE) -> list[Backup]:
    """Return the backups of a node among some files, the newest first; everything else is none of our business."""
    found = []
    for path in paths:
        match = re.fullmatch(
            rf"{kind.begin}-{re.escape(node)}-([0-9]{{8}}T[0-9]{{6}}Z){re.escape(kind.end)}", path.name
        )
        if match is None:
            continue
        try:
            made = calendar.timegm(time.strptime(match[1], _TIME_FORMAT))
        except ValueError:
            continue
        found.append(Backup(made, path))
    return sorted(found, reverse=True)


def expired(backups: list[Backup], now: float, days: int) -> list[Backup]:
    """Return those older than so many days, but never the newest few."""
    newest_first = sorted(backups, reverse=True)
    return [backup for backup in newest_first[ALWAYS_KEPT:] if now - backup.made > days * DAY_SECONDS]

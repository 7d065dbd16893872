"""Which backups may go: the old ones, and never the last few."""

from __future__ import annotations

from pathlib import Path

from stack.tools.retention import Backup, expired

DAY = 86_400.0


def made(*days_ago: float, now: float = 1_000 * DAY) -> list[Backup]:
    return [Backup(now - days * DAY, Path(f"/backups/{days}")) for days in days_ago]


def test_what_is_older_than_so_many_days_may_go_and_nothing_else() -> None:
    backups = made(0, 1, 2, 29, 30, 30.1, 31)
    assert [backup.path.name for backup in expired(backups, 1_000 * DAY, 30)] == ["30.1", "31"]


def test_the_newest_three_stay_however_old_they_are() -> None:
    assert [backup.path.name for backup in expired(made(400, 500, 600, 700, 800), 1_000 * DAY, 30)] == ["700", "800"]
    assert expired(made(400, 500, 600), 1_000 * DAY, 30) == []


def test_a_clock_far_ahead_costs_all_but_the_newest_three() -> None:
    backups = made(0, 1, 2, 3, 4, 5)
    kept = set(backups) - set(expired(backups, 9_000 * DAY, 30))
    assert sorted(backup.path.name for backup in kept) == ["0", "1", "2"]

"""Syncs, backups and drills, and what both nodes should share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SyncTask:
    """One task that leaves a stamp file: a sync, a backup, a drill."""

    name: str
    last_attempt: float | None  # None: it has never run
    last_success: float | None
    duration: float | None
    exit_status: int | None
    error: str | None
    maximum_age: float


@dataclass(frozen=True, slots=True)
class ContentDigest:
    """A digest of content that both nodes should share."""

    name: str
    digest: str  # hexadecimal SHA-256
    differs: tuple[str, ...] = ()  # what the last sync found different, by name, if it said so


@dataclass(frozen=True, slots=True)
class SyncObservation:
    """Tasks and digests of this node. ``problems`` names stamps and paths that could not be read.

    ``disk_full`` says how little is left where the stamps are: a task that cannot stamp cannot tell of it either.
    """

    tasks: tuple[SyncTask, ...]
    digests: tuple[ContentDigest, ...]
    problems: tuple[str, ...] = ()
    disk_full: str | None = None

"""Is a Teleporter archive one from which a Pi-hole could be restored?"""

from __future__ import annotations

import sqlite3
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

from stack.tools.errors import ToolError

# Names of Pi-hole's own (FTL, src/zip/teleporter.c); what else is in an archive depends on the version.
CONFIGURATION = "etc/pihole/pihole.toml"
GRAVITY = "etc/pihole/gravity.db"
GRAVITY_TABLES = ("group", "adlist", "domainlist", "client")
# Pi-hole refuses to import more (FTL, src/api/teleporter.c).
MAXIMUM_BYTES = 50 << 20
MAXIMUM_UNPACKED_BYTES = 512 << 20


class ArchiveError(ToolError):
    """The archive is of no use; the message says why."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What an archive holds."""

    members: tuple[str, ...]
    rows: int  # of the gravity database's tables


def inspect(path: Path) -> Contents:
    """Open an archive, read all of it, and open the database in it.

    Raises:
        ArchiveError: it is cut off, damaged, too large, or lacks what a restore needs.
    """
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise ArchiveError(f"{path} is larger than {MAXIMUM_BYTES >> 20} MiB, Pi-hole would not take it back")
        with zipfile.ZipFile(path) as archive:
            return _inspect(archive, path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise ArchiveError(f"{path} is no whole archive: {error}") from None


def _inspect(archive: zipfile.ZipFile, path: Path) -> Contents:
    members = archive.infolist()
    if sum(member.file_size for member in members) > MAXIMUM_UNPACKED_BYTES:
        raise ArchiveError(f"{path} would unpack to more than {MAXIMUM_UNPACKED_BYTES >> 20} MiB")
    damaged = archive.testzip()
    if damaged is not None:
        raise ArchiveError(f"{path}: {damaged} is damaged, its checksum is wrong")
    names = tuple(member.filename for member in members)
    missing = [name for name in (CONFIGURATION, GRAVITY) if name not in names]
    if missing:
        raise ArchiveError(f"{path} lacks {' and '.join(missing)}; it is no archive of Pi-hole v6")
    if not archive.read(CONFIGURATION).strip():
        raise ArchiveError(f"{path}: {CONFIGURATION} is empty")
    return Contents(names, _rows(archive.read(GRAVITY), path))


def _rows(database: bytes, path: Path) -> int:
    with sqlite3.connect(":memory:") as connection:
        try:
            connection.deserialize(database)
            (verdict,) = connection.execute("PRAGMA quick_check").fetchone()
            if verdict != "ok":
                raise ArchiveError(f"{path}: {GRAVITY} is damaged: {verdict}")
            counts = [connection.execute(f'SELECT count(*) FROM "{t}"').fetchone()[0] for t in GRAVITY_TABLES]  # noqa: S608
        except sqlite3.Error as error:
            raise ArchiveError(f"{path}: {GRAVITY} cannot be opened: {error}") from None
        finally:
            connection.rollback()
    return sum(counts)

"""A digest of files that both nodes should share: names and contents, nothing else."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from exporter.model.errors import ParseError

MAXIMUM_FILES = 10_000
MAXIMUM_BYTES = 256 << 20
CHUNK_BYTES = 1 << 20

Signature = tuple[tuple[str, int, int, int], ...]


def signature(path: Path) -> Signature:
    """Return what changes whenever the content does: name, inode, size and time of each file.

    Raises:
        OSError: the path or something below it cannot be looked at.
        ParseError: there is more below it than is worth a digest.
    """
    found: list[tuple[str, int, int, int]] = []
    for file in _files(_real(path)):
        status = file.lstat()
        found.append((str(file), status.st_ino, status.st_size, status.st_mtime_ns))
    if sum(size for _, _, size, _ in found) > MAXIMUM_BYTES:
        msg = f"{path} holds more than {MAXIMUM_BYTES >> 20} MiB"
        raise ParseError(msg)
    return tuple(found)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of all files below a directory, in hexadecimal.

    Owners, modes and times do not count. The path itself may be a symbolic link; one below it counts as
    the text it holds.

    Raises:
        OSError: something cannot be read.
        ParseError: there is more below it than is worth a digest.
    """
    total = hashlib.sha256()
    path = _real(path)
    for file in _files(path):
        name = os.fsencode(file.relative_to(path)) if file != path else b""
        total.update(len(name).to_bytes(8, "big") + name + _content_digest(file))
    return total.hexdigest()


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path, strict=True))


def _files(path: Path) -> list[Path]:
    if not stat.S_ISDIR(path.stat().st_mode):
        return [path]
    found: list[Path] = []

    def fail(error: OSError) -> None:
        raise error

    for folder, folders, names in os.walk(path, onerror=fail):
        found.extend(Path(folder, name) for name in names)
        found.extend(link for name in folders if (link := Path(folder, name)).is_symlink())
        if len(found) > MAXIMUM_FILES:
            msg = f"{path} holds more than {MAXIMUM_FILES} files"
            raise ParseError(msg)
    return sorted(found)


def _content_digest(file: Path) -> bytes:
    mode = file.lstat().st_mode
    if stat.S_ISLNK(mode):
        return hashlib.sha256(b"link" + os.fsencode(file.readlink())).digest()
    if not stat.S_ISREG(mode):
        msg = f"{file} is neither a file nor a link"
        raise ParseError(msg)
    content = hashlib.sha256(b"file")
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            content.update(chunk)
    return content.digest()

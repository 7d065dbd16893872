"""Small files that matter: written in one step, read with a bound."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from pathlib import Path

from exporter.model.errors import ParseError

MAXIMUM_JSON_BYTES = 1 << 20
MAXIMUM_LINE_BYTES = 4096


def write_atomically(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Replace a file in one step; readers see the old content or the new one, never a part.

    The content is on disk before the name points to it, so a power cut leaves one or the other; and the name is, too,
    before this returns: a counter that goes back by one would look like as many events as it counted.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def overwrite(path: Path, content: bytes) -> None:
    """Write over a file in place, which takes no new room on a full disk as long as it fits in the same blocks.

    A power cut may leave a part: only for a file of which there is a whole copy.

    Raises:
        OSError: it is not there, or cannot be written.
    """
    with path.open("r+b", buffering=0) as file:
        written = file.write(content)
        if written != len(content):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        file.truncate()
        os.fsync(file.fileno())


def set_aside(path: Path) -> str:
    """Give what cannot be used the name NAME.damaged, in place of an earlier one, and say so for a message.

    So that a state file, whatever power cuts and people have made of it, is lost to nobody and in nobody's way.
    """
    aside = path.with_name(f"{path.name}.damaged")
    try:
        remove(aside)
        path.rename(aside)
    except OSError as error:
        return f"it cannot be set aside: {error.strerror}"
    return f"kept as {aside}"


def remove(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it; nothing need be there.

    Raises:
        OSError: it cannot be removed.
    """
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def read_bounded(path: Path, limit: int = MAXIMUM_JSON_BYTES) -> bytes:
    """Read a regular file of at most ``limit`` bytes.

    Raises:
        OSError: it cannot be read.
        ParseError: it is larger or not a regular file.
    """
    with open(path, "rb", opener=_open_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            msg = f"{path} is not a regular file"
            raise ParseError(msg)
        content = file.read(limit + 1)
    if len(content) > limit:
        msg = f"{path} is larger than {limit} bytes"
        raise ParseError(msg)
    return content


def read_first_line(path: Path) -> str:
    """Read the first line of a small text file, a password's for instance; it may be empty.

    Raises:
        ParseError: it cannot be read, or is no text; the sentence begins with the path.
    """
    try:
        text = read_bounded(path, MAXIMUM_LINE_BYTES).decode()
    except OSError as error:
        raise ParseError(f"{path} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, ParseError):
        raise ParseError(f"{path} is no text") from None
    return text.split("\n", 1)[0].rstrip("\r")


def _open_without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)

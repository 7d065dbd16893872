"""What differs between the nodes, by name, for the exporter, whose digests say only that something does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from exporter.engine.files import remove, write_atomically
from stack.tools.errors import ToolError
from stack.tools.settings import TaskSettings

# As the shared content that it is about, whose folder stands beside it.
FILE = "pihole.differs"
NAMED = 20


def write(tasks: TaskSettings, names: Sequence[str]) -> None:
    """Write the first names, one a line, and how many more there are; no file where nothing differs.

    Raises:
        ToolError: it cannot be written.
    """
    path = tasks.task_directory / FILE
    more = [f"{len(names) - NAMED} more"] if len(names) > NAMED else []
    content = "".join(f"{' '.join(name.split())}\n" for name in (*names[:NAMED], *more)).encode()
    try:
        if not names:
            remove(path)
        elif not _has(path, content):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None


def _has(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content

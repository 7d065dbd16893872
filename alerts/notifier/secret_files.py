"""The files that hold this process's secrets, and whether they are still what they were when it started.

Compose does not start a service anew when only the content of such a file has changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.errors import ParseError

_SUFFIX = "_FILE"


class SecretFiles:
    """Every file that a variable ``NAME_FILE`` names, as it is now."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._paths = [Path(path) for name, path in environment.items() if name.endswith(_SUFFIX) and path]
        self._started_with = self._contents()

    def changed(self) -> bool:
        """Whether one of them holds something else; one that cannot be read just now does not."""
        now = self._contents()
        return any(now[path] not in (None, then) for path, then in self._started_with.items())

    def _contents(self) -> dict[Path, bytes | None]:
        return {path: _content(path) for path in self._paths}


def _content(path: Path) -> bytes | None:
    try:
        return read_bounded(path)
    except (OSError, ParseError):
        return None

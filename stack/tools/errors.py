"""How a command can end other than well; each message says what to do.

::

    ExporterError
    └── ToolError           1: it was tried and did not work
        ├── RefusedError    2: it would have done harm, so nothing was changed
        ├── BusyError       4: another run holds the lock
        ├── PutOffError     4: it waits for a better moment, and is tried again soon
        └── DeadlineError   1: it did not happen in time

Wrong settings end with 3, as the exporter's do.
"""

from __future__ import annotations

from exporter.model.errors import ExporterError

BAD_CONFIGURATION = 3


class ToolError(ExporterError):
    """A command failed."""

    exit_code = 1


class RefusedError(ToolError):
    """A command would have done harm; nothing was changed."""

    exit_code = 2


class BusyError(ToolError):
    """Another run of the same task is under way."""

    exit_code = 4


class PutOffError(ToolError):
    """A task waits for a better moment by itself; nothing was changed, and nothing is wrong."""

    exit_code = 4


class DeadlineError(ToolError):
    """What was waited for did not happen in time."""


class Interrupted(BaseException):
    """A signal asks to stop; what was begun is undone on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by signal {number}")
        self.exit_code = 128 + number

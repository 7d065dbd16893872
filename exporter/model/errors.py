"""What can go wrong, as a tree.

::

    ExporterError
    ├── ConfigurationError   every mistake in the settings, all at once
    ├── ParseError           a source said something that makes no sense
    └── CollectorError       one collector has no data now; the others are not affected
        ├── ApiRefusedError  a program with an API refused what it was asked
        └── NotReadyError    it has not had the time for a first result yet
"""

from __future__ import annotations


class ExporterError(Exception):
    """Anything this package raises on purpose; the message is a sentence for the person who reads it."""


class ConfigurationError(ExporterError):
    """The settings contradict each other or reality; ``problems`` holds a sentence for each mistake."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class ParseError(ExporterError):
    """A source said something that makes no sense; the message says what and where."""


class CollectorError(ExporterError):
    """One collector has no data now; the message says why and what to try."""


class ApiRefusedError(CollectorError):
    """A program with an API, or a proxy before it, answered with an HTTP status that is none of success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class NotReadyError(CollectorError):
    """The collector has not had the time for a first result yet."""

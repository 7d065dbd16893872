"""What can go wrong, as a tree.

::

    ExporterError
    ├── ConfigurationError   every mistake in the settings, all at once
    ├── ParseError           a source said something that makes no sense
    └── CollectorError       one collector has no data now; the others are not affected
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


class NotReadyError(CollectorError):
    """The collector has not had the time for a first result yet."""

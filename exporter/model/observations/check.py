"""A verdict, and how bad it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Status(Enum):
    """A verdict; the values are the exit codes of a Nagios plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        """Its name as people and JSON spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict: what was seen, what was expected, and what to try when they differ.

    ``over``: what it warns of has ended, and is told for a while so that nobody misses it. Nothing need wait for that.
    """

    id: str
    node: str  # the node it is about
    subject: str  # the address, container or task it is about; empty: the node itself
    collector: str
    status: Status
    seen: str
    expected: str
    advice: str
    over: bool = False

"""What a worker learned last, for the threads that tell it."""

from __future__ import annotations

import threading
import time
from typing import Generic, TypeVar

from exporter.model.errors import CollectorError, NotReadyError

_Value = TypeVar("_Value")


class Latest(Generic[_Value]):
    """The latest value, or the sentence that says why there is none; what is older than ``maximum_age`` is not told."""

    def __init__(self, subject: str, maximum_age: float) -> None:
        """``subject`` begins sentences, such as ``Unbound``; ``maximum_age`` is in seconds."""
        self._subject = subject
        self._maximum_age = maximum_age
        self._lock = threading.Lock()
        self._value: _Value | None = None
        self._problem: str | None = None
        self._time = 0.0

    def put(self, value: _Value | None, problem: str | None) -> None:
        """Keep one or the other, as of now."""
        with self._lock:
            self._value, self._problem, self._time = value, problem, time.monotonic()

    def get(self) -> _Value:
        """Tell it.

        Raises:
            NotReadyError: there is neither yet.
            CollectorError: there is a problem, or nothing came for too long.
        """
        with self._lock:
            if self._problem is not None:
                raise CollectorError(self._problem)
            if self._value is None:
                raise NotReadyError(f"{self._subject} has not been asked for its statistics yet")
            age = time.monotonic() - self._time
            if age > self._maximum_age:
                raise CollectorError(f"{self._subject}'s statistics are {age:.0f} s old; restart the exporter")
            return self._value

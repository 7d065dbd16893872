"""What receivers are still owed: kept in a file, so that a restart does not lose it."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from alerts.notifier.payload import Group, alert_of, moment
from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json

log = logging.getLogger(__name__)

VERSION: Final = 1
MAXIMUM_BYTES: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Debt:
    """A post that a receiver has not been told of, and since when (Unix time, seconds)."""

    group: Group
    since: float


class OwedStore:
    """Thread-safe; a file that cannot be written is logged, and messages go out all the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._receivers = _read(path)

    def of(self, receiver: str) -> tuple[Debt, ...]:
        """What one receiver is owed."""
        with self._lock:
            return self._receivers.get(receiver, ())

    def record(self, receiver: str, debts: tuple[Debt, ...]) -> None:
        """Remember all that a receiver is owed now."""
        with self._lock:
            if debts == self._receivers.get(receiver, ()):
                return
            self._receivers[receiver] = debts
        self._write()

    def receivers(self) -> set[str]:
        """The receivers of which anything is known."""
        with self._lock:
            return set(self._receivers)

    def move(self, places: Mapping[str, str]) -> None:
        """Keep what is known of receivers for those that took their places; forget the others."""
        with self._lock:
            self._receivers = {
                place: self._receivers[receiver] for receiver, place in places.items() if receiver in self._receivers
            }

    def _write(self) -> None:
        # Nobody who reads waits for a slow card.
        with self._writing:
            with self._lock:
                owed = {name: [asdict(debt) for debt in debts] for name, debts in self._receivers.items() if debts}
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, json.dumps({"version": VERSION, "receivers": owed}).encode(), mode=0o600)
            except OSError as error:
                log.error(  # noqa: TRY400 (the sentence is enough)
                    "%s cannot be written: %s; after a restart a receiver may miss a message",
                    self._path,
                    error.strerror,
                )


def _read(path: Path) -> dict[str, tuple[Debt, ...]]:
    try:
        document = parse_json(read_bounded(path, MAXIMUM_BYTES), str(path))
        return {name: tuple(_debt(value) for value in debts) for name, debts in document["receivers"].items()}
    except FileNotFoundError:
        return {}
    except (OSError, ParseError, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        log.error(  # noqa: TRY400 (the sentence is enough)
            "%s cannot be used (%s); nothing is known of what was owed; %s", path, type(error).__name__, set_aside(path)
        )
        return {}


def _debt(value: Any) -> Debt:  # noqa: ANN401
    group = value["group"]
    alerts = tuple(alert_of(alert) for alert in group["alerts"])
    return Debt(Group(str(group["key"]), alerts, int(group["left_out"])), moment(value["since"]))

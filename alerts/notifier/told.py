"""What each receiver was told: kept in a file, so that a recovery finds its alert after a restart."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from alerts.notifier.changes import Changes, Told
from alerts.notifier.payload import Alert, alert_of, moment
from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json

log = logging.getLogger(__name__)

VERSION: Final = 1
# Longer than the longest repeat_interval, 7 days: what nobody speaks of any more has ended unheard.
FORGET_OPEN_SECONDS: Final = 15 * 86400.0
FORGET_ENDED_SECONDS: Final = 86400.0
MAXIMUM_ENTRIES: Final = 5000  # of a receiver
MAXIMUM_BYTES: Final = 32 << 20

Entries = dict[str, Told]


class ToldStore:
    """Thread-safe; a file that cannot be written is logged, and messages go out all the same."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path = path
        self._now = now
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._receivers, self._alerts = _read(path)

    def of(self, receiver: str) -> Mapping[str, Told]:
        """What one receiver was told, by fingerprint."""
        with self._lock:
            return dict(self._receivers.get(receiver, {}))

    def record(self, receiver: str, changes: Changes) -> None:
        """Remember what a receiver was told, here or by the other node."""
        now = self._now()
        with self._lock:
            entries = self._receivers.setdefault(receiver, {})
            for alert in (*changes.new, *changes.still):
                entries[alert.fingerprint] = Told(alert.starts_at, now)
            for alert in (*changes.ended, *changes.ended_untold):
                entries[alert.fingerprint] = Told(alert.starts_at, now, ended_at=now)
            self._receivers[receiver] = _bounded(entries, now)
            self._alerts |= {alert.fingerprint: alert for alert in (*changes.new, *changes.still)}
            self._alerts = self._open()
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

    def known(self) -> dict[str, Told]:
        """What was told last of each alert, to any receiver: the others are owed it here."""
        found: dict[str, Told] = {}
        with self._lock:
            for entries in self._receivers.values():
                for fingerprint, entry in entries.items():
                    last = found.get(fingerprint)
                    if last is None or (entry.told_at, entry.is_open) > (last.told_at, last.is_open):
                        found[fingerprint] = entry
        return found

    def open_alerts(self) -> dict[str, Alert]:
        """The alerts whose end is still to be told to somebody, as they were told last, by fingerprint."""
        with self._lock:
            return self._open()

    def _open(self) -> dict[str, Alert]:
        still = {name for entries in self._receivers.values() for name, entry in entries.items() if entry.is_open}
        return {fingerprint: alert for fingerprint, alert in self._alerts.items() if fingerprint in still}

    def _write(self) -> None:
        # Nobody who reads waits for a slow card.
        with self._writing:
            with self._lock:
                document = {
                    "version": VERSION,
                    "receivers": {
                        receiver: {fingerprint: asdict(entry) for fingerprint, entry in entries.items()}
                        for receiver, entries in self._receivers.items()
                    },
                    "alerts": [asdict(alert) for alert in self._alerts.values()],
                }
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, json.dumps(document).encode(), mode=0o600)
            except OSError as error:
                log.error(  # noqa: TRY400 (the sentence is enough)
                    "%s cannot be written: %s; after a restart the ends of alerts may not be told",
                    self._path,
                    error.strerror,
                )


def _bounded(entries: Entries, now: float) -> Entries:
    kept = {
        fingerprint: entry
        for fingerprint, entry in entries.items()
        if now - entry.told_at < (FORGET_OPEN_SECONDS if entry.ended_at is None else FORGET_ENDED_SECONDS)
    }
    latest = sorted(kept, key=lambda fingerprint: kept[fingerprint].told_at)[-MAXIMUM_ENTRIES:]
    return {fingerprint: kept[fingerprint] for fingerprint in latest}


def _read(path: Path) -> tuple[dict[str, Entries], dict[str, Alert]]:
    try:
        document = parse_json(read_bounded(path, MAXIMUM_BYTES), str(path))
        receivers = {
            receiver: {fingerprint: told_of(entry) for fingerprint, entry in entries.items()}
            for receiver, entries in document["receivers"].items()
        }
        alerts = [alert_of(alert) for alert in document.get("alerts", ())]
    except FileNotFoundError:
        return {}, {}
    except (OSError, ParseError, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        log.error(  # noqa: TRY400 (the sentence is enough)
            "%s cannot be used (%s); nothing is known of what was told before; %s",
            path,
            type(error).__name__,
            set_aside(path),
        )
        return {}, {}
    return receivers, {alert.fingerprint: alert for alert in alerts}


def told_of(value: Any) -> Told:  # noqa: ANN401
    """Read an entry of a JSON document.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: it is none.
    """
    ended_at = value["ended_at"]
    return Told(moment(value["starts_at"]), moment(value["told_at"]), None if ended_at is None else moment(ended_at))

"""What each receiver was told and what it is owed: kept in one file, so that a restart loses neither."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from alerts.notifier.changes import Changes, Told
from alerts.notifier.payload import Alert, alert_of, moment
from alerts.notifier.receivers import places
from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json

log = logging.getLogger(__name__)

VERSION: Final = 1
# Longer than the longest repeat_interval, 7 days: what nobody speaks of any more has ended unheard.
FORGET_OPEN_SECONDS: Final = 15 * 86400.0
FORGET_ENDED_SECONDS: Final = 86400.0
MAXIMUM_ENTRIES: Final = 5000  # of a receiver
MAXIMUM_BYTES: Final = 96 << 20


@dataclass(frozen=True, slots=True)
class Debt:
    """What a receiver has to be told of an alert, from when on (Unix seconds), and the key of the post that said it.

    ``held``: not before the quiet hours are over. ``whole``: an end whose beginning was held, too.
    """

    alert: Alert
    since: float
    key: str
    held: bool = False
    whole: bool = False


@dataclass(slots=True)
class _Account:
    """One receiver's: what it was told, by fingerprint, and what it is owed."""

    told: dict[str, Told] = field(default_factory=dict)
    owed: tuple[Debt, ...] = ()


class Store:
    """Thread-safe; a file that cannot be written is logged, and messages go out all the same."""

    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path, self._now = path, now
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._accounts, self._alerts = _read(path)

    def told(self, receiver: str) -> Mapping[str, Told]:
        """What one receiver was told, by fingerprint."""
        with self._lock:
            return dict(self._accounts.get(receiver, _Account()).told)

    def owed(self, receiver: str) -> tuple[Debt, ...]:
        """What one receiver is owed."""
        with self._lock:
            return self._accounts.get(receiver, _Account()).owed

    def record(self, receiver: str, changes: Changes) -> None:
        """Remember what a receiver was told, here or by the other node."""
        now = self._now()
        with self._lock:
            account = self._accounts.setdefault(receiver, _Account())
            for alert in (*changes.new, *changes.still):
                account.told[alert.fingerprint] = Told(alert.starts_at, now)
            for alert in (*changes.ended, *changes.ended_untold):
                account.told[alert.fingerprint] = Told(alert.starts_at, now, ended_at=now)
            account.told = _bounded(account.told, now)
            self._alerts |= {alert.fingerprint: alert for alert in (*changes.new, *changes.still)}
            self._alerts = self._open()
        self._write()

    def owe(self, receiver: str, debts: tuple[Debt, ...]) -> None:
        """Remember all that a receiver is owed now."""
        with self._lock:
            account = self._accounts.setdefault(receiver, _Account())
            if debts == account.owed:
                return
            account.owed = debts
        self._write()

    def adopt(self, configured: Collection[str]) -> None:
        """Keep what is known of the receivers that are configured, and of those whose place they took."""
        with self._lock:
            found = places(self._accounts.keys(), configured)
            self._accounts = {place: self._accounts[receiver] for receiver, place in found.items()}

    def known(self) -> dict[str, Told]:
        """What was told last of each alert, to any receiver: the others are owed it here."""
        with self._lock:
            entries = [entry for account in self._accounts.values() for entry in account.told.items()]
        return dict(sorted(entries, key=lambda entry: (entry[1].told_at, entry[1].is_open)))

    def open_alerts(self) -> dict[str, Alert]:
        """The alerts whose end is still to be told to somebody, as they were told last, by fingerprint."""
        with self._lock:
            return self._open()

    def _open(self) -> dict[str, Alert]:
        still = {name for account in self._accounts.values() for name, told in account.told.items() if told.is_open}
        return {fingerprint: alert for fingerprint, alert in self._alerts.items() if fingerprint in still}

    def _write(self) -> None:
        # Nobody who reads waits for a slow card.
        with self._writing:
            with self._lock:
                accounts = {receiver: asdict(account) for receiver, account in self._accounts.items()}
                alerts = [asdict(alert) for alert in self._alerts.values()]
            document = {
                "version": VERSION,
                "receivers": {receiver: account["told"] for receiver, account in accounts.items()},
                "owed": {receiver: account["owed"] for receiver, account in accounts.items()},
                "alerts": alerts,
            }
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, json.dumps(document).encode(), mode=0o600)
            except OSError as error:
                log.error(  # noqa: TRY400 (the sentence is enough)
                    "%s cannot be written: %s; after a restart ends and messages that are owed may not be told",
                    self._path,
                    error.strerror,
                )


def _bounded(told: dict[str, Told], now: float) -> dict[str, Told]:
    kept = [
        (fingerprint, entry)
        for fingerprint, entry in told.items()
        if now - entry.told_at < (FORGET_OPEN_SECONDS if entry.is_open else FORGET_ENDED_SECONDS)
    ]
    return dict(sorted(kept, key=lambda entry: entry[1].told_at)[-MAXIMUM_ENTRIES:])


def _read(path: Path) -> tuple[dict[str, _Account], dict[str, Alert]]:
    try:
        document = parse_json(read_bounded(path, MAXIMUM_BYTES), str(path))
        accounts = {
            receiver: _Account({fingerprint: told_of(entry) for fingerprint, entry in told.items()})
            for receiver, told in document["receivers"].items()
        }
        for receiver, debts in document.get("owed", {}).items():  # which the first versions did not write
            accounts.setdefault(receiver, _Account()).owed = tuple(_debt(value) for value in debts)
        alerts = [alert_of(alert) for alert in document.get("alerts", ())]  # nor this
    except FileNotFoundError:
        return {}, {}
    except (OSError, ParseError, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        log.error(  # noqa: TRY400 (the sentence is enough)
            "%s cannot be used (%s); nothing is known of what was told before and of what is owed; %s",
            path,
            type(error).__name__,
            set_aside(path),
        )
        return {}, {}
    return accounts, {alert.fingerprint: alert for alert in alerts}


def told_of(value: Any) -> Told:  # noqa: ANN401
    """Read an entry of a JSON document.

    Raises:
        KeyError, TypeError, ValueError, OverflowError: it is none.
    """
    ended_at = value["ended_at"]
    return Told(moment(value["starts_at"]), moment(value["told_at"]), None if ended_at is None else moment(ended_at))


def _debt(value: Any) -> Debt:  # noqa: ANN401
    alert, since = alert_of(value["alert"]), moment(value["since"])
    return Debt(alert, since, str(value["key"]), bool(value["held"]), bool(value["whole"]))

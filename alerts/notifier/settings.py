"""The notifier's settings: environment variables, and files for what is secret."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from alerts.notifier import quiet
from alerts.notifier.failover import FAILOVERS, Failovers
from alerts.notifier.payload import SEVERITIES, Severity
from alerts.notifier.quiet import QuietHours
from alerts.notifier.receivers import Receiver, ReceiverError, open_receiver
from exporter.engine.files import read_bounded
from exporter.http.pair_key import PairKey
from exporter.model.errors import ConfigurationError, ParseError
from exporter.settings.parse import integer

PORT: Final = "9754"
ALERTMANAGER_PORT: Final = "9093"  # of this node's
PROMETHEUS_PORT: Final = "9090"  # the same
STATE: Final = "/var/lib/dnsha/notifier/told.json"
NOTHING: Final = "none"
_LEVELS: Final = ("debug", "info", "warning", "error")
_PORT: Final = integer(1, 65535)
_Value = TypeVar("_Value")
# An Apprise URL may hold commas itself, and so only one that a new scheme follows separates.
_BETWEEN: Final = re.compile(r"\s*[,;]\s*(?=[A-Za-z][A-Za-z0-9+.-]*://)|\s+")
_MAXIMUM_BYTES: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be chosen; ``receivers`` are those of each severity."""

    receivers: Mapping[Severity, tuple[Receiver, ...]]
    failovers: Failovers
    quiet: QuietHours
    heartbeat_url: str
    address: str
    port: int
    runbooks: str
    state: Path
    alertmanager: int
    prometheus: int
    peer: str
    pair_key: PairKey
    node: str
    timezone: tzinfo
    log_level: str

    @property
    def all_receivers(self) -> tuple[Receiver, ...]:
        """Each receiver once, by its number."""
        found = {receiver.number: receiver for of_one in self.receivers.values() for receiver in of_one}
        return tuple(found[number] for number in sorted(found))


def load(environment: Mapping[str, str]) -> Settings:
    """Read the settings.

    Raises:
        ConfigurationError: with every mistake; no message holds a secret.
    """
    return _Reader(environment).settings()


class _Reader:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._problems: list[str] = []
        self._opened: dict[str, Receiver] = {}

    def settings(self) -> Settings:
        receivers = self._receivers()
        timezone = self._read("TZ", _timezone, "UTC")
        settings = Settings(
            receivers=receivers,
            failovers=self._read("NOTIFY_FAILOVER", _choice(FAILOVERS), "failures"),
            quiet=self._read("QUIET_HOURS", lambda text: quiet.parse(text, timezone)),
            heartbeat_url=self._link("HEARTBEAT_URL", self._secret("HEARTBEAT_URL")),
            address=self._read("NOTIFIER_ADDRESS", _address),
            port=self._read("NOTIFIER_PORT", _PORT, PORT),
            runbooks=self._link("RUNBOOKS_URL", self._text("RUNBOOKS_URL")),
            state=self._read("NOTIFIER_STATE", _file, STATE),
            alertmanager=self._read("ALERTMANAGER_PORT", _PORT, ALERTMANAGER_PORT),
            prometheus=self._read("PROMETHEUS_PORT", _PORT, PROMETHEUS_PORT),
            peer=self._read("PEER_IP", _address),
            pair_key=PairKey(self._secret("PAIR_KEY").encode()),
            node=self._text("NODE_NAME"),
            timezone=timezone,
            log_level=self._read("LOG_LEVEL", _choice(_LEVELS), "info"),
        )
        if self._problems:
            raise ConfigurationError(self._problems)
        return settings

    def _text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

    def _read(self, name: str, form: Callable[[str], _Value], default: str = "") -> _Value:
        try:
            return form(self._text(name) or default)
        except ValueError as error:
            self._problems.append(f"{name}: {error}")
            return form(default)

    def _secret(self, name: str) -> str:
        value, path = self._text(name), self._text(f"{name}_FILE")
        if not path:
            return value
        if value:
            self._problems.append(f"{name} and {name}_FILE are both set; keep one of them")
            return ""
        if "://" in path:
            self._problems.append(f"{name}_FILE holds a URL; write it into {name}, or name a file that holds it")
            return ""
        try:
            return read_bounded(Path(path), _MAXIMUM_BYTES).decode().strip()
        except OSError as error:
            self._problems.append(f"{name}_FILE: {path} cannot be read: {error.strerror}")
        except ParseError as error:
            self._problems.append(f"{name}_FILE: {error}")
        except UnicodeDecodeError:
            self._problems.append(f"{name}_FILE: {path} is not text in UTF-8")
        return ""

    def _receivers(self) -> dict[Severity, tuple[Receiver, ...]]:
        common = self._urls("NOTIFY_URLS", self._secret("NOTIFY_URLS"))
        receivers: dict[Severity, tuple[Receiver, ...]] = dict.fromkeys(SEVERITIES, common)
        for severity in ("critical", "warning", "info"):
            name = f"NOTIFY_URLS_{severity.upper()}"
            if value := self._secret(name):
                receivers[severity] = self._urls(name, value)
        return receivers

    def _urls(self, name: str, value: str) -> tuple[Receiver, ...]:
        if value.lower() == NOTHING:
            return ()
        receivers = []
        urls = [url for part in _BETWEEN.split(value) if (url := part.strip(" ,;"))]
        if value and not urls:
            self._problems.append(f"{name} holds no URL; `{NOTHING}` is nobody")
        for position, url in enumerate(urls, start=1):
            try:
                receiver = self._opened.get(url) or open_receiver(url, len(self._opened) + 1)
            except ReceiverError as error:
                self._problems.append(f"{name}: URL {position} of {len(urls)}: {error}")
                continue
            self._opened[url] = receiver
            if receiver not in receivers:
                receivers.append(receiver)
        return tuple(receivers)

    def _link(self, name: str, value: str) -> str:
        try:
            parts = urlsplit(value)
            sound = (
                parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
            )
            if parts.username is not None or not value.isascii():
                self._problems.append(
                    f"{name} may hold neither a user name before its host nor other than ASCII letters"
                )
        except ValueError:
            sound = False
        if value and (not sound or re.search(r"\s", value)):
            self._problems.append(f"{name} is not a URL that begins with https:// or http://")
        return value


def _file(text: str) -> Path:
    path = Path(text)
    if not path.name or path.is_dir():
        msg = f"{path} is a folder; name a file in it"
        raise ValueError(msg)
    return path


def _address(text: str) -> str:
    return str(ipaddress.ip_address(text)) if text else ""


def _timezone(text: str) -> tzinfo:
    try:
        return ZoneInfo(text.removeprefix(":") or "UTC")
    except (OSError, ValueError, KeyError):
        msg = f"{text!r} is no time zone such as Europe/Berlin"
        raise ValueError(msg) from None


def _choice(known: Sequence[_Value]) -> Callable[[str], _Value]:
    def parse(text: str) -> _Value:
        for word in known:
            if word == text.lower():
                return word
        msg = f"{text!r} is none of {', '.join(map(str, known))}"
        raise ValueError(msg)

    return parse

"""The notifier's settings: environment variables, and files for what is secret."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final
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

PORT: Final = 9754
ALERTMANAGER_PORT: Final = 9093  # of this node's
PROMETHEUS_PORT: Final = 9090  # the same
STATE: Final = "/var/lib/dnsha/notifier/told.json"
NOTHING: Final = "none"
_LEVELS: Final = ("debug", "info", "warning", "error")
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
        receivers, timezone = self._receivers(), self._timezone()
        settings = Settings(
            receivers=receivers,
            failovers=self._failovers(),
            quiet=self._quiet(timezone),
            heartbeat_url=self._link("HEARTBEAT_URL", self._secret("HEARTBEAT_URL")),
            address=self._address("NOTIFIER_ADDRESS"),
            port=self._port("NOTIFIER_PORT", PORT),
            runbooks=self._link("RUNBOOKS_URL", self._text("RUNBOOKS_URL")),
            state=self._file("NOTIFIER_STATE", STATE),
            alertmanager=self._port("ALERTMANAGER_PORT", ALERTMANAGER_PORT),
            prometheus=self._port("PROMETHEUS_PORT", PROMETHEUS_PORT),
            peer=self._address("PEER_IP"),
            pair_key=PairKey(self._secret("PAIR_KEY").encode()),
            node=self._text("NODE_NAME"),
            timezone=timezone,
            log_level=self._log_level(),
        )
        if self._problems:
            raise ConfigurationError(self._problems)
        return settings

    def _text(self, name: str) -> str:
        return self._environment.get(name, "").strip()

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

    def _file(self, name: str, default: str) -> Path:
        path = Path(self._text(name) or default)
        if not path.name or path.is_dir():
            self._problems.append(f"{name}: {path} is a folder; name a file in it")
            return Path(default)
        return path

    def _address(self, name: str) -> str:
        value = self._text(name)
        if value:
            try:
                ipaddress.ip_address(value)
            except ValueError:
                self._problems.append(f"{name}: {value!r} is not an IP address")
        return value

    def _port(self, name: str, default: int) -> int:
        value = self._text(name) or str(default)
        if not re.fullmatch(r"[0-9]{1,5}", value) or not 0 < int(value) < 65536:
            self._problems.append(f"{name}: {value!r} is not a port from 1 to 65535")
            return default
        return int(value)

    def _timezone(self) -> tzinfo:
        name = self._text("TZ").removeprefix(":") or "UTC"
        try:
            return ZoneInfo(name)
        except (OSError, ValueError, KeyError):
            self._problems.append(f"TZ: {name!r} is no time zone such as Europe/Berlin")
            return ZoneInfo("UTC")

    def _failovers(self) -> Failovers:
        value = self._text("NOTIFY_FAILOVER").lower() or "failures"
        for known in FAILOVERS:
            if value == known:
                return known
        self._problems.append(f"NOTIFY_FAILOVER: {value!r} is none of {', '.join(FAILOVERS)}")
        return "failures"

    def _quiet(self, timezone: tzinfo) -> QuietHours:
        try:
            return quiet.parse(self._text("QUIET_HOURS"), timezone)
        except ValueError as error:
            self._problems.append(f"QUIET_HOURS: {error}")
            return quiet.parse("", timezone)

    def _log_level(self) -> str:
        level = self._text("LOG_LEVEL").lower() or "info"
        if level not in _LEVELS:
            self._problems.append(f"LOG_LEVEL: {level!r} is none of {', '.join(_LEVELS)}")
            return "info"
        return level

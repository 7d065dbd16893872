"""Where messages go: one Apprise URL each. The only module that knows Apprise, and that ever holds such a URL.

Apprise logs URLs, tokens, phone numbers and the answers of services. Nothing of that is passed on: what a log line
means is told in words of our own, from the shape of the line.
"""

from __future__ import annotations

import hashlib
import logging
import re
import warnings
from collections.abc import Collection, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal

from exporter.model.errors import ExporterError

# What a receiver may take to answer, unless its URL says otherwise (rto=): Signal on a Raspberry Pi takes up to a
# minute, many a mail server looks at a message for a while, and who gives up before that sends it again and again.
READ_SECONDS: Final = 90.0
# Apprise waits up to 5.5 s between two messages to one service; a second alert must not wait that long.
PAUSE_SECONDS: Final = 0.5
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,30})://\S")
_STATUS: Final = re.compile(r"\berror=([1-5][0-9]{2})\b")
_REASONS: Final = (
    (re.compile(r"NameResolution|getaddrinfo|Name or service|Temporary failure in name", re.IGNORECASE),
     "its name cannot be resolved"),
    (re.compile(r"certificate|SSL", re.IGNORECASE), "its certificate is not trusted or TLS failed"),
    (re.compile(r"refused", re.IGNORECASE), "the connection was refused"),
    (re.compile(r"unreachable|No route", re.IGNORECASE), "there is no route to it"),
    (re.compile(r"timed? ?out", re.IGNORECASE), "it did not answer in time"),
    (re.compile(r"authenticat|login", re.IGNORECASE), "it did not accept the login"),
    (re.compile(r"connection|socket", re.IGNORECASE), "the connection broke"),
)  # fmt: skip
# What a message is, and so how a phone should behave: Apprise's type for services that show it, and a priority for
# those that have one: the greatest makes a phone ring in its silent mode, the least makes no sound.
Kind = Literal["critical", "warning", "info", "recovered"]
_TYPES: Final[dict[Kind, str]] = {"critical": "failure", "warning": "warning", "info": "info", "recovered": "success"}
_PRIORITIES: Final[dict[str, dict[Kind, str | int]]] = {
    "ntfy": {"critical": "max", "warning": "default", "info": "low", "recovered": "low"},
    "pover": {"critical": 1, "warning": 0, "info": -1, "recovered": -1},
    "gotify": {"critical": 8, "warning": 5, "info": 3, "recovered": 3},
}
_FOREIGN_LOGGERS: Final = ("apprise", "urllib3", "requests", "charset_normalizer", "oauthlib", "requests_oauthlib")


class ReceiverError(ExporterError):
    """An Apprise URL cannot be used; the message does not hold it."""


class DeliveryError(ExporterError):
    """A message was not delivered; the message says why, without anything that a service or library said."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """One place that messages go to; ``identity`` tells it from others across restarts and reveals nothing."""

    number: int
    scheme: str
    identity: str
    _service: Any = field(repr=False, compare=False)
    _priorities: Mapping[Kind, str | int] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """What logs and people call it."""
        return f"receiver {self.number} ({self.scheme})"

    @property
    def read_seconds(self) -> float:
        """How long its service may take to answer."""
        return float(self._service.socket_read_timeout)

    def deliver(self, title: str, body: str, kind: Kind = "warning") -> None:
        """Send a message; takes as long as the service does. Not from two threads at once.

        Raises:
            DeliveryError: it was not taken.
        """
        import apprise

        sender = apprise.Apprise(self._service)
        if kind in self._priorities:
            self._service.priority = self._priorities[kind]
        reasons: list[str] = []
        _heard.set(reasons)
        try:
            taken = sender.notify(
                title=title,
                body=body,
                notify_type=apprise.NotifyType(_TYPES[kind]),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 (a plugin may raise anything, with the URL in its text)
            raise DeliveryError(f"the library failed with {type(error).__name__}") from None
        if not taken:
            raise DeliveryError("; ".join(dict.fromkeys(reasons)) or "it was not taken")


def open_receiver(url: str, number: int) -> Receiver:
    """Make a receiver of an Apprise URL.

    Raises:
        ReceiverError: Apprise does not know it.
    """
    import apprise

    silence_libraries()
    match = _SCHEME.match(url)
    if not match:
        msg = "not an Apprise URL, which begins with a service and ://"
        raise ReceiverError(msg)
    scheme = match[1].lower()
    plugins = _load_plugin(scheme)
    if scheme not in plugins:
        msg = "its service (the word before ://) is none that Apprise knows"
        raise ReceiverError(msg)
    if not plugins[scheme].enabled:
        raise ReceiverError(f"{scheme} needs a library or a program that is not installed")
    asset = apprise.AppriseAsset(
        app_id="dns-ha",
        app_desc="Highly available DNS",
        secure_logging=True,
        async_mode=False,
        # 0: in the thread that asks. With a time-out, Apprise would use a few threads that all receivers share,
        # and a message that is taken after it would count as lost.
        service_timeout=0,
    )
    try:
        service = apprise.Apprise.instantiate(url, asset=asset)
    except Exception as error:  # noqa: BLE001 (as above)
        raise ReceiverError(f"Apprise failed on it with {type(error).__name__}") from None
    if service is None:
        raise ReceiverError(f"Apprise does not understand this {scheme} URL; its documentation shows the right form")
    if "rto=" not in url:
        service.socket_read_timeout = max(service.socket_read_timeout, READ_SECONDS)
    if "overflow=" not in url:
        # Two messages instead of one that the service refuses for ever, as too long.
        service.overflow_mode = apprise.OverflowMode.SPLIT
    service.request_rate_per_sec = min(service.request_rate_per_sec, PAUSE_SECONDS)
    # So few bits that no secret can be guessed from them.
    identity = f"{scheme}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    priorities = {} if "priority=" in url else _PRIORITIES.get(scheme.removesuffix("s"), {})
    return Receiver(number, scheme, identity, service, priorities)


def _load_plugin(scheme: str) -> Any:  # noqa: ANN401
    """Return Apprise's plugins, of which the one for a scheme is loaded, if there is one.

    All of them would take 20 MiB. Apprise has no table of schemes, but it loads what a folder lists by the names of its
    own plugins (``PluginManager.load_modules`` in apprise/manager.py), and a plugin's source says its schemes, save for
    a few that are made while it is loaded; then all are.
    """
    from apprise import NotificationManager

    plugins: Any = NotificationManager()  # type: ignore[no-untyped-call]
    if plugins and scheme in plugins:  # without any, to ask would load all
        return plugins
    says_so = re.compile(rf'protocol\b[^=]*=[^=]{{0,300}}?"{re.escape(scheme)}"')
    with suppress(OSError), TemporaryDirectory() as folder:
        sources = Path(plugins.module_path)
        for source in sources.rglob("*.py"):
            if says_so.search(source.read_text("utf-8", "replace")):
                (Path(folder) / source.relative_to(sources).parts[0]).touch()
        plugins.load_modules(path=folder)
    if scheme not in plugins:
        plugins.load_modules()
    return plugins


def places(known: Collection[str], configured: Collection[str]) -> dict[str, str]:
    """Which of the configured receivers each known one is now, by identity; those that are gone are left out.

    Where one receiver of a service is gone and one is new, its URL was corrected, and the new one takes its place.
    """
    gone, new = set(known) - set(configured), set(configured) - set(known)

    def of_service(identities: Collection[str], service: str) -> list[str]:
        return [identity for identity in identities if identity.rpartition("-")[0] == service]

    found = {identity: identity for identity in known if identity in configured}
    for identity in gone:
        service = identity.rpartition("-")[0]
        successors = of_service(new, service)
        if len(successors) == len(of_service(gone, service)) == 1:
            found[identity] = successors[0]
    return found


def silence_libraries() -> None:
    """Keep every line of the libraries out of every log, and hear what those of Apprise mean."""
    # urllib3 warns of hosts whose certificate is not looked at, with their names.
    warnings.filterwarnings("ignore", message="Unverified HTTPS request")
    for name in _FOREIGN_LOGGERS:
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.handlers = [logging.NullHandler()]
    apprise_log = logging.getLogger("apprise")
    apprise_log.handlers = [_Listener()]
    apprise_log.setLevel(logging.DEBUG)


# A context, because Apprise carries it over to the threads that it may use.
_heard: Final[ContextVar[list[str] | None]] = ContextVar("heard", default=None)


class _Listener(logging.Handler):
    """Turns the lines of Apprise into reasons, for the thread that delivers."""

    def emit(self, record: logging.LogRecord) -> None:
        """Understand a line and forget it."""
        reasons = _heard.get()
        if reasons is None:
            return
        try:
            line = record.getMessage()
        except Exception:  # noqa: BLE001 (a line that cannot be put together says nothing)
            return
        if status := _STATUS.search(line):
            reasons.append(f"it answered with status {status[1]}")
        elif "Exception" in line or record.levelno >= logging.ERROR:
            reasons += [words for shape, words in _REASONS if shape.search(line)][:1]

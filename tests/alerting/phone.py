"""The phone of the lab: a stand-in of signal-cli-rest-api on the client, and what it was told."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.lab.host import Host
from tests.lab.http_get import get
from tests.lab.service import Daemon
from tests.lab.waiting import wait_for

_SERVICE: Final = "phone"
# As the notifier begins a line of news, after a sign; "still:" is a reminder.
_NEWS: Final = r"\S+ (?:CRITICAL|WARNING|INFO|ALERT) (?!still:)"
_END: Final = "✅ (?:recovered: )?"


@dataclass(frozen=True, slots=True)
class Message:
    """What the phone was told, and when (seconds since the epoch)."""

    time: float
    text: str


class Phone:
    """Keeps every message it was given, in order."""

    def __init__(self, host: Host, port: int, log: Path) -> None:
        self._host = host
        self._log = log
        command = (sys.executable, "-m", "tests.alerting.standin_signal", str(port), str(log), "--address=0.0.0.0")
        host.install(Daemon(_SERVICE, command, ready=lambda host: get(host, "127.0.0.1", port, "/").status > 0))

    def start(self) -> None:
        """Be reachable; nothing happens when it is already."""
        self._host.service(_SERVICE).start()

    def stop(self) -> None:
        """Be out of reach."""
        self._host.service(_SERVICE).stop()

    def remove(self) -> None:
        """Go away for good."""
        self._host.remove(_SERVICE)

    def messages(self, since: float = 0.0) -> tuple[Message, ...]:
        """What it was told from a time (seconds since the epoch) on, oldest first."""
        try:
            lines = self._log.read_text().splitlines()
        except FileNotFoundError:
            return ()
        found = (json.loads(line) for line in lines)
        return tuple(Message(each["time"], each["message"]) for each in found if each["time"] >= since)

    def telling(self, headline: str, since: float = 0.0) -> tuple[Message, ...]:
        """The messages that tell, as news, of an alert whose headline matches a regular expression."""
        return self._with_line(_NEWS + headline, since)

    def ending(self, headline: str, since: float = 0.0) -> tuple[Message, ...]:
        """The messages that tell of the end of such an alert."""
        return self._with_line(_END + headline, since)

    def news_lines(self, since: float = 0.0) -> tuple[str, ...]:
        """Every line that tells of the begin or the end of an alert."""
        lines = (line.strip() for message in self.messages(since) for line in message.text.splitlines())
        return tuple(line for line in lines if re.match(f"{_NEWS}|{_END}", line))

    def begins(self, since: float = 0.0) -> tuple[str, ...]:
        """Every line that tells of the begin of an alert."""
        return tuple(line for line in self.news_lines(since) if re.match(_NEWS, line))

    def wait_news(self, headline: str, since: float, timeout: float) -> Message:
        """Wait until an alert is told; return the first message that does.

        Raises:
            LabTimeoutError: not in ``timeout`` seconds; the message has what was told instead.
        """
        return self._wait(lambda: self.telling(headline, since), f"news of {headline!r}", since, timeout)

    def wait_end(self, headline: str, since: float, timeout: float) -> Message:
        """Wait until the end of an alert is told; return the first message that does.

        Raises:
            LabTimeoutError: not in ``timeout`` seconds; the message has what was told instead.
        """
        return self._wait(lambda: self.ending(headline, since), f"the end of {headline!r}", since, timeout)

    def _wait(self, look: Callable[[], tuple[Message, ...]], what: str, since: float, timeout: float) -> Message:
        seen = wait_for(
            f"the phone to be told {what}",
            lambda: (look(), self.news_lines(since)),
            until=lambda seen: bool(seen[0]),
            timeout=timeout,
            every=0.1,
        )
        return seen[0][0]

    def _with_line(self, line: str, since: float) -> tuple[Message, ...]:
        return tuple(message for message in self.messages(since) if re.search(f"(?m)^{line}", message.text))


def is_about(line: str, headline: str) -> bool:
    """Whether a line of news tells of the begin or the end of an alert with that headline."""
    return re.match(f"(?:{_NEWS}|{_END}){headline}", line) is not None

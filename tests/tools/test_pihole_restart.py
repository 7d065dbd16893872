"""A Pi-hole that restarts, perhaps twice, is waited for until nothing more is to come."""

from __future__ import annotations

import time
from typing import Any

import pytest

from stack.tools import pihole_restart
from stack.tools.errors import ToolError
from stack.tools.pihole_http import AwayError
from stack.tools.run_command import run_command


class StandinApi:
    """A Pi-hole's API whose process begins at these times (seconds from now), and is away for a moment before each."""

    url = "http://192.0.2.12"

    def __init__(self, *starts: float) -> None:
        self.made = time.monotonic()
        self.starts = starts

    def renew(self, seconds: float) -> None:
        return

    def get(self, path: str) -> Any:
        now = time.monotonic() - self.made
        if any(start - 0.2 < now < start for start in self.starts):
            message = "away"
            raise AwayError(message)
        return {"ftl": {"uptime": 1000 * (now - max(start for start in self.starts if start <= now))}}


def settled_after(monkeypatch: pytest.MonkeyPatch, *starts: float) -> float:
    monkeypatch.setattr(pihole_restart, "SETTLED_SECONDS", 0.8)
    monkeypatch.setattr(pihole_restart, "UNDISTURBED_SECONDS", 1.5)
    monkeypatch.setattr(pihole_restart, "POLL_SECONDS", 0.05)
    api = StandinApi(*starts)
    pihole_restart.wait_until_settled(api, api.made - 6)  # type: ignore[arg-type]
    return time.monotonic() - api.made


def test_a_second_restart_that_the_last_change_asked_for_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The import restarted it five seconds ago; a CNAME, changed just now, does so again."""
    assert settled_after(monkeypatch, -100.0, -5.0, 0.5) >= 0.5 + 0.8


def test_one_that_restarted_before_and_will_not_again_is_not_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 0.8 <= settled_after(monkeypatch, -100.0, -5.0) < 5


def test_one_that_was_not_asked_to_restart_is_known_by_its_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 1.5 <= settled_after(monkeypatch, -100.0) < 10


def test_the_last_words_of_a_command_have_no_colours_and_no_control_characters(tmp_path: Any) -> None:
    with (tmp_path / "lock").open("w") as lock, pytest.raises(ToolError) as caught:
        run_command(
            ["sh", "-c", r"printf '\033[90m22:01\033[0m \033[31mFTL\033[0m sync failed\007\n'; exit 1"],
            5,
            lock.fileno(),
        )
    assert str(caught.value) == "sh ended with 1: 22:01 FTL sync failed"

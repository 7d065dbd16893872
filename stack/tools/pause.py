"""Pause blocking on both nodes, and end that whatever becomes of FTL's own timers.

Each Pi-hole gets a timer. One that restarts meanwhile forgets it and would never block again, so what was paused is
written down here, and this node's loop of the sync ends it on both.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from exporter.engine.files import read_bounded, remove, set_aside, write_atomically
from exporter.http.pair_key import key_from
from exporter.http.pause_request import FILE, PATH, PURPOSE
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json
from exporter.settings.values import Settings
from stack.tools import blocking, pihole
from stack.tools.errors import BusyError, ToolError
from stack.tools.pihole_api import PiholeApi
from stack.tools.progress import say
from stack.tools.runlock import one_run
from stack.tools.settings import TaskSettings

ANSWER_SECONDS = 15.0
WAIT_SECONDS = 60.0
# FTL ends a pause by itself; only then is it looked at, and if a node is away again and again, for so long.
LATE_SECONDS = 3.0
RETRY_SECONDS = 30.0
GIVE_UP_SECONDS = 86400.0
# A request waits while a sync is under way; for the end of a pause so long.
REQUEST_SECONDS = 600.0
SHORTEST_SECONDS, LONGEST_SECONDS = 3.0, 86400.0
HERE, THERE = "this node", "the other node"


@dataclass(frozen=True, slots=True)
class Pause:
    """A pause that is to be ended at ``until`` (Unix seconds), and where."""

    until: float
    places: tuple[str, ...]


def pause(node: Settings, tasks: TaskSettings, seconds: float) -> None:
    """Let both Pi-holes block nothing for some seconds.

    Raises:
        ToolError: it did not work on one of them; the message says on which it did.
    """
    with _locked(tasks, WAIT_SECONDS):
        earlier = _read(_file(tasks))
        places, problems = list(earlier.places if earlier else ()), []
        paused, until = [], time.time() + seconds
        for place, connect in _pihole_of(node, tasks).items():
            try:
                with connect().session() as api:
                    if blocking.pause_left(api) == math.inf and place not in places:
                        say(f"pause: blocking is switched off on {place} already, until somebody switches it on")
                        continue
                    blocking.pause(api, seconds)
                paused.append(place)
            except ToolError as error:
                problems.append(f"{place}: {error}")
        if paused:
            _write(_file(tasks), Pause(until, tuple(dict.fromkeys((*places, *paused)))))
            end = time.strftime("%T %Z", time.localtime(until))
            say(f"pause: nothing is blocked on {' and '.join(paused)} until {end}")
    if problems:
        raise ToolError("not paused on " + "; ".join(problems))


def resume(node: Settings, tasks: TaskSettings) -> None:
    """Let both block again now.

    Raises:
        ToolError: it did not work on one of them.
    """
    with _locked(tasks, WAIT_SECONDS):
        problems = _end(node, tasks, tuple(_pihole_of(node, tasks)), only_endless=False)
        if problems:
            raise ToolError("blocking was not switched on: " + "; ".join(problems.values()))
        remove(_file(tasks))
    say("pause: blocking is on")


def url(node: Settings) -> str:
    """Where a program may ask for a pause: any node does, and through the virtual IP there is always one.

    Raises:
        ToolError: there is no pair key.
    """
    token = key_from(node.pair_key_file).token(PURPOSE)
    if token is None:
        msg = "a program proves by the pair key that it may: set PAIR_KEY in .env, the same on both nodes"
        raise ToolError(msg)
    scheme = "https" if speaks_tls(node.web_config_file) else "http"
    vip = node.vip_address[0].address
    host = f"[{vip}]" if vip.version == 6 else str(vip)
    return f"{scheme}://{host}:{node.exporter_port}{PATH}?for=5m&token={token}"


class PauseRequest:
    """Looked after by the loop as often as its watches: does what a program asked this node's exporter for."""

    def __init__(self, node: Settings, tasks: TaskSettings, clock: Callable[[], float] = time.time) -> None:
        self._node, self._tasks, self._clock = node, tasks, clock
        self._file = node.state_directory / FILE
        self._seen: tuple[int, int] | None = None

    def begin(self) -> None:
        """Nothing is known beforehand."""

    def changed(self) -> None:
        """Do what was asked since; no reason for a sync."""
        try:
            status = self._file.stat()
        except OSError:
            return
        seen, self._seen = self._seen, (status.st_ino, status.st_mtime_ns)
        if seen == self._seen:
            return
        try:
            document = parse_json(read_bounded(self._file), "the request")
            asked, seconds = float(document["asked"]), float(document["seconds"])
        except (OSError, ParseError, KeyError, TypeError, ValueError) as error:
            say(f"pause: {self._file} makes no sense ({type(error).__name__})")
            return
        self._do(asked, seconds)

    def _do(self, asked: float, seconds: float) -> None:
        """What is over, or was asked before this loop began, is not done."""
        now = self._clock()
        left = asked + (seconds or REQUEST_SECONDS) - now
        if not (asked <= now + SHORTEST_SECONDS and left > SHORTEST_SECONDS and seconds <= LONGEST_SECONDS):
            return
        try:
            if seconds:
                pause(self._node, self._tasks, left)
            else:
                resume(self._node, self._tasks)
        except ToolError as error:
            say(f"pause: {error}")


class PauseEnd:
    """Looked after by the loop as often as its watches: ends a pause that a Pi-hole has forgotten to end."""

    def __init__(self, node: Settings, tasks: TaskSettings, clock: Callable[[], float] = time.time) -> None:
        self._node, self._tasks, self._clock = node, tasks, clock
        self._tried = -math.inf

    def begin(self) -> None:
        """Nothing is known beforehand."""

    def changed(self) -> None:
        """End what is due; no reason for a sync."""
        path = _file(self._tasks)
        if not path.exists() or self._clock() - self._tried < RETRY_SECONDS:
            return
        try:
            with _locked(self._tasks, 0):
                self._end_if_due(path)
        except BusyError:
            return
        except ToolError as error:
            say(f"pause: {error}")
            self._tried = self._clock()

    def _end_if_due(self, path: Path) -> None:
        held, now = _read(path), self._clock()
        if held is None or now < held.until + LATE_SECONDS:
            return
        problems = _end(self._node, self._tasks, held.places, only_endless=True)
        if problems and now < held.until + GIVE_UP_SECONDS:
            _write(path, Pause(held.until, tuple(problems)))
            raise ToolError(f"blocking may still be off, trying again: {'; '.join(problems.values())}")
        remove(path)


def _end(node: Settings, tasks: TaskSettings, places: tuple[str, ...], *, only_endless: bool) -> dict[str, str]:
    """Switch blocking on, and give the problem of each place where that did not work."""
    problems = {}
    known = _pihole_of(node, tasks)
    for place in places:
        if place not in known:
            continue
        try:
            with known[place]().session() as api:
                left = blocking.pause_left(api)
                if left == math.inf or (left is not None and not only_endless):
                    blocking.resume(api)
                    if only_endless:
                        say(f"pause: switched blocking on again on {place}, whose Pi-hole restarted in the pause")
        except ToolError as error:
            problems[place] = f"{place}: {error}"
    return problems


def _pihole_of(node: Settings, tasks: TaskSettings) -> Mapping[str, Callable[[], PiholeApi]]:
    places: dict[str, Callable[[], PiholeApi]] = {HERE: lambda: pihole.here(tasks, ANSWER_SECONDS)}
    if node.peer_ip is not None:
        places[THERE] = lambda: pihole.there(node, tasks, ANSWER_SECONDS)
    return places


def _locked(tasks: TaskSettings, wait: float) -> AbstractContextManager[int]:
    return one_run(tasks.task_directory / "pause.lock", wait)


def _file(tasks: TaskSettings) -> Path:
    return tasks.task_directory / "pause.json"


def _read(path: Path) -> Pause | None:
    try:
        document = parse_json(read_bounded(path), "the pause")
        return Pause(float(document["until"]), tuple(str(place) for place in document["places"]))
    except FileNotFoundError:
        return None
    except (OSError, ParseError, KeyError, TypeError, ValueError):
        say(f"{path} is damaged, {set_aside(path)}: look whether both Pi-holes block")
        return None


def _write(path: Path, pause: Pause) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"until": pause.until, "places": pause.places}).encode())
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None

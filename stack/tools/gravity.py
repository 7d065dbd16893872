"""Gravity, the domains that Pi-hole loads from its lists: is it built from the lists that are there, and build it.

A Teleporter import brings lists without their domains (FTL v6.4.1, src/zip/teleporter.c: gravity_tables), and Pi-hole's
API does not say which lists gravity was built from. So a sync writes down that it is due before it brings lists, and
crosses that out only when a new gravity is proved. Besides there is what any Pi-hole shows: no database, no domain.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json
from stack.tools import pihole_content
from stack.tools.errors import ToolError
from stack.tools.pihole_api import PiholeApi
from stack.tools.pihole_content import Content
from stack.tools.pihole_http import NoGravityError, PiholeError
from stack.tools.pihole_restart import wait_until_settled
from stack.tools.progress import PROGRESS_SECONDS, say, wait_until

# FTL looks at the database's time stamp every few seconds (src/database/database-thread.c).
PROOF_SECONDS = 30.0
# How soon a gravity that did not help is run again without being asked for: where there is no database everything is
# missing; where no list has a domain they may really be empty, and are fetched from other people's servers.
NO_DATABASE_SECONDS = 300.0
NO_DOMAINS_SECONDS = 3600.0
MAXIMUM_STATE_BYTES = 1 << 16
LAST_LINES = 3


@dataclass(frozen=True, slots=True)
class GravityState:
    """What this node knows of its Pi-hole's gravity; where nothing is known it is due, which costs one run."""

    due: bool = True
    tried: float | None = None  # Unix seconds of the last run by itself


@dataclass(frozen=True, slots=True)
class Figures:
    """What Pi-hole says of the gravity that it has loaded; ``last_update`` in Unix seconds of its own clock."""

    domains: int
    last_update: int


def state_file(directory: Path) -> Path:
    """Where the state is kept, in the tasks' directory."""
    return directory / "gravity.json"


def read_state(path: Path) -> GravityState:
    """Read it; what cannot be read counts as unknown."""
    try:
        document = parse_json(read_bounded(path, MAXIMUM_STATE_BYTES), "the state of gravity")
        due, tried = (document.get("due"), document.get("tried")) if isinstance(document, dict) else (None, None)
    except FileNotFoundError:
        return GravityState()
    except (OSError, ParseError):
        due, tried = None, None
    if not isinstance(due, bool):
        say(f"{path} is damaged, {set_aside(path)}: whether gravity is due is not known, so it is built once")
        return GravityState()
    return GravityState(due, float(tried) if isinstance(tried, int | float) and 0 <= tried < 2**53 else None)


def write_state(path: Path, state: GravityState) -> None:
    """Remember it.

    Raises:
        ToolError: it cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps({"due": state.due, "tried": state.tried}).encode())
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None


def figures(api: PiholeApi) -> Figures:
    """Ask Pi-hole for its figures (FTL, src/api/stats.c).

    Raises:
        PiholeError: there is no good answer.
    """
    document = api.get("/stats/summary")
    found = document.get("gravity") if isinstance(document, dict) else None
    domains, updated = (
        (found.get("domains_being_blocked"), found.get("last_update")) if isinstance(found, dict) else (0, 0)
    )
    if type(domains) is not int or type(updated) is not int or not isinstance(found, dict):
        raise PiholeError(f"{api.url}/api/stats/summary gives no figures of gravity; is it Pi-hole v6?")
    return Figures(domains, updated)


def missing(api: PiholeApi, content: Content) -> str:
    """Say what this Pi-hole's gravity lacks by its own figures, or nothing.

    Raises:
        PiholeError: there is no good answer.
    """
    if content.lists and figures(api).domains <= 0:
        return f"Pi-hole has loaded no domain of its {len(content.lists)} lists"
    return ""


def build(api: PiholeApi, timeout: float) -> None:
    """Run gravity on this node's Pi-hole, whose clock is ours, and prove that there is a new one.

    Raises:
        ToolError: there is none; the message has gravity's last words.
    """
    api.renew(timeout)
    before, began = figures(api), int(time.time())
    say(f"gravity: Pi-hole at {api.url} loads its lists, for {timeout:g} s at most")
    text = "".join(_told(api.stream("/action/gravity"), timeout))
    api.renew(PROOF_SECONDS + 10)
    try:
        now = wait_until(
            "the new gravity",
            lambda: figures(api),
            lambda seen: [] if _is_new(seen, before, began) else ["Pi-hole has the old one"],
            PROOF_SECONDS,
            every=0.5,
        )
    except ToolError as error:
        raise ToolError(f"gravity was run at {api.url}, but there is no new one ({error}){_last_words(text)}") from None
    if now.domains < 0:
        now = _open(api)
    say(f"gravity: built, {now.domains} domains")


def _is_new(now: Figures, before: Figures, began: int) -> bool:
    """Another time stamp will do, whatever the clock did; so will this second's, in which there was another run too."""
    return now.last_update != before.last_update or now.last_update >= began


def _open(api: PiholeApi) -> Figures:
    """Restart a Pi-hole that began without a database: it reloads a gravity that is newer, and does not open the first.

    FTL v6.4.1, src/database/gravity-db.c: gravity_updated.
    """
    say("gravity: built; Pi-hole began without it, and is restarted to open it")
    began = time.monotonic()
    for _ in api.stream("/action/restartdns"):
        pass
    wait_until_settled(api, began)
    return figures(api)


def ensure(api: PiholeApi, state: Path, timeout: float, clock: Callable[[], float] = time.time) -> tuple[Content, str]:
    """Give what a Pi-hole holds and what its gravity lacks, after having tried to make that good; not too often.

    Raises:
        NoGravityError: there is no gravity database, and there cannot be one now.
        ToolError: Pi-hole cannot be asked.
    """
    known, now = read_state(state), clock()
    try:
        content = pihole_content.fetch(api, api.url)
        lack, pause = missing(api, content), NO_DOMAINS_SECONDS
        if not lack:
            return content, ""
    except NoGravityError as error:
        lack, pause = str(error), NO_DATABASE_SECONDS
    if known.tried is None or not 0 <= now - known.tried < pause:
        say(f"gravity: {lack}; running it")
        write_state(state, replace(known, tried=now))
        try:
            build(api, timeout)
            write_state(state, GravityState(due=False, tried=now))
        except ToolError as error:
            lack = f"{lack}; {error}"
    try:
        content = pihole_content.fetch(api, api.url)
    except NoGravityError:
        raise NoGravityError(lack) from None
    return content, lack if missing(api, content) else ""


def _told(chunks: Iterator[str], timeout: float) -> Iterator[str]:
    began = told = time.monotonic()
    for chunk in chunks:
        now = time.monotonic()
        if now - told >= PROGRESS_SECONDS:
            told = now
            say(f"gravity runs, {now - began:.0f} s of {timeout:g} s")
        yield chunk


def _last_words(text: str) -> str:
    lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
    return f": {' / '.join(lines[-LAST_LINES:])[:300]}" if lines else ""

"""Copy the primary's Pi-hole to this one: its settings, then its lists, domains, groups and clients, then gravity.

Settings are written by themselves, because one that the environment of this Pi-hole sets makes FTL refuse all of them,
and because most need no restart. nebula-sync brings the rest: it gives the replica a Teleporter archive, after which
FTL restarts by itself. It is not told to run gravity: its request would reach the FTL that is ending and hold it up,
without DNS, for as long as gravity takes.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from exporter.settings.passwords import unfit_for_sync
from exporter.settings.values import Settings
from stack.guard.netlink import all_addresses
from stack.tools import differences, gravity, inventory, pihole, pihole_content, pihole_settings
from stack.tools.blocking import pause_kept
from stack.tools.errors import PutOffError, ToolError
from stack.tools.overwrite_check import (
    Entries,
    SyncBaseline,
    differing,
    read_baseline,
    refuse_overwrite,
    write_baseline,
)
from stack.tools.pihole_api import PiholeApi
from stack.tools.pihole_content import Content
from stack.tools.pihole_http import NoGravityError, PiholeError
from stack.tools.pihole_restart import wait_until_settled
from stack.tools.pinned import forwarder
from stack.tools.progress import say
from stack.tools.run_command import run_command
from stack.tools.settings import TaskSettings
from stack.tools.stamps import last_success

TASK = "pihole"
# What nebula-sync 0.11 is told; FULL_SYNC fails on a Pi-hole that compose configures (its keys are read-only).
NEBULA_SYNC = {
    "NO_COLOR": "1",
    "FULL_SYNC": "false",
    "RUN_GRAVITY": "false",
    "SYNC_GRAVITY_GROUP": "true",
    "SYNC_GRAVITY_AD_LIST": "true",
    "SYNC_GRAVITY_AD_LIST_BY_GROUP": "true",
    "SYNC_GRAVITY_DOMAIN_LIST": "true",
    "SYNC_GRAVITY_DOMAIN_LIST_BY_GROUP": "true",
    "SYNC_GRAVITY_CLIENT": "true",
    "SYNC_GRAVITY_CLIENT_BY_GROUP": "true",
    "SYNC_CONFIG_DNS": "false",
    "SYNC_CONFIG_MISC": "false",
    # Its own time-out for one request; a Pi takes a while to pack and unpack an archive.
    "CLIENT_TIMEOUT_SECONDS": "60",
    # It tries five times: together longer than a slow machine takes to restart FTL.
    "CLIENT_RETRY_DELAY_SECONDS": "5",
    # Of this node's own Pi-hole, where it has no plain port; to the other one's it speaks through our forwarder.
    "CLIENT_SKIP_TLS_VERIFICATION": "true",
}
USER_AGENT = "nebula-sync/"
# FTL takes three passwords a second, and an application password counts twice (v6.4.1, src/config/password.c); we have
# just logged in, and nebula-sync does not try the primary again.
NEXT_LOGIN_SECONDS = 1.1
GIVE_BACK_SECONDS = 20.0
# How many intervals old the last sync may become while this node has a VIP.
PUT_OFF_INTERVALS = 2


def copy(node: Settings, tasks: TaskSettings, lock: int, *, force: bool, by_hand: bool = True) -> None:
    """Copy, unless something would be lost; then see to it that gravity is built from the lists that came.

    Raises:
        RefusedError: the primary is empty, or this Pi-hole has changes of its own.
        PutOffError: it would interrupt the DNS that clients are using now.
        ToolError: it did not work, or the two differ afterwards.
    """
    primary, replica = pihole.there(node, tasks, tasks.sync_timeout), pihole.here(tasks, tasks.sync_timeout)
    state_file = gravity.state_file(tasks.task_directory)
    with primary.session(), replica.session():
        wanted = pihole_content.fetch(primary, primary.url)
        held, lack = _held(replica, tasks, state_file)
        primary.renew(tasks.sync_timeout)  # the replica may have built its gravity meanwhile
        baseline = read_baseline(baseline_file(tasks))
        ours = Comparable.of(held, wanted)
        differences.write(tasks, differing(held.entries, wanted.entries))
        state = gravity.read_state(state_file)
        inventory.write(held.entries, tasks, built=not (state.due or lack))  # also of what may not be copied over
        if not force:
            refuse_overwrite(ours.held, ours.wanted, baseline, "Pi-hole not copied")
        if ours.held == ours.wanted:
            say(f"pihole: the same {len(ours.wanted)} entries on both nodes")
        else:
            change = pihole_settings.change(held.settings, pihole_settings.values(wanted.settings))
            if not by_hand and (change.restarts or held.tables != wanted.tables):
                _put_off(node, tasks)
            due = state.due or held.lists != wanted.lists
            # Before anything comes, so that whatever ends this run here leaves it to the next.
            gravity.write_state(state_file, gravity.GravityState(due, state.tried))
            write_baseline(baseline_file(tasks), baseline.with_pending(ours.wanted))
            inventory.write(held.entries, tasks, built=not due)
            held = _bring(primary, replica, held, wanted, tasks, lock)
            ours = Comparable.of(held, wanted)
            say(f"pihole: {len(ours.wanted)} entries copied from {primary.url}")
        write_baseline(baseline_file(tasks), SyncBaseline(ours.held))
        if gravity.read_state(state_file).due:
            inventory.write(held.entries, tasks, built=False)
            gravity.build(replica, tasks.gravity_timeout)
            gravity.write_state(state_file, gravity.GravityState(due=False))
            lack = gravity.missing(replica, held)
        if lack:
            say(f"gravity: {lack}")
        inventory.write(held.entries, tasks, built=not lack)
        differences.write(tasks, differing(held.entries, wanted.entries))
        forced = pihole_settings.forced_differences(held.settings, wanted.settings)
        if forced:
            raise ToolError(
                f"{', '.join(forced)} of Pi-hole differ, and the environment of {node.node_name}'s Pi-hole sets them, "
                "so no sync can; make .env and the stack's version the same on both nodes"
            )


@dataclass(frozen=True, slots=True)
class Comparable:
    """The entries of both that a sync can make the same: not those that the replica's environment sets."""

    held: Entries
    wanted: Entries

    @classmethod
    def of(cls, held: Content, wanted: Content) -> Comparable:
        """Of what the replica holds, and what the primary does."""
        forced = {key for key, setting in held.settings.items() if setting.forced}
        return cls(held.without_settings(forced).entries, wanted.without_settings(forced).entries)


def baseline_file(tasks: TaskSettings) -> Path:
    """Where it is kept what the last sync left."""
    return tasks.task_directory / "sync-pihole.json"


def _held(replica: PiholeApi, tasks: TaskSettings, state_file: Path) -> tuple[Content, str]:
    try:
        found = gravity.ensure(replica, state_file, tasks.gravity_timeout)
    except NoGravityError:
        inventory.write({}, tasks, built=False)
        raise
    replica.renew(tasks.sync_timeout)
    return found


def _bring(
    primary: PiholeApi, replica: PiholeApi, before: Content, wanted: Content, tasks: TaskSettings, lock: int
) -> Content:
    """Bring what differs; how a step ended counts less than what is there afterwards."""
    problem: ToolError | None = None
    with pause_kept(replica):
        try:
            _bring_settings(replica, before, wanted)
        except PiholeError as error:
            problem = error
            say(f"pihole: {error}; looking at what has arrived")
        if before.tables != wanted.tables:
            problem = _bring_tables(primary, replica, tasks, lock) or problem
        replica.renew(tasks.sync_timeout)
    held = pihole_content.fetch(replica, replica.url)
    ours = Comparable.of(held, wanted)
    left = differing(ours.held, ours.wanted)
    if left:
        some = ", ".join(left[:5])
        if problem is not None:
            raise type(problem)(f"{problem}; {some} still differ")
        raise ToolError(f"Pi-hole was copied, but {some} still differ; run the sync again")
    return held


def _bring_settings(replica: PiholeApi, before: Content, wanted: Content) -> None:
    change = pihole_settings.change(before.settings, pihole_settings.values(wanted.settings))
    if not change.values:
        return
    began = time.monotonic()
    replica.send("PATCH", "/config", change.body)
    if change.restarts:
        wait_until_settled(replica, began)


def _bring_tables(primary: PiholeApi, replica: PiholeApi, tasks: TaskSettings, lock: int) -> ToolError | None:
    """Let nebula-sync copy; the problem that it had, if any, when the replica has restarted."""
    began, problem = time.monotonic(), None
    with _sessions_given_back(primary), _sessions_given_back(replica):
        time.sleep(NEXT_LOGIN_SECONDS)
        try:
            _nebula_sync(primary, replica, tasks, lock)
        except ToolError as error:
            problem = error
            say(f"pihole: {error}; looking at what has arrived")
        wait_until_settled(replica, began)
    return problem


def _put_off(node: Settings, tasks: TaskSettings) -> None:
    """Leave a node alone that clients are using, for a while: a sync restarts its Pi-hole."""
    if node.peer_ip is None or node.peer_ip.is_loopback:  # two Pi-holes of one node: the other one answers meanwhile
        return
    try:
        held = {change.packed for change in all_addresses()}
    except OSError as error:
        raise ToolError(f"the addresses of {node.node_name} cannot be looked at: {error.strerror}") from None
    mine = sorted(str(virtual) for virtual in node.vip_address if virtual.address.packed in held)
    if not mine:
        return
    succeeded, now = last_success(node.stamp_directory, TASK), time.time()
    limit = PUT_OFF_INTERVALS * tasks.sync_interval
    if succeeded is None or not 0 <= now - succeeded < limit:
        say(f"pihole: {node.node_name} has {mine[0]}, but its last sync is too old to wait: DNS pauses for a second")
        return
    raise PutOffError(
        f"put off, because {node.node_name} has {mine[0]} now and a sync would interrupt its DNS for a second; it is "
        f"done when the VIP is elsewhere, or in {(succeeded + limit - now) / 60:.0f} minutes; by hand: sync now"
    )


def _nebula_sync(primary: PiholeApi, replica: PiholeApi, tasks: TaskSettings, lock: int) -> None:
    passwords = [pihole.password_there(tasks), pihole.password_here(tasks)]
    for password in passwords:
        problem = unfit_for_sync("PIHOLE_PASSWORD", password)
        if problem:
            raise ToolError(problem)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="dnsha-sync-"))  # for its owner, on tmpfs
        source = stack.enter_context(forwarder(primary.pin)) if primary.pin else primary.url
        files = {}
        for name, url, password in zip(("PRIMARY", "REPLICAS"), (source, replica.url), passwords, strict=True):
            file = Path(folder, name.lower())
            file.write_text(f"{url}|{password}\n")
            files[f"{name}_FILE"] = str(file)
        run_command(tasks.sync_pihole_command, tasks.sync_timeout, lock, {**NEBULA_SYNC, **files}, passwords)


@contextlib.contextmanager
def _sessions_given_back(api: PiholeApi) -> Iterator[None]:
    """Afterwards give back what nebula-sync took and left there: when it was ended, or its log-out met the restart."""
    before = _sessions_of_nebula_sync(api)
    try:
        yield
    finally:
        _give_back(api, before)


def _give_back(api: PiholeApi, before: set[tuple[int, int]]) -> None:
    api.renew(GIVE_BACK_SECONDS)
    try:
        for number, since in sorted(_sessions_of_nebula_sync(api) - before):
            api.delete(f"/auth/session/{number}")
            clock = time.strftime("%T", time.localtime(since))
            say(f"pihole: gave back a session that nebula-sync took at {clock} from {api.url}")
    except PiholeError as error:
        say(f"pihole: sessions of nebula-sync could not be given back, they end in half an hour: {error}")


def _sessions_of_nebula_sync(api: PiholeApi) -> set[tuple[int, int]]:
    document = api.get("/auth/sessions")
    sessions = document.get("sessions") if isinstance(document, dict) else None
    return {
        (session["id"], session["login_at"])
        for session in (sessions if isinstance(sessions, list) else [])
        if isinstance(session, dict)
        and str(session.get("user_agent")).startswith(USER_AGENT)
        and isinstance(session.get("id"), int)
        and isinstance(session.get("login_at"), int)
    }

"""Hand the VIP over and take it back, without losing a query."""

from __future__ import annotations

import os
from pathlib import Path

from exporter.engine.runtime import RuntimeFiles
from exporter.settings.values import Settings
from stack.tools.errors import RefusedError, ToolError
from stack.tools.pair_state import PairState, read_pair_state, takeover_problems, vip_names
from stack.tools.progress import say, wait_until

DRAIN, TAKE_PART = b"1\n", b"0\n"
LOCK_NAME = "drain-command.lock"


def write_request(path: Path, request: bytes) -> None:
    """Write the request in place: keepalived watches the file's inode, and must never find it empty.

    Raises:
        ToolError: there is no such file, or it cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ToolError(f"{path} does not exist: keepalived has not been started since the boot; start it") from None
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}; run this as root") from None
    try:
        os.pwrite(descriptor, request, 0)
        os.ftruncate(descriptor, len(request))
    finally:
        os.close(descriptor)


def drain(settings: Settings, timeout: float, *, force: bool = False) -> None:
    """Hand the VIP over and wait until the other node has it; on any failure take part again.

    Raises:
        RefusedError: the other node could not serve; ``force`` drains all the same.
        ToolError: the VIP did not move in ``timeout`` seconds.
    """
    files = RuntimeFiles(settings.runtime_directory)
    before = read_pair_state(settings)
    problems = [] if before.vrrp.keepalived_up else ["keepalived does not run on this node; start it"]
    problems += takeover_problems(before)
    if problems and not force:
        raise RefusedError(
            f"{settings.node_name} is not drained, nobody could take over: {'; '.join(problems)} "
            "(--force drains all the same)"
        )
    for problem in problems:
        say(f"drained by force although {problem}")
    if before.vrrp.drained:
        say(f"{settings.node_name} is drained already")
    write_request(files.drain, DRAIN)
    try:
        after = wait_until(
            "the VIP to move",
            lambda: read_pair_state(settings),
            lambda state: _not_drained(state, settings, alone=bool(problems)),
            timeout,
        )
    except BaseException:
        if not before.vrrp.drained:
            write_request(files.drain, TAKE_PART)
            say(f"{settings.node_name} takes part again, as before")
        raise
    _report(after, settings, "drained")


def undrain(settings: Settings, timeout: float) -> None:
    """Take part again, and wait until the pair shows it: the primary has the VIP back.

    Raises:
        ToolError: it does not in ``timeout`` seconds; the node is not drained any more all the same.
    """
    write_request(RuntimeFiles(settings.runtime_directory).drain, TAKE_PART)
    after = wait_until(
        f"{settings.node_name} to take part",
        lambda: read_pair_state(settings),
        lambda state: _not_back(state, settings),
        timeout,
    )
    _report(after, settings, "takes part")


def _not_drained(state: PairState, settings: Settings, *, alone: bool) -> list[str]:
    missing = [] if state.vrrp.drained else ["the request is not in place"]
    if alone:  # by force: nobody may be there to take the VIP
        if state.vrrp.keepalived_up and not state.lowered:
            missing.append("keepalived has not lowered its priority")
        return missing
    for vip in vip_names(settings):
        if vip in state.here:
            missing.append(f"{vip} is still here")
        elif not state.owners(vip, settings.node_name):
            missing.append(f"{vip} is not on the other node yet")
    if not state.here and not state.lowered:
        missing.append("keepalived has not lowered its priority")
    return missing


def _not_back(state: PairState, settings: Settings) -> list[str]:
    missing = []
    if not state.vrrp.keepalived_up:
        missing.append("keepalived does not run on this node; start it")
    elif state.in_fault:
        missing.append("keepalived is in FAULT: this node's DNS or its own address is missing, see exporter --once")
    elif state.lowered:
        missing.append("keepalived's priority is still lowered: its health check fails, see exporter --once")
    for vip in vip_names(settings):
        owners = state.owners(vip, settings.node_name)
        if len(owners) > 1:
            missing.append(f"{vip} is on {' and '.join(owners)}")
        elif settings.node_role != "secondary" and settings.node_name not in owners:
            missing.append(f"{vip} is not back")
        elif not owners and state.peer is not None:
            missing.append(f"{vip} is on neither node")
    return missing


def _report(state: PairState, settings: Settings, what: str) -> None:
    for vip in vip_names(settings):
        say(f"{vip} is on {' and '.join(state.owners(vip, settings.node_name)) or 'a node that cannot be asked'}")
    say(f"{settings.node_name} {what}" if what != "drained" else f"{settings.node_name} is drained")


def is_owner(settings: Settings, state: PairState) -> bool:
    """Whether this node has every virtual IP."""
    return set(vip_names(settings)) <= state.here

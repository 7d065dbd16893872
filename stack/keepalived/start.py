"""Start keepalived on this node: check the environment, render its values, and run it with what belongs beside it.

Reads NODE_ROLE, NODE_NAME, NODE_IP, PEER_IP, VIP_ADDRESS, NETWORK_INTERFACE and the optional
VIRTUAL_ROUTER_ID, VRRP_ADVERT_INTERVAL, VRRP_PASSWORD, USE_UNICAST_VRRP, CANARY_ZONE, RECURSOR_ADDRESS, DNS_PATIENCE,
WORLD_NAMES, WORLD_PATIENCE.
Exits with 3, naming every mistake, when keepalived could not run with them; else as keepalived does.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from exporter.engine.files import read_bounded, remove, write_atomically
from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import interface_networks
from exporter.model.errors import ConfigurationError, ParseError
from exporter.model.observations import HealthVerdict
from stack.health.check import HealthCheck, HealthSettings
from stack.health.own_address import has_address
from stack.health.track_files import TrackFiles
from stack.keepalived import dumps, recorder
from stack.keepalived.advert_filter import highest_priority
from stack.keepalived.advert_filter_keeper import AdvertFilter
from stack.keepalived.health_settings import read_health
from stack.keepalived.liveness import Liveness
from stack.keepalived.recorder import Recorded
from stack.keepalived.supervisor import Beat, Helper, supervise
from stack.keepalived.values import KeepalivedSettings, read_environment, render
from stack.keepalived.wire.watch import WireSettings, WireWatch

CONFIGURATION = Path(__file__).with_name("keepalived.conf")
BAD_CONFIGURATION = 3
STOPPED_BEFORE_IT_RAN = 128 + signal.SIGTERM
LOCK_TIMEOUT_SECONDS = 5.0


def keepalived_version() -> tuple[int, int, int]:
    """Ask the installed keepalived for its version (it prints it on standard error)."""
    output = subprocess.run(["keepalived", "--version"], capture_output=True, text=True, timeout=10, check=True)
    match = re.search(r"Keepalived v(\d+)\.(\d+)\.(\d+)", output.stderr + output.stdout)
    if match is None:
        msg = "keepalived does not say its version; install keepalived 2.2.7 or newer"
        raise ConfigurationError([msg])
    return int(match[1]), int(match[2]), int(match[3])


def take_lock(files: RuntimeFiles) -> int:
    """Take the lock whose holders are keepalived's processes, so that others see when all are dead.

    The descriptor is inherited by keepalived and by the processes it forks (flock(2)).
    """
    descriptor = os.open(files.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    deadline = time.monotonic() + LOCK_TIMEOUT_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError:  # the exporter looking at it, the guard at work, or a keepalived on its way out
            if time.monotonic() > deadline:
                msg = f"another keepalived holds {files.lock}; stop it first"
                raise ConfigurationError([msg]) from None
            time.sleep(0.01)
    os.set_inheritable(descriptor, True)  # noqa: FBT003 (it has no keyword)
    return descriptor


def clear(files: RuntimeFiles) -> None:
    """Make way for what this process writes, whatever was left there, and keep a request to drain that makes sense.

    Raises:
        OSError: something cannot be removed.
    """
    # Written anew, in place, which needs no room in a full directory; of a longer file the rest would stay.
    for track_file in (files.chain_hard, files.chain_soft, files.address_missing, files.world_failed):
        if track_file.exists() and not (track_file.is_file() and track_file.stat().st_size <= len(b"0\n")):
            remove(track_file)
    for stale in (files.pid, files.vrrp_pid):  # a stale pid file stops 2.2.7 for ever
        remove(stale)
    if files.values.is_dir():
        remove(files.values)
    try:
        asked = read_bounded(files.drain, 64)
        if re.fullmatch(rb"[0-9]{1,3}\s*", asked):
            return
        # keepalived takes it for 0 without a word (strtoll in its trackers/track_file.c).
        print(f"{files.drain} holds {asked!r}, which is neither 0 nor 1: this node takes part", file=sys.stderr)
    except FileNotFoundError:
        pass
    except (OSError, ParseError) as error:
        print(f"{files.drain} cannot be used ({error}): this node takes part", file=sys.stderr)
        remove(files.drain)
    if files.drain.exists():  # in place: it has the owner and the mode that lets the tools write
        files.drain.write_bytes(b"0\n")
    else:  # keepalived would make it unreadable for the exporter
        write_atomically(files.drain, b"0\n", mode=0o664)


def make_room(files: RuntimeFiles) -> None:
    """Say it when the runtime directory is full, and free what nobody needs, so that keepalived starts all the same."""
    if os.statvfs(files.directory).f_bavail:
        return
    print(
        f"{files.directory} is full: keepalived starts, but nothing new can be recorded there; find what fills it "
        f"(ls -lS {files.directory}) and remove it",
        file=sys.stderr,
        flush=True,
    )
    for path in (files.rotated_events, files.damaged_events):
        remove(path)


def keep(path: Path, content: bytes, mode: int) -> None:
    """Let a small file of ours hold this content, also where no new file can be written for lack of room.

    Raises:
        OSError: it cannot be written.
    """
    with contextlib.suppress(OSError):
        if path.read_bytes() == content:
            return
    try:
        write_atomically(path, content, mode)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        # In place it needs no room where it had as much before; a start that is cut off here writes it again.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, mode)
        try:
            if os.write(descriptor, content) < len(content):
                raise
            os.ftruncate(descriptor, len(content))
        finally:
            os.close(descriptor)


def prepare(files: RuntimeFiles, settings: KeepalivedSettings) -> list[str]:
    """Write the values and prove that keepalived accepts them; return its command line."""
    keep(files.values, render(settings).encode(), mode=0o600)  # VRRP_PASSWORD is in it
    command = [
        "keepalived", "--dont-fork", "--log-console", "--log-detail", "--vrrp",
        f"--use-file={CONFIGURATION}", f"--config-id={settings.role}",
        f"--pid={files.pid}", f"--vrrp_pid={files.vrrp_pid}",
    ]  # fmt: skip
    test = subprocess.run([*command, "--config-test"], capture_output=True, text=True, timeout=30, check=False)
    if test.returncode:
        said = [line for line in (test.stderr + test.stdout).splitlines() if line.strip()]
        msg = f"keepalived refuses the configuration (exit {test.returncode}):"
        raise ConfigurationError([msg, *said])
    return command


def beside(
    files: RuntimeFiles,
    dump_source: Path,
    health: HealthSettings,
    json_signal: int,
    adverts: AdvertFilter,
    wire: WireSettings,
) -> Callable[[int], tuple[Helper, ...]]:
    """Make what runs beside keepalived, as soon as its process id is known; the recorder hears its last words."""
    version = ".".join(map(str, keepalived_version()))
    fifo = recorder.open_fifo(files)

    def check(beat: Beat, first: bool) -> None:  # noqa: FBT001, ARG001 (as Helper calls it)
        HealthCheck(health, files, beat).run()

    def keep_filter(beat: Beat, first: bool) -> None:  # noqa: FBT001, ARG001 (as Helper calls it)
        adverts.keep(beat)

    def watch_wire(beat: Beat, first: bool) -> None:  # noqa: FBT001 (as Helper calls it)
        WireWatch(wire, files, beat, first=first).run()

    def helpers(keepalived: int) -> tuple[Helper, ...]:
        recorded = Recorded(keepalived, version, json_signal, dump_source)

        def record(beat: Beat, first: bool) -> None:  # noqa: FBT001 (as Helper calls it)
            recorder.run(files, os.dup(fifo), recorded, beat, first=first)

        each = (("check", check), ("filter", keep_filter), ("wire", watch_wire), ("recorder", record))
        return tuple(Helper(name, run, files.heartbeat) for name, run in each)

    return helpers


def main() -> int:
    """Run keepalived to its end, or say what to correct."""
    os.umask(0o022)
    # A container's first process ignores what it has no handler for (pid_namespaces(7)).
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(STOPPED_BEFORE_IT_RAN))
    files = RuntimeFiles()
    scratch = files.directory.with_name("keepalived-scratch")
    try:
        settings = read_environment(os.environ, interface_networks)
        health = read_health(os.environ, settings)
        files.directory.mkdir(mode=0o755, parents=True, exist_ok=True)
        scratch.mkdir(mode=0o700, exist_ok=True)
        make_room(files)
        os.environ["TMPDIR"] = str(scratch)
        lock = take_lock(files)
        clear(files)
        # Until the check has proved this node's DNS, it takes the virtual IP from nobody.
        told = TrackFiles(files)
        told.tell_chain(HealthVerdict.UNPROVED)
        # A node that boots before its address is there would hear no advert and take the virtual IP from a good one.
        told.tell_address(missing=not has_address(settings.address.packed, settings.interface))
        told.tell_world(yields=False)
        told.tell_vip(unanswered=False)
        files.heartbeat.touch(mode=0o644)
        command = prepare(files, settings)
        json_signal = dumps.json_signal()
        highest = highest_priority(CONFIGURATION.read_text("utf-8"), settings.role)
        adverts = AdvertFilter(files, settings, highest)
        wire = WireSettings(settings, highest)
        helpers = beside(files, scratch / "keepalived.json", health, json_signal, adverts, wire)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"keepalived not started: {problem}", file=sys.stderr)
        return BAD_CONFIGURATION
    except (OSError, subprocess.SubprocessError) as error:
        print(f"keepalived not started: {error}", file=sys.stderr)
        return 1
    adverts.start()
    try:
        return supervise(command, lock, helpers, files, Liveness(json_signal))
    finally:
        adverts.end()


if __name__ == "__main__":
    sys.exit(main())

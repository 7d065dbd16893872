"""The command line of ``stack/restore.sh``: look at the archive, put files back, start, give Pi-hole its own back."""

from __future__ import annotations

import argparse
import getpass
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from exporter import __version__
from exporter.engine.command_line import CommandLine
from exporter.engine.files import read_bounded
from exporter.model.errors import ExporterError
from stack.restore.files import put_back
from stack.setup import docker, env_text
from stack.setup.errors import AnswersError, SetupError
from stack.tools import node_archive, sealed
from stack.tools.node_archive import Archive

CLONE = Path(__file__).resolve().parents[2]
BACKUPS = "/var/lib/dnsha/backups"
TOOL_SECONDS = 900
_DESCRIPTION = """\
Makes this host the node again of which FILE is a backup (node-NAME-TIME.tar, or .sealed from the other node), on a
new SD card for instance, with the same address: puts compose/.env, unbound.d, sync-keys and web back, starts the node
as stack/deploy.sh does, and gives Pi-hole its lists and Alertmanager its silences. docs/restore.md is the way in steps.
Nothing that is there is overwritten; when it stops, put right what it says and run it again.
"""
_EPILOG = "Exit codes: 0 restored, 1 something is not well yet, 2 refused (nothing was changed), 3 wrong command line."


def main(arguments: Sequence[str] | None = None) -> int:
    """Restore; return the exit code."""
    parser = CommandLine(
        prog="stack/restore.sh", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"{parser.prog} {__version__}")
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup")
    parser.add_argument("--key", type=Path, metavar="FILE",
                        help="an .env with the PAIR_KEY that opens a sealed one (default: asks for it)")  # fmt: skip
    parser.add_argument("--check", action="store_true", help="only look whether it is whole, and what is in it")
    parser.add_argument("--offline", action="store_true", help="fetch and build nothing: use the images that are here")
    options = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="dnsha-restore-") as scratch:
            return _restore(options, Path(scratch))
    except OSError as error:
        _complain(f"{error.filename or options.file}: {error.strerror}")
        return SetupError.exit_code
    except ExporterError as error:
        _complain(str(error))
        return int(getattr(error, "exit_code", 1))
    except KeyboardInterrupt:
        _complain("stopped; what is written stays as it is, and this can be run again")
        return 130


def _restore(options: argparse.Namespace, scratch: Path) -> int:
    file = options.file
    if sealed.is_sealed(file):
        sealed.unseal(file, scratch / "archive", _passphrase(options.key))
        file = scratch / "archive"
    archive = node_archive.read(file, scratch / "files")
    when = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(archive.made))
    _say(f"{options.file} is whole: {archive.node} of {when}, {len(archive.members)} files")
    if options.check:
        return 0
    for name in put_back(archive, CLONE):
        _say(f"written: {CLONE / name}")
    state = docker.look()
    if state is not docker.Docker.READY:
        raise SetupError(f"Docker: {state.value}; {docker.INSTRUCTIONS} says how to install it. Then run this again")
    code = subprocess.run([CLONE / "stack/deploy.sh", *(["--offline"] * options.offline)], check=False).returncode
    if code > 1:
        msg = "the node was not started, as it says above; put that right and run this again"
        raise SetupError(msg)
    _give_back(archive)
    return 0


def _give_back(archive: Archive) -> None:
    """What is kept in containers; clients are served by the other node meanwhile, if it can."""
    drained = _tool("drain", check=False) == 0
    _say("clients are served by the other node meanwhile" if drained else "no other node serves meanwhile; going on")
    try:
        pihole = archive.members.get(node_archive.PIHOLE)
        if pihole is not None and isinstance(pihole.content, Path):
            target = f"{BACKUPS}/restored.zip"
            with pihole.content.open("rb") as content:
                _in_backup(["sh", "-c", f"umask 027 && cat >{target}"], content)
            _tool("restore", target)
            _in_backup(["rm", "-f", target])
        silences = archive.members.get(node_archive.SILENCES)
        if silences is not None and isinstance(silences.content, Path):
            with silences.content.open("rb") as content:
                if _tool("restore-silences", standard_input=content, check=False):
                    _complain("Alertmanager's silences were not given back, as it says above; all else was")
    finally:
        if drained:
            _tool("undrain", check=False)
    if _tool("verify", "--accept-warnings", "--timeout", "300", check=False):
        msg = "all was given back, but the node is not well, as it says above"
        raise SetupError(msg)
    _say(f"{archive.node} is as it was")


def _tool(*arguments: str, standard_input: IO[bytes] | None = None, check: bool = True) -> int:
    return _in_backup(["python3", "-m", "stack.tools", *arguments], standard_input, check=check)


def _in_backup(command: list[str], standard_input: IO[bytes] | None = None, *, check: bool = True) -> int:
    """Run a command in the backup's container.

    Raises:
        SetupError: it failed.
    """
    try:
        done = subprocess.run(
            ["docker", "exec", "--interactive", "backup", *command],
            stdin=standard_input or subprocess.DEVNULL,
            timeout=TOOL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise SetupError(f"{command[-1]} did not end within {TOOL_SECONDS} s; run this again") from None
    if check and done.returncode:
        msg = "it was not given back, as it says above; put that right and run this again"
        raise SetupError(msg)
    return done.returncode


def _passphrase(file: Path | None) -> bytes:
    if file is None:
        if not sys.stdin.isatty():
            raise AnswersError("FILE is sealed: give --key, the other node's .env")  # noqa: EM101
        prompt = "PAIR_KEY, by which it was sealed (on the other node: grep ^PAIR_KEY= compose/.env): "
        return getpass.getpass(prompt).encode()
    text = read_bounded(file).decode(errors="replace")
    key = env_text.read(text, str(file)).get("PAIR_KEY", "")
    if not key:
        raise AnswersError(f"{file} has no PAIR_KEY")
    return key.encode()


def _say(text: str) -> None:
    print(f"restore: {text}", flush=True)


def _complain(text: str) -> None:
    print(f"restore: {text}", file=sys.stderr, flush=True)

"""The command line of ``stack/report.sh``."""

from __future__ import annotations

import argparse
import io
import os
import sys
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from exporter import __version__
from exporter.engine.command_line import CommandLine
from exporter.engine.files import write_atomically
from exporter.model.errors import ConfigurationError
from stack.preflight.env_file import parse_env
from stack.report import sources
from stack.report.redact import GONE, SECRET_NAME, Redactor, known_secrets
from stack.report.sources import Source

CLONE = Path(__file__).resolve().parents[2]
_DESCRIPTION = f"""\
Gathers what helps others to help you: this node's state and that of the pair, versions, settings, logs, firewall.
Nothing is changed and nothing is sent: it writes one archive, readable by you alone, for you to look at and pass on.
Passwords, keys, tokens and notification addresses are taken out ({GONE} in their place), wherever they stand and
however they are encoded. Names and addresses of devices on your LAN are in it: look before you publish it.
As root (sudo) it also sees the firewall, the kernel's log and whose ports are whose.
"""
_EPILOG = "Exit codes: 0 written, 1 it could not be written, 3 wrong command line."
_ENV_FILES = ("compose/.env", "compose/second.env")
_MORE_SECRETS = ("compose/sync-keys/key", "compose/web/web.yaml")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the report; return the exit code."""
    parser = CommandLine(
        prog="stack/report.sh", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"{parser.prog} {__version__}")
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE.tar.gz",
                        help="where to (default: dnsha-report-HOST-TIME.tar.gz in the current folder)")  # fmt: skip
    options = parser.parse_args(arguments)
    stem = f"dnsha-report-{os.uname().nodename}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    target = options.file or Path(f"{stem}.tar.gz")
    environments = {name: _environment(CLONE / name) for name in _ENV_FILES if (CLONE / name).exists()}
    redactor = Redactor(known_secrets(environments.values()) | frozenset(_lines_of_secrets()))
    files = {name: redactor.clean(_settings(environment)) for name, environment in environments.items()}
    for source in _all_sources(environments.get(_ENV_FILES[0], {})):
        print(f"report: {source.name}", file=sys.stderr, flush=True)
        text, problem = sources.run(source.command, CLONE)
        files[source.name] = redactor.clean(text + (f"\n[{problem}]\n" if problem else ""))
    try:
        write_atomically(target, _archive(stem, files), 0o600)
    except OSError as error:
        print(f"report: {target} cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    print(
        f"report: {target} has {len(files)} files without secrets; names and addresses of your LAN are in it, so look"
    )
    print(f"report: before you pass it on: tar -xzf {target} && less -R {stem}/pair/once.txt")
    return 0


def _environment(path: Path) -> Mapping[str, str]:
    """What stands in an ``.env``; of one that Compose would refuse, whatever looks like a line of it."""
    text = path.read_text(errors="replace")
    lines = {
        name.strip().removeprefix("export "): value.strip().strip("'\"")
        for name, equals, value in (line.partition("=") for line in text.splitlines() if not line.startswith("#"))
        if equals
    }
    try:
        return {**lines, **parse_env(text, str(path)).values}
    except ConfigurationError:
        return lines


def _settings(environment: Mapping[str, str]) -> str:
    """The settings; of a secret only whether there is one."""
    return "".join(
        f"{name} is {'set' if value else 'empty'}\n" if SECRET_NAME.fullmatch(name) else f"{name}={value}\n"
        for name, value in environment.items()
    )


def _lines_of_secrets() -> Iterator[str]:
    """What is in files that hold nothing but secrets."""
    for name in _MORE_SECRETS:
        try:
            text = (CLONE / name).read_text(errors="replace")
        except OSError:
            continue
        yield from (word for word in text.split() if len(word) >= 16 and not word.startswith("-----"))


def _all_sources(environment: Mapping[str, str]) -> Iterator[Source]:
    yield from sources.HOST
    yield from sources.STACK
    project = environment.get("COMPOSE_PROJECT_NAME") or "dnsha"
    yield from sources.of_containers(sources.container_names(CLONE, project))


def _archive(stem: str, files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in sorted(files.items()):
            # No dot in front: a listing shows it.
            member = tarfile.TarInfo(f"{stem}/{name.replace('/.env', '/env')}")
            content = text.encode()
            member.size, member.mtime, member.mode = len(content), int(time.time()), 0o600
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()

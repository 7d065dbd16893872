"""The command line: ``python -m stack.tools COMMAND``."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import NoReturn

from exporter import __version__
from exporter.engine.command_line import CommandLine
from exporter.model.errors import ConfigurationError, ExporterError
from exporter.settings.table import read_by
from stack.tools import commands
from stack.tools.errors import BAD_CONFIGURATION, Interrupted, ToolError
from stack.tools.progress import say

EPILOG = (
    "Exit codes: 0 done, 1 failed, 2 refused (nothing was changed), 3 wrong settings or command line, "
    "4 another run is under way, 128 + N stopped by signal N."
)


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 3600:
        msg = "must be from 0 to 3600 seconds"
        raise argparse.ArgumentTypeError(msg)
    return value


def build_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = CommandLine(prog="stack.tools", description="Tools of a DNS node.", epilog=EPILOG, allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{parser.prog} {__version__}")
    kinds = parser.add_subparsers(dest="command", metavar="COMMAND", required=True, parser_class=CommandLine)

    def command(
        name: str, run: Callable[[argparse.Namespace, Mapping[str, str]], None], text: str, timeout: float | None = None
    ) -> argparse.ArgumentParser:
        sub = kinds.add_parser(
            name, help=text, description=text, epilog=EPILOG + " " + _variables(), allow_abbrev=False
        )
        sub.set_defaults(run=run)
        if timeout is not None:
            sub.add_argument("--timeout", type=_seconds, default=timeout, metavar="SECONDS",
                             help=f"how long to wait at most (default: {timeout:g})")  # fmt: skip
        return sub

    sub = command("drain", commands.drain, "Hand the VIP to the other node and wait until it has it.", 30)
    sub.add_argument("--force", action="store_true", help="even if the other node could not take over")
    command("undrain", commands.undrain, "Take part again; the primary takes the VIP back.", 30)
    sub = command("verify", commands.verify, "Wait until this node's exporter finds everything well.", 120)
    sub.add_argument("--drained", action="store_true", help="this node is drained on purpose")
    sub.add_argument("--steady", type=_seconds, default=5, metavar="SECONDS", help="for how long (default: 5)")
    sub.add_argument("--accept-warnings", action="store_true", help="wait only until nothing is critical or unknown")
    commands.add_tasks(command)
    return parser


def _variables() -> str:
    return "Settings of tasks, from the environment: " + "; ".join(
        f"{setting.variable} ({setting.help[:-1]}{f', default {setting.default}' if setting.default else ''})"
        for setting in read_by("tasks")
    ).replace("%", "%%")


def _stop(number: int, _: FrameType | None) -> NoReturn:
    raise Interrupted(number)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit code."""
    options = build_parser().parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, _stop)
    os.umask(0o022)
    try:
        options.run(options, os.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            say(f"{options.command}: {problem}")
        return BAD_CONFIGURATION
    except ExporterError as error:
        say(f"{options.command}: {error}")
        return error.exit_code if isinstance(error, ToolError) else 1
    except Interrupted as error:
        say(f"{options.command}: {error}")
        return error.exit_code
    return 0

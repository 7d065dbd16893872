"""The command line."""

from __future__ import annotations

import argparse
import io
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from exporter import __version__
from exporter.engine.command_line import CommandLine
from exporter.model.errors import ConfigurationError, ExporterError
from exporter.settings.load import load
from exporter.settings.table import read_by
from exporter.settings.values import Settings
from exporter.sources.shipped import Kind

BAD_CONFIGURATION = 3
UNKNOWN = 3
DEFAULT_TIMEOUT_SECONDS = 5.0


EXPORTS: dict[Kind, str] = {
    "rules": "Prometheus' rules",
    "dashboards": "Grafana's dashboards",
    "unit": "the unit for systemd",
}


def build_parser() -> argparse.ArgumentParser:
    """Build the command line from the table of settings."""
    from exporter.app import COLLECTORS
    from exporter.once import FORMATS

    parser = CommandLine(
        prog="exporter",
        description="Tells the truth about a highly available DNS pair: serves metrics, a status page and JSON, or "
        "prints one verdict (--once).",
        epilog="Exit codes of --once and --preflight: 0 ok, 1 warning, 2 critical, 3 unknown or wrong settings.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"exporter {__version__}")
    parser.add_argument("--config", type=Path, metavar="FILE", help="YAML file of settings, KEY: VALUE")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--once", action="store_true", help="print a verdict about the pair and exit with it")
    mode.add_argument("--preflight", action="store_true", help="look for what would break this node, before it starts")
    mode.add_argument("--check-config", action="store_true", help="check the settings and exit: 0 good, 3 wrong")
    for kind, what in EXPORTS.items():
        mode.add_argument(f"--export-{kind}", type=Path, metavar="DIR", help=f"write {what} into a directory and exit")
    links = "with --export-rules: where the alerts' links lead, such as http://NODE:9753/runbooks"
    parser.add_argument("--runbooks-url", default="", metavar="URL", help=links)
    once = parser.add_argument_group("with --once")
    once.add_argument("--format", choices=FORMATS, default="text", help="how to print the verdict (default: text)")
    once.add_argument(
        "--only", default="", metavar="NAMES", help=f"only these collectors, by commas: {', '.join(COLLECTORS)}"
    )
    once.add_argument("--timeout", type=float, default=DEFAULT_TIMEOUT_SECONDS, metavar="SECONDS",
                      help=f"bound on the whole run (default: {DEFAULT_TIMEOUT_SECONDS:g})")  # fmt: skip
    preflight = parser.add_argument_group("with --preflight")
    preflight.add_argument("--json", action="store_true", help="print JSON")
    preflight.add_argument("--env-file", type=Path, metavar="FILE", help="a .env file that wins over the environment")
    group = parser.add_argument_group(
        "settings",
        "Each is also a key of the YAML file (node_name) and an environment variable (NODE_NAME); flags win.",
    )
    for setting in read_by("exporter"):
        default = f" (default: {setting.default})" if setting.default else ""
        text = (setting.help + default).replace("%", "%%")
        group.add_argument(*setting.flags, dest=setting.key, metavar="VALUE", help=text)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    only = tuple(filter(None, (part.strip() for part in options.only.split(","))))
    problems = _wrong_options(options, only)
    for kind in EXPORTS:
        if (directory := getattr(options, f"export_{kind}")) is not None:
            return _export(kind, directory, options.runbooks_url)
    try:
        if options.preflight and not problems:
            return _preflight(options.env_file, as_json=options.json)
        flags = {setting.key: getattr(options, setting.key) for setting in read_by("exporter")}
        settings = load(options.config, os.environ, flags)
    except ConfigurationError as error:
        problems += error.problems
    if problems:
        for problem in problems:
            print(f"exporter: {problem}", file=sys.stderr)
        return BAD_CONFIGURATION
    if settings.web_config_file and not options.once:
        from exporter.http import web_config

        try:
            web_config.read(settings.web_config_file)
        except ConfigurationError as error:
            print("\n".join(f"exporter: {problem}" for problem in error.problems), file=sys.stderr)
            return BAD_CONFIGURATION
    if options.check_config:
        print("exporter: the settings are good")
        return 0
    if options.once:
        return _once(settings, options.format, only, options.timeout)
    return _serve(settings)


def _export(kind: Kind, directory: Path, runbooks_url: str) -> int:
    from exporter import export
    from exporter.settings import parse

    try:
        sys.stdout.write(export.run(kind, directory, parse.url(runbooks_url)))
    except (ExporterError, ValueError) as error:
        print(f"exporter: {error}", file=sys.stderr)
        return BAD_CONFIGURATION
    return 0


def _wrong_options(options: argparse.Namespace, only: tuple[str, ...]) -> list[str]:
    from exporter.app import COLLECTORS

    problems = [f"--only: {name!r} is not one of {', '.join(COLLECTORS)}" for name in only if name not in COLLECTORS]
    if not 0.1 <= options.timeout <= 300:
        problems.append("--timeout must be from 0.1 to 300 seconds")
    return problems


def _once(settings: Settings, output: str, only: tuple[str, ...], timeout: float) -> int:
    from exporter import once

    logging.basicConfig(level=logging.CRITICAL)  # the verdict says it all
    text, code = once.run(settings, output, only, timeout)
    if isinstance(sys.stdout, io.TextIOWrapper):  # a terminal that cannot write every character
        sys.stdout.reconfigure(errors="replace")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _preflight(env_file: Path | None, *, as_json: bool) -> int:
    from stack.preflight import command

    text, code = command.run(os.environ, env_file, as_json=as_json)
    sys.stdout.write(text)
    return code


def _serve(settings: Settings) -> int:
    from exporter.app import Application
    from exporter.http.access import WebAccess
    from exporter.http.pair_key import key_from
    from exporter.http.pause import PauseServer
    from exporter.routes import FOR_THE_PAIR, routes

    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr
    )
    log = logging.getLogger("exporter")
    try:
        settings.state_directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        log.warning(
            "%s cannot be made (%s); counters will not survive a restart", settings.state_directory, error.strerror
        )
    application = Application(settings)
    host = str(settings.exporter_address) if settings.exporter_address else ""
    key = partial(key_from, settings.pair_key_file)
    try:
        file = settings.web_config_file
        access = WebAccess(file, FOR_THE_PAIR) if file else None
        server = PauseServer(
            host,
            settings.exporter_port,
            routes(application),
            settings.state_directory,
            peer=settings.peer_ip,
            access=access,
            pair_key=key,
        )
    except ExporterError as error:
        print(f"exporter: {error}", file=sys.stderr)
        return 1
    # Blocked in every thread and waited for: the kernel may hand a signal to a thread that is not the main one, and
    # Python's own handler would then run only when the main one wakes for another reason, which it never does.
    ends = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    application.runner.start()
    serving = threading.Thread(target=server.serve_forever, name="http", daemon=True)
    serving.start()
    log.info("%s serves on %s port %d", settings.node_name, host or "every address,", settings.exporter_port)
    signal.sigwait(ends)
    log.info("stopping")
    server.shutdown()
    server.server_close()
    application.runner.stop()
    serving.join(1)
    return 0

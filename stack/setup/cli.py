"""The command line of ``stack/setup.sh``: questions, files, Docker, preflight."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from exporter import __version__
from exporter.engine.command_line import CommandLine
from exporter.engine.files import read_bounded
from exporter.model.errors import ConfigurationError
from exporter.settings.load import load
from exporter.settings.passwords import unfit_for_sync, weakness
from stack.preflight.env_file import parse_env
from stack.setup import docker, env_text, released, second
from stack.setup.errors import AnswersError, SetupError
from stack.setup.interview import World, interview
from stack.setup.questions import Answers, Asker, Terminal

CLONE = Path(__file__).resolve().parents[2]
# What an answers file may say beside the variables of .env.
COPY_TO, INSTALL_DOCKER, START = "COPY_TO", "INSTALL_DOCKER", "START"
PRINT = "print"
_DESCRIPTION = """\
On the first Pi, without FILE: six questions with a proposed answer each, strong passwords, and the files of both nodes.
On the second one, with the FILE that the first one made (- reads it from the keyboard).
Then Docker, if it is missing and you agree, and preflight: what would break this node, and what to do about it.
Nothing that is there is overwritten, and it may be run again at any time: what is done already is left as it is.
As root (sudo) it can also ask the router's DHCP server whether it hands the virtual IP out, and install Docker.
"""
_EPILOG = f"""\
The answers of --answers are lines VARIABLE=VALUE, in the form of compose/.env.example: NETWORK_INTERFACE, NODE_IP,
PEER_IP (none for a single node), VIP_ADDRESS, NODE_NAME and PEER_NAME, NOTIFY_URLS, and any other variable that is
explained there. What is left out is as setup would propose it. Beside them: {COPY_TO}=USER@HOST copies the second
node's file there by ssh, {INSTALL_DOCKER}=yes agrees to that, {START}=yes starts the node when preflight is content.

Exit codes: 0 done, 1 something is not well yet, as said, 2 refused, or preflight found something critical, 3 wrong
answers or command line, 130 stopped by Ctrl-C.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Set this node up; return the exit code."""
    parser = CommandLine(
        prog="stack/setup.sh", description=_DESCRIPTION, epilog=_EPILOG, allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"{parser.prog} {__version__}")
    parser.add_argument("file", nargs="?", metavar="FILE", help="the second node's file")
    parser.add_argument("--answers", type=Path, metavar="FILE", help="take the answers from this file, and ask nothing")
    parser.add_argument("--offline", action="store_true", help="fetch and build nothing: use the images that are here")
    parser.add_argument("--build", action="store_true", help="build the images here, though a release has them")
    options = parser.parse_args(arguments)
    if options.build and options.offline:
        parser.error("--build and --offline do not go together")
    try:
        asker, given = _asker(options.answers)
        values = _second(options.file) if options.file else _first(asker, given)
        how = ["--offline"] * options.offline + ["--build"] * options.build
        return _start(asker, values, how)
    except SetupError as error:
        _complain(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        _complain("stopped; what is written stays as it is, and setup can be run again")
        return 130


def _asker(file: Path | None) -> tuple[Asker, Mapping[str, str]]:
    if file is not None:
        given = _read_answers(file)
        return Answers(given, sys.stdout), given
    if not sys.stdin.isatty():
        if Path("/dev/tty").exists() and os.isatty(1):  # the second node's file came by the keyboard's way
            return Terminal(sys.stdout, open("/dev/tty")), {}  # noqa: PTH123 (as long as this process)
        raise AnswersError("there is no terminal to ask at; run this in one, or give --answers FILE")  # noqa: EM101
    return Terminal(sys.stdout, sys.stdin), {}


def _read_answers(file: Path) -> Mapping[str, str]:
    try:
        given = parse_env(read_bounded(file, second.MAXIMUM_BYTES).decode(), str(file)).values
    except ConfigurationError as error:
        raise AnswersError(str(error)) from None
    except (OSError, ValueError) as error:
        raise AnswersError(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    known = env_text.variables(_example()) | {COPY_TO, INSTALL_DOCKER, START}
    unknown = sorted(given.keys() - known)
    if unknown:
        raise AnswersError(f"{file}: {', '.join(unknown)} is nothing that compose/.env.example explains")
    return given


def _example() -> str:
    return (CLONE / "compose/.env.example").read_text()


def _first(asker: Asker, given: Mapping[str, str]) -> Mapping[str, str]:
    """The first node: ask, write both files, and say or do what brings the second one to its node."""
    own = CLONE / "compose/.env"
    if own.exists():
        _say(f"{own} is there already and stays as it is; move it away to begin anew.")
    else:
        if isinstance(asker, Terminal):
            _say(
                "Setup of the first Raspberry Pi. Enter takes what is in [brackets]; Ctrl-C stops, and changes nothing."
            )
        answers = interview(asker, World(say=_say))
        env_text.write_once(own, _env(answers, given))
        _say(f"\nWritten: {own}, with new passwords. To see Pi-hole's: grep ^PIHOLE_PASSWORD= {own}")
        _say("\n".join(f"   {name}={value}" for name, value in answers.items() if name != "NOTIFY_URLS"))
    text = own.read_text()
    values = env_text.read(text, str(own))
    if values.get("NODE_ROLE") == "primary":
        _bring_second(asker, text, values)
    return values


def _env(answers: Mapping[str, str], given: Mapping[str, str]) -> str:
    """The text of ``.env``; what the answers file says beyond the questions is in it.

    Raises:
        AnswersError: with every mistake.
    """
    more = {name: value for name, value in given.items() if name not in (COPY_TO, INSTALL_DOCKER, START)}
    zone = _time_zone()
    prefix = released.registry(CLONE, __version__)
    known = {name: value for name, value in (("TZ", zone), ("IMAGE_PREFIX", prefix)) if value}
    values = {**known, **env_text.new_passwords(), **more, **answers}
    if not values["PEER_IP"]:
        values |= {"PEER_NAME": ""}
        values.pop("PAIR_KEY")
    text = env_text.fill(_example(), values)
    read = env_text.read(text, ".env")
    problems = []
    try:
        load(None, read, {})
    except ConfigurationError as error:
        problems += error.problems
    for name in ("PIHOLE_PASSWORD", "GRAFANA_ADMIN_PASSWORD", "PAIR_KEY"):
        if values.get(name):
            problems += filter(None, (weakness(name, values[name]), unfit_for_sync(name, values[name])))
    if problems:
        raise AnswersError("; ".join(problems))
    return text


def _time_zone() -> str:
    """This host's time zone, for logs and for the hour of backups; empty where it is not known by a name."""
    _, _, name = os.path.realpath("/etc/localtime").partition("/zoneinfo/")
    return name


def _bring_second(asker: Asker, text: str, values: Mapping[str, str]) -> None:
    name = values.get("PEER_NAME") or "the other Pi"
    path, new = second.make(CLONE / "compose", text)
    if not new:
        _say(f"{path}, {name}'s file, is there already and fits.")
        return
    answer = asker.choose(
        COPY_TO,
        f"{name} needs its own file, {path}; it holds the passwords.\n"
        f"   USER@HOST copies it there by ssh now, `{PRINT}` shows it here, nothing leaves it to you.",
        "copy to (nothing: later)", "",
    )  # fmt: skip
    if second.is_target(answer):
        second.copy(path, answer)
        _say(f"Copied. On {name}, in a clone of this repository: sudo stack/setup.sh ~/{second.REMOTE_NAME}")
    elif answer == PRINT:
        _say(f"On {name}, in a clone of this repository: sudo stack/setup.sh -")
        _say("then paste these lines, and press Ctrl-D:\n")
        lines = path.read_text().splitlines()
        _say("\n".join(line for line in lines if line and not line.startswith("#")))
    else:
        if answer:
            _complain(f"{answer!r} is neither USER@HOST nor {PRINT}; nothing was copied")
        _say(f"Later: scp {path} USER@{values.get('PEER_IP')}:{second.REMOTE_NAME}")
        _say(f"then on {name}, in a clone of this repository: sudo stack/setup.sh ~/{second.REMOTE_NAME}")


def _second(source: str) -> Mapping[str, str]:
    """The second node: take the file that the first one made."""
    text, new = second.take(source, CLONE / "compose")
    values = env_text.read(text, source)
    path = CLONE / "compose/.env"
    _say(f"Written: {path}, for {values['NODE_NAME']}." if new else f"{path} is there already and says the same.")
    if new and source != "-":
        _say(f"{source} has the same passwords and is not needed any more: rm {source}")
    return values


def _start(asker: Asker, values: Mapping[str, str], how: Sequence[str]) -> int:
    """Docker, then preflight, and the node itself if its owner says so."""
    state = docker.look()
    if state is not docker.Docker.READY:
        _offer_docker(asker, state)
        state = docker.look()
    if state is not docker.Docker.READY:
        raise SetupError(f"Docker: {state.value}. {_remedy(state)} Then run setup again; your answers are kept")
    start = asker.agree(
        START,
        f"Get the images (minutes, the first time), look for what would break {values['NODE_NAME']}, and start it?\n"
        "   `no` only looks, and starts nothing.",
        proposal=True,
    )
    command = [str(CLONE / "stack/deploy.sh"), *([] if start else ["--preflight-only"]), *how]
    sys.stdout.flush()
    code = subprocess.run(command, check=False).returncode
    if code == 0 and start:
        _say(_next_step(values))
    elif not start:
        _say("Start it by: stack/deploy.sh")
    return code


def _offer_docker(asker: Asker, state: docker.Docker) -> None:
    if state is docker.Docker.SILENT or not docker.installable():
        return
    user = docker.owner()
    listed = "\n".join(f"      {' '.join(command)}" for command in docker.commands(user))
    agreed = asker.agree(
        INSTALL_DOCKER,
        f"Docker: {state.value}. Install it from your system's own packages, and let {user} use it?\n{listed}",
        proposal=True,
    )
    if agreed:
        sys.stdout.flush()
        docker.install(user)


def _remedy(state: docker.Docker) -> str:
    if state is docker.Docker.SILENT:
        return "Use sudo, or log out and in again if you were just let into the group docker; is the service running?"
    return f"Install Docker Engine with the Compose plugin: {docker.INSTRUCTIONS}"


def _next_step(values: Mapping[str, str]) -> str:
    vip = values["VIP_ADDRESS"].partition(",")[0].partition("/")[0]
    if values["NODE_ROLE"] == "primary":
        return f"\n{values['NODE_NAME']} runs. Now {values.get('PEER_NAME') or 'the other Pi'}, as said above."
    return (
        f"\n{values['NODE_NAME']} runs. Ask the virtual IP from another computer: dig @{vip} example.org\n"
        f"When it answers, let your router hand out {vip} as the only DNS server (docs/install.md, step 5)."
    )


def _say(text: str) -> None:
    print(text, flush=True)


def _complain(text: str) -> None:
    print(f"setup: {text}", file=sys.stderr, flush=True)

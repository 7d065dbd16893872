"""Killed at any moment, what renders passwords and keepalived's values leaves the old file or the new one, whole."""

from __future__ import annotations

import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
ROUNDS = 50
SEED = random.randrange(1 << 32)

# Each line on standard input is one round: a process that renders over and over with one content after the other,
# so that a kill at any moment is one in the middle of it, and is killed after as many seconds as the line says.
EACH_ROUND = """
import itertools, os, pathlib, signal, sys, time
def render_until_killed(render):
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            for number in itertools.count():
                render(number)
                os.write(writing, b".")
        os.close(writing)
        assert os.read(reading, 1), "the process ended by itself"
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reading)
        print("killed", flush=True)
"""
PASSWORDS = """
from stack.images import settings
given, secrets = map(pathlib.Path, sys.argv[1:3])
settings.GIVEN, settings.SECRETS = given, secrets
settings.mistakes = lambda *_: iter(())  # this machine is no node
settings.print = lambda *_, **__: None
def render(number):
    (given / "pihole_password").write_text(sys.argv[3 + number % 2])
    (given / "vrrp_password").write_text("k3h7a9x" + str(number % 2))
    assert settings.main() == 0
render_until_killed(render)
"""
VALUES = """
from exporter.engine.runtime import RuntimeFiles
from stack.keepalived import start
start.subprocess.run = lambda *_, **__: start.subprocess.CompletedProcess([], 0)  # keepalived's own test of it
os.environ |= {"NODE_ROLE": "primary", "NODE_NAME": "alpha", "NODE_IP": "192.0.2.11", "PEER_IP": "192.0.2.12",
               "NETWORK_INTERFACE": "eth0"}
files = RuntimeFiles(pathlib.Path(sys.argv[1]))
def render(number):
    os.environ["VIP_ADDRESS"] = ",".join(f"192.0.2.{last}" for last in range(50, 60 + 20 * (number % 2)))
    start.prepare(files, start.read_environment(os.environ, lambda _: []))
render_until_killed(render)
"""


def rounds(program: str, *arguments: str) -> Iterator[None]:
    """Kill it in the middle, again and again; the caller looks at what is left each time."""
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    with subprocess.Popen(
        [sys.executable, "-c", EACH_ROUND + program, *arguments],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for _ in range(ROUNDS):
            process.stdin.write(f"{chance.uniform(0.0, 0.02)}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "killed\n"
            yield
        process.stdin.close()


@pytest.mark.timeout(240)
def test_passwords_are_whole_whenever_they_are_read(tmp_path: Path) -> None:
    given, secrets = tmp_path / "given", tmp_path / "secrets"
    for folder in (given, *(secrets / name for name in ("pihole", "pihole-statistics", "vrrp", "pair", "mqtt"))):
        folder.mkdir(parents=True)
    contents = ("a" * 3000, "b" * 5000)
    for _ in rounds(PASSWORDS, str(given), str(secrets), *contents):
        assert (secrets / "pihole" / "password").read_text() in contents
        assert (secrets / "vrrp" / "password").read_text() in {"k3h7a9x0", "k3h7a9x1"}


@pytest.mark.timeout(240)
def test_keepaliveds_values_are_whole_whenever_they_are_read(tmp_path: Path) -> None:
    values = tmp_path / "keepalived-values.conf"
    for _ in rounds(VALUES, str(tmp_path)):
        text = values.read_text()
        assert len(re.findall(r"192\.0\.2\.[5-7][0-9]/32", text)) in {10, 30}, text
        assert text.endswith("$OTHER_FAMILY=\n"), text

"""The command line: every mistake at once, an exit code that scripts understand, and never a traceback."""

from __future__ import annotations

import io
import ipaddress
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from exporter import __version__, cli, healthcheck, once
from exporter.app import COLLECTORS
from exporter.collectors.peer import PeerCollector
from exporter.http.client import FetchError, http_get
from exporter.model.errors import NotReadyError
from exporter.settings.table import read_by
from tests.lab.waiting import wait_for
from tests.unit import samples
from tests.unit.certificates import TLS, make_certificate, users
from tests.unit.network_namespace import REPOSITORY, in_network_namespace, ip
from tests.unit.standin_application import factory

GOOD = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11/24",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53",
    "NETWORK_INTERFACE": "eth7",
}
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process, with good settings in its environment; return its exit code and words."""
    for setting in read_by("exporter"):
        monkeypatch.delenv(setting.variable, raising=False)
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)

    def command(*arguments: str) -> tuple[int, str, str]:
        code: int | str | None
        try:
            code = cli.main(arguments)
        except SystemExit as end:
            code = end.code
        output, errors = capsys.readouterr()
        return int(code or 0), output, errors

    return command


def test_good_settings_are_said_to_be_good(run: Run) -> None:
    assert run("--check-config") == (0, "exporter: the settings are good\n", "")


def test_every_mistake_is_reported_at_once_and_nothing_is_started(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_ROLE", "master")
    monkeypatch.setenv("VIP_ADDRESS", "192.0.2.255")
    monkeypatch.setattr(once, "run", lambda *_: pytest.fail("it was started"))
    arguments = (
        "--once",
        "--only",
        "vip,dns",
        "--timeout",
        "0",
        "--exporter-port",
        "99999",
        "--config",
        "/nonexistent",
    )
    code, output, errors = run(*arguments)
    assert (code, output) == (3, "")
    assert errors.splitlines() == [
        (
            "exporter: --only: 'dns' is not one of "
            "vip, vrrp, health, adverts, firewall, resolve, containers, sync, peer, conflict, dhcp, "
            "unbound, pihole"
        ),
        "exporter: --timeout must be from 0.1 to 300 seconds",
        "exporter: /nonexistent cannot be read: No such file or directory",
        "exporter: NODE_ROLE in the environment: 'master' is not one of primary, secondary, standalone",
        "exporter: --exporter-port: '99999' is not a whole number from 1 to 65535",
        (
            "exporter: VIP_ADDRESS in the environment: 192.0.2.255 is the broadcast address of 192.0.2.0/24; "
            "clients cannot use it as a DNS server"
        ),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--nonsense",), "unrecognized arguments: --nonsense"),
        (("--onc",), "unrecognized arguments: --onc"),
        (("--once", "--check-config"), "not allowed with argument"),
        (("--once", "--format", "xml"), "invalid choice: 'xml'"),
        (("--once", "--timeout", "soon"), "invalid float value: 'soon'"),
        (("--node-name",), "expected one argument"),
        (("start",), "unrecognized arguments: start"),
    ],
)
def test_a_wrong_command_line_is_unknown_to_a_monitoring_system(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    code, output, errors = run(*arguments)
    assert (code, output) == (3, "")
    assert words in errors
    assert errors.startswith("usage: exporter ")


@pytest.mark.parametrize("value", ["0.09", "301", "nan", "inf", "-1"])
def test_a_time_that_makes_no_sense_is_refused(run: Run, value: str) -> None:
    assert run("--once", f"--timeout={value}")[0] == 3


def test_the_help_names_every_setting_with_its_default(run: Run) -> None:
    code, output, _ = run("--help")
    letters = "".join(output.split())  # wherever its lines end
    expected = ["0 ok, 1 warning, 2 critical, 3 unknown or wrong settings", *COLLECTORS]
    for setting in read_by("exporter"):
        expected += [
            f"{setting.flag} VALUE",
            setting.help + (f" (default: {setting.default})" if setting.default else ""),
        ]
    assert code == 0
    assert [words for words in expected if "".join(words.split()) not in letters] == []


def test_the_version_is_said(run: Run) -> None:
    assert run("--version") == (0, f"exporter {__version__}\n", "")


def test_a_flag_wins_over_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_ROLE", "nonsense")
    assert run("--check-config", "--node-role", "secondary")[0] == 0


@pytest.mark.parametrize(("state", "code"), [("running", 0), ("exited", 1)])
@pytest.mark.parametrize("output", once.FORMATS)
def test_a_verdict_is_printed_and_is_the_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, state: str, code: int, output: str
) -> None:
    seen = samples.status(samples.containers(samples.container(state=state)))
    monkeypatch.setattr(once, "Application", factory(seen))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    exit_code, text, errors = run("--once", "--format", output, "--exporter-port", str(port), "--only", "containers")
    assert (exit_code, errors) == (code, "")
    assert text.endswith("\n")


def test_a_terminal_that_cannot_write_every_character_gets_the_others(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="latin-1")
    monkeypatch.setattr(once, "run", lambda *_: ("na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve \N{CHECK MARK}\n", 0))
    monkeypatch.setattr(sys, "stdout", terminal)
    assert cli.main(["--once"]) == 0
    assert terminal.buffer.getvalue() == b"na\xefve ?\n"
    del run


def test_a_reader_that_goes_away_gets_no_traceback() -> None:
    """``exporter --once | head -1``"""
    program = """
from exporter import cli, once
once.run = lambda *_: ("x" * 1_000_000, 2)
raise SystemExit(cli.main(["--once"]))
"""
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=REPOSITORY,
        env={**os.environ, **GOOD},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(10) == 2


def serve(directory: Path, port: int, **variables: str) -> subprocess.Popen[str]:
    environment = {
        **{name: value for name, value in os.environ.items() if name not in {s.variable for s in read_by("exporter")}},
        **GOOD,
        "EXPORTER_PORT": str(port),
        "RUNTIME_DIRECTORY": str(directory),
        "STATE_DIRECTORY": str(directory / "state"),
        **variables,
    }
    return subprocess.Popen(
        [sys.executable, "-m", "exporter"], cwd=REPOSITORY, env=environment, stderr=subprocess.PIPE, text=True
    )


def until_healthy(port: int) -> None:
    answer = wait_for(
        "the exporter to answer",
        lambda: http_get("127.0.0.1", port, "/healthz", 1.0),
        timeout=15,
        not_yet=(FetchError,),
    )
    assert answer == b"ok\n"


@in_network_namespace
def test_it_serves_until_it_is_told_to_stop_and_a_second_one_says_why_it_cannot(tmp_path: Path) -> None:
    ip("link set lo up")
    with serve(tmp_path, 9753) as first:
        until_healthy(9753)
        with serve(tmp_path, 9753) as second:
            _, errors = second.communicate(timeout=15)
        assert second.returncode == 1
        assert "cannot listen on any address, port 9753: Address already in use; is another one running?" in errors
        assert "Traceback" not in errors
        arguments = [sys.executable, "-m", "exporter", "--once", "--format", "nagios"]
        beside = subprocess.run(
            arguments, cwd=REPOSITORY, env={**os.environ, **GOOD}, capture_output=True, text=True, check=False
        )
        assert beside.stdout.startswith("DNSHA ")
        assert beside.returncode in (1, 2)  # no keepalived, no DNS, no peer: what else
        assert beside.stderr == ""
        first.send_signal(signal.SIGTERM)
        _, errors = first.communicate(timeout=15)
    assert first.returncode == 0
    assert "Traceback" not in errors
    assert (tmp_path / "state" / "vip.json").exists()


@in_network_namespace
def test_a_state_directory_that_cannot_be_made_costs_only_its_purpose(tmp_path: Path) -> None:
    ip("link set lo up")
    (tmp_path / "state").touch()
    with serve(tmp_path, 9753) as process:
        until_healthy(9753)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 0
    assert "state cannot be made (File exists); counters will not survive a restart" in errors
    assert "Traceback" not in errors


@in_network_namespace
def test_alone_and_in_a_hurry_it_says_what_it_knows(tmp_path: Path) -> None:
    ip("link set lo up", "link add lan0 type veth peer name lan1", "addr add 192.0.2.53/32 dev lan0")
    arguments = [sys.executable, "-m", "exporter", "--once", "--timeout", "4", "--only", "vip"]
    environment = {**os.environ, **GOOD, "RUNTIME_DIRECTORY": str(tmp_path)}
    began = time.monotonic()
    done = subprocess.run(arguments, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    assert time.monotonic() - began < 10
    assert done.stderr == ""
    assert "192.0.2.53 is on lan0" in done.stdout
    assert done.stdout.endswith("collected for this answer: no exporter runs on this node\n")
    assert done.returncode == 1  # the address is on another interface than NETWORK_INTERFACE says


@in_network_namespace
def test_with_a_web_configuration_the_node_s_own_programs_go_on_asking(tmp_path: Path) -> None:
    """The verdict, the container's health check and the peer: over TLS, and without a password."""
    ip("link set lo up")
    make_certificate(tmp_path)
    web = tmp_path / "web.yaml"
    web.write_text(TLS + users())
    environment = {**GOOD, "WEB_CONFIG_FILE": str(web), "EXPORTER_PORT": "9753"}
    with serve(tmp_path, 9753, WEB_CONFIG_FILE=str(web)) as process:
        wait_for("health", lambda: healthcheck.problem(environment), until=lambda seen: seen is None, timeout=15)
        arguments = [sys.executable, "-m", "exporter", "--once", "--web.config.file", str(web)]
        beside = subprocess.run(
            arguments, cwd=REPOSITORY, env={**os.environ, **GOOD}, capture_output=True, text=True, check=False
        )
        assert "from the running exporter, port 9753" in beside.stdout
        peer = PeerCollector(ipaddress.ip_address("127.0.0.1"), 9753, 0.1, 2.0, "beta", tls=True)
        peer.start()
        seen = wait_for("the peer's answer", peer.collect, timeout=15, every=0.05, not_yet=(NotReadyError,))
        peer.stop()
        assert (seen.error, seen.peer and seen.peer.name) == (None, GOOD["NODE_NAME"])
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=15)
    assert "Traceback" not in errors
    assert healthcheck.problem(environment) is not None


def test_a_broken_web_configuration_starts_nothing(tmp_path: Path) -> None:
    web = tmp_path / "web.yaml"
    web.write_text("unknown: 1\n")
    done = subprocess.run(
        [sys.executable, "-m", "exporter", "--check-config", "--web.config.file", str(web)],
        cwd=REPOSITORY, env={**os.environ, **GOOD}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert done.stderr == (f"exporter: {web}: unknown is not supported; there is tls_server_config, basic_auth_users\n")

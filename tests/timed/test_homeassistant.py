"""What reaches a real MQTT broker, and what happens when it, the exporter or this program is away."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from exporter.model.observations import NodeStatus, PeerVip
from tests.lab.waiting import wait_for
from tests.mosquitto import PASSWORD, SECONDS, USER, Listener, Mosquitto, broker, listener
from tests.unit import samples
from tests.unit.certificates import make_certificate
from tests.unit.homeassistant_looks import document
from tests.unit.samples import VIP, absent_vip, beta, vip
from tests.unit.standin_http_server import StandinHttpServer, answer, hangs, sends

REPOSITORY = Path(__file__).parents[2]
# The broker tells a will after one and a half times the keepalive; a client notices a frozen broker after two.
KEEPALIVE_SECONDS = 10.0


@dataclass
class Teller:
    """The program in a process of its own, as the image starts it."""

    process: subprocess.Popen[bytes]
    log_file: Path
    alive: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text()

    def wait_for_log(self, words: str, count: int = 1, seconds: float = SECONDS) -> None:
        wait_for(words, lambda: self.log, until=lambda log: log.count(words) >= count, timeout=seconds)


Start = Callable[..., Teller]


def environment(port: int, exporter: int, role: str, **more: str) -> dict[str, str]:
    name, address = ("beta", samples.BETA) if role == "secondary" else ("alpha", samples.ALPHA)
    return {
        "PATH": os.environ["PATH"], "NODE_ROLE": role, "NODE_NAME": name, "NODE_IP": address, "VIP_ADDRESS": VIP,
        "NETWORK_INTERFACE": "eth0", "EXPORTER_PORT": str(exporter), "MQTT_HOST": "127.0.0.1", "MQTT_PORT": str(port),
        "MQTT_USER": USER, **more,
    }  # fmt: skip


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stack.homeassistant", *arguments]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts programs, and ends those that still run."""
    started: list[Teller] = []

    def run(port: int, exporter: StandinHttpServer, role: str = "primary", **more: str) -> Teller:
        password = tmp_path / "password"
        if not password.exists():
            password.write_text(PASSWORD + "\n")
        log_file, alive = (tmp_path / f"{len(started)}.{name}" for name in ("log", "alive"))
        variables = {"MQTT_PASSWORD_FILE": str(password), **more}
        with log_file.open("wb") as log:
            process = subprocess.Popen(
                command("--alive", str(alive)),
                cwd=REPOSITORY,
                env=environment(port, exporter.port, role, **variables),
                stderr=log,
            )
        started.append(Teller(process, log_file, alive))
        return started[-1]

    yield run
    for teller in started:
        if teller.process.poll() is None:
            teller.process.kill()
        teller.process.wait(SECONDS)


def serving(status: NodeStatus, role: str = "primary") -> Callable[..., None]:
    return sends(answer(document(status, role)))


def pair_of(owner: str, me: str) -> NodeStatus:
    """A pair whose virtual IP one node has, as a node sees it."""
    other = beta(name="alpha", role="primary", checks=()) if me == "beta" else beta(checks=())
    there = PeerVip(owned=owner == other.name, stable_seconds=3600.0)
    here = vip() if owner == me else absent_vip()
    theirs = replace(other, vips={VIP: there})
    return samples.status(samples.vips(here), samples.peer(theirs), samples.resolve())


@contextmanager
def exporters() -> Iterator[tuple[StandinHttpServer, StandinHttpServer]]:
    """Of both nodes of a pair whose primary, alpha, has the virtual IP."""
    with ExitStack() as stack:
        alpha = stack.enter_context(StandinHttpServer(serving(pair_of("alpha", "alpha"))))
        yield alpha, stack.enter_context(StandinHttpServer(serving(pair_of("alpha", "beta"), "secondary")))


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with broker(Mosquitto(tmp_path)) as running:
        yield running


@pytest.fixture
def ears(mosquitto: Mosquitto) -> Iterator[Listener]:
    with listener(mosquitto) as listening:
        yield listening


def test_a_change_arrives_and_a_goodbye_says_that_nobody_tells(
    mosquitto: Mosquitto, ears: Listener, start: Start
) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha)
        ears.wait_for("dnsha/home/primary/availability", "online")
        ears.wait_for_state("pair", owner="alpha", status="ok", dns="ON")
        alpha.behaviour = serving(pair_of("beta", "alpha"))
        ears.wait_for_state("pair", owner="beta")
        ears.wait_for_state("primary", virtual_ip="OFF")
        for device in ("pair", "primary"):
            described = json.loads(ears.last(f"homeassistant/device/dnsha_home_{device}/config") or "")
            assert described["state_topic"] == f"dnsha/home/{device}/state"
        assert teller.alive.exists()
        teller.process.send_signal(signal.SIGTERM)
        assert teller.process.wait(SECONDS) == 0
        ears.wait_for("dnsha/home/primary/availability", "offline")
        assert "ERROR" not in teller.log


def test_who_comes_later_is_told_too(mosquitto: Mosquitto, ears: Listener, start: Start) -> None:
    with exporters() as (alpha, _):
        start(mosquitto.port, alpha)
        ears.wait_for_state("pair", owner="alpha")
        with listener(mosquitto) as late:
            late.wait_for("dnsha/home/primary/availability", "online")
            late.wait_for_state("pair", owner="alpha")
            wait_for("discovery", lambda: late.last("homeassistant/device/dnsha_home_pair/config"))


def test_a_killed_primary_is_told_by_its_will_and_the_secondary_speaks_for_the_pair(
    mosquitto: Mosquitto, ears: Listener, start: Start
) -> None:
    with exporters() as (alpha, other):
        primary = start(mosquitto.port, alpha)
        ears.wait_for_state("pair", owner="alpha")
        start(mosquitto.port, other, "secondary")
        ears.wait_for("dnsha/home/secondary/availability", "online")
        other.behaviour = serving(pair_of("beta", "beta"), "secondary")
        ears.wait_for_state("secondary", virtual_ip="ON")
        assert ears.state("pair")["owner"] == "alpha", "the primary lives, and it alone speaks for the pair"
        primary.process.kill()
        ears.wait_for("dnsha/home/primary/availability", "offline")
        ears.wait_for_state("pair", owner="beta")
        alpha.behaviour = serving(pair_of("beta", "alpha"))
        start(mosquitto.port, alpha)
        ears.wait_for("dnsha/home/primary/availability", "online")
        owners = [json.loads(said)["owner"] for topic, said in ears.said if topic == "dnsha/home/pair/state"]
        assert owners == sorted(owners), "alpha, then beta, and nobody said the other thing in between"


def test_a_frozen_primary_is_told_by_its_will(mosquitto: Mosquitto, ears: Listener, start: Start) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha)
        ears.wait_for("dnsha/home/primary/availability", "online")
        teller.process.send_signal(signal.SIGSTOP)
        ears.wait_for("dnsha/home/primary/availability", "offline", 3 * KEEPALIVE_SECONDS)
        teller.process.send_signal(signal.SIGCONT)
        ears.wait_for("dnsha/home/primary/availability", "online")


def test_a_silent_exporter_makes_its_node_unavailable_until_it_answers(
    mosquitto: Mosquitto, ears: Listener, start: Start
) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha)
        ears.wait_for("dnsha/home/primary/availability", "online")
        healthy, alpha.behaviour = alpha.behaviour, hangs
        ears.wait_for("dnsha/home/primary/availability", "offline", 2 * SECONDS)
        assert teller.log.count("did not answer within 1.5 s; until it answers, this node is unavailable") == 1
        alpha.behaviour = healthy
        ears.wait_for("dnsha/home/primary/availability", "online")
        teller.wait_for_log("this node's exporter answers again")


def test_a_wrong_password_is_named_once_and_a_right_one_taken_without_a_restart(
    mosquitto: Mosquitto, ears: Listener, start: Start, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text("wrong-horse-battery\n")
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha)
        refused = "refuses the user dns or its password (Not authorized): correct MQTT_USER and MQTT_PASSWORD"
        teller.wait_for_log(refused)
        wait_for(
            "a second try", lambda: mosquitto.log_file.read_text().count("not authorised"), until=lambda n: n > 1,
            timeout=SECONDS,
        )  # fmt: skip
        assert teller.log.count(refused) == 1
        assert "horse" not in teller.log
        assert b"horse" not in Path(f"/proc/{teller.process.pid}/cmdline").read_bytes()
        assert b"horse" not in Path(f"/proc/{teller.process.pid}/environ").read_bytes()
        assert teller.process.poll() is None
        (tmp_path / "password").write_text(PASSWORD)
        ears.wait_for("dnsha/home/primary/availability", "online")


def test_without_a_user_the_broker_that_wants_one_is_named(mosquitto: Mosquitto, start: Start) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha, MQTT_USER="", MQTT_PASSWORD_FILE="")
        teller.wait_for_log("wants a user: set MQTT_USER and MQTT_PASSWORD")


def test_a_broker_that_is_away_and_back_is_told_everything_anew(
    mosquitto: Mosquitto, ears: Listener, start: Start
) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha)
        ears.wait_for_state("pair", owner="alpha")
        mosquitto.stop()
        teller.wait_for_log("is gone")
        teller.wait_for_log("cannot be reached (Connection refused): look whether it runs")
        alpha.behaviour = serving(pair_of("beta", "alpha"))
        mosquitto.start()
        ears.wait_for_state("pair", owner="beta", seconds=2 * SECONDS)
        ears.wait_for("dnsha/home/primary/availability", "online")
        teller.wait_for_log("connected to the MQTT broker", 2)


def test_a_frozen_broker_is_noticed_and_a_program_that_is_to_end_ends(mosquitto: Mosquitto, start: Start) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha)
        teller.wait_for_log("connected to the MQTT broker")
        mosquitto.freeze()
        teller.wait_for_log("is gone", seconds=3 * KEEPALIVE_SECONDS)
        teller.process.send_signal(signal.SIGTERM)
        assert teller.process.wait(SECONDS) == 0


def test_tls_is_for_a_broker_whose_certificate_the_ca_signed(tmp_path: Path, start: Start) -> None:
    make_certificate(tmp_path)
    make_certificate(tmp_path, stem="other-")
    with broker(Mosquitto(tmp_path, certificate=True)) as encrypted, exporters() as (alpha, _):
        good = start(encrypted.port, alpha, MQTT_TLS="on", MQTT_CA_FILE=f"{tmp_path}/cert.pem")
        good.wait_for_log("connected to the MQTT broker")
        wrong = start(encrypted.port, alpha, MQTT_TLS="on", MQTT_CA_FILE=f"{tmp_path}/other-cert.pem")
        wrong.wait_for_log("has a certificate that is not accepted")
        unknown = start(encrypted.port, alpha, MQTT_TLS="on")
        unknown.wait_for_log("and MQTT_CA_FILE the CA that signed it")
        plain = start(encrypted.port, alpha)
        plain.wait_for_log("does not speak MQTT: correct MQTT_HOST and MQTT_PORT, or MQTT_TLS=on")
        missing = start(encrypted.port, alpha, MQTT_TLS="on", MQTT_CA_FILE="/nonexistent/ca.pem")
        missing.wait_for_log("MQTT_CA_FILE, /nonexistent/ca.pem, cannot be used: No such file or directory")


def test_tls_with_a_broker_that_has_none_is_named(mosquitto: Mosquitto, start: Start) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha, MQTT_TLS="on")
        teller.wait_for_log("with MQTT_TLS=on it must be a port with TLS")


def test_what_was_told_is_removed_when_it_is_asked_for(
    mosquitto: Mosquitto, ears: Listener, start: Start, tmp_path: Path
) -> None:
    with exporters() as (alpha, _):
        teller = start(mosquitto.port, alpha)
        ears.wait_for_state("pair", owner="alpha")
        teller.process.send_signal(signal.SIGTERM)
        teller.process.wait(SECONDS)
        variables = environment(mosquitto.port, alpha.port, "primary", MQTT_PASSWORD_FILE=f"{tmp_path}/password")
        done = subprocess.run(
            command("--remove"), cwd=REPOSITORY, env=variables, timeout=SECONDS, check=True, capture_output=True
        )
        assert b"The pair is removed" in done.stdout
        ears.wait_for("homeassistant/device/dnsha_home_pair/config", "")
        with listener(mosquitto) as late:
            wait_for("silence", lambda: late.said, until=lambda said: not said, steady=1.0)

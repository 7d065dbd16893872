"""The stand-in for Pi-hole's container ends, restarts and reads its settings as the real one does."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import pytest

from tests.lab.waiting import wait_for

pytestmark = pytest.mark.skipif(
    shutil.which("dnsmasq") is None or os.geteuid() != 0, reason="dnsmasq, which stands in for FTL, needs root here"
)
REPOSITORY = Path(__file__).parents[2]
START_SECONDS = 20.0
PASSWORD = "correct horse battery"


def free_port(kind: socket.SocketKind) -> int:
    with socket.socket(socket.AF_INET, kind) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Container:
    """The program as in its container, on loopback."""

    def __init__(self, folder: Path) -> None:
        self.dns = free_port(socket.SOCK_DGRAM)
        self.web = free_port(socket.SOCK_STREAM)
        (folder / "pihole-FTL").symlink_to(shutil.which("dnsmasq") or "")
        (folder / "password").write_text(PASSWORD)
        environment = {
            "PATH": f"{folder}:{os.environ['PATH']}",
            "STANDIN_FOLDER": str(folder),
            "WEBPASSWORD_FILE": str(folder / "password"),
            "FTLCONF_dns_port": str(self.dns),
            "FTLCONF_dns_interface": "lo",
            "FTLCONF_dns_listeningMode": "BIND",
            "FTLCONF_dns_upstreams": "127.0.0.1#9",
            "FTLCONF_files_log_dnsmasq": "-",
            "FTLCONF_webserver_port": f"127.0.0.1:{self.web},[::1]:{self.web}o,443os",
        }
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.standin_pihole"], cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL
        )

    def ask(self, name: str, timeout: float = 0.2) -> str:
        """What becomes of a question: the rcode and the first record, ``silence`` or ``refused``."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
            asker.connect(("127.0.0.1", self.dns))
            asker.settimeout(timeout)
            try:
                asker.send(dns.message.make_query(name, "A").to_wire())
                answer = dns.message.from_wire(asker.recv(4096))
            except TimeoutError:
                return "silence"
            except ConnectionRefusedError:
                return "refused"
        return " ".join([dns.rcode.to_text(answer.rcode()), *(str(one) for rrset in answer.answer for one in rrset)])

    def call(self, method: str, path: str, body: object = None, sid: str = "", host: str = "127.0.0.1") -> object:
        data = None if body is None else json.dumps(body).encode()
        url = f"http://{host}:{self.web}/api/{path}"
        request = urllib.request.Request(url, data, {"X-FTL-SID": sid}, method=method)
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read() or b"null")

    def listens(self) -> bool:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as asker:
            return asker.connect_ex(("127.0.0.1", self.web)) == 0

    def log_in(self, host: str = "127.0.0.1") -> str:
        answer = self.call("POST", "auth", {"password": PASSWORD}, host=host)
        assert isinstance(answer, dict)
        return str(answer["session"]["sid"])


@contextmanager
def running(folder: Path) -> Iterator[Container]:
    container = Container(folder)
    try:
        answers = ("it to answer", lambda: container.ask("pi.hole"))
        wait_for(*answers, until=lambda seen: seen.startswith("NOERROR"), timeout=START_SECONDS)
        wait_for("its API", container.listens, timeout=START_SECONDS)
        yield container
    finally:
        container.process.send_signal(signal.SIGTERM)
        container.process.wait(10)


@pytest.fixture
def container(tmp_path: Path) -> Iterator[Container]:
    with running(tmp_path) as container:
        yield container


def test_it_keeps_to_itself_what_ftl_keeps(container: Container) -> None:
    assert container.ask("printer.internal") == "NXDOMAIN"
    assert container.ask("printer.home.arpa") == "NXDOMAIN"
    assert container.ask("localhost") == "NOERROR 127.0.0.1"


def test_it_answers_its_api_over_both_families(container: Container) -> None:
    for host in ("127.0.0.1", "[::1]"):
        container.call("DELETE", "auth", sid=container.log_in(host), host=host)


def test_a_local_record_is_answered_without_a_restart(container: Container) -> None:
    sid = container.log_in()
    container.call("PATCH", "config", {"config": {"dns": {"hosts": ["192.0.2.7 nas.home.arpa"]}}}, sid)
    wait_for("the record", lambda: container.ask("nas.home.arpa"), until=lambda seen: seen == "NOERROR 192.0.2.7")


def test_a_setting_that_needs_a_restart_takes_dns_away_for_less_than_two_seconds(container: Container) -> None:
    sid = container.log_in()
    records = ["nas.lan,pi.hole"]
    container.call("PATCH", "config", {"config": {"dns": {"cnameRecords": records}}}, sid)
    began = time.monotonic()
    wait_for("it to be silent", lambda: container.ask("pi.hole"), until=lambda seen: seen == "silence", timeout=2.0)
    wait_for("it to answer", lambda: container.ask("nas.lan"), until=lambda seen: seen.startswith("NOERROR"))
    assert time.monotonic() - began < 2.0


def test_what_the_environment_sets_is_read_only(container: Container) -> None:
    sid = container.log_in()
    with pytest.raises(urllib.error.HTTPError, match="400"):
        container.call("PATCH", "config", {"config": {"dns": {"upstreams": ["192.0.2.1"]}}}, sid)


def test_asked_to_end_it_is_silent_for_a_second_and_refuses_nothing(container: Container) -> None:
    container.process.send_signal(signal.SIGTERM)
    began = time.monotonic()
    seen = []
    while container.process.poll() is None:
        seen.append(container.ask("pi.hole"))
    assert 1.0 <= time.monotonic() - began <= START_SECONDS
    assert seen.count("silence") >= 4
    assert "refused" not in seen[:-1]
    assert container.process.returncode == 0
    assert container.ask("pi.hole") == "refused"


def test_when_dnsmasq_dies_so_does_the_container(container: Container) -> None:
    children = Path(f"/proc/{container.process.pid}/task/{container.process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGKILL)
    assert container.process.wait(5) == 1

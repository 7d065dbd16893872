"""Both nodes on one machine: the demonstration, on one engine."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.lab.errors import CommandError
from tests.lab.holder import Holder
from tests.lab.logs import log_directory
from tests.lab.plan import REPOSITORY
from tests.lab.waiting import wait_for

from .conftest import require
from .engine import Engine
from .images import IMAGES
from .rig import why_not
from .tools import STACK

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

FILES = ("--env-file", "demo.env", "--file", "demo.yaml")


class Demo:
    """The demonstration, as somebody with a laptop runs it."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder

    def compose(self, *arguments: str) -> str:
        return self.engine.docker("compose", *FILES, *arguments, directory=self.folder, timeout=180.0)

    def answering(self) -> str:
        """The node that answers the client on the virtual IP, or nothing."""
        try:
            return self.compose(
                "exec", "-T", "client", "sh", "-c", "drill -Q x$(date +%s%N).canary.dnsha.example @192.0.2.53 TXT"
            ).strip('"\n')
        except CommandError:
            return ""

    def wait_answering(self, node: str) -> None:
        wait_for(
            f"{node} to answer on the virtual IP",
            self.answering,
            until=lambda seen: seen == node,
            timeout=60,
            every=0.3,
        )


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    require(why_not())
    with contextlib.ExitStack() as undo:
        home = undo.enter_context(log_directory(STACK))
        for name in ("compose", "stack", "alerts", "dashboards"):
            shutil.copytree(REPOSITORY / name, home / name, ignore=shutil.ignore_patterns(".env", "__pycache__"))
        undo.callback(shutil.rmtree, home / "data", ignore_errors=True)
        holder = Holder("laptop")
        undo.callback(holder.destroy)
        engine = Engine(home / "data", socket="/run/docker.sock", prefix=holder.command([]), cgroup="/dnsha-stack-demo")
        undo.callback(engine.close)
        engine.start()
        engine.docker("load", "--quiet", "--input", str(IMAGES), timeout=300)
        demo = Demo(engine, home / "compose")
        try:
            demo.compose("up", "--detach", "--no-build")
        except CommandError as error:
            error.add_note(engine.logs("demo-settings"))
            raise
        yield demo


def test_the_primary_answers_on_the_virtual_ip(demo: Demo) -> None:
    demo.wait_answering("alpha")


def test_the_virtual_ip_moves_when_keepalived_is_stopped_and_comes_back(demo: Demo) -> None:
    demo.wait_answering("alpha")
    demo.compose("stop", "alpha-keepalived")
    demo.wait_answering("beta")
    demo.compose("start", "alpha-keepalived")
    demo.wait_answering("alpha")


def test_the_status_pages_are_there_for_a_browser(demo: Demo) -> None:
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:{}/', timeout=10).read().decode())"
    for port, name in ((9753, "alpha"), (9754, "beta")):
        page = demo.engine.run_beside("python3", "-c", fetch.format(port))
        assert name in page


def test_prometheus_watches_both_nodes_and_grafana_has_the_dashboards(demo: Demo) -> None:
    fetch = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:{}', timeout=10).read().decode())"

    def ask(address: str) -> Any:
        try:
            return json.loads(demo.engine.run_beside("python3", "-c", fetch.format(address)))
        except subprocess.CalledProcessError:  # not yet
            return {}

    query = "9090/api/v1/query?query=" + quote("sum by (site, node) (dnsha_vip_owned)")
    wait_for(
        "Prometheus to know both nodes",
        lambda: {
            (one["metric"]["site"], one["metric"]["node"], one["value"][1])
            for one in ask(query).get("data", {}).get("result", ())
        },
        until=lambda seen: seen == {("demo", "alpha", "1"), ("demo", "beta", "0")},
        timeout=90.0,
        every=1.0,
    )
    wait_for(
        "the watchdog's alert",
        lambda: json.dumps(ask("9090/api/v1/alerts")),
        until=lambda seen: "DnsHaWatchdog" in seen,
        timeout=90.0,
        every=1.0,
    )
    home = ask("3000/api/dashboards/home")["dashboard"]["uid"]
    assert home in {dashboard["uid"] for dashboard in ask("3000/api/search?type=dash-db")}

"""``python -m tests.lab run -- python -m tests.dashboards.record``: a real pair through everything that can happen.

It begins with minutes in which nothing does. Both exporters and both node_exporters are scraped once a second
meanwhile; ``tests/dashboards/recording.om.xz`` is what they said, and the dashboards are proved and photographed with
it. Takes about ten minutes.
"""

from __future__ import annotations

import json
import lzma
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from dashboards.preview.replay import HEALTHY_SECONDS
from tests.dashboards import standin_household
from tests.dashboards.scraper import Scraper
from tests.dashboards.standin_hardware import (
    ENVIRONMENT,
    Containers,
    containers,
    furnish,
    node_exporter,
    sensor,
    share,
    stamp,
)
from tests.dashboards.standin_household import Household
from tests.lab import processes, standin_internet
from tests.lab.advert_sender import to_node
from tests.lab.helper_process import HelperProcess
from tests.lab.internet import internet, put_faults
from tests.lab.isolation import inside
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, INTERFACE, VIPS, peer_of
from tests.lab.scenarios import SCENARIOS, Scenario

RECORDING: Final = Path(__file__).resolve().with_name("recording.om.xz")
_PAUSE: Final = 8.0  # seconds: longer than what a panel or an alert needs to see a state
# Until every collector has asked once, and the rates of what was before are over.
_SETTLING: Final = 30.0
# A machine that has too much to do makes failovers of its own, until it has less.
_PATIENCE: Final = 1800.0


def main() -> int:
    """Record; return the exit status."""
    if not inside():
        print(
            "record: this needs the lab: python -m tests.lab run -- python -m tests.dashboards.record", file=sys.stderr
        )
        return 2
    with tempfile.TemporaryDirectory(prefix="dnsha-record-") as name:
        lines = record(Path(name))
    unfinished = RECORDING.with_suffix(".new")
    unfinished.write_bytes(lzma.compress("".join(f"{line}\n" for line in lines).encode(), preset=9))
    unfinished.replace(RECORDING)
    print(f"record: {len(lines):,} lines, {RECORDING.stat().st_size / 1024:.0f} kB in {RECORDING.name}")
    return 0


def record(directory: Path) -> list[str]:
    """Let everything happen to a pair; return what was scraped, in OpenMetrics."""
    key, with_internet = standin_internet.make_key(directory)
    password_file = directory / "password"
    environment = {
        **ENVIRONMENT,
        **standin_household.environment(password_file),
        "WORLD_NAMES": "com,org",
    }
    lines = with_internet + standin_household.UNBOUND_LINES
    with (
        Lab(environment=environment, unbound_lines=lines) as lab,
        internet(lab, key) as world,
        containers(lab) as docker,
    ):
        put_faults(world, standin_household.FAULTS)
        for host in lab.nodes:
            furnish(host)
            host.install(node_exporter()).start()
            host.install(standin_household.pihole_api(password_file)).start()
        with Household(lab) as household:
            time.sleep(_SETTLING)
            with Scraper(lab) as scraper:
                _say("a healthy pair")
                begin = scraper.wait_healthy(HEALTHY_SECONDS, _PATIENCE)
                play(lab, docker, household)
        return scraper.lines(begin)


def play(lab: Lab, docker: Containers, household: Household) -> None:
    """Let everything happen, one thing after the other."""
    for scenario in SCENARIOS:
        _say(f"{scenario.name}: {scenario.headline}")
        _strike(lab, docker, scenario)
    for headline, strike, recover in [*_events(lab, docker), *_of_resolvers(lab, household)]:
        _say(headline)
        strike()
        time.sleep(_PAUSE)
        recover()
        time.sleep(_PAUSE)
    _say("five moves in a row")
    for _ in range(3):
        lab.drain(ALPHA.name)
        lab.wait_owners(BETA.name)
        lab.undrain(ALPHA.name)
        lab.wait_owners(ALPHA.name)
    time.sleep(2 * _PAUSE)


def _strike(lab: Lab, docker: Containers, scenario: Scenario) -> None:
    (owner,) = lab.owners()
    other = peer_of(owner).name
    scenario.strike(lab, owner)
    lab.wait_owners(*scenario.owners_after(owner, other), timeout=10.0)
    host = lab.hosts[owner]
    crashed = not host.on
    if crashed:
        docker.vanish(owner)
        host.remove("node_exporter")  # it could not start before its stand-in sensors are there
    time.sleep(1.5 * _PAUSE)
    scenario.recover(lab, owner)
    if crashed:
        furnish(host)
        docker.appear(owner)
        host.install(node_exporter()).start()
    lab.wait_healthy()
    time.sleep(_PAUSE)


def _events(  # noqa: C901 (a list of small functions)
    lab: Lab, docker: Containers
) -> list[tuple[str, Callable[[], None], Callable[[], None]]]:
    """What else happens: what it is, how it begins, how it ends."""
    owner, other = ALPHA.name, BETA.name
    hosts = lab.hosts

    def kill_vrrp_process() -> None:
        tree = processes.tree(hosts[owner].service("keepalived").pid)
        keepalived = [pid for pid in tree if processes.name_of(pid).startswith("keepalived")]
        processes.send(keepalived[1], signal.SIGKILL)  # the first is its parent

    def kill_health_check() -> None:
        told = json.loads(hosts[other].path("/run/dnsha/processes.json").read_text())
        processes.send(told["processes"]["check"]["pid"], signal.SIGKILL)

    def stranger_comes() -> None:
        lab.client.run("ip", "address", "add", f"{VIPS['ipv4']}/32", "dev", INTERFACE)

    def stranger_goes() -> None:
        lab.client.run("ip", "address", "del", f"{VIPS['ipv4']}/32", "dev", INTERFACE)

    def both_unbounds_die() -> None:
        lab.kill_service(owner, "unbound")
        lab.kill_service(other, "unbound")

    def both_unbounds_start() -> None:
        lab.start_service(owner, "unbound")
        lab.start_service(other, "unbound")

    def containers_fail() -> None:
        docker.change(owner, "unbound", "die", "start", Health={"Status": "unhealthy"})
        docker.change(owner, "pihole", "oom", "die", status="exited", OOMKilled=True, ExitCode=137)
        docker.change(other, "backup", "die", status="exited", ExitCode=1)

    def containers_recover() -> None:
        for node, name in ((owner, "unbound"), (owner, "pihole"), (other, "backup")):
            docker.change(node, name, "start", Health={"Status": "healthy"})

    def gets_hot() -> None:
        sensor(hosts[other], "class/thermal/thermal_zone0/temp", "84300")
        sensor(hosts[other], "class/hwmon/hwmon0/in0_lcrit_alarm", "1")

    def sync_fails() -> None:
        stamp(hosts[other], "pihole", exit_status=1)
        stamp(hosts[owner], "backup", age=27 * 3600)
        share(hosts[other], "server:\n  verbosity: 1\n")

    forgers: list[HelperProcess] = []

    def somebody_forges() -> None:
        advert = to_node(BETA, ALPHA).changed(interval=4095)
        forgers.append(HelperProcess(lab.client.command, "advert_sender", advert.arguments))
        forgers[-1].wait_started()

    def forger_goes() -> None:
        forgers.pop().finish()

    def sync_recovers() -> None:
        stamp(hosts[other], "pihole")
        stamp(hosts[owner], "backup")
        share(hosts[other], "server:\n")

    return [
        ("the owner is drained", lambda: lab.drain(owner), lambda: lab.undrain(owner)),
        (
            "Unbound dies behind a live Pi-hole",
            lambda: lab.kill_service(owner, "unbound"),
            lambda: lab.start_service(owner, "unbound"),
        ),
        (
            "the backup's Pi-hole dies: no redundancy",
            lambda: lab.kill_service(other, "dnsmasq"),
            lambda: lab.start_service(other, "dnsmasq"),
        ),
        (
            "both Unbounds die: DNS is down",
            both_unbounds_die,
            both_unbounds_start,
        ),
        (
            "the owner's exporter is killed",
            lambda: lab.kill_service(owner, "exporter"),
            lambda: lab.start_service(owner, "exporter"),
        ),
        (
            "the backup's cable is pulled",
            lambda: lab.unplug(other),
            lambda: lab.plug(other),
        ),
        ("keepalived's VRRP process dies", kill_vrrp_process, lambda: None),
        ("the backup's health check is killed", kill_health_check, lambda: None),
        ("a stranger has the virtual IP too", stranger_comes, stranger_goes),
        ("containers fail", containers_fail, containers_recover),
        ("a node gets hot and its power supply is weak", gets_hot, lambda: furnish(hosts[other])),
        ("a sync fails, a backup is old, the nodes' content differs", sync_fails, sync_recovers),
        ("somebody forges adverts of the owner", somebody_forges, forger_goes),
    ]


def _of_resolvers(lab: Lab, household: Household) -> list[tuple[str, Callable[[], None], Callable[[], None]]]:
    """What happens to what counts: the same."""
    figures = household.figures

    def blocking_stops() -> None:
        figures[ALPHA.name].blocking = False
        figures[BETA.name].loaded -= 20 * 86_400

    def blocking_is_back() -> None:
        figures[ALPHA.name].blocking = True
        figures[BETA.name].loaded = figures[ALPHA.name].loaded
        time.sleep(_PAUSE)  # the exporter asks every 15 seconds

    def exporters_die() -> None:
        for node in (ALPHA.name, BETA.name):
            lab.kill_service(node, "exporter")

    def exporters_start() -> None:
        for node in (ALPHA.name, BETA.name):
            lab.start_service(node, "exporter")

    return [
        ("blocking is switched off, and lists are old", blocking_stops, blocking_is_back),
        ("both exporters are killed", exporters_die, exporters_start),
    ]


def _say(line: str) -> None:
    print(f"record: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

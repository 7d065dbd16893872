"""``python -m tests.lab run -- python -m tests.dashboards.record``: a real pair through everything that can happen.

Both exporters and both node_exporters are scraped once a second meanwhile; ``tests/dashboards/recording.om.xz`` is what
they said, and the dashboards are proved and photographed with it. Takes about five minutes.
"""

from __future__ import annotations

import json
import lzma
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

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
from tests.lab import processes
from tests.lab.advert_sender import to_node
from tests.lab.helper_process import HelperProcess
from tests.lab.isolation import inside
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, INTERFACE, VIPS, peer_of
from tests.lab.scenarios import SCENARIOS, Scenario

RECORDING: Final = Path(__file__).resolve().with_name("recording.om.xz")
_PAUSE: Final = 8.0  # seconds: longer than what a panel or an alert needs to see a state


def main() -> int:
    """Record; return the exit status."""
    if not inside():
        print(
            "record: this needs the lab: python -m tests.lab run -- python -m tests.dashboards.record", file=sys.stderr
        )
        return 2
    with Lab(environment=ENVIRONMENT) as lab, containers(lab) as docker:
        for host in lab.nodes:
            furnish(host)
            host.install(node_exporter()).start()
        with Scraper(lab) as scraper:
            play(lab, docker)
        lines = scraper.lines()
    unfinished = RECORDING.with_suffix(".new")
    unfinished.write_bytes(lzma.compress("".join(f"{line}\n" for line in lines).encode(), preset=9))
    unfinished.replace(RECORDING)
    print(f"record: {len(lines):,} lines, {RECORDING.stat().st_size / 1024:.0f} kB in {RECORDING.name}")
    return 0


def play(lab: Lab, docker: Containers) -> None:
    """Let everything happen, one thing after the other."""
    _say("a healthy pair")
    time.sleep(3 * _PAUSE)
    for scenario in SCENARIOS:
        _say(f"{scenario.name}: {scenario.headline}")
        _strike(lab, docker, scenario)
    for headline, strike, recover in _events(lab, docker):
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


def _say(line: str) -> None:
    print(f"record: {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())

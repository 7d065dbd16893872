"""Prometheus, Alertmanager, notifier and Grafana as shipped, on both nodes: what breaks is told, once, whoever died."""

from __future__ import annotations

import base64
import http.client
import json
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
import yaml

from tests.lab.errors import CommandError
from tests.lab.http_get import get
from tests.lab.plan import ALPHA, BETA, CLIENT, EXPORTER_PORT, NODES, REPOSITORY, peer_of
from tests.lab.waiting import wait_for

from .node import Node
from .rig import PASSWORD, Rig
from .standin_phone import PORT, Received, StandinPhone

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1200)]

SERVICES = ("prometheus", "alertmanager", "notifier")
JOBS = {"dnsha": EXPORTER_PORT, "node": 9100, "prometheus": 9090, "alertmanager": 9093, "notifier": 9754}
SECRETS = {
    "GRAFANA_ADMIN_PASSWORD": "battery-of-grafana",
    "NOTIFY_URLS": f"json://owner:battery-of-the-phone@{CLIENT.ipv4}:{PORT}/phone",
    "HEARTBEAT_URL": f"http://{CLIENT.ipv4}:{PORT}/heartbeat?key=battery-of-the-heart",
}
FILES = {"COMPOSE_FILE": "compose.yaml:observability.yaml"}
# A scrape, an evaluation, Alertmanager's group, and a machine that does other things.
TOLD_SECONDS = 90.0
DEAD_SECONDS = 300.0  # a node that may be booting is no news
# As long as a second message could still come: the other Alertmanager's turn, and a repetition of the first.
QUIET_SECONDS = 20.0
CALM_SECONDS = 300.0
SERIES_OF_A_NODE = 400
# Of these an alert may be what explains the next one. A busy machine that starts a pair has flapping and a late clock.
CALM_COMPONENTS = {"vip", "vrrp", "dns", "containers", "nodes"}
UNBOUND = "Unbound on alpha does not answer"
UNBOUND_IS_BACK = "Unbound on alpha answers again"
DEATH = "alpha is down"
ALPHA_IS_BACK = "alpha is up again"


@dataclass(frozen=True)
class Observed:
    """The pair, and the phone of its owner."""

    rig: Rig
    phone: StandinPhone

    def ask(self, node: str, port: int, path: str) -> Any:
        """What a program on a node answers on that node, as JSON: the firewall keeps the client out."""
        host = self.rig.hosts[node]
        return json.loads(get(host, host.place.ipv4, port, path, timeout=20.0).body)

    def told(self, what: str, since: float) -> list[Received]:
        """The messages that tell of an alert for the first time."""
        return [one for one in self.phone.messages(since) if any(what in line for line in _new(one))]

    def ended(self, what: str, since: float) -> list[Received]:
        """The messages that tell of its end."""
        return [one for one in self.phone.messages(since) if any("✅" in line and what in line for line in _lines(one))]

    def wait_calm(self) -> None:
        """Wait until no alert is left that could explain another one, and the phone knows."""
        wait_for("no alert to be left", self._troubles, until=lambda names: not names, timeout=CALM_SECONDS, every=1.0)
        time.sleep(QUIET_SECONDS)

    def _troubles(self) -> list[str]:
        try:
            alerts = [alert for p in NODES for alert in self.ask(p.name, 9090, "/api/v1/alerts")["data"]["alerts"]]
        except (OSError, ValueError) as error:  # not there, or not ready: that is no JSON
            return [str(error)]
        return [
            alert["labels"]["alertname"]
            for alert in alerts
            if alert["state"] == "firing" and alert["labels"]["component"] in CALM_COMPONENTS
        ]


def _lines(message: Received) -> list[str]:
    return [message.title, *message.body.splitlines()]


def _new(message: Received) -> list[str]:
    return [line for line in _lines(message) if "✅" not in line and not line.startswith("Still:")]


def wait_one(what: str, messages: Callable[[], list[Received]], timeout: float = TOLD_SECONDS) -> Received:
    """Wait until the messages are there, and see that they are one."""
    found: list[Received] = wait_for(
        f"a message: {what}", messages, until=lambda seen: len(seen) > 0, timeout=timeout, every=0.5
    )
    assert len(found) == 1
    return found[0]


def env(rig: Rig, name: str) -> dict[str, str]:
    """What the owner writes into .env for everything that is shipped."""
    place = next(place for place in NODES if place.name == name)
    return {**rig.env(place), **FILES, **SECRETS, "PEER_NAME": peer_of(name).name, "SITE": "lab"}


@pytest.fixture(scope="module")
def observed(shared_rig: Rig) -> Iterator[Observed]:
    """The pair with observability.yaml, every target of it known."""
    phone = StandinPhone(shared_rig.client)
    for place in NODES:
        node = shared_rig.node(place.name)
        node.write_env(env(shared_rig, place.name))
        node.compose("up", "--detach", "--no-build")
    shared_rig.wait_healthy()
    for place in NODES:
        shared_rig.node(place.name).wait_health(*SERVICES, timeout=180.0)
    yield Observed(shared_rig, phone)
    phone.close()
    for place in NODES:
        node = shared_rig.node(place.name)
        node.write_env(shared_rig.env(place))
        node.compose("up", "--detach", "--no-build", "--remove-orphans")


def test_every_health_check_turns_healthy(observed: Observed) -> None:
    observed.rig.node(ALPHA.name).wait_health(*SERVICES, "grafana", timeout=150.0)
    observed.rig.node(BETA.name).wait_health(*SERVICES, timeout=150.0)
    assert "grafana" not in observed.rig.node(BETA.name).engine.containers()


@pytest.mark.parametrize("watching", [place.name for place in NODES])
def test_each_prometheus_watches_both_nodes_under_their_names(observed: Observed, watching: str) -> None:
    def targets() -> dict[tuple[str, str, str, str], str]:
        return {
            (labels["job"], labels["site"], labels["node"], labels["instance"]): target["health"]
            for target in observed.ask(watching, 9090, "/api/v1/targets?state=active")["data"]["activeTargets"]
            if (labels := target["labels"])
        }

    expected = {(job, "lab", place.name, f"{place.ipv4}:{port}"): "up" for job, port in JOBS.items() for place in NODES}
    wait_for("every target to be up", targets, until=lambda seen: seen == expected, timeout=60.0, every=1.0)


def test_a_node_with_everything_that_is_shipped_stays_under_its_limit_of_series(observed: Observed) -> None:
    query = urllib.parse.quote('count by (node) ({job="dnsha"})')
    found = observed.ask(ALPHA.name, 9090, f"/api/v1/query?query={query}")["data"]["result"]
    series = {one["metric"]["node"]: int(one["value"][1]) for one in found}
    print(f"series of the exporters as shipped: {series}")
    assert series.keys() == {place.name for place in NODES}
    assert max(series.values()) < SERIES_OF_A_NODE


@pytest.mark.parametrize("node", [place.name for place in NODES])
def test_every_rule_is_there_and_can_be_evaluated(observed: Observed, node: str) -> None:
    written = {
        (group["name"], rule.get("alert") or rule["record"])
        for file in (REPOSITORY / "alerts" / "rules").glob("*.yaml")
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    }

    def rules() -> dict[tuple[str, str], str]:
        groups = observed.ask(node, 9090, "/api/v1/rules")["data"]["groups"]
        return {(group["name"], rule["name"]): rule["health"] for group in groups for rule in group["rules"]}

    # Some are evaluated every five minutes; all of one group are, or none is.
    seen = wait_for(
        "the rules to be evaluated",
        rules,
        until=lambda found: sum(health == "ok" for health in found.values()) > len(found) / 2,
        timeout=90.0,
        every=1.0,
    )
    assert seen.keys() == written
    assert set(seen.values()) <= {"ok", "unknown"}


def test_prometheus_says_whose_it_is(observed: Observed) -> None:
    for place in NODES:
        text = observed.ask(place.name, 9090, "/api/v1/status/config")["data"]["yaml"]
        assert yaml.safe_load(text)["global"]["external_labels"] == {"site": "lab", "replica": place.name}
        told = observed.ask(place.name, 9090, "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
        assert {one["url"] for one in told} == {f"http://{one.ipv4}:9093/api/v2/alerts" for one in NODES}


def test_prometheus_takes_each_block_of_the_page_about_many_sites(observed: Observed) -> None:
    page = (REPOSITORY / "docs" / "scaling.md").read_text()
    blocks = re.findall(r"```yaml\n(remote_write:.*?)```", page, re.DOTALL)
    assert len(blocks) == 4
    shipped = (REPOSITORY / "stack" / "prometheus" / "prometheus.yaml").read_text()
    for block in blocks:
        # Its password file is not there, which promtool would refuse: that is not the question.
        text = re.sub(r"password_file: \S+}", "password: secret}", shipped + block)
        said = observed.rig.node(ALPHA.name).engine.docker(
            "exec", "--interactive", "prometheus", "promtool", "check", "config", "/dev/stdin", stdin=text.encode()
        )
        assert "is valid prometheus config file syntax" in said


def test_both_alertmanagers_are_one_cluster(observed: Observed) -> None:
    for place in NODES:
        wait_for(
            f"{place.name}'s Alertmanager to know the other one",
            lambda name=place.name: observed.ask(name, 9093, "/api/v2/status")["cluster"],  # type: ignore[misc]
            until=lambda cluster: (
                cluster["status"] == "ready"
                and {peer["address"] for peer in cluster["peers"]} == {f"{one.ipv4}:9094" for one in NODES}
            ),
            timeout=60.0,
            every=1.0,
        )


def test_grafana_finds_its_dashboards_its_source_and_its_password(observed: Observed) -> None:
    generated = REPOSITORY / "dashboards" / "generated"
    shipped = {json.loads(file.read_text())["uid"] for file in generated.glob("*.json")}
    home = json.loads((generated / "overview.json").read_text())["uid"]
    # Anybody may look; what it is connected to is told with the password alone.
    found = observed.ask(ALPHA.name, 3000, "/api/search?type=dash-db")
    assert {dashboard["uid"] for dashboard in found} == shipped
    assert observed.ask(ALPHA.name, 3000, "/api/dashboards/home")["dashboard"]["uid"] == home
    place = observed.rig.hosts[ALPHA.name].place
    password = base64.b64encode(f"admin:{SECRETS['GRAFANA_ADMIN_PASSWORD']}".encode()).decode()
    answers = [
        get(observed.rig.client, place.ipv4, 3000, "/api/datasources", headers=headers)
        for headers in ({"Authorization": f"Basic {password}"}, {})
    ]
    sources = {source["uid"]: source["url"] for source in json.loads(answers[0].body)}
    assert sources == {
        "dnsha-prometheus": "http://127.0.0.1:9090",
        "dnsha-alertmanager": "http://127.0.0.1:9093",
    }
    assert answers[1].status in (http.client.UNAUTHORIZED, http.client.FORBIDDEN)


def test_docker_shows_no_secret_and_nothing_has_more_than_it_needs(observed: Observed) -> None:
    for place in NODES:
        engine = observed.rig.node(place.name).engine
        for name, container in engine.containers().items():
            text = json.dumps(container)
            assert [one for one in (PASSWORD, *SECRETS.values(), "battery-of") if one in text] == [], name
            assert not any(one in engine.logs(name) for one in (PASSWORD, "battery-of")), name
        for name in SERVICES:
            status = engine.docker("exec", name, "cat", "/proc/1/status")
            assert "CapEff:\t0000000000000000" in status, name
            assert "Uid:\t0\t" not in status, name
            assert engine.inspect(name, "{{.HostConfig.ReadonlyRootfs}}") == "true"


def test_the_notifier_asks_outside_resolvers_for_names(observed: Observed) -> None:
    text = observed.rig.node(BETA.name).engine.docker("exec", "notifier", "cat", "/etc/resolv.conf")
    servers = [line.split()[1] for line in text.splitlines() if line.startswith("nameserver")]
    assert servers == ["9.9.9.9", "1.1.1.1"]


def test_the_heartbeat_arrives(observed: Observed) -> None:
    wait_for("a heartbeat", observed.phone.heartbeats, until=bool, timeout=150.0, every=1.0)


def test_one_failure_is_one_message_and_one_recovery(observed: Observed) -> None:
    observed.wait_calm()
    start = time.monotonic()
    engine = observed.rig.node(ALPHA.name).engine
    engine.docker("stop", "--time", "1", "unbound")
    told = wait_one(UNBOUND, lambda: observed.told(UNBOUND, start))
    assert f"http://{told.sender}:{EXPORTER_PORT}/runbooks/DnsHaServiceDown" in told.body
    time.sleep(QUIET_SECONDS)
    engine.docker("start", "unbound")
    wait_one(UNBOUND_IS_BACK, lambda: observed.ended(UNBOUND_IS_BACK, start))
    time.sleep(QUIET_SECONDS)
    # From two Prometheus, two Alertmanagers and two notifiers.
    assert (len(observed.told(UNBOUND, start)), len(observed.ended(UNBOUND_IS_BACK, start))) == (1, 1)


def test_the_death_of_the_primary_is_told_by_the_other_node(observed: Observed) -> None:
    observed.wait_calm()
    start = time.monotonic()
    observed.rig.crash(ALPHA.name)
    assert wait_one(DEATH, lambda: observed.told(DEATH, start), DEAD_SECONDS).sender == BETA.ipv4
    time.sleep(QUIET_SECONDS)
    observed.rig.boot(ALPHA.name)
    wait_one(ALPHA_IS_BACK, lambda: observed.ended(ALPHA_IS_BACK, start))
    assert len(observed.told(DEATH, start)) == 1


def test_a_new_address_in_env_reaches_the_notifier(observed: Observed) -> None:
    # As .env.example says, and stack/deploy.sh does it in its way: Compose copies the addresses into a new container.
    hand_out = ("up", "--detach", "--no-build", "--force-recreate", "notifier-settings", "settings")
    node = observed.rig.node(BETA.name)
    node.write_env({**env(observed.rig, BETA.name), "NOTIFY_URLS": "none"})
    node.compose(*hand_out)
    try:
        wait_for(
            "the notifier to have nobody to tell",
            lambda: node.engine.logs("notifier"),
            until=lambda text: "NOBODY IS TOLD" in text,
            timeout=60.0,
            every=0.5,
        )
    finally:
        node.write_env(env(observed.rig, BETA.name))
        node.compose(*hand_out)


# Changes of one node's .env, and what the message must name; it starts nothing.
WRONG = {
    "an address for messages that is none": ({"NOTIFY_URLS": "tgram:/no-slash"}, "notifier-settings", "NOTIFY_URLS"),
    "a heartbeat that is no URL": ({"HEARTBEAT_URL": "hc-ping.com"}, "notifier-settings", "HEARTBEAT_URL"),
    "no password for Grafana": (
        {"NODE_ROLE": "primary", "GRAFANA_ADMIN_PASSWORD": ""},
        "settings",
        "GRAFANA_ADMIN_PASSWORD is not set",
    ),
    "both nodes have one name": ({"PEER_NAME": BETA.name}, "settings", "PEER_NAME"),
    "a retention that is none": ({"PROMETHEUS_RETENTION": "a month"}, "settings", "PROMETHEUS_RETENTION"),
}


@pytest.fixture(scope="module")
def taken_down(observed: Observed) -> Iterator[Node]:
    """The secondary with everything down."""
    node = observed.rig.node(BETA.name)
    node.compose("down")
    yield node
    node.compose("down")
    node.write_env(env(observed.rig, BETA.name))


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_value_starts_nothing_and_says_why(taken_down: Node, observed: Observed, case: str) -> None:
    change, service, reason = WRONG[case]
    taken_down.write_env({**env(observed.rig, BETA.name), **change})
    with pytest.raises(CommandError, match="settings"):
        taken_down.compose("up", "--detach", "--no-build")
    assert reason in taken_down.engine.logs(service)
    running = [
        name
        for name in taken_down.engine.containers()
        if taken_down.engine.inspect(name, "{{.State.Running}}") == "true"
    ]
    assert running == []
    taken_down.compose("down")


def test_a_standalone_node_tells_by_itself(taken_down: Node, observed: Observed) -> None:
    alone = {"NODE_ROLE": "standalone", "PEER_IP": "", "PEER_NAME": "", "VIP_ADDRESS": "192.0.2.54"}
    more = {"VIRTUAL_ROUTER_ID": "54", "SHARED_CONTENT": "", "SYNC_TASKS": ""}
    taken_down.write_env({**env(observed.rig, BETA.name), **alone, **more})
    taken_down.compose("up", "--detach", "--no-build")
    taken_down.wait_health(*SERVICES, "grafana", timeout=150.0)
    assert observed.ask(BETA.name, 9093, "/api/v2/status")["cluster"]["status"] == "disabled"
    active = observed.ask(BETA.name, 9090, "/api/v1/targets?state=active")["data"]["activeTargets"]
    assert {target["labels"]["node"] for target in active} == {BETA.name}
    alerts = partial(observed.ask, BETA.name, 9090, "/api/v1/alerts")
    wait_for("an answer", alerts, until=lambda seen: "no answer" not in str(seen), timeout=CALM_SECONDS, every=1.0)
    start = time.monotonic()
    taken_down.engine.docker("stop", "--time", "1", "unbound")
    # Nobody else answers, so that is what there is to tell; the reason is inhibited. Alpha, which goes on watching this
    # node without knowing that it is no peer any more, tells it too.
    down = "no answer from 192.0.2.54, DNS is down"
    wait_one(down, lambda: [one for one in observed.told(down, start) if one.sender == BETA.ipv4])

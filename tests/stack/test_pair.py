"""The pair as shipped, the compose files unchanged, and what becomes of it when something breaks."""

from __future__ import annotations

import json
import signal

import pytest

from tests.lab.dns_query import canary, query
from tests.lab.http_get import get
from tests.lab.plan import ALPHA, BETA, EXPORTER_PORT, NODES
from tests.lab.waiting import wait_for

from .node import Node
from .rig import PASSWORD, Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

CHECKED = ("pihole", "unbound", "keepalived", "guard", "exporter", "docker-proxy", "node-exporter", "sync", "backup")
# Two owners at once, for as long as it takes to look at one node and then at the other, are no overlap.
LOOK_SECONDS = 0.02
# The real one has no gravity.db here, without an internet, and tries for 45 s at each start to build it first.
PIHOLE_START_SECONDS = 90.0


def process_of(node: Node, container: str) -> dict[str, list[str]]:
    """What the kernel says of a container's first process (proc(5), status)."""
    pid = node.engine.inspect(container, "{{.State.Pid}}")
    text = node.engine.docker("exec", container, "cat", "/proc/1/status") if pid != "0" else ""
    return {line.split(":")[0]: line.split()[1:] for line in text.splitlines()}


def test_after_up_the_virtual_ip_answers_and_both_nodes_answer_for_themselves(rig: Rig) -> None:
    assert rig.owners() == (ALPHA.name,)
    assert canary(rig.client, rig.vips[0]) == ALPHA.name
    assert canary(rig.client, rig.vips[0], tcp=True) == ALPHA.name
    assert [canary(rig.client, place.ipv4) for place in NODES] == [place.name for place in NODES]


def test_every_health_check_turns_healthy(rig: Rig) -> None:
    for place in NODES:
        rig.node(place.name).wait_health(*CHECKED)


def test_a_health_check_sees_a_job_that_is_not_done(rig: Rig) -> None:
    node = rig.node(BETA.name)
    node.wait_health("unbound", "pihole")
    node.engine.kill_container_process("unbound", signal.SIGSTOP)
    try:
        wait_for(
            "unbound to be unhealthy",
            lambda: node.health()["unbound"],
            until=lambda seen: seen == "unhealthy",
            timeout=120.0,
            every=1.0,
        )
        # Pi-hole's own health is Pi-hole's own.
        assert node.health()["pihole"] == "healthy"
    finally:
        node.engine.kill_container_process("unbound", signal.SIGCONT)


def test_no_container_has_more_than_it_needs(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    for name, container in node.engine.containers().items():
        host = container["HostConfig"]
        assert isinstance(host, dict)
        assert host["Privileged"] is False, name
        assert host["CapDrop"] == ["ALL"], name
    capabilities = {name: int(process_of(node, name)["CapEff"][0], 16) for name in CHECKED if name != "pihole"}
    assert capabilities == {
        "unbound": 0,
        "exporter": 0,
        "docker-proxy": 0,
        "node-exporter": 0,
        "sync": 0,
        "backup": 0,
        "guard": 1 << 12,  # NET_ADMIN
        "keepalived": 1 << 12 | 1 << 13,  # NET_ADMIN, NET_RAW
    }
    for name in ("exporter", "unbound", "sync", "backup", "node-exporter"):
        assert process_of(node, name)["Uid"][0] not in ("", "0"), name


def test_the_health_check_finds_both_nodes_well_and_lives_beside_keepalived(rig: Rig) -> None:
    for place in NODES:
        engine = rig.node(place.name).engine
        report = json.loads(engine.docker("exec", "keepalived", "cat", "/run/dnsha/health/report.json"))
        assert {name: one["verdict"] for name, one in report["questions"].items() if name != "world"} == {
            "chain": "ok",
            "address": "ok",
            "vip": "ok",
        }
        processes = json.loads(engine.docker("exec", "keepalived", "cat", "/run/dnsha/processes.json"))["processes"]
        assert all(one["running"] for one in processes.values()), processes
        assert {"check", "recorder"} <= set(processes)


def test_passwords_are_in_files_that_only_their_readers_see(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    assert node.engine.docker("exec", "pihole", "cat", "/run/secrets/pihole/password") == PASSWORD
    for name, container in node.engine.containers().items():
        assert PASSWORD not in json.dumps(container), name
    for name in ("exporter", "unbound", "keepalived", "guard", "docker-proxy", "node-exporter"):
        seen = node.engine.docker("exec", name, "sh", "-c", "ls -R /run/secrets 2>/dev/null || true")
        assert "pihole/password" not in seen.replace(":\n", "/"), name


def test_a_drop_in_file_counts(rig: Rig) -> None:
    node = rig.node(BETA.name)
    drop_in = node.compose_folder / "unbound.d" / "local.conf"
    drop_in.write_text('server:\n    local-data: "printer.home.example. 60 IN A 192.0.2.99"\n')
    try:
        node.compose("run", "--rm", "tools", "reload-unbound")
        assert query(rig.client, BETA.ipv4, "printer.home.example").records == ("192.0.2.99",)
    finally:
        drop_in.unlink()


def test_the_exporters_see_every_container_run_through_the_socket_proxy(rig: Rig) -> None:
    for place in NODES:
        wait_for(
            f"{place.name}'s exporter to count the containers",
            lambda address=place.ipv4: get(rig.client, address, EXPORTER_PORT, "/metrics").body,  # type: ignore[misc]
            until=lambda text: all(
                f'dnsha_container_running{{container="{name}"}} 1' in text for name in CHECKED if name != "exporter"
            ),
            timeout=30.0,
            every=0.5,
        )


def test_keepalived_stopped_in_good_order_hands_the_virtual_ip_over(rig: Rig) -> None:
    with rig.sample() as sampler:
        rig.node(ALPHA.name).engine.docker("stop", "keepalived")
        rig.wait_owners(BETA.name)
        wait_for("beta to answer", rig.answering, until=lambda node: node == BETA.name)
    assert sampler.sample.longest_overlap <= LOOK_SECONDS
    assert sampler.sample.longest_outage < 2.0
    rig.node(ALPHA.name).engine.docker("start", "keepalived")
    rig.wait_owners(ALPHA.name, timeout=15.0)


@pytest.mark.parametrize("how", [("--time", "0"), ()], ids=["killed", "in good order"])
def test_pihole_stopped_makes_the_other_node_take_over(rig: Rig, how: tuple[str, ...]) -> None:
    with rig.sample() as sampler:
        # In good order it keeps its socket for a second or two and answers no more: nothing refuses.
        rig.node(ALPHA.name).engine.docker("stop", *how, "pihole")
        rig.wait_owners(BETA.name)
        wait_for("beta to answer", rig.answering, until=lambda node: node == BETA.name)
    assert sampler.sample.longest_overlap <= LOOK_SECONDS
    assert sampler.sample.longest_outage < 4.0
    rig.node(ALPHA.name).engine.docker("start", "pihole")
    rig.wait_owners(ALPHA.name, timeout=PIHOLE_START_SECONDS)


def test_a_node_that_loses_its_power_is_replaced_and_comes_back(rig: Rig) -> None:
    with rig.sample() as sampler:
        rig.crash(ALPHA.name)
        rig.wait_owners(BETA.name)
        wait_for("beta to answer", rig.answering, until=lambda node: node == BETA.name)
    assert sampler.sample.longest_outage < 2.0
    # Docker starts everything by itself at the boot: nobody runs `docker compose up`.
    rig.boot(ALPHA.name)
    rig.wait_owners(ALPHA.name, timeout=90.0)
    wait_for("alpha to answer", rig.answering, until=lambda node: node == ALPHA.name, timeout=30.0)


def test_a_node_that_is_cut_off_is_replaced(rig: Rig) -> None:
    rig.cut(ALPHA.name)
    wait_for("beta to answer", rig.answering, until=lambda node: node == BETA.name)
    rig.mend()
    rig.wait_owners(ALPHA.name, timeout=15.0)


def test_keepalived_killed_never_leaves_two_owners(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    node.engine.docker("update", "--restart", "no", "keepalived")  # so that the other node does take over
    with rig.sample() as sampler:
        node.engine.kill_container_process("keepalived")
        wait_for("beta to answer", rig.answering, until=lambda name: name == BETA.name)
    assert sampler.sample.owners_seen_max == 1
    assert sampler.sample.longest_outage < 2.0
    assert "keepalived is dead: removed 192.0.2.53" in node.engine.logs("guard")
    node.engine.docker("update", "--restart", "unless-stopped", "keepalived")
    node.engine.docker("start", "keepalived")
    rig.wait_owners(ALPHA.name, timeout=15.0)


def test_keepalived_killed_is_started_again_by_docker(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    before = node.engine.inspect("keepalived", "{{.RestartCount}}")
    node.engine.kill_container_process("keepalived")
    wait_for(
        "keepalived to be started again",
        lambda: node.engine.inspect("keepalived", "{{.RestartCount}} {{.State.Running}}"),
        until=lambda seen: seen.endswith("true") and not seen.startswith(f"{before} "),
        timeout=15.0,
        every=0.1,
    )
    rig.wait_owners(ALPHA.name, timeout=15.0)
    wait_for("alpha to answer", rig.answering, until=lambda name: name == ALPHA.name)


def test_a_drained_node_hands_over_and_takes_back_without_losing_a_question(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    with rig.sample() as sampler:
        node.compose("run", "--rm", "tools", "drain")
        rig.wait_owners(BETA.name)
        node.compose("run", "--rm", "tools", "undrain")
        rig.wait_owners(ALPHA.name)
    assert sampler.sample.lost == 0
    # The new owner is there before the old one leaves: that is why nothing is lost.
    assert sampler.sample.longest_overlap < 1.0
    assert set(sampler.sample.answers_by_node) == {ALPHA.name, BETA.name}


def test_a_backup_by_hand_is_kept(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    node.compose("run", "--rm", "tools", "backup", "now")
    listed = node.engine.docker("exec", "backup", "sh", "-c", "ls /var/lib/dnsha/backups /var/lib/dnsha/stamps")
    assert "backup" in listed

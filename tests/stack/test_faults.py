"""What happens to a node around the pair: Docker restarted, images gone, no other node, a full disk."""

from __future__ import annotations

import json
import time

import pytest

from tests.lab.errors import CommandError
from tests.lab.http_get import get
from tests.lab.plan import ALPHA, BETA
from tests.lab.waiting import wait_for

from .rig import Rig
from .verdict import wait_finding, wait_well

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

# The others check themselves once a minute; that they run, the exporter says.
DNS = ("pihole", "unbound", "keepalived", "guard")
STAMP = "/var/lib/dnsha/stamps/backup.json"
BACKUPS = "/var/lib/dnsha/backups"


def test_docker_restarted_under_a_node_brings_everything_back(rig: Rig) -> None:
    node = rig.node(ALPHA.name)
    with rig.sample() as sampler:
        node.engine.stop()
        rig.wait_owners(BETA.name)
        wait_for("beta to answer", rig.answering, until=lambda name: name == BETA.name)
        node.engine.start()
        rig.wait_owners(ALPHA.name, timeout=90.0)
        wait_for("alpha to answer", rig.answering, until=lambda name: name == ALPHA.name, timeout=30.0)
    assert sampler.sample.longest_outage < 3.0
    node.wait_health(*DNS)
    wait_well(rig, ALPHA.name, "containers.data", "container.running", "vip.owner", "peer.reachable")


def test_a_node_that_starts_without_the_other_one_serves_alone_and_says_so(rig: Rig) -> None:
    rig.crash(ALPHA.name)
    rig.crash(BETA.name)
    rig.boot(BETA.name)
    wait_for("beta to answer", rig.answering, until=lambda name: name == BETA.name, timeout=60.0, every=0.1)
    assert rig.owners() == (BETA.name,)
    assert wait_finding(rig, BETA.name, "peer.reachable").status == "warning"
    rig.boot(ALPHA.name)
    rig.wait_healthy()
    wait_well(rig, BETA.name, "peer.reachable", "peer.settings")


@pytest.mark.parametrize("image", ["dnsha-guard:local", "dnsha-exporter:local"])
def test_an_image_that_is_missing_starts_nothing_and_is_named(rig: Rig, image: str) -> None:
    node = rig.node(BETA.name)
    node.compose("down")
    node.engine.docker("tag", image, "kept:elsewhere")
    node.engine.docker("rmi", image)
    try:
        with pytest.raises(CommandError, match=image):
            node.compose("up", "--detach", "--no-build", "--pull", "never")
        running = node.engine.docker("ps", "--format", "{{.Names}}").split()
        assert running == []
    finally:
        node.engine.docker("tag", "kept:elsewhere", image)
        node.engine.docker("rmi", "kept:elsewhere")
    rig.reset()


def test_a_full_disk_costs_no_answer_is_told_and_leaves_nothing_truncated(rig: Rig) -> None:
    node = rig.node(ALPHA.name)

    def backup() -> str:
        return node.engine.docker("exec", "backup", "python3", "-m", "stack.tools", "backup", "now")

    def listed() -> list[str]:
        return sorted(node.engine.docker("exec", "backup", "ls", "-A", BACKUPS).split())

    backup()
    stamped, kept = json.loads(node.engine.docker("exec", "backup", "cat", STAMP)), listed()
    with rig.sample() as sampler:
        rig.disk.fill()
        try:
            told = wait_finding(rig, ALPHA.name, "sync.disk", "the disk is full")
            assert told.status == "critical"
            # The other node's exporter says it too, and Prometheus would read it from node_exporter.
            wait_finding(rig, BETA.name, "sync.disk", "the disk is full")
            assert free_of(rig, str(rig.disk.folder)) < 1 << 20
            with pytest.raises(CommandError, match="is the disk full or read-only"):
                backup()
            time.sleep(3.0)
        finally:
            rig.disk.empty()
    assert rig.owners() == (ALPHA.name,)
    assert sampler.sample.longest_outage < 1.0
    after = json.loads(node.engine.docker("exec", "backup", "cat", STAMP))
    assert after["last_success"] == stamped["last_success"]
    assert listed() == kept
    wait_well(rig, ALPHA.name, "sync.disk")
    backup()
    assert json.loads(node.engine.docker("exec", "backup", "cat", STAMP))["exit_status"] == 0
    assert not [name for name in listed() if name.startswith(".")]


def test_a_trust_anchor_of_zeros_is_replaced_and_told(rig: Rig) -> None:
    """What a power cut can leave on an SD card; Unbound refused it at every start."""
    engine = rig.node(BETA.name).engine
    engine.docker("exec", "unbound", "sh", "-c", "head -c 2000 /dev/zero >/var/lib/unbound/root.key")
    engine.docker("restart", "--time", "5", "unbound")
    rig.node(BETA.name).wait_health("unbound")
    assert "root.key is damaged, kept as /var/lib/unbound/root.key.damaged" in engine.logs("unbound")
    assert "DNSKEY 257" in engine.docker("exec", "unbound", "cat", "/var/lib/unbound/root.key")


def free_of(rig: Rig, mount: str) -> float:
    """What node_exporter on alpha says is left there, in bytes."""
    text = get(rig.hosts[ALPHA.name], ALPHA.ipv4, 9100, "/metrics").body
    rows = [line for line in text.splitlines() if line.startswith("node_filesystem_avail_bytes{")]
    (row,) = [line for line in rows if f'mountpoint="{mount}"' in line]
    return float(row.rpartition(" ")[2])

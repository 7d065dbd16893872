"""The stack's own firewall on a real node, beside Docker's rules and the owner's: who reaches what, by real sockets."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator

import pytest

from tests.lab.dns_query import canary
from tests.lab.host import Host
from tests.lab.http_get import get
from tests.lab.plan import ALPHA, BETA, CLIENT, DNS_PORT, EXPORTER_PORT, NODES, peer_of
from tests.lab.reach import link_local, open_tcp, ping
from tests.lab.waiting import wait_for

from .node import Node
from .rig import Rig
from .test_layout_b import SECOND_API

pytestmark = [pytest.mark.stack, pytest.mark.timeout(900)]

SSH = 22
LAN = {EXPORTER_PORT, 80, 443, 3000, 8081}
PEER = {9090, 9093, 9094, 9100, 9754, 9755}
WHOLE = {
    "COMPOSE_FILE": "compose.yaml:layout-b.yaml:observability.yaml",
    "CLIENT_NETWORKS": "127.0.0.0/8,192.0.2.0/24,2001:db8::/64,fe80::/10",
    "GRAFANA_ADMIN_PASSWORD": "battery-of-grafana",
    "SITE": "lab",
}
OWNERS = "table ip owners { chain input { type filter hook input priority 0; tcp dport 9090 accept; }; }"
# RFC 5798: version 3, type advertisement; a router of the pair's number with the highest priority.
FORGED_ADVERTISEMENT = bytes([0x31, 53, 255, 1, 0, 5, 0, 0]) + socket.inet_aton("192.0.2.53")


@pytest.fixture(scope="module")
def whole(shared_rig: Rig) -> Iterator[Rig]:
    """The pair with everything that is shipped, both Pi-holes of layout B among it."""
    for place in NODES:
        node = shared_rig.node(place.name)
        node.write_env({**shared_rig.env(place), **WHOLE, "PEER_NAME": peer_of(place.name).name})
        node.compose("up", "--detach", "--no-build", "--remove-orphans")
    shared_rig.wait_healthy()
    for place in NODES:
        shared_rig.node(place.name).wait_health("firewall", "alertmanager", "notifier", "prometheus", timeout=180.0)
    yield shared_rig
    for place in NODES:
        node = shared_rig.node(place.name)
        node.write_env(shared_rig.env(place))
        node.compose("up", "--detach", "--no-build", "--remove-orphans")
    shared_rig.forget_dropped_adverts()


def listening(node: Host) -> set[int]:
    """Every TCP port on which the node listens on another address than loopback (proc(5))."""
    found = set()
    for name in ("tcp", "tcp6"):
        for line in node.run("cat", f"/proc/{node.holder.pid}/net/{name}").splitlines()[1:]:
            address, port = line.split()[1].split(":")
            if line.split()[3] == "0A" and address not in ("0100007F", "00000000000000000000000001000000"):
                found.add(int(port, 16))
    return found


def ways(node: Host) -> dict[str, str]:
    return {"IPv4": node.place.ipv4, "IPv6": node.place.ipv6, "link-local": link_local(node)}


def tables(node: Node) -> set[str]:
    return set(node.run("nft", "list", "tables").splitlines())


def others(node: Node) -> str:
    """The rules of everybody else, without their counts."""
    return re.sub(
        r"table inet dnsha(_vrrp)? \{.*?\n\}\n", "", node.run("nft", "--stateless", "list", "ruleset"), flags=re.DOTALL
    )


@pytest.mark.parametrize("name", [place.name for place in NODES])
def test_a_stranger_reaches_no_port_that_is_not_for_the_lan(whole: Rig, name: str) -> None:
    node, stranger = whole.hosts[name], whole.client
    ports = listening(node)
    assert ports >= {DNS_PORT, EXPORTER_PORT, 80, 8081} | PEER  # all of them are there to be reached
    link_local(stranger)
    for way, address in ways(node).items():
        reached = open_tcp(stranger, address, ports | {SSH}, seconds=2.0)
        assert reached <= LAN | {DNS_PORT}, way
        assert reached >= {DNS_PORT, EXPORTER_PORT}, way
        ping(stranger, address)


def test_the_other_node_reaches_all_that_it_needs(whole: Rig) -> None:
    found = open_tcp(whole.hosts[BETA.name], ALPHA.ipv4, PEER | LAN | {DNS_PORT}, seconds=2.0)
    assert found >= PEER | {DNS_PORT, EXPORTER_PORT, 80, 3000, 8081}
    assert open_tcp(whole.hosts[BETA.name], ALPHA.ipv6, PEER, seconds=2.0) == set()


def test_both_alertmanagers_are_one_cluster_behind_it(whole: Rig) -> None:
    for place in NODES:
        wait_for(
            f"{place.name}'s Alertmanager to know the other one",
            lambda place=place: get(whole.hosts[place.name], place.ipv4, 9093, "/metrics").body,  # type: ignore[misc]
            until=lambda text: re.search(r"^alertmanager_cluster_members(\{.*\})? 2$", text, re.MULTILINE) is not None,
            timeout=60.0,
            every=1.0,
        )


def test_the_second_pihole_is_reached_by_what_copies_to_it(whole: Rig) -> None:
    told = whole.node(ALPHA.name).engine.docker(
        "exec", "sync-b", "python3", "-c",
        f"import urllib.request as u; print(u.urlopen('{SECOND_API}/api/info/login', timeout=5).status)",
    )  # fmt: skip
    assert told.strip() == "200"


def test_the_exporter_says_that_it_is_loaded_and_what_it_closes(whole: Rig) -> None:
    said = whole.node(ALPHA.name).engine.docker(
        "exec", "exporter", "python3", "-m", "exporter", "--once", "--only", "firewall"
    )
    assert re.search(r"^ok +firewall.loaded +loaded; closed to the LAN: 5301, 5302, 9090, ", said, re.MULTILINE), said


def test_it_has_no_capability_but_the_one_that_it_needs(whole: Rig) -> None:
    container = whole.node(ALPHA.name).engine.containers()["firewall"]
    config = container["HostConfig"]
    assert isinstance(config, dict)
    added = [name.removeprefix("CAP_") for name in config["CapAdd"]]  # Engine's versions spell it in two ways
    assert (added, config["CapDrop"], config["Privileged"]) == (["NET_ADMIN"], ["ALL"], False)


def test_docker_and_the_owner_keep_their_rules_while_it_comes_and_goes(whole: Rig) -> None:
    node = whole.node(ALPHA.name)
    node.holder.run("nft", "--file", "-", stdin=OWNERS)
    try:
        before = others(node)
        assert "owners" in before
        node.engine.docker("stop", "firewall")
        assert "table inet dnsha" not in tables(node)
        assert open_tcp(whole.client, ALPHA.ipv4, PEER, seconds=2.0) == PEER  # so that this test can fail
        assert others(node) == before
        node.engine.docker("start", "firewall")
        wait_for("the table", lambda: "table inet dnsha" in tables(node), timeout=20.0)
        assert open_tcp(whole.client, ALPHA.ipv4, PEER, seconds=2.0) == set()  # whatever the owner's rule accepts
        assert others(node) == before
    finally:
        node.run("nft", "delete", "table", "ip", "owners")


def test_a_killed_service_cuts_no_dns_and_the_next_one_takes_over(whole: Rig) -> None:
    node = whole.node(ALPHA.name)
    node.engine.docker("kill", "firewall")
    assert "table inet dnsha" in tables(node)
    assert canary(whole.client, whole.vips[0]) == ALPHA.name
    assert open_tcp(whole.client, ALPHA.ipv4, PEER, seconds=2.0) == set()
    node.compose("up", "--detach", "--no-build")
    node.engine.docker("stop", "firewall")
    assert "table inet dnsha" not in tables(node)
    node.engine.docker("start", "firewall")


def test_the_pair_still_fails_over_and_back(whole: Rig) -> None:
    whole.drain(ALPHA.name)
    whole.wait_owners(BETA.name)
    whole.undrain(ALPHA.name)
    whole.wait_owners(ALPHA.name, timeout=15.0)


def dropped(rig: Rig) -> int:
    """How many adverts of another address alpha has dropped."""
    told = rig.node(ALPHA.name).run("nft", "list", "counter", "inet", "dnsha_vrrp", "dropped_foreign_source")
    packets = re.search(r"packets (\d+)", told)
    assert packets is not None, told
    return int(packets[1])


def test_a_forged_advertisement_is_dropped(whole: Rig) -> None:
    before = dropped(whole)
    whole.client.run(
        "python3",
        "-c",
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112);"
        "s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255);"
        f"[s.sendto({FORGED_ADVERTISEMENT!r}, ({ALPHA.ipv4!r}, 0)) for _ in range(5)]",
    )
    # By keepalived's own table, which comes first and knows every field.
    assert dropped(whole) == before + 5
    assert whole.owners() == (ALPHA.name,)


def reached(rig: Rig, address: str) -> set[int]:
    """What the client reaches of the status page and of what is for the other node."""
    return open_tcp(rig.client, address, PEER | {EXPORTER_PORT}, seconds=2.0)


def test_named_networks_narrow_it_and_off_takes_it_away_for_good(whole: Rig) -> None:
    node = whole.node(ALPHA.name)
    mine = {**whole.env(ALPHA), **WHOLE, "PEER_NAME": BETA.name}
    try:
        node.write_env({**mine, "ADMIN_NETWORKS": CLIENT.ipv4})
        node.compose("up", "--detach", "--no-build")
        admin = {9090, EXPORTER_PORT}
        wait_for("an admin", lambda: reached(whole, ALPHA.ipv4), until=lambda found: found == admin, timeout=30.0)
        assert reached(whole, ALPHA.ipv6) == set()
        node.write_env({**mine, "FIREWALL": "off"})
        node.compose("up", "--detach", "--no-build")
        wait_for("the table to go", lambda: "table inet dnsha" not in tables(node), timeout=30.0)
        time.sleep(7)  # longer than it is from one look to the next
        assert "table inet dnsha" not in tables(node)
        # Of what was made anew some still starts.
        everything = PEER | {EXPORTER_PORT}
        wait_for("all to be open", lambda: reached(whole, ALPHA.ipv4), until=lambda f: f == everything, timeout=90.0)
    finally:
        node.write_env(mine)
        node.compose("up", "--detach", "--no-build")
    wait_for("the table", lambda: "table inet dnsha" in tables(node), timeout=30.0)


def test_taking_the_stack_down_takes_it_away(whole: Rig) -> None:
    node = whole.node(BETA.name)
    assert {"table inet dnsha", "table inet dnsha_vrrp"} <= tables(node)
    node.compose("down")
    assert not {table for table in tables(node) if "dnsha" in table}
    node.compose("up", "--detach", "--no-build")
    whole.wait_healthy()

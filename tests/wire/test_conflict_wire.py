"""Given real hosts on a real LAN, when they contradict a node, then its wire watch says so: with real packets."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.lab.lab import DRAIN_FILE
from tests.lab.plan import ALPHA, BETA
from tests.lab.waiting import wait_for
from tests.wire.sandbox import in_private_namespaces
from tests.wire.stage import (
    PROMISE_SECONDS,
    STRANGER,
    VIP,
    VIP6,
    Stage,
    add_vips,
    check,
    conflict,
    counted,
    flood,
    heard,
    listening,
    missing,
    owned_by,
    owners,
    priority,
    processor_seconds,
    remove_vips,
    sees,
    split,
)

BOTH_VIPS = {"VIP_ADDRESS": f"{VIP}/24,{VIP6}/64"}
Plan = tuple[dict[str, str], dict[str, str], dict[str, str]]  # for alpha, for beta, for both
IPV4_ONLY: Plan = ({"PEER_IP": BETA.ipv4}, {"PEER_IP": ALPHA.ipv4}, {})
IPV6_ONLY: Plan = (
    {"NODE_IP": ALPHA.ipv6, "PEER_IP": BETA.ipv6},
    {"NODE_IP": BETA.ipv6, "PEER_IP": ALPHA.ipv6},
    {"VIP_ADDRESS": f"{VIP6}/64"},
)
UNICAST, MULTICAST = {"USE_UNICAST_VRRP": "true"}, {"USE_UNICAST_VRRP": "false"}


@in_private_namespaces
def test_an_owner_names_the_device_that_has_its_virtual_ip_and_later_that_it_had() -> None:
    with Stage() as stage:
        alpha, stranger = stage.host(ALPHA), stage.host(STRANGER)
        stage.watch_on(alpha, **BOTH_VIPS)
        add_vips(alpha)
        listening(alpha)
        time.sleep(2)
        assert sees(alpha, None, VIP)
        assert sees(alpha, None, VIP6)

        add_vips(stranger)
        for address in (VIP, VIP6):
            wait_for("the stranger", partial(sees, alpha, STRANGER.mac, address), timeout=PROMISE_SECONDS)
        assert check(alpha, "vip.foreign_owner") == "critical"

        remove_vips(stranger)
        for address in (VIP, VIP6):
            wait_for("its end", partial(sees, alpha, None, address), timeout=PROMISE_SECONDS)
        assert check(alpha, "vip.foreign_owner") == "warning"


@in_private_namespaces
def test_a_standby_names_it_too_and_the_other_node_is_no_such_device() -> None:
    with Stage() as stage:
        alpha, beta, stranger = stage.host(ALPHA), stage.host(BETA), stage.host(STRANGER)
        stage.watch_on(alpha)
        add_vips(beta)
        time.sleep(4)
        assert sees(alpha, None)
        add_vips(stranger)
        wait_for("the stranger", partial(sees, alpha, STRANGER.mac), timeout=PROMISE_SECONDS)
        assert not split(alpha), "alpha has not got the address"
        assert beta.on


@in_private_namespaces
def test_both_nodes_with_the_address_are_a_split_brain_while_it_lasts() -> None:
    with Stage() as stage:
        alpha, beta = stage.host(ALPHA), stage.host(BETA)
        stage.watch_on(alpha, **BOTH_VIPS)
        add_vips(alpha)
        add_vips(beta)
        for address in (VIP, VIP6):
            wait_for("the split brain", partial(split, alpha, address), timeout=PROMISE_SECONDS)
            assert sees(alpha, None, address)
        assert check(alpha, "vip.split_brain") == "critical"
        remove_vips(beta)
        for address in (VIP, VIP6):
            wait_for("its end", partial(split, alpha, address), until=lambda seen: not seen, timeout=PROMISE_SECONDS)
        assert check(alpha, "vip.foreign_owner") is None


@pytest.mark.parametrize("arp_ignore, arp_announce", [(1, 0), (1, 2), (2, 2), (3, 1)])
@in_private_namespaces
def test_a_device_answers_however_careful_it_is_with_arp(arp_ignore: int, arp_announce: int) -> None:
    with Stage() as stage:
        alpha, stranger = stage.host(ALPHA), stage.host(STRANGER)
        for name, value in (("arp_ignore", arp_ignore), ("arp_announce", arp_announce)):
            stranger.run("sh", "-c", f"echo {value} > /proc/sys/net/ipv4/conf/eth0/{name}")
        add_vips(stranger)
        add_vips(alpha)
        stage.watch_on(alpha)
        wait_for("the stranger", partial(sees, alpha, STRANGER.mac), timeout=PROMISE_SECONDS)


@in_private_namespaces
def test_a_second_interface_of_either_node_on_the_same_lan_is_no_other_host() -> None:
    """Linux answers on it as well, with that interface's hardware address."""
    with Stage() as stage:
        alpha, beta, stranger = stage.host(ALPHA), stage.host(BETA), stage.host(STRANGER)
        stage.second_interface(alpha)
        stage.second_interface(beta)
        add_vips(alpha)
        stage.watch_on(alpha)
        time.sleep(3)
        assert sees(alpha, None)
        add_vips(beta)
        wait_for("the split brain", partial(split, alpha), timeout=PROMISE_SECONDS)
        time.sleep(3)
        assert [entry["foreign_replies"] for entry in conflict(alpha)["conflicts"]] == [0]
        add_vips(stranger)
        wait_for("the stranger", partial(sees, alpha, STRANGER.mac), timeout=PROMISE_SECONDS)


@in_private_namespaces
def test_a_healthy_pair_that_hands_its_virtual_ips_over_and_back_has_no_conflict() -> None:
    with Stage() as stage:
        nodes = alpha, _ = stage.host(ALPHA), stage.host(BETA)
        for node in nodes:
            stage.exporter_on(node, **BOTH_VIPS)
            stage.keepalived_on(node, **BOTH_VIPS)
        wait_for("alpha's VIP", partial(owned_by, "alpha", *nodes), timeout=PROMISE_SECONDS)
        for _ in range(3):
            for wish, owner in ((b"1\n", "beta"), (b"0\n", "alpha")):
                alpha.path(DRAIN_FILE).write_bytes(wish)
                wait_for(f"{owner}'s VIP", partial(owned_by, owner, *nodes), timeout=PROMISE_SECONDS)
                time.sleep(1.3)
        for node in nodes:
            seen = conflict(node)
            assert set(seen["advertisements"].values()) == {0}
            assert seen["advertisers"] == []
            assert [entry["foreign_replies"] for entry in seen["conflicts"]] == [0, 0]
            assert check(node, "conflict.advertisements") == "ok"


SLOW, SAID_OF_SLOW = {"VRRP_ADVERT_INTERVAL": "0.2"}, "its interval is 0.2 s, this node's 0.05 s"
ELSEWHERE, OTHER_ROUTER = {"VIP_ADDRESS": "192.0.2.54/24"}, {"VIRTUAL_ROUTER_ID": "54"}
SAID_OF_LIST = "it advertises 192.0.2.54, this node 192.0.2.53"
SAID_OF_ROUTER = "it advertises 192.0.2.53 as virtual router 54; here it is 53"


@pytest.mark.parametrize(
    "reason, wrong, said, plan, transport",
    [
        pytest.param(
            "priority",
            {"NODE_ROLE": "secondary"},
            "its priority is 240, as this node's is",
            IPV4_ONLY,
            UNICAST,
            id="role",
        ),
        pytest.param("address_list", ELSEWHERE, SAID_OF_LIST, IPV4_ONLY, UNICAST, id="vip"),
        pytest.param("wrong_vrid", OTHER_ROUTER, SAID_OF_ROUTER, IPV4_ONLY, UNICAST, id="router"),
        pytest.param("other_vrid", {**OTHER_ROUTER, **ELSEWHERE}, None, IPV4_ONLY, UNICAST, id="another pair"),
        pytest.param("interval", SLOW, SAID_OF_SLOW, IPV4_ONLY, UNICAST, id="interval"),
        pytest.param("interval", SLOW, SAID_OF_SLOW, IPV4_ONLY, MULTICAST, id="interval multicast"),
        pytest.param("interval", SLOW, SAID_OF_SLOW, IPV6_ONLY, UNICAST, id="interval IPv6"),
        pytest.param("interval", SLOW, SAID_OF_SLOW, IPV6_ONLY, MULTICAST, id="interval IPv6 multicast"),
    ],
)
@in_private_namespaces
def test_a_backup_says_how_its_master_differs(
    reason: str, wrong: dict[str, str], said: str | None, plan: Plan, transport: dict[str, str]
) -> None:
    for_alpha, for_beta, for_both = plan
    master = {**for_both, **transport, **for_alpha, **wrong}
    with Stage() as stage:
        alpha, beta = stage.host(ALPHA), stage.host(BETA)
        stage.keepalived_on(alpha, **master)
        vip = master.get("VIP_ADDRESS", VIP).partition("/")[0]
        wait_for("a master", lambda: owners(alpha, address=vip), timeout=PROMISE_SECONDS)
        stage.exporter_on(beta, **for_both, **for_beta)
        # Drained until its own health is proved as alpha's is, so that their priorities are their roles' alone.
        beta.path(DRAIN_FILE).write_bytes(b"1\n")
        stage.keepalived_on(beta, **for_both, **transport, **for_beta)
        wait_for("the health check", lambda: priority(beta) == 140, timeout=PROMISE_SECONDS)
        beta.path(DRAIN_FILE).write_bytes(b"0\n")

        wait_for(f"{reason} at beta", lambda: counted(beta, reason), timeout=PROMISE_SECONDS)
        seen = conflict(beta)
        assert {other for other, count in seen["advertisements"].items() if count} == {reason}
        assert heard(beta) == ({("peer", for_beta["PEER_IP"]): [said]} if said else {})
        assert check(beta, "conflict.advertisements") == ("warning" if said else "ok")


@in_private_namespaces
def test_a_node_with_a_password_sees_that_its_peer_has_none() -> None:
    """The other one has less to see.

    Each advert that keepalived refuses puts its own next one off by a whole interval, so twenty in a
    second keep a VRRPv2 master from ever sending one. Both own the VIP then, which ARP shows on both.
    """
    with Stage() as stage:
        alpha, beta = stage.host(ALPHA), stage.host(BETA)
        for node, password in ((alpha, "secret"), (beta, "")):
            stage.keepalived_on(node, VRRP_PASSWORD=password)
            stage.exporter_on(node)
        wait_for("the version at alpha", lambda: counted(alpha, "version"), timeout=PROMISE_SECONDS)
        said = "it speaks VRRPv3, this node VRRPv2 (is VRRP_PASSWORD set on one node alone?)"
        assert heard(alpha) == {("peer", BETA.ipv4): [said]}
        assert check(alpha, "conflict.advertisements") == "warning"
        for node in (alpha, beta):
            wait_for("each other", partial(split, node), timeout=PROMISE_SECONDS)


@pytest.mark.parametrize("transport", [UNICAST, MULTICAST], ids=["unicast", "multicast"])
@in_private_namespaces
def test_a_stranger_that_advertises_the_same_virtual_router_is_named(transport: dict[str, str]) -> None:
    with Stage() as stage:
        alpha, stranger = stage.host(ALPHA), stage.host(STRANGER)
        stage.keepalived_on(stranger, **transport)
        stage.watch_on(alpha)
        wait_for("the stranger", lambda: counted(alpha, "foreign_source"), timeout=PROMISE_SECONDS)
        said = "it is neither this node nor its peer, but advertises virtual router 53 too"
        assert heard(alpha) == {("stranger", STRANGER.ipv4): [said]}
        assert check(alpha, "conflict.advertisements") == "warning"


@in_private_namespaces
def test_it_begins_by_itself_when_the_interface_appears_comes_up_or_is_replaced() -> None:
    with Stage() as stage:
        alpha, stranger = stage.host(ALPHA), stage.host(STRANGER)
        stage.watch_on(alpha, NETWORK_INTERFACE="eth9")
        wait_for("no interface", lambda: "eth9 does not exist" in missing(alpha), timeout=PROMISE_SECONDS)
        add_vips(stranger)

        stage.second_interface(alpha, "eth9")
        add_vips(alpha, "eth9")
        wait_for("the stranger", partial(sees, alpha, STRANGER.mac), timeout=PROMISE_SECONDS)
        descriptors = stage.descriptors(alpha)

        alpha.run("ip", "link", "set", "eth9", "down")
        wait_for("a dead interface", lambda: "eth9 is down" in missing(alpha), timeout=PROMISE_SECONDS)
        alpha.run("ip", "link", "set", "eth9", "up")
        wait_for("the wire again", lambda: not missing(alpha), timeout=PROMISE_SECONDS)

        alpha.run("ip", "link", "del", "eth9")
        wait_for("no interface", lambda: "eth9 does not exist" in missing(alpha), timeout=PROMISE_SECONDS)
        stage.second_interface(alpha, "eth9")
        add_vips(alpha, "eth9")
        wait_for("the stranger", partial(sees, alpha, STRANGER.mac), timeout=PROMISE_SECONDS)
        assert abs(stage.descriptors(alpha) - descriptors) <= 1  # the one that is opened now and then


@in_private_namespaces
def test_without_the_capability_it_says_which_one_and_costs_nothing_else() -> None:
    with Stage() as stage:
        alpha = stage.host(ALPHA)
        stage.watch_on(alpha, "")
        wait_for("the sentence", lambda: "lacks NET_RAW" in missing(alpha), timeout=PROMISE_SECONDS)
        wait_for("the other checks", lambda: check(alpha, "vip.owner"), timeout=PROMISE_SECONDS)


@in_private_namespaces
def test_a_flood_of_nonsense_neither_stops_it_nor_makes_it_grow() -> None:
    with Stage() as stage:
        alpha, stranger = stage.host(ALPHA), stage.host(STRANGER)
        add_vips(alpha)
        stage.watch_on(alpha)
        listening(alpha)
        descriptors = stage.descriptors(alpha)
        flood(stranger, seconds=2)  # a first one fills what is filled once
        memory, before = stage.resident_kibibytes(alpha), processor_seconds(alpha)
        flood(stranger, seconds=6)
        assert processor_seconds(alpha) - before < 6 * 0.2, "what it takes is bounded"
        seen = conflict(alpha)
        assert seen["advertisements"]["malformed"] > 0
        assert seen["dropped_frames"] > 1000
        assert abs(stage.descriptors(alpha) - descriptors) <= 1, "but for the one that it opens now and then"
        assert stage.resident_kibibytes(alpha) < memory + 2048
        add_vips(stranger)
        wait_for("the stranger", partial(sees, alpha, STRANGER.mac), timeout=PROMISE_SECONDS)

"""Given a pair with the shipped settings and somebody on its LAN or host who works against it, ``--once`` says who.

The stranger is the client, with its own hardware address. What is found is told for ten minutes, so each test begins
with a keepalived that has heard nothing yet.
"""

from __future__ import annotations

import contextlib
import json
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lab import processes
from tests.lab.advert_sender import Advert, to_node
from tests.lab.exporters import run_exporter, status, wait_settled
from tests.lab.fixtures import require_lab
from tests.lab.helper_process import HelperProcess
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, CLIENT, INTERFACE, VIPS, VIRTUAL_ROUTER_ID
from tests.lab.sending import sending
from tests.lab.service import Daemon
from tests.lab.waiting import wait_for

VIP, VIP6 = VIPS["ipv4"], VIPS["ipv6"]
# Generous: the watch looks twice a second, and at its own host's packets every ten.
FOUND_SECONDS = 20.0
GROUP = {"destination": "224.0.0.18", "destination_mac": "01:00:5e:00:00:12"}


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """A lab of this file's own."""
    require_lab()
    with Lab() as lab:
        yield lab


@pytest.fixture
def pair(lab: Lab) -> Lab:
    """The same, healthy, and nothing was heard yet."""
    lab.reset()
    for node in ("beta", "alpha"):
        lab.stop_service(node, "keepalived")
        lab.hosts[node].path("/run/dnsha/advert-filter.json").unlink()
        lab.start_service(node, "keepalived")
    wait_settled(lab, timeout=40.0)
    return lab


@contextlib.contextmanager
def having_the_vips(pair: Lab) -> Iterator[None]:
    """The client has both virtual IPs as well, as a device with a wrong static address."""
    addresses = [[f"{VIP}/32", "dev", INTERFACE], [f"{VIP6}/128", "dev", INTERFACE, "nodad"]]
    for address in addresses:
        pair.client.run("ip", "address", "add", *address)
    try:
        yield
    finally:
        for address in addresses:
            pair.client.run("ip", "address", "delete", *address[:3])


def once(pair: Lab, node: str, *words: str) -> tuple[str, int]:
    """Wait until ``--once`` on a node has all these words; return what it printed and its exit code."""
    run = wait_for(
        f"{node} to say {words}",
        lambda: run_exporter(pair, node, "--once"),
        until=lambda run: all(word in run.output for word in words),
        timeout=FOUND_SECONDS,
        every=0.2,
    )
    return run.output, run.exit_code


def check(pair: Lab, node: str, name: str) -> dict[str, Any]:
    """A node's verdict of one name about itself; empty when it has none."""
    found = (c for c in status(pair, node)["checks"] if (c["id"], c["node"]) == (name, node) and c["status"] != "ok")
    return dict(next(found, {}))


def accusations(pair: Lab) -> list[str]:
    """What either node says of strangers."""
    seen = [status(pair, node)["conflict"] for node in ("alpha", "beta")]
    return [
        json.dumps(found)
        for one in seen
        for found in [
            *(a for a in one["advertisers"] if not a["settled"]),
            *(c["foreign"] for c in one["conflicts"] if c["foreign"]),
        ]
    ]


def test_a_foreign_owner_is_named_and_the_owner_announces_the_virtual_ip_again(pair: Lab) -> None:
    with having_the_vips(pair):
        for vip in (VIP, VIP6):
            _, code = once(pair, "alpha", f"{CLIENT.mac}, which is neither node, answers for {vip} too")
            assert code == 2
        wait_for("an announcement", lambda: status(pair, "alpha")["conflict"]["announcements"])
        time.sleep(3)
        # One for each address; the next ones follow after ten seconds.
        assert status(pair, "alpha")["conflict"]["announcements"] == 2
    gone = time.monotonic()
    wait_for(
        "nothing critical",
        lambda: [
            c["status"]
            for c in status(pair, "alpha")["checks"]
            if (c["id"], c["node"]) == ("vip.foreign_owner", "alpha")
        ],
        until=lambda seen: set(seen) == {"warning"},
        timeout=10.0,
    )
    assert time.monotonic() - gone < 2.0 + 1.0  # and what a busy machine takes
    # Who believed the device hears the owner once more, so that nothing else is wrong soon.
    wait_for(
        "a warning alone",
        lambda: run_exporter(pair, "alpha", "--once"),
        until=lambda run: (
            run.exit_code == 1 and f"{CLIENT.mac}, which is neither node, answered for {VIP} until" in run.output
        ),
        timeout=FOUND_SECONDS,
        every=0.2,
    )


def test_clients_find_their_way_back_from_a_device_that_has_the_virtual_ip(pair: Lab) -> None:
    """It says so once, as a device does that is switched on: a client that believed it hears the owner again."""
    pair.query("client", VIP, "www.example.org")
    beta = pair.hosts["beta"]
    beta.run("ip", "neighbour", "replace", VIP, "lladdr", CLIENT.mac, "dev", INTERFACE, "nud", "reachable")
    with having_the_vips(pair):
        wait_for(
            "beta to have heard the owner",
            lambda: beta.run("ip", "neighbour", "show", VIP),
            until=lambda shown: ALPHA.mac in shown,
            timeout=FOUND_SECONDS,
        )


@pytest.mark.parametrize("way", ["unicast", "multicast"])
def test_another_vrrp_router_with_our_number_is_named(pair: Lab, way: str) -> None:
    advert = to_node(ALPHA, CLIENT).changed(priority=200, interval=100, rate=1.0)
    with sending(pair, advert if way == "unicast" else advert.changed(**GROUP)):
        said = f"{CLIENT.ipv4} ({CLIENT.mac}) sends VRRP by {way}: it is neither this node nor its peer"
        text, code = once(pair, "alpha", said)
        assert code == 1
        assert f"choose another VIRTUAL_ROUTER_ID on both nodes (here it is {VIRTUAL_ROUTER_ID})" in text
    text, code = once(pair, "alpha", f"{CLIENT.ipv4} ({CLIENT.mac}) sent VRRP by {way}, the last")
    assert code == 1
    assert not check(pair, "alpha", "vrrp.filter"), "the same is not told twice"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"interval": 4095, "priority": 230}, "its interval is 40.95 s, this node's 0.05 s"),
        ({"priority": 255}, "its priority is 255, and the other node's 252 at most"),
        ({"hop_limit": 64, "priority": 230}, "its TTL is 64 instead of 255"),
        ({"version": 2, "interval": 1, "priority": 230}, "it speaks VRRPv2, this node VRRPv3"),
        ({"priority": 230}, f"{CLIENT.mac} sent forged VRRP in the name of the other node ({BETA.ipv4}) by unicast"),
    ],
    ids=["interval", "priority", "TTL", "version", "MAC alone"],
)
def test_three_forged_adverts_are_named_with_their_senders_mac(pair: Lab, fields: dict[str, int], said: str) -> None:
    with sending(pair, to_node(ALPHA, BETA).changed(count=3, **fields)):
        time.sleep(1)
    name = f"{CLIENT.mac} sent forged VRRP in the name of the other node ({BETA.ipv4}) by unicast, the last"
    text, code = once(pair, "alpha", name, said)
    assert code == 1
    assert "find it by its MAC" in text
    assert not check(pair, "alpha", "vrrp.filter"), "the same is not told twice"


OLD_KEEPALIVED = """
vrrp_instance VI_1 {{
    state MASTER
    interface {interface}
    virtual_router_id {router}
    priority 255
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass guide
    }}
    virtual_ipaddress {{
        {vip}/32
    }}
}}
"""


@pytest.fixture
def old_keepalived(pair: Lab) -> Iterator[Lab]:
    """One of a posted guide runs on alpha itself, by multicast and with a router number of its own."""
    host = pair.hosts["alpha"]
    host.path("/run/old.conf").write_text(OLD_KEEPALIVED.format(interface=INTERFACE, router=51, vip=VIP))
    command = [
        "keepalived", "--dont-fork", "--log-console", "--vrrp", "--use-file=/run/old.conf", "--pid=/run/old.pid",
        "--vrrp_pid=/run/old-vrrp.pid",
    ]  # fmt: skip
    program = pair.keepalived.command(*command)
    host.install(Daemon("old-keepalived", program, ready=lambda host: host.path("/run/old-vrrp.pid").exists()))
    try:
        yield pair
    finally:
        host.remove("old-keepalived")


def test_an_old_keepalived_on_the_very_host_is_named_as_the_cause(old_keepalived: Lab) -> None:
    pair = old_keepalived
    pair.start_service("alpha", "old-keepalived")  # type: ignore[arg-type]  # one of this test's own
    text, code = once(pair, "alpha", "another VRRP program runs on this host", "VRRPv2, virtual router 51")
    assert code == 1, text
    assert "systemctl disable --now keepalived" in text

    pair.stop_service("alpha", "dnsmasq")
    said = f"but the kernel has {VIP}: another VRRP program runs on this host (conflict.this_host)"
    text, code = once(pair, "alpha", said)
    assert code == 2
    text, _ = once(pair, "beta", "another VRRP program runs on this host")
    assert "vip.foreign_owner" not in text


def test_a_split_brain_is_no_foreign_device_and_ends_with_it(pair: Lab) -> None:
    pair.kill9_keepalived("alpha")
    pair.wait_owners("alpha", "beta")
    wait_for("beta to say so", lambda: check(pair, "beta", "vip.split_brain"), timeout=FOUND_SECONDS)
    time.sleep(3)
    assert accusations(pair) == []
    pair.start_service("alpha", "keepalived")
    pair.wait_owners("alpha")
    healed = time.monotonic()
    wait_for(
        "an end", lambda: [check(pair, n, "vip.split_brain") for n in ("alpha", "beta")], until=lambda s: not any(s)
    )
    assert time.monotonic() - healed < 2.0 + 1.0
    time.sleep(3)
    assert accusations(pair) == []


def test_a_split_brain_is_seen_on_the_wire_where_the_other_exporter_is_silent(pair: Lab) -> None:
    pair.stop_service("alpha", "exporter")
    pair.kill9_keepalived("alpha")
    pair.wait_owners("alpha", "beta")
    once(pair, "beta", f"the other node answers for {VIP} on the LAN, and this node has it too")


def test_what_a_healthy_pair_does_accuses_nobody(pair: Lab) -> None:
    """Drained and back, crashed and back, and back with another card."""
    for _ in range(3):
        pair.drain("alpha")
        pair.wait_owners("beta")
        time.sleep(1.2)
        pair.undrain("alpha")
        pair.wait_owners("alpha")
        time.sleep(1.2)
    pair.crash("alpha")
    pair.wait_owners("beta")
    pair.boot("alpha")
    pair.wait_healthy()
    time.sleep(2)
    assert accusations(pair) == []

    card = pair.hosts["beta"]
    card.run("ip", "link", "set", INTERFACE, "address", "02:00:00:00:0b:0b")
    pair.drain("alpha")
    pair.wait_owners("beta")
    time.sleep(3)
    assert accusations(pair) == []
    pair.undrain("alpha")
    pair.wait_owners("alpha")
    time.sleep(2)
    assert accusations(pair) == []
    card.run("ip", "link", "set", INTERFACE, "address", BETA.mac)


def test_settings_changed_on_one_node_after_the_other_are_forgotten_when_they_fit(pair: Lab) -> None:
    """The other node sends them, by their MAC too: for a second they have another interval."""
    bent = Advert(BETA.ipv4, ALPHA.ipv4, ALPHA.mac, priority=240, interval=20, count=20)
    sender = HelperProcess(pair.hosts["beta"].command, "advert_sender", bent.arguments)
    try:
        sender.wait_started()
        once(pair, "alpha", f"{BETA.ipv4}: its interval is 0.2 s, this node's 0.05 s")
        sender.finish()
    finally:
        sender.close()
    pair.drain("alpha")  # so that beta advertises again, as it should
    pair.wait_owners("beta")
    wait_for("nothing to be said", lambda: accusations(pair), until=lambda seen: not seen, timeout=FOUND_SECONDS)
    pair.undrain("alpha")


def test_a_killed_watch_is_named_and_begins_anew(pair: Lab) -> None:
    told = json.loads(pair.hosts["alpha"].path("/run/dnsha/processes.json").read_text())
    processes.send(told["processes"]["wire"]["pid"], signal.SIGKILL)
    text, code = once(pair, "alpha", "the wire watch was started again")
    assert code == 1, text
    wait_for("its report", lambda: not check(pair, "alpha", "conflict.data"), timeout=FOUND_SECONDS)


@pytest.mark.parametrize("environment", [{"USE_UNICAST_VRRP": "false"}, {"VRRP_PASSWORD": "secret12"}])
def test_other_pairs_accuse_nobody_either(environment: dict[str, str]) -> None:
    require_lab()
    with Lab(environment=environment) as pair:
        pair.drain("alpha")
        pair.wait_owners("beta", timeout=15.0)
        time.sleep(12)  # its own host's packets were looked at as well
        pair.undrain("alpha")
        pair.wait_owners("alpha", timeout=15.0)
        time.sleep(3)
        assert accusations(pair) == []


def test_an_ipv6_pair_accuses_nobody_and_names_a_stranger() -> None:
    require_lab()
    with Lab(families=("ipv6",)) as pair:
        pair.drain("alpha")
        pair.wait_owners("beta", timeout=15.0)
        time.sleep(12)
        pair.undrain("alpha")
        pair.wait_owners("alpha", timeout=15.0)
        time.sleep(2)
        assert accusations(pair) == []
        advert = to_node(ALPHA, BETA).changed(source=BETA.ipv6, destination=ALPHA.ipv6, address=VIP6, interval=300)
        with sending(pair, advert):
            once(pair, "alpha", f"{CLIENT.mac} sends forged VRRP in the name of the other node ({BETA.ipv6})")

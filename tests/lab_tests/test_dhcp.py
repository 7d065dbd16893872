"""DHCP on a real pair: the server moves with the VIP, devices keep their addresses, and none is given twice."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import pytest

from tests.lab.dhcp_client import Leased, get_addresses, hardware, lower_half, udhcpc
from tests.lab.fixtures import require_lab
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, DHCP_ROUTER
from tests.lab.waiting import wait_for


@pytest.fixture(scope="module")
def own_pair() -> Iterator[Lab]:
    require_lab()
    with Lab(families=["ipv4"], dhcp=True, guard=True, exporter=False) as lab:
        yield lab


@pytest.fixture
def lab(own_pair: Lab) -> Lab:
    own_pair.reset()
    for node in own_pair.nodes:
        node.service("dhcp").launch()
    wait_serving(own_pair, "alpha")
    wait_for("alpha to be the only one", lambda: told(own_pair, "beta")["serving"], until=lambda seen: seen is False)
    return own_pair


def told(lab: Lab, node: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(lab.hosts[node].path("/run/dnsha/dhcp.json").read_text())
    return content


def wait_serving(lab: Lab, node: str) -> None:
    wait_for(f"{node} to serve DHCP", lambda: told(lab, node)["serving"], timeout=10)


def wait_copied(lab: Lab, node: str, addresses: Collection[str]) -> None:
    copy = lab.hosts[node].logs / "dhcp" / "peer"
    wait_for(
        f"{node} to know the leases",
        lambda: {line.split()[2] for line in copy.read_text().splitlines()},
        until=lambda known: known >= set(addresses),
        timeout=15,
    )


def addresses(leased: Mapping[str, Leased]) -> dict[str, str]:
    return {one.address: one.hardware for one in leased.values()}


def kept_addresses(lab: Lab, leased: Mapping[str, Leased]) -> dict[str, str]:
    return addresses(get_addresses(lab, [(one.hardware, one.address) for one in leased.values()]))


numbers = iter(range(1, 10_000))


def new_devices(count: int) -> list[tuple[str, str]]:
    return [(hardware(next(numbers)), "") for _ in range(count)]


def test_the_owner_of_the_vip_gives_addresses_and_itself_as_dns_server(lab: Lab) -> None:
    (got,) = get_addresses(lab, new_devices(1)).values()
    assert (got.server, got.dns, got.router) == (ALPHA.ipv4, lab.vips[0], DHCP_ROUTER)
    assert lower_half(got.address)
    assert not told(lab, "beta")["serving"]


def test_a_real_client_is_served_by_the_new_owner_after_a_crash(lab: Lab) -> None:
    first, server = udhcpc(lab, 9001)
    assert server == ALPHA.ipv4
    wait_copied(lab, "beta", [first])
    lab.crash("alpha")
    begin = time.monotonic()
    again, server = udhcpc(lab, 9001, wanted=first)
    known = time.monotonic() - begin
    new, _ = udhcpc(lab, 9002)
    assert (again, server) == (first, BETA.ipv4)
    assert not lower_half(new)
    assert known < 5


def test_the_new_owner_answers_new_devices_soon_after_a_crash(lab: Lab) -> None:
    lab.crash("alpha")
    got = get_addresses(lab, new_devices(20), seconds=5)
    assert len(got) == 20
    assert {one.server for one in got.values()} == {BETA.ipv4}


def test_devices_keep_their_address_through_drain_and_return(lab: Lab) -> None:
    had = get_addresses(lab, new_devices(10))
    wait_copied(lab, "beta", addresses(had))
    lab.drain("alpha")
    wait_serving(lab, "beta")
    assert kept_addresses(lab, had) == addresses(had)
    new = get_addresses(lab, new_devices(10))
    assert not addresses(new).keys() & addresses(had).keys()
    wait_copied(lab, "alpha", addresses({**had, **new}))
    lab.undrain("alpha")
    wait_serving(lab, "alpha")
    assert kept_addresses(lab, {**had, **new}) == addresses({**had, **new})


def test_a_split_brain_gives_no_address_twice_and_heals(lab: Lab) -> None:
    lab.cut_between("alpha", "beta")
    lab.wait_owners("alpha", "beta")
    wait_serving(lab, "beta")
    both = get_addresses(lab, new_devices(30))
    lab.cut("alpha")  # beta alone
    of_beta = get_addresses(lab, new_devices(10))
    lab.mend()
    lab.cut_between("alpha", "beta")
    lab.cut("beta")
    of_alpha = get_addresses(lab, new_devices(10))
    lab.mend()
    everybody = {**both, **of_beta, **of_alpha}
    assert len(everybody) == 50
    taken: dict[str, list[Leased]] = {}
    for one in everybody.values():
        taken.setdefault(one.address, []).append(one)
    assert [devices for devices in taken.values() if len(devices) > 1] == []
    lab.wait_owners("alpha")
    wait_for("beta to serve no more", lambda: told(lab, "beta")["serving"], until=lambda seen: seen is False)
    time.sleep(35)  # a server that runs takes in what the other one tells of every half a minute
    assert kept_addresses(lab, everybody) == addresses(everybody)


def test_after_a_power_cut_of_the_house_devices_keep_their_addresses(lab: Lab) -> None:
    had = get_addresses(lab, new_devices(10))
    lab.crash("alpha")
    lab.crash("beta")
    lab.boot("beta")
    lab.boot("alpha")
    lab.wait_owners("alpha", timeout=15)
    wait_serving(lab, "alpha")
    assert kept_addresses(lab, had) == addresses(had)
    new = get_addresses(lab, new_devices(10))
    assert len(addresses({**had, **new})) == 20


def test_a_dnsmasq_that_dies_is_started_again(lab: Lab) -> None:
    def running() -> set[str]:
        return set(lab.hosts["alpha"].run("sh", "-c", "pgrep -f [d]hcp/dnsmasq.conf || :").split())

    died = running()
    lab.hosts["alpha"].run("kill", "-9", *died)
    wait_for("another dnsmasq", running, until=lambda found: bool(found - died), timeout=15)
    wait_serving(lab, "alpha")
    assert len(get_addresses(lab, new_devices(1))) == 1


def test_static_leases_of_the_inventory_are_given_by_either_node(lab: Lab) -> None:
    fixed = hardware(9100)
    for node in ("alpha", "beta"):
        inventory = lab.hosts[node].logs / "tasks" / "shared" / "pihole.txt"
        inventory.parent.mkdir(parents=True, exist_ok=True)
        inventory.write_text(f"host 192.0.2.9 nas\nstatic-lease {fixed},192.0.2.99,printer\nstatic-lease nonsense,,\n")
    lab.drain("alpha")
    wait_serving(lab, "beta")
    assert get_addresses(lab, [(fixed, "")])[fixed].address == "192.0.2.99"
    lab.undrain("alpha")
    wait_serving(lab, "alpha")
    assert get_addresses(lab, [(fixed, "")])[fixed].address == "192.0.2.99"


def test_a_stranger_is_told_no_lease(lab: Lab) -> None:
    done = lab.client.run("sh", "-c", f"echo | busybox nc -w 2 {ALPHA.ipv4} 9756 | wc -c")
    assert done.strip() == "0"

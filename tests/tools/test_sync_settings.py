"""Pi-hole's settings that make answers differ follow the primary's, with no more restarts than they need."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from exporter.model.errors import ParseError
from stack.tools import pihole_settings, sync_pihole
from stack.tools.errors import PutOffError, RefusedError, ToolError

from .conftest import MakeNode
from .pair import ONE, TWO, Pair, synchronised_pair
from .standin_pihole_api import StandinPihole
from .standin_pihole_config import KEYS
from .standin_pihole_content import content

REVERSE = "true,192.0.2.0/24,192.0.2.1,home.example"
LEASE = "02:00:00:00:00:01,192.0.2.44,tv"


@pytest.fixture
def pair(make_node: MakeNode) -> Iterator[Pair]:
    with synchronised_pair(make_node) as made:
        yield made


def imports(pihole: StandinPihole) -> int:
    return pihole.requests.count("POST /api/teleporter 200")


def differences(pair: Pair) -> list[str]:
    path = pair.node.tasks.task_directory / "pihole.differs"
    return path.read_text().splitlines() if path.exists() else []


def test_what_needs_no_restart_comes_without_one(pair: Pair) -> None:
    wanted = {"dns.blocking.mode": "NX", "dns.rateLimit.count": 500, "dns.blockTTL": 30}
    pair.primary.settings |= wanted
    pair.primary.content["hosts"] = ["192.0.2.80 www.example.test"]
    pair.sync()
    assert {key: pair.replica.configuration[key] for key in wanted} == wanted
    assert pair.replica.content["hosts"] == ["192.0.2.80 www.example.test"]
    assert (pair.replica.restarts, imports(pair.replica)) == (0, 0)


def test_what_needs_a_restart_costs_one(pair: Pair) -> None:
    wanted = {
        "dns.revServers": [REVERSE],
        "dns.domain.name": "home.example",
        "dns.cache.size": 20000,
        "dhcp.hosts": [LEASE],
        "misc.dnsmasq_lines": ["address=/example.test/192.0.2.7"],
    }
    pair.primary.settings |= wanted
    pair.sync()
    assert {key: pair.replica.configuration[key] for key in wanted} == wanted
    assert (pair.replica.restarts, imports(pair.replica)) == (1, 0)
    for entry in (f"reverse-server {REVERSE}\n", f"static-lease {LEASE}\n", "setting dns.cache.size 20000\n"):
        assert entry in pair.inventory


def test_lists_and_settings_come_together(pair: Pair) -> None:
    pair.primary.content = content(ONE, TWO)
    pair.primary.settings["dns.rateLimit.count"] = 0
    pair.sync()
    assert pair.replica.loaded
    assert pair.replica.content["lists"] == pair.primary.content["lists"]
    assert pair.replica.configuration["dns.rateLimit.count"] == 0


def test_a_setting_goes_back_to_its_default(pair: Pair) -> None:
    pair.primary.settings["dns.revServers"] = [REVERSE]
    pair.sync()
    del pair.primary.settings["dns.revServers"]
    pair.sync()
    assert pair.replica.configuration["dns.revServers"] == []


def test_what_is_a_nodes_own_stays_so(pair: Pair) -> None:
    own = {"dns.upstreams": ["192.0.2.1"], "dns.reply.host.IPv4": "192.0.2.11", "dhcp.active": True}
    before = {key: pair.replica.configuration[key] for key in own}
    pair.primary.settings |= own | {"dns.blockTTL": 5}
    pair.sync()
    assert {key: pair.replica.configuration[key] for key in own} == before


def test_a_setting_of_the_replicas_own_is_not_overwritten(pair: Pair) -> None:
    pair.replica.settings["dns.rateLimit.count"] = 7
    with pytest.raises(RefusedError, match=r"1 changes of its own .*\(setting dns\.rateLimit\.count\).* sync adopt"):
        pair.sync()
    assert pair.replica.settings["dns.rateLimit.count"] == 7
    assert differences(pair) == ["setting dns.rateLimit.count"]
    assert "setting dns.rateLimit.count 7\n" in pair.inventory  # so the exporters see that the nodes differ


def test_one_that_the_environment_sets_is_named_and_the_rest_is_copied(pair: Pair) -> None:
    pair.replica.read_only = frozenset({"dns.listeningMode"})
    pair.primary.settings |= {"dns.listeningMode": "ALL", "dns.blockTTL": 30}
    for _ in range(2):  # nothing but that is left, and still it is no success
        with pytest.raises(
            ToolError, match=r"dns\.listeningMode .* differ, and the environment of beta's Pi-hole sets"
        ):
            pair.sync()
        assert pair.replica.configuration["dns.listeningMode"] == "LOCAL"
        assert pair.replica.configuration["dns.blockTTL"] == 30
        assert differences(pair) == ["setting dns.listeningMode"]
    assert pair.replica.restarts == 0


def test_one_that_this_pihole_does_not_take_is_named_with_its_reason(pair: Pair) -> None:
    pair.primary.settings["dns.blocking.mode"] = "NEWER"
    with pytest.raises(
        ToolError, match=r"dns\.blocking\.mode: invalid option; setting dns\.blocking\.mode still differ"
    ):
        pair.sync()


def test_differences_are_named_until_there_are_none(pair: Pair) -> None:
    pair.replica.content["domains"] = content(domains=("mine.example",))["domains"]
    pair.primary.settings["dns.blockTTL"] = 30
    with pytest.raises(RefusedError):
        pair.sync()
    assert differences(pair) == ["domain deny exact mine.example", "setting dns.blockTTL"]
    pair.replica.content["domains"] = []
    pair.sync()
    assert differences(pair) == []


class TestBlocking:
    """It may be off for good, which is a setting, or for a while, which is none."""

    def test_off_for_good_follows(self, pair: Pair) -> None:
        pair.primary.settings["dns.blocking.active"] = False
        pair.sync()
        assert pair.replica.blocking()["blocking"] == "disabled"

    def test_a_pause_does_not(self, pair: Pair) -> None:
        pair.primary.pause(60)
        pair.primary.settings["dns.blockTTL"] = 30
        pair.sync()
        assert pair.replica.blocking()["blocking"] == "enabled"
        assert "dns.blocking.active" not in pair.inventory

    def test_a_pause_of_the_replica_still_ends_after_a_restart_in_it(self, pair: Pair) -> None:
        pair.replica.pause(60)
        pair.primary.content = content(ONE, TWO)
        pair.sync()
        assert pair.replica.restarts == 1
        assert pair.replica.blocking()["blocking"] == "disabled"
        assert 0 < pair.replica.blocking()["timer"] < 60

    def test_one_that_ended_in_the_restart_has_ended(self, pair: Pair) -> None:
        pair.replica.pause(1.0)  # the log-in of nebula-sync alone waits longer
        pair.replica.away_seconds = 1.0
        pair.primary.content = content(ONE, TWO)
        pair.sync()
        assert pair.replica.blocking() | {"took": 0} == {"blocking": "enabled", "timer": None, "took": 0}


def test_while_clients_use_the_node_only_what_needs_no_restart_comes(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = [SimpleNamespace(packed=IPv4Address(one).packed) for one in ("192.0.2.12", "192.0.2.53")]
    monkeypatch.setattr(sync_pihole, "all_addresses", lambda: held)
    pair.primary.settings["dns.blockTTL"] = 30
    pair.sync(by_hand=False)
    assert pair.replica.configuration["dns.blockTTL"] == 30
    pair.primary.settings["dns.cache.size"] = 20000
    with pytest.raises(PutOffError):
        pair.sync(by_hand=False)
    assert pair.replica.restarts == 0


def test_what_is_synchronised_is_what_the_docs_say() -> None:
    page = (Path(__file__).parents[2] / "docs" / "what-is-synchronised.md").read_text()
    table = page.partition("## Copied from the primary")[2].partition("What the stack itself sets")[0]
    named = re.findall(r"`((?:dns|dhcp|misc)\.[A-Za-z0-9_.]+)`", table)
    assert sorted(named) == sorted(pihole_settings.SYNCHRONISED)


def test_ftl_knows_each_of_them() -> None:
    assert set(pihole_settings.SYNCHRONISED) <= KEYS.keys()


def item(value: object, default: object, **flags: bool) -> dict[str, Any]:
    return {"value": value, "default": default, "flags": flags}


def answer(**more: object) -> dict[str, Any]:
    return {"config": {"dns": {"hosts": item([], []), "cnameRecords": item([], []), **more}}}


def test_settings_are_read_with_what_forces_and_what_restarts() -> None:
    read = pihole_settings.parse(
        answer(cache={"size": item(5, 10000, restart_dnsmasq=True, env_var=True)}), paused=False
    )
    size = read["dns.cache.size"]
    assert (size.value, size.default, size.forced, size.restarts) == (5, 10000, True, True)
    assert set(read) == {"dns.hosts", "dns.cnameRecords", "dns.cache.size"}


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        {"config": {"dns": {"hosts": item([], [])}}},
        {"config": []},
        answer(hosts=item([1], [])),
        answer(hosts=item("x", [])),
        answer(blockTTL=item([], 2)),
        answer(blockTTL={"value": 2}),
        answer(cache={"size": {"value": 1, "default": 1, "flags": []}}),
    ],
)
def test_nonsense_in_place_of_settings_is_refused(document: object) -> None:
    with pytest.raises(ParseError, match="that make sense"):
        pihole_settings.parse(document, paused=False)

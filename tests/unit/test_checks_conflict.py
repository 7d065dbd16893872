"""Given what the wire watch found, then the verdict says who it is, whether it goes on, and what to do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from exporter.model.observations import Advertiser, AdvertiserKind, Conflict, ForeignDevice, Status, VrrpState
from tests.unit import samples
from tests.unit.evaluating import evaluate, the, verdicts
from tests.unit.samples import ALPHA, BETA, NOW, VIP

MAC = "02:00:00:00:00:64"
INTERVAL = "its interval is 40.95 s, this node's 0.05 s"


def advertiser(kind: AdvertiserKind, source: str = BETA, *seen: str, **changes: Any) -> Advertiser:
    """One that goes on."""
    good = Advertiser(
        kind,
        source,
        MAC,
        "unicast",
        mixed=False,
        settled=False,
        lasting=True,
        first=NOW - 60,
        last=NOW - 1,
        count=20,
        seen=seen,
    )
    return replace(good, **changes)


GONE = {"lasting": False, "last": NOW - 240}
STRANGER = "it is neither this node nor its peer, but advertises virtual router 53 too"


@pytest.mark.parametrize(
    "one, seen, advice",
    [
        (
            advertiser(AdvertiserKind.STRANGER, "192.0.2.66", STRANGER),
            f"192.0.2.66 ({MAC}) sends VRRP by unicast: {STRANGER}",
            "choose another VIRTUAL_ROUTER_ID on both nodes (here it is 53)",
        ),
        (
            advertiser(AdvertiserKind.STRANGER, "192.0.2.66", STRANGER, **GONE),
            f"192.0.2.66 ({MAC}) sent VRRP by unicast, the last 4 min ago: {STRANGER}",
            "find it by its MAC",
        ),
        (
            advertiser(AdvertiserKind.FORGED, BETA, INTERVAL),
            f"{MAC} sends forged VRRP in the name of the other node ({BETA}) by unicast: {INTERVAL}",
            "take it off the LAN",
        ),
        (
            advertiser(AdvertiserKind.FORGED, ALPHA, **GONE),
            f"{MAC} sent forged VRRP in the name of this node ({ALPHA}) by unicast, the last 4 min ago",
            "take it off the LAN",
        ),
        (advertiser(AdvertiserKind.PEER, BETA, INTERVAL), f"{BETA}: {INTERVAL}", "compare the .env files"),
        (
            advertiser(AdvertiserKind.PEER, BETA, INTERVAL, mixed=True),
            f"{BETA} ({MAC}) sends VRRP that fits and VRRP that does not: {INTERVAL}",
            "another VRRP program runs on the other node",
        ),
    ],
)
def test_who_advertises_what_does_not_fit_is_a_warning_with_a_name(one: Advertiser, seen: str, advice: str) -> None:
    found = the(evaluate(samples.conflicts(advertisers=(one,))), "conflict.advertisements")
    assert (found.status, found.seen) == (Status.WARNING, seen)
    assert advice in found.advice


def test_several_are_all_named() -> None:
    several = (advertiser(AdvertiserKind.FORGED), advertiser(AdvertiserKind.STRANGER, "192.0.2.66", STRANGER))
    found = the(evaluate(samples.conflicts(advertisers=several)), "conflict.advertisements")
    assert found.seen.count(MAC) == 2


@pytest.mark.parametrize("changes, seen", [({}, "runs on this host: it sends"), (GONE, "ran on this host: it sent")])
def test_another_program_on_this_host_is_named_as_such(changes: dict[str, Any], seen: str) -> None:
    one = advertiser(AdvertiserKind.HOST, ALPHA, "VRRPv2, virtual router 51, priority 100", **changes)
    found = evaluate(samples.conflicts(advertisers=(one,)))
    here = the(found, "conflict.this_host")
    assert here.status is Status.WARNING
    assert seen in here.seen
    assert "VRRPv2, virtual router 51, priority 100" in here.seen
    assert "systemctl disable --now keepalived" in here.advice
    assert the(found, "conflict.advertisements").status is Status.OK


def test_the_cause_is_named_where_the_kernel_has_what_keepalived_gave_away() -> None:
    one = advertiser(AdvertiserKind.HOST, ALPHA, "VRRPv2, virtual router 51, priority 100")
    backup = samples.vrrp(samples.instance(state=VrrpState.BACKUP))
    found = the(evaluate(samples.vips(), backup, samples.conflicts(advertisers=(one,))), "vrrp.agreement")
    assert found.status is Status.CRITICAL
    assert found.seen.endswith(": another VRRP program runs on this host (conflict.this_host)")


def test_what_the_filter_drops_is_not_told_twice() -> None:
    dropped = samples.adverts(dropped={"interval": 3}, last_dropped={"interval": NOW - 80})
    alone = the(evaluate(dropped, samples.conflicts()), "vrrp.filter")
    assert alone.status is Status.WARNING
    forger = samples.conflicts(advertisers=(advertiser(AdvertiserKind.FORGED, BETA, INTERVAL),))
    explained = the(evaluate(dropped, forger), "vrrp.filter")
    assert explained.status is Status.OK
    assert "the wire watch knows the senders of" in explained.seen


def test_a_setting_changed_on_one_node_after_the_other_is_no_trouble_afterwards() -> None:
    settled = samples.conflicts(advertisers=(advertiser(AdvertiserKind.PEER, BETA, INTERVAL, settled=True, **GONE),))
    dropped = samples.adverts(dropped={"interval": 3}, last_dropped={"interval": NOW - 240})
    found = evaluate(dropped, settled)
    assert the(found, "conflict.advertisements").status is Status.OK
    assert the(found, "vrrp.filter").status is Status.OK


def test_nothing_is_evaluated_beside_a_dead_keepalived() -> None:
    found = evaluate(samples.conflicts(keepalived_up=False))
    assert not [check for check in found if check.collector == "conflict"]


def device(**changes: Any) -> ForeignDevice:
    """One that has the address now."""
    return replace(ForeignDevice(MAC, lasting=True, first=NOW - 30, last=NOW - 1), **changes)


def test_a_foreign_owner_is_critical_while_it_lasts_and_a_warning_afterwards() -> None:
    now = the(evaluate(samples.conflicts(Conflict(VIP, MAC, 7, device()))), "vip.foreign_owner")
    assert (now.status, now.subject) == (Status.CRITICAL, VIP)
    assert now.seen == f"{MAC}, which is neither node, answers for {VIP} too (for 30 s)"
    assert "find that device by its MAC" in now.advice
    later = the(evaluate(samples.conflicts(Conflict(VIP, None, 7, device(**GONE)))), "vip.foreign_owner")
    assert later.status is Status.WARNING
    assert later.seen == f"{MAC}, which is neither node, answered for {VIP} until 4 min ago"


def test_a_split_brain_on_the_wire_is_told_where_the_other_exporter_does_not_tell() -> None:
    split = samples.conflicts(Conflict(VIP, None, 0, split=True))
    silent = the(evaluate(samples.vips(), samples.silent_peer(), split), "vip.split_brain")
    assert (silent.status, silent.collector) == (Status.CRITICAL, "conflict")
    assert silent.seen == f"the other node answers for {VIP} on the LAN, and this node has it too"


def test_the_exporters_word_goes_before_the_wires() -> None:
    split = samples.conflicts(Conflict(VIP, None, 0, split=True))
    found = evaluate(samples.vips(), samples.peer(), split)
    assert set(verdicts(found, "vip.split_brain").values()) == {Status.OK}

"""Seconds without an answer after each failure, as a client asks every 10 ms; owners are looked at every 5 ms."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.bench.figures import Figure
from tests.lab.plan import ALPHA, BETA, CLIENT, INTERFACE, IPV4_NETWORK
from tests.lab.sample import Sample
from tests.lab.waiting import wait_for
from tests.stack.rig import Rig

from .plan import Plan, say

ROUNDS = 5
_QUIET_SECONDS = 1.0
_OWN_ADDRESS = f"{ALPHA.ipv4}/{IPV4_NETWORK.prefixlen}"


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which alpha, the owner, fails; ``limit`` in seconds, None where none was set."""

    name: str
    strike: Callable[[Rig], None]
    limit: float | None
    recover: Callable[[Rig], None] | None = None
    """What the rig's reset does not undo."""
    one_owner: bool = False
    """Whether two owners at once, however short, are one too many."""


def crash(rig: Rig) -> None:
    """Cut alpha's power."""
    rig.crash(ALPHA.name)


def stop_keepalived(rig: Rig) -> None:
    """Stop keepalived's container in good order."""
    rig.node(ALPHA.name).engine.docker("stop", "keepalived")


def stop_pihole(rig: Rig) -> None:
    """Stop Pi-hole's container at once."""
    rig.node(ALPHA.name).engine.docker("stop", "--time", "0", "pihole")


def stop_unbound(rig: Rig) -> None:
    """Stop Unbound's container at once: Pi-hole lives, and has nobody to ask."""
    rig.node(ALPHA.name).engine.docker("stop", "--time", "0", "unbound")


def kill_keepalived(rig: Rig) -> None:
    """SIGKILL keepalived by its host pid."""
    rig.node(ALPHA.name).engine.kill_container_process("keepalived")


def freeze_pihole(rig: Rig) -> None:
    """Freeze Pi-hole's container: its socket is there, and nobody answers."""
    rig.node(ALPHA.name).engine.docker("pause", "pihole")


def thaw_pihole(rig: Rig) -> None:
    """Let it run again."""
    rig.node(ALPHA.name).engine.docker("unpause", "pihole")


def lose_address(rig: Rig) -> None:
    """Take alpha's own address off its interface."""
    rig.hosts[ALPHA.name].run("ip", "address", "del", _OWN_ADDRESS, "dev", INTERFACE)


def give_address(rig: Rig) -> None:
    """Give it back."""
    rig.hosts[ALPHA.name].run("ip", "address", "add", _OWN_ADDRESS, "dev", INTERFACE)


def receive_nothing(rig: Rig) -> None:
    """Cut what comes to alpha; what it sends arrives. The client is the router, by which beta proves its link."""
    for flag, router in (("-4", CLIENT.ipv4), ("-6", CLIENT.ipv6)):
        rig.hosts[BETA.name].run("ip", flag, "route", "replace", "default", "via", router, "dev", INTERFACE)
    rig.cut(ALPHA.name, "receive")


CRASH = Failure("node crash", crash, 0.3)
KEEPALIVED_STOPPED = Failure("keepalived stopped", stop_keepalived, 0.35)
PIHOLE_STOPPED = Failure("DNS container stopped", stop_pihole, 0.2)
PIHOLE_FROZEN = Failure("Pi-hole frozen", freeze_pihole, 0.8, recover=thaw_pihole)
UNBOUND_STOPPED = Failure("Unbound stopped", stop_unbound, 0.3)
KEEPALIVED_KILLED = Failure("keepalived SIGKILLed", kill_keepalived, 0.3, one_owner=True)
ADDRESS_LOST = Failure("own address lost", lose_address, 1.2, recover=give_address)
RECEIVES_NOTHING = Failure("owner that receives nothing", receive_nothing, 4.0)


def measure(plan: Plan, failure: Failure) -> list[Figure]:
    """Let it fail several times: the median and the longest time without an answer, and the most owners at once."""
    rounds = plan.rounds_or(ROUNDS)
    samples = []
    for number in range(1, rounds + 1):
        samples.append(_one_round(plan.rig, failure))
        say(
            f"{failure.name}, {number} of {rounds}: {samples[-1].longest_outage:.3f} s without an answer, "
            f"{samples[-1].owners_seen_max} owners at most"
        )
    outages = [sample.longest_outage for sample in samples]
    most = max(sample.owners_seen_max for sample in samples)
    return [
        Figure(f"{failure.name}: without an answer, median", statistics.median(outages), "s", failure.limit,
               higher_is_better=False, samples=rounds),
        Figure(f"{failure.name}: without an answer, longest", max(outages), "s", None,
               higher_is_better=False, samples=rounds),
        Figure(f"{failure.name}: owners at once", most, "", 1 if failure.one_owner else None,
               higher_is_better=False, samples=sum(sample.owner_samples for sample in samples)),
    ]  # fmt: skip


def _one_round(rig: Rig, failure: Failure) -> Sample:
    """Let it fail once on a healthy pair, and watch until the other node answers."""
    rig.reset()
    killed = failure is KEEPALIVED_KILLED
    engine = rig.node(ALPHA.name).engine
    if killed:  # or else Docker may start it again before the other node takes over
        engine.docker("update", "--restart", "no", "keepalived")
    with rig.sample() as sampler:
        time.sleep(_QUIET_SECONDS)
        failure.strike(rig)
        wait_for("beta to answer", rig.answering, until=lambda node: node == BETA.name, timeout=20.0)
        time.sleep(_QUIET_SECONDS)
    if failure.recover is not None:
        failure.recover(rig)
    if killed:
        engine.docker("update", "--restart", "unless-stopped", "keepalived")
    return sampler.sample

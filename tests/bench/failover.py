"""How long clients are without an answer when a node's parts fail, each several times; medians."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tests.bench.figures import Figure
from tests.lab.exporters import wait_settled
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, INTERFACE, IPV4_NETWORK, VIPS, peer_of
from tests.lab.scenarios import SCENARIOS
from tests.lab.waiting import wait_for

ROUNDS: Final = 5
QUERY_SECONDS: Final = 0.01
# The standby that took the VIP gives it back when the other node's own address has answered for ten seconds.
_GIVEN_BACK_SECONDS: Final = 30.0
OWN_ADDRESS: Final = f"{ALPHA.ipv4}/{IPV4_NETWORK.prefixlen}"

Verb = Callable[[Lab, str], None]


@dataclass(frozen=True, slots=True)
class Failure:
    """One way in which the owner, whose name ``strike`` and ``recover`` get, fails; ``limit`` in seconds."""

    name: str
    limit: float
    strike: Verb
    recover: Verb
    both_own: bool = False


_DEMO: Final = {scenario.name: scenario for scenario in SCENARIOS}
_LIMITS: Final = {"graceful": 0.1, "service": 0.2, "crash": 0.3, "sigkill": 0.35}
DEMO: Final = tuple(
    Failure(name, limit, _DEMO[name].strike, _DEMO[name].recover, both_own=name == "sigkill")
    for name, limit in _LIMITS.items()
)


def _kill_keepalived(lab: Lab, owner: str) -> None:
    lab.kill9_keepalived(owner)


def _start_keepalived(lab: Lab, owner: str) -> None:
    keepalived = lab.hosts[owner].service("keepalived")
    wait_for("the end of keepalived", lambda: keepalived.running, until=lambda running: not running, timeout=10.0)
    lab.start_service(owner, "keepalived")


def _address(verb: str) -> Verb:
    return lambda lab, owner: _ran(lab.hosts[owner].run("ip", "address", verb, OWN_ADDRESS, "dev", INTERFACE))


_DEAF: Final = f"""
table inet bench_deaf {{
  chain input {{
    type filter hook input priority 0; policy accept;
    iifname "{INTERFACE}" drop
  }}
}}
"""


def _receive_nothing(lab: Lab, owner: str) -> None:
    lab.hosts[owner].holder.run("nft", "-f", "-", stdin=_DEAF)


def _receive_again(lab: Lab, owner: str) -> None:
    lab.hosts[owner].run("nft", "delete", "table", "inet", "bench_deaf")
    lab.wait_owners(owner, timeout=_GIVEN_BACK_SECONDS)


def _ran(_: str) -> None:
    """What the command printed is of no interest."""


# With the guard, as the product runs.
GUARDED: Final = (
    Failure(
        "Unbound stopped",
        0.3,
        lambda lab, owner: lab.stop_service(owner, "unbound"),
        lambda lab, owner: lab.start_service(owner, "unbound"),
    ),
    Failure(
        "the resolver keeps its socket and answers no more",
        0.8,
        lambda lab, owner: lab.pause_service(owner, "dnsmasq"),
        lambda lab, owner: lab.resume_service(owner, "dnsmasq"),
    ),
    Failure("the owner's own address lost", 1.2, _address("del"), _address("add")),
    Failure("the owner advertises and receives nothing", 4.0, _receive_nothing, _receive_again, both_own=True),
    Failure("keepalived killed", 0.3, _kill_keepalived, _start_keepalived),
)


def outages(lab: Lab, failures: Sequence[Failure], rounds: int = ROUNDS) -> list[Figure]:
    """The median of the longest time without an answer."""
    figures = []
    for failure in failures:
        seconds = []
        for _ in range(rounds):
            wait_settled(lab)
            (owner,) = lab.owners(VIPS["ipv4"])
            other = peer_of(owner).name
            with lab.sample(VIPS["ipv4"], interval=QUERY_SECONDS) as sampler:
                time.sleep(0.5)
                failure.strike(lab, owner)
                lab.wait_owners(*((owner, other) if failure.both_own else (other,)), timeout=10.0)
                time.sleep(1.0)
            failure.recover(lab, owner)
            lab.wait_healthy()
            seconds.append(sampler.sample.longest_outage)
            print(f"bench: {failure.name}: {seconds[-1]:.3f} s without an answer", flush=True)
        figures.append(
            Figure(f"without an answer: {failure.name}", statistics.median(seconds), "s", failure.limit, False, rounds)
        )
    return figures

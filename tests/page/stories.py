"""What nodes see whose pages are looked at; the exporter's own server makes the pages of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from exporter.model.observations import (
    CollectorResult,
    Conflict,
    ForeignDevice,
    HealthVerdict,
    NodeStatus,
    PeerVip,
    Status,
)
from tests.unit import samples
from tests.unit.samples import (
    absent_vip,
    beta,
    check,
    conflicts,
    container,
    instance,
    peer,
    probe,
    process,
    question,
    task,
    vip,
)

_CONTAINERS: Final = (
    "pihole", "unbound", "keepalived", "guard", "exporter", "docker-proxy", "sync", "backup", "sshd", "node-exporter",
    "prometheus", "alertmanager", "notifier", "grafana",
)  # fmt: skip
_LONG: Final = "the-secondary-node-under-the-stairs-behind-the-meter-cupboard-42"
_UNBROKEN: Final = "x" * 300
_HOSTILE: Final = "<b onclick=alert(1)>&\"'\u202e\u0000\u0301" + "ﷺ" * 20 + "W" * 200


def _with_time(status: NodeStatus, **failed: str) -> NodeStatus:
    results = [CollectorResult(name, 1.0, None, error) for name, error in failed.items()]
    return replace(status, results=(*status.results, *results))


def healthy() -> NodeStatus:
    """A pair at rest, with everything that a node can have."""
    return samples.status(
        samples.vips(),
        samples.vrrp(),
        samples.health(),
        samples.resolve(
            *(
                probe(target, protocol=protocol)
                for target in ("vip", "pihole", "unbound", "peer")
                for protocol in ("udp", "tcp")
            )
        ),
        samples.containers(*map(container, _CONTAINERS)),
        samples.sync(task(), task("unbound"), task("backup"), task("drill")),
        samples.peer(),
        conflicts(),
    )


def broken() -> NodeStatus:
    """Nearly everything is wrong at once, and names are as long as they may be."""
    stairs = beta(
        name=_LONG,
        vips={
            samples.VIP: PeerVip(owned=True, stable_seconds=40.0),
            samples.VIP_6: PeerVip(owned=False, stable_seconds=40.0),
        },
        keepalived_up=False,
        virtual_router_ids={"VI_1": 54},
        digests={"unbound": "cd" * 32},
        clock_offset=-61.5,
        checks=(
            check(node=_LONG, id="resolve.unbound", subject="127.0.0.1 udp", status=Status.WARNING,
                  seen="127.0.0.1:5335 did not answer within 1 s", expected="this node's Unbound answers",
                  advice="look at the Unbound container and its log"),
        ),
    )  # fmt: skip
    timeout = "192.0.2.53:53 did not answer within 1 s"
    return _with_time(
        samples.status(
            samples.vips(vip(stable_seconds=60.0), absent_vip(samples.VIP_6)),
            samples.vrrp(instance(effective_priority=190), keepalived_up=False, drained=True),
            samples.health(
                question(verdict=HealthVerdict.HARD, problem="Pi-hole refuses questions: nothing listens there"),
                question("address", verdict=HealthVerdict.HARD, problem=_UNBROKEN),
                processes=(
                    process(starts=40, last_end="gave no sign of life for 2 s"),
                    process("recorder", running=False),
                ),
            ),
            samples.resolve(
                probe(last_ok=False, last_error=timeout, outages=12, last_outage=12.25, outage_start=samples.NOW - 75),
                probe("pihole", last_ok=False, last_error="SERVFAIL", outages=3, last_outage=0.5),
                probe("unbound", last_ok=False, last_error="nothing listens on 127.0.0.1:5335"),
                probe("peer", answered_by=_LONG),
            ),
            samples.containers(
                *(container(name, state="restarting", health="unhealthy", restarts=120) for name in _CONTAINERS),
                container("pihole-that-somebody-named-with-" + "very-" * 8 + "long-words", state="exited"),
            ),
            samples.sync(
                task(exit_status=1, last_success=samples.NOW - 90_000, error="ssh: connect to host 192.0.2.12 port 22: "
                     "No route to host; rsync: connection unexpectedly closed (0 bytes received so far) [sender]"),
                task("backup", last_success=None, exit_status=2),
            ),
            peer(stairs),
            conflicts(
                Conflict(
                    samples.VIP,
                    "02:00:5e:00:53:01",
                    3,
                    ForeignDevice("02:00:5e:00:53:01", lasting=True, first=samples.NOW - 9, last=samples.NOW),
                )
            ),
        ),
        containers="/var/run/docker-proxy/docker.sock did not answer within 2 s",
    )  # fmt: skip


def standalone() -> NodeStatus:
    """One node without a peer."""
    return samples.status(
        samples.vips(vip()), samples.vrrp(), samples.resolve(probe(), probe("pihole"), probe("unbound"))
    )


def many() -> NodeStatus:
    """Twenty virtual IPs and sixty containers."""
    addresses = [f"2001:db8:{n:x}ff:ffff:ffff:ffff:ffff:ffff" for n in range(1, 21)]
    return samples.status(
        samples.vips(*map(vip, addresses)),
        samples.vrrp(*(instance(name=f"VI_{n}") for n in range(1, 21))),
        samples.resolve(*(probe(server=address, family="ipv6") for address in addresses)),
        samples.containers(*(container(f"container-{n}") for n in range(60))),
    )


def hostile() -> NodeStatus:
    """Whatever other programs may say: markup, text without a space, marks of every script."""
    return samples.status(
        samples.vips(vip(_UNBROKEN)),
        samples.vrrp(instance(name=_HOSTILE), keepalived_version=_UNBROKEN),
        samples.resolve(
            probe(server=_UNBROKEN, answered_by=_HOSTILE), probe("pihole", last_ok=False, last_error=_HOSTILE)
        ),
        samples.containers(container(_HOSTILE, state=_UNBROKEN, health=_HOSTILE), container(_UNBROKEN)),
        samples.sync(task(_UNBROKEN, exit_status=1, error=_HOSTILE), problems=(_HOSTILE,)),
        peer(beta(name=_HOSTILE, role=_UNBROKEN, checks=(check(node=_UNBROKEN, id=_UNBROKEN, subject=_HOSTILE,
             status=Status.WARNING, seen=_HOSTILE, expected=_UNBROKEN, advice=_HOSTILE),))),
    )  # fmt: skip


STORIES: Final = {
    "healthy": healthy, "broken": broken, "standalone": standalone, "many": many, "hostile": hostile,
}  # fmt: skip

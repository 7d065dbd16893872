"""A node of a healthy pair, made by hand: alpha is the primary and owns both virtual IPs, beta stands by.

Each function gives one healthy part; what a test is about it changes with keywords.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from exporter.model.addressing import VirtualAddress
from exporter.model.observations import (
    AdvertFilterObservation,
    Check,
    CollectorResult,
    Conflict,
    ConflictObservation,
    Container,
    ContainersObservation,
    ContentDigest,
    DhcpObservation,
    FirewallObservation,
    HealthObservation,
    HealthQuestion,
    HealthVerdict,
    HelperProcess,
    Latency,
    NodeIdentity,
    NodeStatus,
    Observation,
    PeerObservation,
    PeerStatus,
    PeerVip,
    PiholeObservation,
    Probe,
    ResolveObservation,
    Status,
    SyncObservation,
    SyncTask,
    UnboundObservation,
    Vip,
    VipObservation,
    VrrpCounters,
    VrrpEvent,
    VrrpInstance,
    VrrpObservation,
    VrrpState,
)
from exporter.settings import web_port
from exporter.settings.parse import Endpoint, NodeAddress
from exporter.settings.values import Settings

NOW = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
ALPHA, BETA = "192.0.2.11", "192.0.2.12"
VIP, VIP_6 = "192.0.2.53", "2001:db8::53"
IDENTITY = NodeIdentity("alpha", "primary", ALPHA, "0.1.0")

_NAMES: Mapping[type[Observation], str] = {
    VipObservation: "vip",
    VrrpObservation: "vrrp",
    HealthObservation: "health",
    AdvertFilterObservation: "adverts",
    FirewallObservation: "firewall",
    DhcpObservation: "dhcp",
    ResolveObservation: "resolve",
    ContainersObservation: "containers",
    SyncObservation: "sync",
    PeerObservation: "peer",
    ConflictObservation: "conflict",
    UnboundObservation: "unbound",
    PiholeObservation: "pihole",
}


def settings(**changes: Any) -> Settings:
    """Alpha's settings."""
    loopback = ipaddress.IPv4Address("127.0.0.1")
    good = Settings(
        node_role="primary",
        node_name="alpha",
        node_ip=NodeAddress(ipaddress.IPv4Address(ALPHA), ipaddress.IPv4Network("192.0.2.0/24")),
        peer_ip=ipaddress.IPv4Address(BETA),
        vip_address=(
            VirtualAddress(ipaddress.IPv4Address(VIP), 32),
            VirtualAddress(ipaddress.IPv6Address(VIP_6), 128),
        ),
        network_interface="eth0",
        virtual_router_id=53,
        exporter_address=None,
        exporter_port=9753,
        pair_key_file=None,
        web_config_file=None,
        runtime_directory=Path("/nonexistent/runtime"),
        state_directory=Path("/nonexistent/state"),
        keepalived="stack",
        keepalived_pid_file=Path("/nonexistent/keepalived.pid"),
        notify_fifo=None,
        docker_host="",
        expected_containers=(),
        additional_containers=(),
        canary_zone="canary.dnsha.example",
        probe_name="",
        resolver_address=(Endpoint(loopback, 53),),
        recursor_address=(Endpoint(loopback, 5335),),
        unbound_control=None,
        pihole_statistics_password_file=None,
        pihole_top=False,
        pihole_web_port=web_port.parse("80o,443os"),
        pihole_api="",
        probe_interval=1.0,
        probe_interval_vip=1.0,
        probe_interval_peer=10.0,
        probe_interval_tcp=20.0,
        probe_timeout=1.0,
        slow_answer=0.25,
        peer_interval=2.0,
        peer_timeout=1.0,
        clock_tolerance=5.0,
        stamp_directory=Path("/nonexistent/stamps"),
        sync_tasks={},
        shared_content={},
        firewall=False,
        dhcp=False,
        log_level="info",
    )
    return replace(good, **changes)


def vip(address: str = VIP, **changes: Any) -> Vip:
    """A virtual IP that alpha has had for an hour."""
    good = Vip(
        address=address,
        family="ipv6" if ":" in address else "ipv4",
        device="eth0",
        usable=True,
        acquisitions=3,
        releases=2,
        last_transition=NOW - 3600,
        stable_seconds=3600.0,
    )
    return replace(good, **changes)


def absent_vip(address: str = VIP, **changes: Any) -> Vip:
    """A virtual IP that alpha has not had for an hour."""
    return vip(address, **{"device": None, "usable": None, "releases": 3, **changes})


def vips(*seen: Vip, overruns: int = 0) -> VipObservation:
    """Both virtual IPs, or the given ones."""
    return VipObservation(seen or (vip(), vip(VIP_6)), overruns)


def instance(**changes: Any) -> VrrpInstance:
    """The VRRP instance of a healthy master."""
    good = VrrpInstance(
        name="VI_1",
        state=VrrpState.MASTER,
        transitions={VrrpState.BACKUP: 2, VrrpState.MASTER: 3},
        last_transition=NOW - 3600,
        effective_priority=250,
        base_priority=250,
        virtual_router_id=53,
        interface="eth0",
        version=3,
        advertisement_interval=0.05,
        counters=VrrpCounters(120, 72_000, 1, 2, {"ttl": 4, "authentication_failure": 0}),
    )
    return replace(good, **changes)


def vrrp(*instances: VrrpInstance, **changes: Any) -> VrrpObservation:
    """Keepalived that lives."""
    good = VrrpObservation(
        keepalived_up=True,
        keepalived_version="2.3.3",
        starts=2,
        child_exits=1,
        last_start=NOW - 7200,
        dump_time=NOW - 3,
        drained=False,
        instances=instances or (instance(),),
        recent_events=(VrrpEvent(NOW - 3600, 'INSTANCE "VI_1" MASTER 250'),),
    )
    return replace(good, **changes)


def question(name: str = "chain", **changes: Any) -> HealthQuestion:
    """A question of the health check that has had a good answer for an hour."""
    return replace(HealthQuestion(name, HealthVerdict.OK, "", NOW - 3600), **changes)


def process(name: str = "check", **changes: Any) -> HelperProcess:
    """A process beside keepalived that was started with it."""
    return replace(HelperProcess(name, True, 1, NOW - 7200, None), **changes)


def health(*questions: HealthQuestion, **changes: Any) -> HealthObservation:
    """A health check that finds all well, or the given questions, and what runs beside keepalived."""
    good = HealthObservation(
        keepalived_up=True,
        report_time=NOW - 0.5,
        questions=questions or (question(), question("address")),
        processes_time=NOW - 2,
        processes=(process(), process("recorder")),
    )
    return replace(good, **changes)


def adverts(**changes: Any) -> AdvertFilterObservation:
    """A filter that is loaded and has long had nothing to do."""
    good = AdvertFilterObservation(
        keepalived_up=True,
        report_time=NOW - 5,
        problem="",
        dropped={"foreign_source": 0, "ttl": 0, "version": 0, "interval": 3, "priority": 0},
        last_dropped={"interval": NOW - 7200},
    )
    return replace(good, **changes)


def firewall(**changes: Any) -> FirewallObservation:
    """A firewall that is loaded."""
    return replace(FirewallObservation(NOW - 2, "loaded", "", (9090, 9093, 9094, 9100, 9754)), **changes)


def probe(target: str = "vip", **changes: Any) -> Probe:
    """A probe that has always been answered, by alpha."""
    servers = {"vip": (VIP, 53), "pihole": ("127.0.0.1", 53), "unbound": ("127.0.0.1", 5335), "peer": (BETA, 53)}
    server, port = servers[target]
    good = Probe(
        target=target,
        server=server,
        port=port,
        family="ipv4",
        protocol="udp",
        queries=100,
        failures={},
        responses={"NOERROR": 100},
        answers={"alpha": 100},
        latency=Latency((0.001, 0.01, 0.1), (60, 39, 1, 0), 0.75),
        last_ok=True,
        last_error=None,
        last_latency=0.0012,
        last_success=NOW - 0.5,
        answered_by="beta" if target == "peer" else "alpha",
        outages=0,
        outage_seconds=0.0,
        last_outage=None,
        last_outage_start=None,
        outage_start=None,
    )
    return replace(good, **changes)


def resolve(*probes: Probe) -> ResolveObservation:
    """Every target over UDP, or the given probes."""
    return ResolveObservation(probes or tuple(map(probe, ("vip", "pihole", "unbound", "peer"))))


def container(name: str = "pihole", **changes: Any) -> Container:
    """A container that runs and is healthy."""
    good = Container(name, "running", "healthy", 0, False, None, NOW - 86400, {"start": 1})
    return replace(good, **changes)


def containers(*seen: Container) -> ContainersObservation:
    """Two containers, or the given ones."""
    return ContainersObservation(seen or (container(), container("unbound")))


def task(name: str = "pihole", **changes: Any) -> SyncTask:
    """A task that worked ten minutes ago."""
    good = SyncTask(name, NOW - 600, NOW - 600, 4.5, 0, None, 10_800.0)
    return replace(good, **changes)


def sync(*tasks: SyncTask, digest: str = "ab" * 32, problems: tuple[str, ...] = ()) -> SyncObservation:
    """One task and one shared content, or the given tasks."""
    return SyncObservation(tasks or (task(),), (ContentDigest("unbound", digest),), problems)


def beta(**changes: Any) -> PeerStatus:
    """A healthy standby."""
    good = PeerStatus(
        name="beta",
        role="secondary",
        version="0.1.0",
        vips={VIP: PeerVip(owned=False, stable_seconds=3600.0), VIP_6: PeerVip(owned=False, stable_seconds=3600.0)},
        keepalived_up=True,
        virtual_router_ids={"VI_1": 53},
        vrrp_versions={"VI_1": 3},
        drained=False,
        digests={"unbound": "ab" * 32},
        clock_offset=0.002,
        checks=(check(node="beta"),),
    )
    return replace(good, **changes)


def peer(seen: PeerStatus | None = None, **changes: Any) -> PeerObservation:
    """A peer that has just answered."""
    good = PeerObservation(BETA, 0.4, 0.003, seen or beta(), None)
    return replace(good, **changes)


def silent_peer(error: str = f"http://{BETA}:9753/api/v1/status did not answer within 1 s") -> PeerObservation:
    """A peer that does not answer."""
    return PeerObservation(BETA, 0.4, 1.0, None, error)


def unbound(**changes: Any) -> UnboundObservation:
    """An Unbound that started an hour ago."""
    good = UnboundObservation(
        start_time=NOW - 3600,
        queries=1000,
        queries_by_type={"A": 600, "TXT": 400},
        cache_hits=900,
        cache_misses=100,
        prefetches=30,
        expired_answers=2,
        recursion=Latency((0.016384, 0.131072, 1.0), (20, 60, 15, 5), 12.5),
        responses={"NOERROR": 950, "SERVFAIL": 3, "NXDOMAIN": 47},
        secure_answers=41,
        bogus_answers=1,
        waiting=4,
        dropped=6,
        cache_bytes={"message": 70_000, "rrset": 140_000},
    )
    return replace(good, **changes)


def pihole(**changes: Any) -> PiholeObservation:
    """A Pi-hole that blocks, with lists of an hour ago."""
    good = PiholeObservation(
        blocking=True,
        blocking_change=None,
        gravity_domains=120_000,
        gravity_time=NOW - 3600,
        queries=5000,
        blocked=900,
        cached=2500,
        forwarded=1600,
        queries_by_type={"A": 4000, "AAAA": 1000},
        replies={"IP": 3000, "NXDOMAIN": 200},
        queries_per_second=0.25,
        domains=432,
        active_clients=7,
        known_clients=11,
    )
    return replace(good, **changes)


def dhcp(**changes: Any) -> DhcpObservation:
    """A DHCP server that serves alone, on the node that has the virtual IP."""
    return replace(DhcpObservation(NOW - 2, True, "", 42, NOW - 1, "", ()), **changes)


def conflicts(*seen: Conflict, **changes: Any) -> ConflictObservation:
    """A wire on which nobody contradicts."""
    good = ConflictObservation(keepalived_up=True, conflicts=seen or (Conflict(VIP, None, 0),))
    return replace(good, **changes)


def check(**changes: Any) -> Check:
    """A check that is well."""
    good = Check("vrrp.state", "alpha", "VI_1", "vrrp", Status.OK, "master", "master or backup", "")
    return replace(good, **changes)


def status(*observations: Observation, failed: Mapping[str, str] | None = None, time: float = NOW) -> NodeStatus:
    """One look at alpha with these observations, and the collectors that failed with their errors."""
    results = [CollectorResult(_NAMES[type(seen)], 0.001, seen, None) for seen in observations]
    results += [CollectorResult(name, 0.002, None, error) for name, error in (failed or {}).items()]
    return NodeStatus(IDENTITY, time, tuple(results))


def healthy() -> NodeStatus:
    """Everything that a healthy alpha sees."""
    return status(vips(), vrrp(), health(), adverts(), firewall(), resolve(), containers(), sync(), peer(), conflicts())

"""What the collectors saw: frozen values, the only thing that views know.

Times are Unix seconds, durations are seconds. ``None`` means unknown or not applicable, never zero.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from exporter.model.addressing import Family

Protocol = Literal["udp", "tcp"]
ROLES = ("primary", "secondary", "standalone")
# As long as a label of DNS (RFC 1035, 2.3.4).
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")


class VrrpState(Enum):
    """States of a VRRP instance (RFC 9568, keepalived adds fault and stopped)."""

    INIT = "init"
    BACKUP = "backup"
    MASTER = "master"
    FAULT = "fault"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Vip:
    """One virtual IP as this node's kernel has it."""

    address: str
    family: Family
    device: str | None  # None: this node does not own it
    usable: bool | None  # False: duplicate address detection runs or has failed; None: not owned
    acquisitions: int
    releases: int
    last_transition: float | None
    stable_seconds: float | None  # seconds since the last change that this process saw, by a clock that never steps

    @property
    def owned(self) -> bool:
        """Whether this node has the address."""
        return self.device is not None


@dataclass(frozen=True, slots=True)
class VipObservation:
    """All virtual IPs, and how often the kernel's messages came faster than they were read.

    ``notices`` tells what was damaged lately and has been replaced.
    """

    vips: tuple[Vip, ...]
    overruns: int
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class VrrpCounters:
    """Counters that a keepalived process keeps for one instance since it started."""

    advertisements_received: int
    advertisements_sent: int
    priority_zero_received: int
    priority_zero_sent: int
    errors: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class VrrpInstance:
    """One VRRP instance: state and history from the event log, the rest from the latest dump."""

    name: str
    state: VrrpState | None  # None: nobody records it now, so the last one known is not repeated
    transitions: Mapping[VrrpState, int]
    last_transition: float | None
    effective_priority: int | None
    base_priority: int | None
    virtual_router_id: int | None
    interface: str | None
    version: int | None
    advertisement_interval: float | None
    counters: VrrpCounters | None


@dataclass(frozen=True, slots=True)
class VrrpEvent:
    """One line of the event log."""

    time: float
    message: str


@dataclass(frozen=True, slots=True)
class VrrpObservation:
    """Keepalived on this node. ``dump_time`` is when its counters were taken.

    ``problems`` says what could not be read; everything that is given was. ``notices`` tells what was damaged lately
    and has been replaced.
    """

    keepalived_up: bool
    keepalived_version: str | None
    starts: int
    child_exits: int
    last_start: float | None
    dump_time: float | None
    drained: bool
    instances: tuple[VrrpInstance, ...]
    recent_events: tuple[VrrpEvent, ...] = ()
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


class HealthVerdict(Enum):
    """The health check's answer to one of its questions (stack/health)."""

    OK = "ok"
    SOFT = "soft"  # it gives no good answers: keepalived lowers this node's priority
    HARD = "hard"  # it cannot serve at all: keepalived goes to FAULT
    UNPROVED = "unproved"  # not known yet


@dataclass(frozen=True, slots=True)
class HealthQuestion:
    """One question of the health check; ``problem`` is a sentence, empty when all is well."""

    name: str
    verdict: HealthVerdict
    problem: str
    since: float


@dataclass(frozen=True, slots=True)
class HelperProcess:
    """A process beside keepalived; ``last_end`` continues "it": ``was killed by SIGKILL``."""

    name: str
    running: bool
    starts: int  # since keepalived was started
    last_start: float | None
    last_end: str | None


@dataclass(frozen=True, slots=True)
class HealthObservation:
    """What the health check found, and what runs beside keepalived.

    ``questions`` and ``processes`` are empty when what was said last, at ``report_time`` and ``processes_time``, is too
    old to be repeated. ``problems`` says what could not be read.
    """

    keepalived_up: bool
    report_time: float | None = None
    questions: tuple[HealthQuestion, ...] = ()
    processes_time: float | None = None
    processes: tuple[HelperProcess, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AdvertFilterObservation:
    """The filter of VRRP adverts before keepalived, by the process that looks after it."""

    keepalived_up: bool
    report_time: float | None = None
    problem: str | None = None  # empty: the filter is loaded; None: not known, for nobody has said it lately
    dropped: Mapping[str, int] = field(default_factory=dict)  # by the field that did not fit
    last_dropped: Mapping[str, float] = field(default_factory=dict)  # the same


@dataclass(frozen=True, slots=True)
class FirewallObservation:
    """The stack's own table of nftables, by the service that looks after it."""

    report_time: float
    state: Literal["loaded", "off", "failed"]
    problem: str  # why it is not loaded; empty otherwise
    closed: tuple[int, ...]  # ports that a host of the LAN does not reach while it is loaded


@dataclass(frozen=True, slots=True)
class DhcpObservation:
    """The stack's DHCP server, by the service that starts it where the virtual IP is. Times in Unix seconds."""

    report_time: float
    serving: bool
    problem: str  # why it does not serve though it should; empty otherwise
    leases: int  # that this node knows of, its own and the other node's
    copied: float | None  # when the other node last told its leases; None: not since the service was started
    copy_problem: str
    foreign: tuple[str, ...]  # addresses of other DHCP servers on the LAN


@dataclass(frozen=True, slots=True)
class Container:
    """One container that is expected on this node."""

    name: str
    state: str  # Docker's word, or "absent"
    health: str | None  # Docker's word; None: it has no health check
    restarts: int | None
    oom_killed: bool | None
    exit_code: int | None  # None while it runs
    started_at: float | None
    events: Mapping[str, int] = field(default_factory=dict)  # since the exporter started, by Docker's action

    @property
    def running(self) -> bool:
        """Whether Docker says it runs."""
        return self.state == "running"


@dataclass(frozen=True, slots=True)
class ContainersObservation:
    """The expected containers."""

    containers: tuple[Container, ...]


@dataclass(frozen=True, slots=True)
class Latency:
    """A histogram: counts per upper bound, not cumulative, the last one above all bounds."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float

    @property
    def count(self) -> int:
        """How many values it holds."""
        return sum(self.counts)


@dataclass(frozen=True, slots=True)
class Probe:
    """One DNS server asked over one protocol, again and again."""

    target: str  # "vip", "pihole", "unbound", "peer"
    server: str  # address
    port: int
    family: Family
    protocol: Protocol
    queries: int
    failures: Mapping[str, int]  # by reason
    responses: Mapping[str, int]  # by rcode
    answers: Mapping[str, int]  # by the node that answered
    latency: Latency  # of good answers
    last_ok: bool | None  # None: not asked yet
    last_error: str | None  # a sentence
    last_latency: float | None
    last_success: float | None
    answered_by: str | None  # the node that gave the last good answer
    outages: int  # ended or going on
    outage_seconds: float  # of ended outages
    last_outage: float | None  # length of the last ended one
    outage_start: float | None  # None: no outage now


@dataclass(frozen=True, slots=True)
class ResolveObservation:
    """Every probe of this node, and whom its host asks for names (None: not known)."""

    probes: tuple[Probe, ...]
    resolvers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SyncTask:
    """One task that leaves a stamp file: a sync, a backup, a drill."""

    name: str
    last_attempt: float | None  # None: it has never run
    last_success: float | None
    duration: float | None
    exit_status: int | None
    error: str | None
    maximum_age: float


@dataclass(frozen=True, slots=True)
class ContentDigest:
    """A digest of content that both nodes should share."""

    name: str
    digest: str  # hexadecimal SHA-256
    differs: tuple[str, ...] = ()  # what the last sync found different, by name, if it said so


@dataclass(frozen=True, slots=True)
class SyncObservation:
    """Tasks and digests of this node. ``problems`` names stamps and paths that could not be read.

    ``disk_full`` says how little is left where the stamps are: a task that cannot stamp cannot tell of it either.
    """

    tasks: tuple[SyncTask, ...]
    digests: tuple[ContentDigest, ...]
    problems: tuple[str, ...] = ()
    disk_full: str | None = None


class Status(Enum):
    """A verdict; the values are the exit codes of a Nagios plugin."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3

    @property
    def word(self) -> str:
        """Its name as people and JSON spell it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict: what was seen, what was expected, and what to try when they differ."""

    id: str
    node: str  # the node it is about
    subject: str  # the address, container or task it is about; empty: the node itself
    collector: str
    status: Status
    seen: str
    expected: str
    advice: str


@dataclass(frozen=True, slots=True)
class PeerVip:
    """A virtual IP as the other node has it; ``stable_seconds`` is what its own ``Vip.stable_seconds`` is."""

    owned: bool
    stable_seconds: float | None


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other node's exporter says of its node; what it does not know is missing or None."""

    name: str
    role: str
    version: str
    vips: Mapping[str, PeerVip]  # by address
    keepalived_up: bool | None
    virtual_router_ids: Mapping[str, int]  # by VRRP instance
    vrrp_versions: Mapping[str, int]  # by VRRP instance
    drained: bool | None
    digests: Mapping[str, str]
    clock_offset: float  # its clock minus ours, in seconds
    checks: tuple[Check, ...]  # its own verdicts about itself


@dataclass(frozen=True, slots=True)
class PeerObservation:
    """The other node, or why it could not be asked."""

    address: str
    age: float  # seconds since it was asked
    query_duration: float
    peer: Peer | None
    error: str | None
    keyed: bool = True  # only an answer that has the pair key counts


@dataclass(frozen=True, slots=True)
class ForeignDevice:
    """A device that is neither node and has, or had, a virtual IP."""

    hardware: str
    lasting: bool
    first: float
    last: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """What the wire says about one virtual IP.

    ``foreign_owner`` is the hardware address of a device that is neither node and has the address now, ``foreign`` the
    last one of the last ten minutes. ``split`` says that the other node's hardware answers for what this node has.
    """

    address: str
    foreign_owner: str | None
    foreign_replies: int
    foreign: ForeignDevice | None = None
    split: bool = False


class AdvertiserKind(Enum):
    """Who sends VRRP advertisements that do not fit (stack/keepalived/wire/speakers.py)."""

    STRANGER = "stranger"  # neither node
    FORGED = "forged"  # in the name of one of the nodes, from other hardware
    PEER = "peer"  # the other node
    HOST = "host"  # this very host, but not this keepalived


@dataclass(frozen=True, slots=True)
class Advertiser:
    """A sender of VRRP advertisements that do not fit, in the last ten minutes; ``seen`` says how they do not."""

    kind: AdvertiserKind
    source: str  # empty: no IP packet
    hardware: str
    way: str  # "unicast" or "multicast"
    mixed: bool  # it sends good ones as well
    settled: bool  # it was the other node with other settings, and they fit again
    lasting: bool
    first: float
    last: float
    count: int
    seen: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConflictObservation:
    """Contradictions seen on the wire beside keepalived: ARP answers (RFC 5227) and VRRP advertisements (RFC 9568)."""

    keepalived_up: bool
    conflicts: tuple[Conflict, ...] = ()
    advertisements: Mapping[str, int] = field(default_factory=dict)  # contradictory ones, by reason
    advertisers: tuple[Advertiser, ...] = ()
    announcements: int = 0  # of a virtual IP, against a device that has it too
    dropped_frames: int = 0  # which came faster than they were looked at


@dataclass(frozen=True, slots=True)
class UnboundObservation:
    """Unbound's own statistics since it started; counters begin anew with each start (unbound-control(8))."""

    start_time: float
    queries: int
    queries_by_type: Mapping[str, int]
    cache_hits: int
    cache_misses: int
    prefetches: int
    expired_answers: int
    recursion: Latency
    responses: Mapping[str, int]  # by response code
    secure_answers: int
    bogus_answers: int
    waiting: int
    dropped: int
    cache_bytes: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class TopEntry:
    """One of the most frequent; ``kind`` says of what: domain, blocked or client."""

    kind: str
    name: str
    queries: int


@dataclass(frozen=True, slots=True)
class PiholeObservation:
    """Pi-hole's own figures; what it counts is of the last 24 hours."""

    blocking: bool | None  # None: it cannot say
    blocking_change: float | None  # when it switches blocking over by itself; None: no timer
    gravity_domains: int | None  # None: it has no list loaded that it could count
    gravity_time: float | None
    queries: int
    blocked: int
    cached: int
    forwarded: int
    queries_by_type: Mapping[str, int]
    replies: Mapping[str, int]
    queries_per_second: float
    domains: int
    active_clients: int
    known_clients: int
    top: tuple[TopEntry, ...] = ()


Observation = (
    VipObservation
    | VrrpObservation
    | HealthObservation
    | AdvertFilterObservation
    | FirewallObservation
    | DhcpObservation
    | ContainersObservation
    | ResolveObservation
    | SyncObservation
    | PeerObservation
    | ConflictObservation
    | UnboundObservation
    | PiholeObservation
)


@dataclass(frozen=True, slots=True)
class CollectorResult:
    """One run of one collector: an observation, and a sentence that says what is missing, or why all is."""

    collector: str
    duration: float
    observation: Observation | None
    error: str | None


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who this node is."""

    name: str
    role: str
    address: str
    version: str


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """Everything that one look at this node gave."""

    node: NodeIdentity
    time: float
    results: tuple[CollectorResult, ...]

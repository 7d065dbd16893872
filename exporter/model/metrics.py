"""The one table of metrics: the only place where a name is spelled.

The exposition, docs/metrics.md, the dashboards and the alert rules are checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["gauge", "counter", "histogram"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric family. ``name`` is the family's, so a counter's samples end in ``_total``."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str

    @property
    def sample_name(self) -> str:
        """The name that queries use (a histogram's without ``_bucket``, ``_sum`` or ``_count``)."""
        return f"{self.name}_total" if self.kind == "counter" else self.name


PREFIX = "dnsha_"
METRICS: dict[str, Metric] = {}


def _metric(name: str, kind: Kind, labels: str, text: str) -> Metric:
    metric = Metric(PREFIX + name, kind, tuple(labels.split()), text)
    METRICS[metric.name] = metric
    return metric


def _gauge(name: str, labels: str, text: str) -> Metric:
    return _metric(name, "gauge", labels, text)


def _counter(name: str, labels: str, text: str) -> Metric:
    return _metric(name, "counter", labels, text)


# The exporter and its node
BUILD_INFO = _gauge("build_info", "version python", "The exporter's version; always 1.")
NODE_INFO = _gauge("node_info", "name role address", "Which node this is; always 1.")
COLLECTOR_SUCCESS = _gauge("scrape_collector_success", "collector", "1 if the collector had data, 0 if it failed.")
COLLECTOR_DURATION = _gauge("scrape_collector_duration_seconds", "collector", "Time the collector took, in seconds.")
STATUS = _gauge("status", "", "The verdict about the pair: 0 ok, 1 warning, 2 critical, 3 unknown.")
CHECK_STATUS = _gauge("check_status", "check", "One check's verdict: 0 ok, 1 warning, 2 critical, 3 unknown.")

# VIP ownership, from the kernel
VIP_OWNED = _gauge("vip_owned", "vip family", "1 if this node's kernel has the virtual IP, 0 if not.")
VIP_USABLE = _gauge(
    "vip_usable",
    "vip family",
    "1 if the owned virtual IP is usable, 0 while duplicate address detection holds it back.",
)
VIP_DEVICE_INFO = _gauge("vip_device_info", "vip family device", "The device that has the virtual IP; 1 while owned.")
VIP_ACQUISITIONS = _counter("vip_acquisitions", "vip family", "Times this node acquired the virtual IP.")
VIP_RELEASES = _counter("vip_releases", "vip family", "Times this node lost or gave up the virtual IP.")
VIP_LAST_TRANSITION = _gauge(
    "vip_last_transition_timestamp_seconds", "vip family", "Unix time of the last acquisition or release on this node."
)
VIP_OWNERS = _gauge(
    "vip_owners",
    "vip family",
    "Nodes of the pair that own the virtual IP, as this one sees it; absent without its peer.",
)
VIP_OVERRUNS = _counter("vip_monitor_overruns", "", "Times the kernel dropped address messages; a full look followed.")

# Keepalived and VRRP
KEEPALIVED_UP = _gauge("keepalived_up", "", "1 if a keepalived process lives on this node, 0 if not.")
KEEPALIVED_INFO = _gauge("keepalived_info", "version", "Keepalived's version; always 1.")
KEEPALIVED_STARTS = _counter("keepalived_starts", "", "Times keepalived was started on this node.")
KEEPALIVED_CHILD_EXITS = _counter(
    "keepalived_child_exits", "", "Times keepalived's VRRP process died and was replaced."
)
KEEPALIVED_LAST_START = _gauge("keepalived_last_start_timestamp_seconds", "", "Unix time of keepalived's last start.")
KEEPALIVED_DUMP_TIME = _gauge(
    "keepalived_dump_timestamp_seconds", "", "Unix time at which keepalived's own counters were taken."
)
DRAINED = _gauge("drained", "", "1 if this node was asked to hand the virtual IP over, 0 if not.")
VRRP_INSTANCE_INFO = _gauge(
    "vrrp_instance_info", "vrrp_instance vrid interface version", "What a VRRP instance is; always 1."
)
VRRP_STATE = _gauge(
    "vrrp_state", "vrrp_instance state", "1 for the state that the VRRP instance is in, 0 for the others."
)
VRRP_EFFECTIVE_PRIORITY = _gauge("vrrp_effective_priority", "vrrp_instance", "Priority after checks and draining.")
VRRP_BASE_PRIORITY = _gauge("vrrp_base_priority", "vrrp_instance", "Priority as configured.")
VRRP_TRANSITIONS = _counter("vrrp_transitions", "vrrp_instance state", "Times the VRRP instance entered the state.")
VRRP_LAST_TRANSITION = _gauge(
    "vrrp_last_transition_timestamp_seconds", "vrrp_instance", "Unix time of the VRRP instance's last change of state."
)
VRRP_ADVERTISEMENT_INTERVAL = _gauge(
    "vrrp_advertisement_interval_seconds", "vrrp_instance", "Time between two VRRP advertisements, in seconds."
)
VRRP_ADVERTISEMENTS_RECEIVED = _counter(
    "vrrp_advertisements_received", "vrrp_instance", "VRRP advertisements received since keepalived started."
)
VRRP_ADVERTISEMENTS_SENT = _counter(
    "vrrp_advertisements_sent", "vrrp_instance", "VRRP advertisements sent since keepalived started."
)
VRRP_PRIORITY_ZERO_RECEIVED = _counter(
    "vrrp_priority_zero_received", "vrrp_instance", "Advertisements received from a master that stopped."
)
VRRP_PRIORITY_ZERO_SENT = _counter(
    "vrrp_priority_zero_sent", "vrrp_instance", "Advertisements sent because this master stopped."
)
VRRP_ERRORS = _counter("vrrp_errors", "vrrp_instance reason", "VRRP advertisements refused, by reason.")
VRRP_ADVERTS_DROPPED = _counter(
    "vrrp_adverts_dropped", "reason", "VRRP adverts kept from keepalived, by the field that did not fit."
)

# The health check and the recorder, which run beside keepalived
HEALTH_OK = _gauge(
    "health_ok", "question", "1 if the health check's answer is good, 0 if not; absent while it is not known."
)
HEALTH_REPORT_TIME = _gauge("health_report_timestamp_seconds", "", "Unix time of the health check's last report.")
HELPER_UP = _gauge(
    "helper_up",
    "process",
    "1 if the process beside keepalived runs, and reports where it should, 0 if not; absent while it is not known.",
)
HELPER_STARTS = _counter("helper_starts", "process", "Times the process was started since keepalived was.")

# Containers
CONTAINER_RUNNING = _gauge("container_running", "container", "1 if the expected container runs, 0 if not.")
CONTAINER_STATE = _gauge("container_state", "container state", "The container's state in Docker's words; 1.")
CONTAINER_HEALTH = _gauge("container_health", "container health", "The container's health in Docker's words; 1.")
CONTAINER_RESTARTS = _counter("container_restarts", "container", "Restarts by Docker's restart policy.")
CONTAINER_OOM_KILLED = _gauge("container_oom_killed", "container", "1 if its last end was for lack of memory, else 0.")
CONTAINER_EXIT_CODE = _gauge("container_exit_code", "container", "Exit code of a container that does not run.")
CONTAINER_START_TIME = _gauge("container_start_timestamp_seconds", "container", "Unix time of its last start.")
CONTAINER_EVENTS = _counter("container_events", "container event", "Docker's events about the container.")

# Resolving
_PROBE = "target server family protocol"
RESOLVE_DURATION = _metric("resolve_duration_seconds", "histogram", _PROBE, "Time to a good answer, in seconds.")
RESOLVE_UP = _gauge("resolve_up", _PROBE, "1 if the last query was answered well, 0 if not.")
RESOLVE_QUERIES = _counter("resolve_queries", _PROBE, "Queries sent.")
RESOLVE_FAILURES = _counter("resolve_failures", f"{_PROBE} reason", "Queries without a good answer, by reason.")
RESOLVE_RESPONSES = _counter("resolve_responses", f"{_PROBE} rcode", "Responses, by response code.")
RESOLVE_ANSWERS = _counter("resolve_answers", f"{_PROBE} answered_by", "Good answers, by the node that gave them.")
RESOLVE_ANSWERED_BY = _gauge("resolve_answered_by_info", f"{_PROBE} answered_by", "The node that answered last; 1.")
RESOLVE_OUTAGES = _counter("resolve_outages", _PROBE, "Outages that began: failures after a good answer.")
RESOLVE_OUTAGE_SECONDS = _counter("resolve_outage_seconds", _PROBE, "Length of all ended outages, in seconds.")
RESOLVE_LAST_OUTAGE = _gauge("resolve_last_outage_seconds", _PROBE, "Length of the last ended outage, in seconds.")
RESOLVE_OUTAGE_START = _gauge(
    "resolve_outage_start_timestamp_seconds", _PROBE, "Unix time at which the outage of now began; absent without one."
)

# Sync, backup and other tasks that leave a stamp
SYNC_LAST_ATTEMPT = _gauge("sync_last_attempt_timestamp_seconds", "task", "Unix time at which the task last began.")
SYNC_LAST_SUCCESS = _gauge("sync_last_success_timestamp_seconds", "task", "Unix time at which the task last succeeded.")
SYNC_DURATION = _gauge("sync_duration_seconds", "task", "Length of the task's last run, in seconds.")
SYNC_EXIT_STATUS = _gauge("sync_exit_status", "task", "Exit status of the task's last run; 0 is success.")
SYNC_MAXIMUM_AGE = _gauge("sync_maximum_age_seconds", "task", "Age from which on the last success is too old.")
SYNC_DIGEST = _gauge(
    "sync_content_digest",
    "content",
    "First 48 bits of the SHA-256 of content both nodes share; equal values, no drift.",
)
SYNC_DRIFTED = _gauge(
    "sync_drifted", "content", "1 if this node's content differs from its peer's, 0 if equal; absent without its peer."
)

# The other node
PEER_UP = _gauge("peer_up", "", "1 if the other node's exporter answered, 0 if not.")
PEER_INFO = _gauge("peer_info", "peer role version", "Who the other node says it is; 1.")
PEER_QUERY_DURATION = _gauge("peer_query_duration_seconds", "", "Time the other node's exporter took, in seconds.")
PEER_CLOCK_OFFSET = _gauge("peer_clock_offset_seconds", "", "The other node's clock minus this one's, in seconds.")

# The wire
CONFLICT_FOREIGN_OWNER = _gauge(
    "conflict_foreign_owner", "vip", "1 if a device that is neither node answers for the virtual IP now, else 0."
)
CONFLICT_FOREIGN_REPLIES = _counter(
    "conflict_foreign_replies", "vip", "Answers for a virtual IP by devices that are neither node."
)
CONFLICT_ADVERTISEMENTS = _counter(
    "conflict_advertisements", "reason", "VRRP advertisements on the wire that contradict this node's settings."
)
CONFLICT_DROPPED_FRAMES = _counter(
    "conflict_dropped_frames", "", "ARP, neighbour and VRRP packets that came faster than the wire watch looks at them."
)

# This node's Unbound, by its own statistics; they begin anew with each of its starts
UNBOUND_START_TIME = _gauge("unbound_start_timestamp_seconds", "", "Unix time of Unbound's start.")
UNBOUND_QUERIES = _counter("unbound_queries", "", "Queries of clients; the stack's own for the canary are among them.")
UNBOUND_QUERIES_BY_TYPE = _counter(
    "unbound_queries_by_type", "query_type", "Queries of clients, by type; the stack's own for the canary are TXT."
)
UNBOUND_CACHE_HITS = _counter("unbound_cache_hits", "", "Queries answered from the cache, or from local data.")
UNBOUND_CACHE_MISSES = _counter("unbound_cache_misses", "", "Queries that needed other servers.")
UNBOUND_PREFETCHES = _counter("unbound_prefetches", "", "Names fetched anew before they expired.")
UNBOUND_EXPIRED = _counter("unbound_expired_answers", "", "Answers that had expired in the cache.")
UNBOUND_RECURSION_DURATION = _metric(
    "unbound_recursion_duration_seconds", "histogram", "", "Time that other servers took to answer, in seconds."
)
UNBOUND_RESPONSES = _counter("unbound_responses", "rcode", "Answers to clients, by response code.")
UNBOUND_SECURE = _counter("unbound_secure_answers", "", "Answers that DNSSEC proved.")
UNBOUND_BOGUS = _counter("unbound_bogus_answers", "", "Answers that DNSSEC refused.")
UNBOUND_WAITING = _gauge("unbound_waiting_queries", "", "Queries of clients that wait for other servers now.")
UNBOUND_DROPPED = _counter("unbound_dropped_queries", "", "Queries dropped because too many waited.")
UNBOUND_CACHE_BYTES = _gauge("unbound_cache_bytes", "cache", "Memory that a cache takes, in bytes.")

# The stack's DHCP server
DHCP_SERVING = _gauge("dhcp_serving", "", "1 if this node's DHCP server runs, 0 if it stands by.")
DHCP_LEASES = _gauge("dhcp_leases", "", "DHCP leases that this node knows of, the other node's among them.")
DHCP_COPY_TIME = _gauge("dhcp_copy_timestamp_seconds", "", "Unix time at which the other node last told its leases.")
DHCP_FOREIGN = _gauge("dhcp_foreign_servers", "", "Other DHCP servers that answered on the LAN.")

# This node's Pi-hole, by its API; what it counts is of the last 24 hours
PIHOLE_BLOCKING = _gauge(
    "pihole_blocking_enabled", "", "1 if Pi-hole blocks, 0 if blocking is switched off; absent if Pi-hole cannot say."
)
PIHOLE_BLOCKING_CHANGE = _gauge(
    "pihole_blocking_change_timestamp_seconds",
    "",
    "Unix time at which Pi-hole switches blocking over by itself; absent without a timer.",
)
PIHOLE_GRAVITY_DOMAINS = _gauge("pihole_gravity_domains", "", "Domains in the blocklists as Pi-hole loaded them.")
PIHOLE_GRAVITY_TIME = _gauge(
    "pihole_gravity_last_update_timestamp_seconds", "", "Unix time at which Pi-hole last loaded its blocklists."
)
PIHOLE_QUERIES = _gauge("pihole_queries", "", "Queries in the last 24 hours.")
PIHOLE_BLOCKED = _gauge("pihole_blocked_queries", "", "Queries blocked in the last 24 hours.")
PIHOLE_CACHED = _gauge("pihole_cached_queries", "", "Queries answered from the cache in the last 24 hours.")
PIHOLE_FORWARDED = _gauge("pihole_forwarded_queries", "", "Queries forwarded to Unbound in the last 24 hours.")
PIHOLE_QUERIES_BY_TYPE = _gauge("pihole_queries_by_type", "query_type", "Queries in the last 24 hours, by type.")
PIHOLE_REPLIES = _gauge("pihole_replies", "reply", "Replies in the last 24 hours, in Pi-hole's words.")
PIHOLE_QUERY_RATE = _gauge("pihole_queries_per_second", "", "Queries a second now.")
PIHOLE_DOMAINS = _gauge("pihole_unique_domains", "", "Domains asked for in the last 24 hours.")
PIHOLE_CLIENTS = _gauge("pihole_active_clients", "", "Clients that asked in the last 24 hours.")
PIHOLE_KNOWN_CLIENTS = _gauge("pihole_known_clients", "", "Clients that Pi-hole knows.")
PIHOLE_TOP = _gauge(
    "pihole_top_queries",
    "top name",
    "Queries in the last 24 hours of the most frequent: domain, blocked or client; only with PIHOLE_TOP=yes.",
)

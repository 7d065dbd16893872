"""A stand-in for a scraped pair: what Prometheus would hold after a history, as promtool's input series.

The history is a list of changes to the state of two nodes. What each exporter would say follows from the states
alone, and each target is scraped at its own phase, because two nodes are never seen at the same moment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import Final

SITE: Final = "home"
VIP: Final = "192.0.2.53"
NODES: Final = ("alpha", "beta")
CONTAINERS: Final = ("pihole", "unbound", "keepalived")
TASKS: Final = {"pihole": (3600.0, 3 * 3600.0), "backup": (86400.0, 26 * 3600.0)}  # interval, maximum age

SETTLED_SECONDS: Final = 0.3  # as in exporter.model.pair
SCRAPE_TIMEOUT: Final = 3.0


@dataclass(frozen=True, slots=True)
class Node:
    """The state of one node; what is false is broken or stopped."""

    alive: bool = True
    exporter: bool = True
    keepalived: bool = True
    owns: bool = False
    drained: bool = False
    unbound: bool = True
    pihole: bool = True
    version: str = "1.0"

    @property
    def tells(self) -> bool:
        """Whether its exporter answers."""
        return self.alive and self.exporter

    @property
    def resolves(self) -> bool:
        """Whether its whole chain answers."""
        return self.alive and self.unbound and self.pihole


@dataclass(frozen=True, slots=True)
class Change:
    """From ``time`` on, seconds since the beginning, the node is different."""

    time: float
    node: str
    different: dict[str, object]


class History:
    """Two nodes over time; alpha owns the virtual IP at first."""

    def __init__(self, changes: Sequence[Change] = (), *, peers_see_each_other: bool = True) -> None:
        self.peers_see_each_other = peers_see_each_other
        self._states: dict[str, list[tuple[float, Node]]] = {
            "alpha": [(float("-inf"), Node(owns=True))],
            "beta": [(float("-inf"), Node())],
        }
        for change in sorted(changes, key=lambda change: change.time):
            states = self._states[change.node]
            states.append((change.time, replace(states[-1][1], **change.different)))  # type: ignore[arg-type]
        self.at = lru_cache(maxsize=4096)(self._at)

    def _at(self, node: str, time: float) -> Node:
        return next(state for since, state in reversed(self._states[node]) if since <= time)

    def moves(self, node: str, time: float, *, acquired: bool) -> list[float]:
        """When the node acquired or released the virtual IP up to a time."""
        return [
            since
            for (_, before), (since, after) in pairwise(self._states[node])
            if since <= time and before.owns is not acquired and after.owns is acquired
        ]

    def owners(self, time: float) -> int | None:
        """What the exporters know between them; None while that has not settled."""
        first, second = (self.at(node, time) for node in NODES)
        if not (first.tells and second.tells and self.peers_see_each_other):
            return None
        moves = [move for node in NODES for how in (True, False) for move in self.moves(node, time, acquired=how)]
        if first.owns == second.owns and time - max(moves, default=float("-inf")) < SETTLED_SECONDS:
            return None
        return first.owns + second.owns

    def answered(self, time: float) -> float:
        """For how many seconds the virtual IP has answered."""
        edges = sorted({0.0, time, *(since for node in NODES for since, _ in self._states[node] if 0 < since < time)})
        return sum(end - begin for begin, end in pairwise(edges) if self.vip_answers(begin))

    def vip_answers(self, time: float) -> bool:
        """Whether a node that resolves owns the virtual IP."""
        return any(self.at(node, time).owns and self.at(node, time).resolves for node in NODES)


Sample = float | None
Series = tuple[str, str, Callable[[float], Sample]]  # name, labels, value


Own = Callable[[Callable[[Node], Sample | bool]], Callable[[float], Sample]]


def _keepalived_series(own: Own) -> Iterator[Series]:
    """What is said of keepalived, and beside it."""
    yield "dnsha_keepalived_up", "", own(lambda state: state.keepalived)
    yield "dnsha_keepalived_info", 'version="2.3.3"', own(lambda state: 1.0 if state.keepalived else None)
    for process in ("check", "recorder"):
        labels = f'process="{process}"'
        yield "dnsha_helper_up", labels, own(lambda state: 1.0 if state.keepalived else None)
        yield "dnsha_helper_starts_total", labels, own(lambda state: 1.0 if state.keepalived else None)
    yield "dnsha_health_ok", 'question="chain"', own(lambda state: state.resolves if state.keepalived else None)
    yield "dnsha_health_ok", 'question="address"', own(lambda state: 1.0 if state.keepalived else None)


def dnsha_series(history: History, node: str) -> Iterator[Series]:
    """What the exporter of a node says."""

    def own(value: Callable[[Node], Sample | bool]) -> Callable[[float], Sample]:
        def sample(time: float) -> Sample:
            found = value(history.at(node, time))
            return None if found is None else float(found)

        return sample

    vip = f'vip="{VIP}",family="ipv4"'
    yield "dnsha_vip_owned", vip, own(lambda state: state.owns)
    yield "dnsha_vip_usable", vip, own(lambda state: 1.0 if state.owns else None)
    yield "dnsha_vip_owners", vip, history.owners
    yield "dnsha_vip_acquisitions_total", vip, lambda time: len(history.moves(node, time, acquired=True))
    yield from _keepalived_series(own)
    yield "dnsha_drained", "", own(lambda state: state.drained)
    role = 'role="primary"' if node == "alpha" else 'role="secondary"'
    yield "dnsha_node_info", f'name="{node}",{role},address="192.0.2.1{NODES.index(node)}"', own(lambda _: 1.0)
    for version in ("1.0", "1.1"):
        labels = f'version="{version}",python="3.13.5"'
        yield "dnsha_build_info", labels, own(lambda state, version=version: 1.0 if state.version == version else None)  # type: ignore[misc]
    yield from _vrrp_series(node, own)
    yield from _resolve_series(history, node)
    for container in CONTAINERS:

        def runs(state: Node, container: str = container) -> bool:
            return bool(getattr(state, container))

        yield "dnsha_container_running", f'container="{container}"', own(runs)
        yield "dnsha_container_restarts_total", f'container="{container}"', own(lambda _: 0.0)
        yield "dnsha_container_events_total", f'container="{container}",event="die"', own(lambda _: 0.0)
    for collector in ("vip", "vrrp", "health", "resolve", "containers", "sync", "peer"):
        yield "dnsha_scrape_collector_success", f'collector="{collector}"', own(lambda _: 1.0)
    for check in ("peer.settings", "vrrp.agreement", "resolve.answered_by"):
        yield "dnsha_check_status", f'check="{check}"', own(lambda _: 0.0)
    yield from _sync_series(own)
    yield from _peer_series(history, node)


def _vrrp_series(node: str, own: Own) -> Iterator[Series]:
    for vrrp_state in ("init", "backup", "master", "fault", "stopped"):

        def in_state(state: Node, wanted: str = vrrp_state) -> bool:
            return wanted == ("stopped" if not state.keepalived else "master" if state.owns else "backup")

        yield "dnsha_vrrp_state", f'vrrp_instance="VI_1",state="{vrrp_state}"', own(in_state)
    base = 250.0 if node == "alpha" else 240.0

    def priority(state: Node) -> Sample:
        return base - 100 * state.drained - 60 * (not state.resolves) if state.keepalived else None

    yield "dnsha_vrrp_base_priority", 'vrrp_instance="VI_1"', own(lambda state: base if state.keepalived else None)
    yield "dnsha_vrrp_effective_priority", 'vrrp_instance="VI_1"', own(priority)
    yield (
        "dnsha_vrrp_instance_info",
        'vrrp_instance="VI_1",vrid="53",interface="eth0",version="3"',
        own(lambda state: 1.0 if state.keepalived else None),
    )
    yield "dnsha_vrrp_errors_total", 'vrrp_instance="VI_1",reason="ttl"', own(lambda _: 0.0)
    yield "dnsha_vrrp_adverts_dropped_total", 'reason="ttl"', own(lambda _: 0.0)


def _resolve_series(history: History, node: str) -> Iterator[Series]:
    peer = NODES[1 - NODES.index(node)]

    def probe(ok: Callable[[float], bool], target: str, server: str) -> Iterator[Series]:
        for protocol in ("udp", "tcp"):
            labels = f'target="{target}",server="{server}",family="ipv4",protocol="{protocol}"'
            yield "dnsha_resolve_up", labels, lambda time: float(ok(time))
            if target == "vip":
                yield "dnsha_resolve_queries_total", labels, lambda time: time
                yield "dnsha_resolve_duration_seconds_count", labels, history.answered
                for bound in ("0.005", "0.25", "+Inf"):
                    yield "dnsha_resolve_duration_seconds_bucket", f'{labels},le="{bound}"', history.answered

    yield from probe(history.vip_answers, "vip", f"{VIP}:53")
    yield from probe(lambda time: history.at(node, time).resolves, "pihole", "127.0.0.1:53")
    yield from probe(lambda time: history.at(node, time).unbound, "unbound", "127.0.0.1:5335")
    yield from probe(lambda time: history.at(peer, time).resolves, "peer", f"192.0.2.1{1 - NODES.index(node)}:53")


def _sync_series(own: Own) -> Iterator[Series]:
    for task, (interval, maximum) in TASKS.items():
        yield "dnsha_sync_maximum_age_seconds", f'task="{task}"', own(lambda _, maximum=maximum: maximum)  # type: ignore[misc]
        yield "dnsha_sync_exit_status", f'task="{task}"', own(lambda _: 0.0)
        yield (
            "dnsha_sync_last_success_timestamp_seconds",
            f'task="{task}"',
            lambda time, interval=interval: time // interval * interval,  # type: ignore[misc]
        )
    # Somebody changes the primary's settings twice a day; the next hourly sync takes them over.
    yield "dnsha_sync_drifted", 'content="unbound"', lambda time: float(time % 43200 < 3600)


def _peer_series(history: History, node: str) -> Iterator[Series]:
    peer = NODES[1 - NODES.index(node)]

    def sees_peer(time: float) -> bool:
        return history.peers_see_each_other and history.at(peer, time).tells

    yield "dnsha_peer_up", "", lambda time: float(sees_peer(time))
    yield "dnsha_peer_info", f'peer="{peer}",role="x",version="1"', lambda time: 1.0 if sees_peer(time) else None
    yield "dnsha_peer_clock_offset_seconds", "", lambda time: 0.02 if sees_peer(time) else None


def node_exporter_series() -> Iterator[Series]:
    """What node_exporter says of a healthy Raspberry Pi: warm by day, its disk slowly filling."""
    root = 'device="/dev/mmcblk0p2",fstype="ext4",mountpoint="/"'
    yield "node_filesystem_size_bytes", root, lambda _: 32e9
    yield "node_filesystem_avail_bytes", root, lambda time: 20e9 - 2e3 * time
    yield "node_filesystem_readonly", root, lambda _: 0.0
    yield "node_thermal_zone_temp", 'type="cpu-thermal",zone="0"', lambda time: 50 + 15 * (time % 86400 // 43200)
    yield "node_hwmon_in_lcrit_alarm_volts", 'chip="soc:firmware_raspberrypi_hwmon",sensor="in0"', lambda _: 0.0
    yield "node_timex_sync_status", "", lambda _: 1.0
    yield "node_memory_MemTotal_bytes", "", lambda _: 2e9
    yield "node_memory_MemAvailable_bytes", "", lambda _: 1e9


def input_series(
    history: History, duration: float, *, scrape: int = 5, step: int = 1, phases: tuple[int, int] = (0, 0)
) -> list[dict[str, str]]:
    """Everything that Prometheus would hold, a sample every ``step`` seconds, most of them not there.

    A scrape of a dead node shows when it has timed out; one of a dead process fails at once.
    """
    found: list[dict[str, str]] = []
    for node, phase in zip(NODES, phases, strict=True):
        scrapes = _scrapes(history, node, duration, scrape, phase)
        targets: list[tuple[str, list[Series]]] = [
            ("dnsha", list(dnsha_series(history, node))),
            ("node", list(node_exporter_series())),
        ]
        for job, all_series in targets:
            up: Series = ("up", "", lambda _: 1.0)
            for name, labels, value in [up, *all_series]:
                slots: list[str] = ["_"] * (int(duration) // step + 1)
                before = False
                for seen_at, asked_at in scrapes:
                    state = history.at(node, asked_at)
                    answers = state.tells if job == "dnsha" else state.alive
                    sample = value(asked_at) if answers else 0.0 if name == "up" else None
                    if sample is not None:
                        slots[seen_at // step] = f"{sample:.15g}"
                    elif before:
                        slots[seen_at // step] = "stale"
                    before = sample is not None
                every = f'job="{job}",instance="{node}:9753",site="{SITE}",node="{node}"'
                own = f"{',' if labels else ''}{labels}"
                found.append({"series": f"{name}{{{every}{own}}}", "values": shortened(slots)})
    return found


def _scrapes(history: History, node: str, duration: float, interval: int, phase: int) -> list[tuple[int, float]]:
    """Return when each scrape showed and when it was made."""
    found = []
    for time in range(phase, int(duration) + 1, interval):
        late = 0 if history.at(node, time).alive else int(SCRAPE_TIMEOUT)
        if time + late <= duration:
            found.append((time + late, float(time)))
    return found


def shortened(slots: list[str]) -> str:
    """Write equal neighbours as promtool's ``1x3`` (1 and three more)."""
    found: list[tuple[str, int]] = []
    for slot in slots:
        if found and found[-1][0] == slot and slot != "stale":
            found[-1] = (slot, found[-1][1] + 1)
        else:
            found.append((slot, 1))
    return " ".join(
        slot if count == 1 else f"_x{count}" if slot == "_" else f"{slot}x{count - 1}" for slot, count in found
    )

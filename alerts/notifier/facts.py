"""What Prometheus knows at the moment in which a message is written: how long clients really waited, who serves now.

An alert's own times say when a rule fired, which is later than the trouble (``for``), and longer (``keep_firing_for``).
Its texts are those of its first moment: Prometheus sends them again only once a minute.
"""

from __future__ import annotations

import itertools
import re
import urllib.parse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeVar

from alerts.notifier import moves
from alerts.notifier.local import ALERTING_RULES, Query, ask
from alerts.notifier.moves import Move, Series
from alerts.notifier.payload import FAILOVER, LABEL_LENGTH, Alert
from alerts.notifier.text import clean

# How far before an alert its reason is looked for: the longest `for` of an outage, scrapes and evaluations.
BEFORE_SECONDS: Final = 90.0
# The same for a move, of which an alert comes sooner.
MOVED_BEFORE_SECONDS: Final = 45.0
# How late an exporter may notice a change: once a second it asks, and some more on a busy machine.
PROBE_SECONDS: Final = 1.5
LONGEST_SECONDS: Final = 6 * 3600.0
# What is older than that when it is told, after quiet hours for instance, is told without its moves.
MOVED_LONGEST_SECONDS: Final = 900.0
_OUTAGES: Final = (
    '{__name__=~"dnsha_resolve_outage_seconds_total|dnsha_resolve_outage_start_timestamp_seconds",'
    'target="vip",protocol="udp"}'
)
_MOVES: Final = f'{{__name__=~"{"|".join(moves.METRICS)}"}}'
_NOW: Final = '{__name__=~"site_node:dnsha_ready:bool|dnsha_vip_owned"} or up{job="dnsha"}'
_ABOUT_THE_PAIR: Final = frozenset({"vip", "nodes", "vrrp", "dns"})

_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class Outage:
    """What clients of a virtual IP felt, as an exporter measured it; ``start`` is Unix seconds, None if not known."""

    seconds: float
    start: float | None = None


@dataclass(frozen=True, slots=True)
class Delay:
    """Seconds by which a rule fires late (``for``) and goes on after its reason (``keep_firing_for``)."""

    firing: float = 0.0
    ending: float = 0.0


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known; all of it may be missing. Texts are harmless."""

    outage: Outage | None = None
    owners: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # nodes by virtual IP
    nodes: tuple[str, ...] = ()
    unready: tuple[str, ...] = ()
    delays: Mapping[str, Delay] = field(default_factory=dict)  # by alert name
    moves: tuple[Move, ...] = ()

    def delay_of(self, alert: Alert) -> Delay:
        """How late the rule of an alert is."""
        return self.delays.get(alert.name, Delay())


NOTHING: Final = Facts()


def gather(new: Sequence[Alert], ended: Sequence[Alert], now: float, query: Query) -> Facts:
    """Look up what belongs to alerts that are news; less of it where Prometheus does not answer.

    Args:
        new: the alerts that have begun; they and ``ended`` are of one site, as Alertmanager groups them.
        ended: the alerts that have ended.
        now: Unix seconds.
        query: asks Prometheus.
    """
    delays = (ask(query, ALERTING_RULES, _delays) or {}) if ended else {}
    begun, over = ([one for one in some if one.labels.get("component") in _ABOUT_THE_PAIR] for some in (new, ended))
    if not begun and not over:
        return Facts(delays=delays)
    asking = _Asking((begun or over)[0].labels.get("site", ""), now, query)
    found = asking.now() if over or any(alert.name == FAILOVER for alert in begun) else NOTHING
    moved: tuple[Move, ...] = ()
    outage = None
    begun = [alert for alert in begun if now - alert.starts_at < MOVED_LONGEST_SECONDS]
    if begun:
        moved = asking.moves(min(alert.starts_at for alert in begun) - MOVED_BEFORE_SECONDS)
    if failovers := [alert for alert in begun if alert.name == FAILOVER]:
        outage = asking.outage(None, min(alert.starts_at for alert in failovers) - MOVED_BEFORE_SECONDS)
    elif outages := [alert for alert in over if alert.labels["component"] == "vip"]:
        vips = {alert.labels.get("vip", "") for alert in outages}
        outage = asking.outage(vips, min(alert.starts_at for alert in outages) - BEFORE_SECONDS)
    return replace(found, outage=outage, delays=delays, moves=moved)


@dataclass(frozen=True, slots=True)
class _Asking:
    """Questions about one site, whose name is as its alerts have it."""

    site: str
    at: float
    query: Query

    def outage(self, vips: set[str] | None, since: float) -> Outage | None:
        """The longest time without an answer at one of these virtual IPs, or at any."""
        return self._over(_OUTAGES, since, lambda answer: _outage(_of_site(answer, self.site), vips, since))

    def moves(self, since: float) -> tuple[Move, ...]:
        """The moves of the virtual IP."""

        def read(answer: Any) -> tuple[Move, ...]:  # noqa: ANN401
            series = [
                Series(labels, tuple((float(at), float(value)) for at, value in each["values"]))
                for labels, each in _of_site(answer, self.site)
            ]
            return moves.find(series, since)

        # What was before says who had it first.
        return self._over(_MOVES, since - MOVED_BEFORE_SECONDS, read) or ()

    def now(self) -> Facts:
        """Who serves, and who could."""
        nodes, ready, owners = set(), set(), dict[str, list[str]]()
        for labels, each in ask(self.query, _instant(_NOW), lambda answer: _of_site(answer, self.site)) or []:
            node, name = labels["node"], labels["__name__"]
            value = float(each["value"][1])
            if name == "up":
                nodes.add(node)
            elif value == 1 and name == "dnsha_vip_owned":
                owners.setdefault(labels["vip"], []).append(node)
            elif value == 1:
                ready.add(node)
        return Facts(
            owners={vip: tuple(sorted(names)) for vip, names in sorted(owners.items())},
            nodes=tuple(sorted(nodes)),
            unready=tuple(sorted(nodes - ready)),
        )

    def _over(self, expression: str, since: float, read: Callable[[Any], _Read | None]) -> _Read | None:
        """Ask for all samples since a time; nothing of what is too long ago."""
        if not 0 < self.at - since < LONGEST_SECONDS:
            return None
        return ask(self.query, _instant(f"{expression}[{int(self.at - since) + 1}s]"), read)


def _instant(expression: str) -> str:
    return f"/api/v1/query?query={urllib.parse.quote(expression)}"


def _delays(answer: Any) -> dict[str, Delay]:  # noqa: ANN401
    rules = [rule for group in answer["data"]["groups"] for rule in group["rules"]]
    return {rule["name"]: Delay(float(rule["duration"]), float(rule.get("keepFiringFor", 0))) for rule in rules}


def _of_site(answer: Any, site: str) -> list[tuple[dict[str, str], Any]]:  # noqa: ANN401
    """The series of a site, with labels as an alert of it has them."""
    found = []
    for each in answer["data"]["result"]:
        labels = {name: clean(value, LABEL_LENGTH) for name, value in each["metric"].items() if name != "__name__"}
        if labels.get("site", "") == site:
            found.append((labels | {"__name__": each["metric"].get("__name__", "")}, each))
    return found


def _outage(series: Iterable[tuple[dict[str, str], Any]], vips: set[str] | None, since: float) -> Outage | None:
    """The longest time without an answer that any exporter measured at one of the virtual IPs; None without any."""
    lengths: dict[tuple[str, str], float] = {}
    starts: dict[tuple[str, str], float] = {}
    for labels, each in series:
        server = re.sub(r"^\[?(.+?)\]?:[0-9]+$", r"\1", each["metric"]["server"])
        if vips is not None and server not in vips:
            continue
        key = labels["node"], server
        values = [float(value) for _, value in each["values"]]
        if labels["__name__"] == "dnsha_resolve_outage_seconds_total":
            # A counter that fell was begun anew.
            steps = itertools.pairwise(values)
            lengths[key] = sum(after - before if after >= before else after for before, after in steps)
        else:
            starts[key] = min((value for value in values if value >= since), default=float("inf"))
    length, key = max(((length, key) for key, length in lengths.items()), default=(0.0, ("", "")))
    if length <= 0:
        return None
    start = starts.get(key, float("inf"))
    if start == float("inf"):
        return Outage(length)
    # Each exporter asks once a second, so it notices begin and end up to a second late: who is first is right.
    same = [
        (starts[other], starts[other] + lengths[other])
        for other in lengths.keys() & starts.keys()
        if abs(starts[other] - start) < PROBE_SECONDS and abs(lengths[other] - length) < 2 * PROBE_SECONDS
    ]
    begin = min(first for first, _ in same)
    return Outage(min(last for _, last in same) - begin, begin)

"""Write the news for a phone: what, where, since when, what to do now, and a link. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from typing import Final

from alerts.notifier import failover
from alerts.notifier.changes import Changes
from alerts.notifier.facts import NOTHING, Facts
from alerts.notifier.failover import seconds
from alerts.notifier.payload import FAILOVER, Alert, Severity

# The word says it without the colour.
_SIGNS: Final[dict[Severity, str]] = {
    "critical": "🔴 CRITICAL",
    "warning": "⚠️ WARNING",
    "info": "ℹ️ INFO",  # noqa: RUF001
    "other": "🔔 ALERT",
}
# Alerts with all their text, and with one line; a phone's notification shows less, its chat no more.
DETAILED: Final = 4
LISTED: Final = 16
MENTIONED: Final = 3
# Said elsewhere in the message, or nothing that says where to look.
_NOT_A_PLACE: Final = frozenset({"alertname", "severity", "component", "job", "instance"})
_PLACES_FIRST: Final = ("site", "node", "vip")
_PLACES: Final = 8
_PAGE: Final = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class Message:
    """A title of one line, and a text."""

    title: str
    body: str


@dataclass(frozen=True, slots=True)
class Writer:
    """How the owner wants messages written: local time, and where the runbooks are."""

    timezone: tzinfo
    runbooks: str = ""

    def write(self, changes: Changes, now: float, facts: Facts = NOTHING) -> Message:
        """Write the news; ``changes`` must be worth telling."""
        if changes.new or changes.ended:
            return self._write(changes, now, facts)
        lead = changes.still[0]
        title = f"{_SIGNS[lead.severity]} still: {headline(lead)}{_more(changes.still)}"
        return Message(title, self._body(changes.still, changes.left_out, now))

    def _write(self, changes: Changes, now: float, facts: Facts) -> Message:
        new = tuple(self.as_told(alert, facts, now) for alert in changes.new)
        ended, still = changes.ended, changes.still
        parts = []
        if new:
            title = f"{_SIGNS[new[0].severity]} {headline(new[0])}{_more(new)}"
            parts.append(self._body(new, changes.left_out, now))
            parts += [f"✅ {end(alert)} ({_length(alert, facts)})" for alert in ended[:MENTIONED]]
            parts += _and_more(len(ended) - MENTIONED, "recovered")
        else:
            title = f"✅ {end(ended[0])} ({_length(ended[0], facts)}){_more(ended)}"
            parts.append("\n".join([self._span(ended[0], facts), *_aftermath(facts)]))
            parts += [f"✅ {end(alert, unsaid='')}\n{self._span(alert, facts)}" for alert in ended[1:LISTED]]
            parts += _and_more(len(ended) - LISTED)
        if still:
            named = "; ".join(headline(alert) for alert in still[:MENTIONED])
            hidden = len(still) - MENTIONED
            parts.append(f"Still: {named}" + (f" and {hidden} more" if hidden > 0 else ""))
        return Message(title, "\n\n".join(parts))

    def as_told(self, alert: Alert, facts: Facts, now: float) -> Alert:
        """An alert that has begun, with what is known of the moves of the virtual IP."""

        def clock(moment: float) -> str:
            return self._clock(moment, now)

        if alert.name == FAILOVER:
            summary = failover.headline(facts, clock)
            told = " ".join([failover.waited(facts.outage), *(f"{line}." for line in _aftermath(facts))])
            return replace(alert, summary=summary, description=told) if summary else alert
        if facts.moves and alert.labels.get("component") in {"dns", "nodes", "vrrp"}:
            moved = f"The virtual IP {failover.moved(facts.moves, clock)}."
            return replace(alert, description=f"{alert.description} {moved}")
        return alert

    def _body(self, alerts: Sequence[Alert], left_out: int, now: float) -> str:
        blocks = [self._details(alerts[0], now)]
        blocks += [
            f"{_SIGNS[alert.severity]} {headline(alert)}\n{self._details(alert, now)}" for alert in alerts[1:DETAILED]
        ]
        listed = [f"{_SIGNS[alert.severity]} {headline(alert)}" for alert in alerts[DETAILED : DETAILED + LISTED]]
        if listed:
            blocks.append("\n".join(listed))
        blocks += _and_more(len(alerts) - DETAILED - LISTED + left_out)
        return "\n\n".join(blocks)

    def _details(self, alert: Alert, now: float) -> str:
        lines = [f"Where: {places}"] if (places := where(alert)) else []
        lines.append(f"Since: {self._clock(alert.starts_at, now)} ({duration(now - alert.starts_at)})")
        if alert.description:
            lines.append(f"Now: {alert.description}")
        if link := self._link(alert):
            lines.append(link)
        return "\n".join(lines)

    def _span(self, alert: Alert, facts: Facts) -> str:
        begin, over = _times(alert, facts)
        outage = facts.outage if _is_outage(alert) else None
        if outage is None:
            return f"From {self._clock(begin, over)} to {self._clock(over, over)}"
        if outage.start is None:
            return f"Clients waited {seconds(outage.seconds)} for an answer, at about {self._clock(begin, over)}"
        over = outage.start + outage.seconds
        span = f"from {self._clock(outage.start, over)} to {self._clock(over, over)}"
        return f"Clients had no answer for {seconds(outage.seconds)}, {span}"

    def _clock(self, moment: float, now: float) -> str:
        try:
            then, today = (datetime.fromtimestamp(seconds, self.timezone) for seconds in (moment, now))
        except (OverflowError, ValueError, OSError):  # a year that no calendar here has
            return "an unknown time"
        return then.strftime("%H:%M:%S" if then.date() == today.date() else "%a %d %b %H:%M:%S")

    def _link(self, alert: Alert) -> str:
        page = alert.link.rstrip("/").rpartition("/")[2]
        if not self.runbooks or not alert.link:
            return alert.link
        return f"{self.runbooks.rstrip('/')}/{page}" if _PAGE.fullmatch(page) else ""


def headline(alert: Alert) -> str:
    """The alert in one line that begins with the site."""
    site = alert.labels.get("site", "")
    return alert.summary if not site or alert.summary.startswith(f"{site}:") else f"{site}: {alert.summary}"


def end(alert: Alert, unsaid: str = "recovered: ") -> str:
    """The end of an alert in one line; ``unsaid`` comes before the headline of one that has no words for its end."""
    if not alert.ending:
        return f"{unsaid}{headline(alert)}"
    return headline(replace(alert, summary=alert.ending))


def where(alert: Alert) -> str:
    """Site, node and virtual IP first, then the other labels that say where to look."""
    names = [name for name in _PLACES_FIRST if name in alert.labels]
    names += [name for name in alert.labels if name not in _PLACES_FIRST and name not in _NOT_A_PLACE]
    return ", ".join(f"{name} {alert.labels[name]}" for name in names[:_PLACES] if alert.labels[name])


def duration(seconds: float) -> str:
    """A length of time in its two largest units; two clocks that disagree make it 0 s."""
    whole = max(int(seconds), 0)
    days, hours, minutes = whole // 86400, whole // 3600 % 24, whole // 60 % 60
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{whole} s"


def _is_outage(alert: Alert) -> bool:
    return alert.labels.get("component") == "vip"


def _times(alert: Alert, facts: Facts) -> tuple[float, float]:
    """From when to when the reason of an alert was there."""
    delay = facts.delay_of(alert)
    begin = alert.starts_at - delay.firing
    return begin, max(alert.ends_at - delay.ending, begin)


def _length(alert: Alert, facts: Facts) -> str:
    if facts.outage is not None and _is_outage(alert):
        return f"after {seconds(facts.outage.seconds)}"
    begin, over = _times(alert, facts)
    return f"after {duration(over - begin)}"


def _aftermath(facts: Facts) -> list[str]:
    """Who serves now, and whether the other node could."""
    lines = [
        f"{' and '.join(nodes)} {'has' if len(nodes) == 1 else 'have'} {vip}" for vip, nodes in facts.owners.items()
    ]
    if facts.unready:
        lines.append(f"Not redundant: {' and '.join(facts.unready)} cannot take over")
    elif len(facts.nodes) > 1:
        lines.append("Redundant: each node can take over")
    return lines


def _more(alerts: Sequence[Alert]) -> str:
    return f" (+{len(alerts) - 1} more)" if len(alerts) > 1 else ""


def _and_more(number: int, what: str = "") -> list[str]:
    return [f"and {number} more {what}".rstrip()] if number > 0 else []

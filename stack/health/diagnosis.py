"""Why this node's Unbound resolves no name of the internet, and what to do: from its replies. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from stack.health.world_question import REFUSED, SERVFAIL, Reply

DAY = 86_400
TOLERANCE_SECONDS = 60
STALE_FILE_SECONDS = 3_600


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen. ``plain`` and ``unchecked`` are the replies without and with validation, None for none in time.

    ``now`` is this node's clock and ``installed`` the date of this program's own file, in Unix seconds; ``route`` is
    whether the node has a default route, None if that cannot be told.
    """

    plain: Reply | None
    unchecked: Reply | None
    now: float
    installed: float
    route: bool | None


def diagnose(seen: Evidence) -> str:
    """Return the cause and the remedy, as what follows "Unbound resolves no name of the internet: "."""
    plain, unchecked = seen.plain, seen.unchecked
    if plain is not None and plain.rcode == SERVFAIL and unchecked is not None and unchecked.resolved:
        return _refused_by_validation(plain, unchecked, seen)
    if plain is not None and plain.rcode == REFUSED:
        return "it answers REFUSED; look in compose/unbound.d for access-control and for a forwarder that does so"
    if seen.route is False:
        return "this node has no route to the internet; see `ip route`, and the gateway of its network settings"
    if plain is not None and plain.rcode != SERVFAIL:
        return f"it answers {plain.word}; see `docker compose logs unbound` and compose/unbound.d"
    what = "it does not answer in time" if plain is None else "it answers SERVFAIL with and without validation"
    cause = next((one.error for one in (plain, unchecked) if one is not None and one.error), "")
    return (
        f"{what}{f' ({cause})' if cause else ''}: it reaches no name server; see that the internet is there, that no "
        "firewall keeps port 53 in, and that a forwarder over TLS in compose/unbound.d has tls-cert-bundle"
        f"{_old_clock(seen)}"
    )


def _refused_by_validation(plain: Reply, unchecked: Reply, seen: Evidence) -> str:
    if not unchecked.signatures and not unchecked.truncated:
        return (
            "validation refuses it, because DNSSEC's signatures are missing: the provider or the router strips them or "
            "intercepts port 53, or a forwarder in compose/unbound.d does not pass them; forward over TLS to a "
            f"resolver that does{_old_clock(seen)}"
        )
    wrong = wrong_clock(unchecked.signatures, seen.now)
    if wrong is not None:
        return (
            f"validation refuses it, because this node's clock is wrong: it says {_date(seen.now)}, {wrong}; "
            "set it (timedatectl set-ntp true), by time servers named by address or by resolvers other than this pair"
        )
    why = f" ({plain.error})" if plain.error else ""
    return (
        f"validation refuses it{why}, though its signatures are there and in time; restart Unbound (`docker restart "
        "unbound`), which may remember a time when this node's clock was ahead; if that does not help, somebody on the "
        "way forges answers, or its trust anchor is broken: `docker compose logs unbound` says what failed and why"
    )


def wrong_clock(signatures: tuple[tuple[int, int], ...], now: float) -> str | None:
    """Say how far this clock is off by these signatures: no name server gives out what is not valid at that time."""
    early = max((inception - now for inception, _ in signatures), default=0.0)
    late = max((now - expiration for _, expiration in signatures), default=0.0)
    if early > TOLERANCE_SECONDS:
        return f"at least {_span(early)} before the signatures that it is given now were made"
    if late > TOLERANCE_SECONDS:
        return f"at least {_span(late)} after the signatures that it is given now have expired"
    return None


def _old_clock(seen: Evidence) -> str:
    """A clock that is before the files of this very program is wrong, whatever else is."""
    before = seen.installed - seen.now
    if before < STALE_FILE_SECONDS:
        return ""
    return f"; this node's clock is {_span(before)} behind the date of this program's own files: set it"


def _span(seconds: float) -> str:
    return f"{seconds / DAY:.0f} days" if seconds >= 2 * DAY else f"{seconds / 3600:.1f} hours"


def _date(now: float) -> str:
    return dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y-%m-%d")

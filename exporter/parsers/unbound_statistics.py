"""What ``unbound-control stats_noreset`` answers: a line ``name=number`` each (``daemon/remote.c``, Unbound 1.17-1.22).

The figures of all threads begin with ``total.``; the rest is there with ``extended-statistics: yes`` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from exporter.model.errors import ParseError
from exporter.model.observations import Latency, UnboundObservation

WHAT = "Unbound's statistics"
# Any client can ask for all 65,536 types; those that a home asks for have a series of their own.
QUERY_TYPES = ("A", "AAAA", "HTTPS", "SVCB", "PTR", "TXT", "SRV", "MX", "NS", "SOA", "DS", "DNSKEY", "ANY")
RCODES = ("NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED")
OTHER = "other"
# NOERROR's own part, counted there too.
_NODATA = "nodata"
# Of Unbound's forty bounds, all powers of two, those that tell a home's answers apart; in seconds.
BOUNDS = (0.001024, 0.004096, 0.016384, 0.032768, 0.065536, 0.131072, 0.262144, 0.524288, 1.0, 2.0, 4.0, 16.0)
_TYPE, _RCODE, _CACHE = "num.query.type.", "num.answer.rcode.", "mem.cache."
_BUCKET = re.compile(r"histogram\.[0-9]{6,}\.[0-9]{6}\.to\.([0-9]{6,})\.([0-9]{6})", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,19}(\.[0-9]{1,9})?|[0-9](\.[0-9]{1,9})?e[+-][0-9]{1,2}", re.ASCII)
_LONGEST = 100


def parse_unbound_statistics(content: bytes) -> UnboundObservation:
    """Read the statistics.

    Raises:
        ParseError: it is something else, an error of Unbound's, or lacks the extended part.
    """
    figures = _figures(content)
    if f"{_RCODE}NOERROR" not in figures:
        raise ParseError(f"{WHAT} lack rcodes and types: set extended-statistics: yes in its server: section")
    return UnboundObservation(
        start_time=_get(figures, "time.now") - _get(figures, "time.up"),
        queries=_count(figures, "total.num.queries"),
        queries_by_type=_listed(figures, _TYPE, QUERY_TYPES),
        cache_hits=_count(figures, "total.num.cachehits"),
        cache_misses=_count(figures, "total.num.cachemiss"),
        prefetches=_count(figures, "total.num.prefetch"),
        expired_answers=_count(figures, "total.num.expired"),
        recursion=_recursion(figures),
        responses=_listed(figures, _RCODE, RCODES),
        secure_answers=_count(figures, "num.answer.secure"),
        bogus_answers=_count(figures, "num.answer.bogus"),
        waiting=_count(figures, "total.requestlist.current.user"),
        dropped=_count(figures, "total.requestlist.exceeded"),
        cache_bytes={name: _count(figures, _CACHE + name) for name in ("message", "rrset")},
    )


def _figures(content: bytes) -> Mapping[str, float]:
    text = content.decode("ascii", errors="replace")
    figures: dict[str, float] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if not equals or not _NUMBER.fullmatch(value):
            said = "".join(filter(str.isprintable, line))[:_LONGEST]
            raise ParseError(f"{WHAT} hold a line that is no figure: {said}")
        figures[name] = float(value)
    return figures


def _get(figures: Mapping[str, float], name: str) -> float:
    if name not in figures:
        raise ParseError(f"{WHAT} lack {name}")
    return figures[name]


def _count(figures: Mapping[str, float], name: str) -> int:
    return int(_get(figures, name))


def _listed(figures: Mapping[str, float], prefix: str, listed: tuple[str, ...]) -> Mapping[str, int]:
    """Each of those listed, with zero where Unbound leaves it out, and the sum of all others."""
    found = {name.removeprefix(prefix): int(value) for name, value in figures.items() if name.startswith(prefix)}
    others = sum(value for name, value in found.items() if name not in (*listed, _NODATA))
    return {**{name: found.get(name, 0) for name in listed}, OTHER: others}


def _recursion(figures: Mapping[str, float]) -> Latency:
    counts = [0] * (len(BOUNDS) + 1)
    for name, value in figures.items():
        bucket = _BUCKET.fullmatch(name)
        if bucket:
            upper = int(bucket[1]) + int(bucket[2]) / 1e6
            place = next((index for index, bound in enumerate(BOUNDS) if upper <= bound), len(BOUNDS))
            counts[place] += int(value)
    # The sum of all times is what Unbound's average, with six decimals, was made of.
    total = _get(figures, "total.recursion.time.avg") * _get(figures, "total.num.recursivereplies")
    return Latency(BOUNDS, tuple(counts), total)

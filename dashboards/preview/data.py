"""What a panel's queries answer, in the form in which it is drawn."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.preview.replay import Replay, Series


@dataclass(frozen=True, slots=True)
class Line:
    """One series with its legend."""

    legend: str
    samples: tuple[tuple[float, float], ...]


def lines(replay: Replay, panel: dict[str, Any]) -> list[Line]:
    """Every series of a panel, as its legend names it."""
    return [
        Line(_legend(target["legendFormat"], series), series.samples)
        for target in panel["targets"]
        for series in _ask(replay, target)
    ]


def rows(replay: Replay, panel: dict[str, Any]) -> list[dict[str, str | float]]:
    """A table's rows: the queries' answers, joined by time and the labels that all of them have."""
    answers = [
        (target["refId"], target["instant"], series) for target in panel["targets"] for series in _ask(replay, target)
    ]
    shared = set.intersection(*({*series.labels} for _, _, series in answers)) if answers else set()
    single = len(panel["targets"]) == 1
    joined: dict[tuple[Any, ...], dict[str, str | float]] = {}
    for ref_id, instant, series in answers:
        for time, value in series.samples:
            key = (0.0 if instant else time, *(series.labels[label] for label in sorted(shared)))
            row = joined.setdefault(key, {"Time": time * 1000})
            row.update(series.labels)
            row["Value" if single else f"Value #{ref_id}"] = value
    return list(joined.values())


def spans(samples: tuple[tuple[float, float], ...], step: float) -> Iterator[tuple[float, float, float]]:
    """Times in which a series had one value: begin, end, value; a gap ends one."""
    begin = last = value = None
    for time, now in samples:
        if begin is None or last is None or now != value or time - last > 1.5 * step:
            if begin is not None and last is not None and value is not None:
                yield begin, min(last + step, time), value
            begin, value = time, now
        last = time
    if begin is not None and last is not None and value is not None:
        yield begin, last + step, value


def _ask(replay: Replay, target: dict[str, Any]) -> list[Series]:
    return replay.instant(target["expr"]) if target["instant"] else replay.range(target["expr"])


def _legend(form: str, series: Series) -> str:
    if form == "__auto":
        return ", ".join(series.labels.values())
    return re.sub(r"\{\{(\w+)\}\}", lambda found: series.labels.get(found[1], ""), form)

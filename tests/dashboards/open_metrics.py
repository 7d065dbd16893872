"""Scrapes of several targets as one OpenMetrics file with timestamps, for ``promtool tsdb create-blocks-from``."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

_TYPE = re.compile(r"# TYPE (\S+) (\S+)")
_HISTOGRAM_PARTS = ("_bucket", "_sum", "_count")


@dataclass(slots=True)
class _Family:
    """A metric family: its type and, by series, its samples as time (Unix seconds) and value (as it was written)."""

    kind: str
    series: dict[str, list[tuple[float, str]]] = field(default_factory=dict)


class Recording:
    """Samples as they come in; written family by family, as OpenMetrics wants it."""

    def __init__(self) -> None:
        self._families: dict[str, _Family] = {}

    def add(self, name: str, labels: Mapping[str, str], time: float, value: str, kind: str = "gauge") -> None:
        """Add one sample."""
        family = self._families.setdefault(name, _Family(kind))
        rendered = ",".join(f'{label}="{text}"' for label, text in labels.items())
        family.series.setdefault(f"{name}{{{rendered}}}", []).append((time, value))

    def add_scrape(
        self, text: str, labels: Mapping[str, str], time: float, wanted: Container[str] | None = None
    ) -> None:
        """Add what a target answered, in the Prometheus format or in OpenMetrics; ``wanted`` are family names."""
        target = ",".join(f'{label}="{value}"' for label, value in labels.items())
        # As Prometheus does with a target's own label of such a name.
        clash = re.compile(rf'(^|,)({"|".join(labels)})="')
        kinds: dict[str, str] = {}
        for line in text.splitlines():
            if found := _TYPE.match(line):
                kinds[_family_name(found[1], found[2])] = found[2]
            if not line or line.startswith("#"):
                continue
            series, _, value = line.rpartition(" ")
            name, brace, own = series.partition("{")
            family_name = _base(name, kinds)
            if wanted is not None and family_name not in wanted:
                continue
            kind = kinds.get(family_name, "unknown")
            family = self._families.setdefault(family_name, _Family(kind))
            own = clash.sub(r'\1exported_\2="', own)
            key = f"{name}{{{target},{own}" if brace else f"{name}{{{target}}}"
            family.series.setdefault(key, []).append((time, value))

    def lines(self, since: float = 0.0) -> Iterator[str]:
        """The file's lines, without line ends and without what was before a time (Unix seconds)."""
        for name in sorted(self._families):
            family = self._families[name]
            kind = "unknown" if family.kind == "untyped" else family.kind
            yield f"# TYPE {name} {kind}"
            for series in sorted(family.series):
                for time, value in family.series[series]:
                    if time >= since:
                        yield f"{series} {value} {time:.3f}"
        yield "# EOF"


def _family_name(name: str, kind: str) -> str:
    return name.removesuffix("_total") if kind == "counter" else name


def _base(name: str, kinds: Mapping[str, str]) -> str:
    """The family of a sample's name."""
    for suffix in ("_total", *_HISTOGRAM_PARTS):
        base = name.removesuffix(suffix)
        if base != name and kinds.get(base) == ("counter" if suffix == "_total" else "histogram"):
            return base
    return name

"""The committed dashboards as the tests see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboards.generate import GENERATED


@dataclass(frozen=True, slots=True)
class Target:
    """One query of one panel, or of an annotation."""

    board: str
    panel: str
    promql: str
    instant: bool

    def __str__(self) -> str:
        return f"{self.board} / {self.panel}"


def boards() -> dict[str, dict[str, Any]]:
    """Every committed dashboard, by the name of its file."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(GENERATED.glob("*.json"))}


def panels(document: dict[str, Any]) -> list[dict[str, Any]]:
    """A dashboard's panels without its headings."""
    return [panel for panel in document["panels"] if panel["type"] != "row"]


def targets() -> Iterator[Target]:
    """Every query of every dashboard."""
    for name, document in boards().items():
        for panel in panels(document):
            for target in panel["targets"]:
                yield Target(name, f"{panel['title']} {target['refId']}", target["expr"], target["instant"])
        for annotation in document["annotations"]["list"]:
            yield Target(name, f"annotation {annotation['name']}", annotation["target"]["expr"], instant=False)

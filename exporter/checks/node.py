"""Does every collector have its data?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Judge
from exporter.observations import Check, NodeStatus
from exporter.settings.values import Settings


def judge(status: NodeStatus, _: Settings) -> Iterator[Check]:
    """Name every collector that has no data, or not all of it."""
    for result in status.results:
        if result.error is not None:
            yield Judge(status, result.collector).unknown(
                f"{result.collector}.data", result.error, "data", "what the message says; the exporter's log has more"
            )

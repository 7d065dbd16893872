"""Does every collector have its data, and was any of it damaged?"""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks.build import Evaluation
from exporter.model.observations import Check, NodeStatus, VipObservation, VrrpObservation
from exporter.settings.values import Settings


def evaluate(status: NodeStatus, _: Settings) -> Iterator[Check]:
    """Name every collector that has no data, or not all of it, and the files that were replaced because of damage."""
    for result in status.results:
        if result.error is not None:
            yield Evaluation(status, result.collector).unknown(
                f"{result.collector}.data", result.error, "data", "what the message says; the exporter's log has more"
            )
        for notice in (
            result.observation.notices if isinstance(result.observation, VipObservation | VrrpObservation) else ()
        ):
            yield Evaluation(status, result.collector).warning(
                f"{result.collector}.file",
                notice,
                "files that nobody else writes",
                "nothing has to be done for the file; look for what damaged it: a power cut, a failing SD card "
                "(dmesg), a program that writes there",
            )

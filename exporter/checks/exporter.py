"""Does this node's own exporter run? ``--once`` alone asks that, when none has answered it."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.checks import means
from exporter.checks.build import Evaluation
from exporter.model.observations import Check, NodeStatus
from exporter.settings.values import Settings

# What its check stands on: no collector.
EXPORTER = "exporter"


def evaluate_missing(status: NodeStatus, settings: Settings) -> Iterator[Check]:
    """Say that no exporter of this node answered, where one should run.

    One should where STATE_DIRECTORY exists: an exporter makes it when it starts to serve, and the image has it. A node
    on which scripts alone use ``--once`` never has it.
    """
    if settings.state_directory.is_dir():
        yield Evaluation(status, EXPORTER).warning(
            "exporter.running",
            f"no exporter of this node answers on port {settings.exporter_port}, so nothing is watched or counted here",
            f"one serves, since {settings.state_directory} exists",
            f"{means.start_exporter(settings)} starts it, its log says why it ended; "
            f"where none is meant to run any more, remove {settings.state_directory}",
        )

"""Looks at a pair for tests of what Home Assistant is told: written by the exporter's own view, from samples."""

from __future__ import annotations

from dataclasses import replace

from exporter import checks
from exporter.model.observations import NodeIdentity, NodeStatus, Observation
from exporter.views import status_document
from stack.homeassistant.status import Look, parse
from tests.unit import samples


def document(status: NodeStatus | None = None, role: str = "primary") -> bytes:
    """What an exporter answers; with another role than primary the node is beta."""
    status = status or samples.healthy()
    if role != "primary":
        status = replace(status, node=NodeIdentity("beta", role, samples.BETA, "0.1.0"))
    evaluated = checks.evaluate(status, samples.settings(node_role=role))
    return status_document.build(status, evaluated, checks.worst(evaluated))


def look(*observations: Observation, role: str = "primary") -> Look:
    """A healthy node, or one of which these observations are all that is known."""
    return parse(document(samples.status(*observations) if observations else None, role))

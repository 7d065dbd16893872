"""The JSON status: everything that one look gave, and the verdict; ``status.schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from exporter import pair
from exporter.observations import (
    Check,
    ConflictObservation,
    ContainersObservation,
    NodeStatus,
    Observation,
    PeerObservation,
    ResolveObservation,
    Status,
    SyncObservation,
    VipObservation,
    VrrpObservation,
)
from exporter.parsers.status_document import FORMAT

SCHEMA = Path(__file__).with_name("status.schema.json")


def build(status: NodeStatus, checks: Sequence[Check], overall: Status) -> dict[str, Any]:
    """Build the document; what a collector could not give is null."""
    vips = pair.find(status, VipObservation)
    containers = pair.find(status, ContainersObservation)
    resolve = pair.find(status, ResolveObservation)
    document = {
        "format": FORMAT,
        "node": asdict(status.node),
        "time": status.time,
        "status": overall.word,
        "checks": [_plain(asdict(check)) for check in checks],
        "collectors": [
            {
                "name": result.collector,
                "success": result.error is None,
                "duration": result.duration,
                "error": result.error,
            }
            for result in status.results
        ],
        "vips": [{**asdict(vip), "owned": vip.owned} for vip in vips.vips] if vips else None,
        "vrrp": _observation(pair.find(status, VrrpObservation)),
        "containers": [asdict(container) for container in containers.containers] if containers else None,
        "resolve": [asdict(probe) for probe in resolve.probes] if resolve else None,
        "sync": _observation(pair.find(status, SyncObservation)),
        "peer": _observation(pair.find(status, PeerObservation)),
        "conflict": _observation(pair.find(status, ConflictObservation)),
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def encode(document: dict[str, Any]) -> bytes:
    """Write the document as JSON (RFC 8259)."""
    return json.dumps(document, allow_nan=False).encode()


def _observation(observation: Observation | None) -> dict[str, Any] | None:
    return None if observation is None else asdict(observation)


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Turn enums into their words, also as keys."""
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Status):
        return value.word
    if isinstance(value, Enum):
        return value.value
    return value

"""The JSON status: everything that one look gave, and the verdict; ``status.schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from exporter.model import pair
from exporter.model.observations import (
    AdvertFilterObservation,
    Check,
    ConflictObservation,
    ContainersObservation,
    FirewallObservation,
    HealthObservation,
    NodeStatus,
    PeerObservation,
    ResolveObservation,
    Status,
    SyncObservation,
    VipObservation,
    VrrpObservation,
)
from exporter.parsers.status_document import FORMAT

SCHEMA = Path(__file__).with_name("status.schema.json")
# Fields that the document has under an older name, which exporters of other versions read.
_PUBLISHED = {"stable_seconds": "steady"}


def build(status: NodeStatus, checks: Sequence[Check], overall: Status) -> bytes:
    """Write the document as JSON (RFC 8259); what a collector could not give is null."""
    vips = pair.find(status, VipObservation)
    containers = pair.find(status, ContainersObservation)
    resolve = pair.find(status, ResolveObservation)
    document = {
        "format": FORMAT,
        "node": status.node,
        "time": status.time,
        "status": overall,
        "checks": checks,
        "collectors": [
            {
                "name": result.collector,
                "success": result.error is None,
                "duration": result.duration,
                "error": result.error,
            }
            for result in status.results
        ],
        "vips": [{**_fields(vip), "owned": vip.owned} for vip in vips.vips] if vips else None,
        "vrrp": pair.find(status, VrrpObservation),
        "health": pair.find(status, HealthObservation),
        "adverts": pair.find(status, AdvertFilterObservation),
        "firewall": pair.find(status, FirewallObservation),
        "containers": containers.containers if containers else None,
        "resolve": resolve.probes if resolve else None,
        "sync": pair.find(status, SyncObservation),
        "peer": pair.find(status, PeerObservation),
        "conflict": pair.find(status, ConflictObservation),
    }
    return json.dumps(document, default=_plain, allow_nan=False).encode()


def _plain(value: object) -> object:
    """Turn what JSON does not know into what it does."""
    if isinstance(value, Status):
        return value.word
    if isinstance(value, Enum):
        return value.value
    return _fields(value)


def _fields(value: Any) -> dict[str, Any]:  # noqa: ANN401
    """Return a dataclass' fields; the words of enums where they are keys."""
    found = {_PUBLISHED.get(name, name): getattr(value, name) for name in value.__slots__}
    for name, field in found.items():
        if isinstance(field, dict) and field and isinstance(next(iter(field)), Enum):
            found[name] = {key.value: item for key, item in field.items()}
    return found

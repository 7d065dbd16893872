"""What the other node's notifier has told: the two Alertmanagers share the work, and a recovery may come to either."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from alerts.notifier.changes import Told
from alerts.notifier.store import told_of
from exporter.http.client import FetchError
from exporter.http.pair_key import PairKey
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json
from exporter.sources.peer_get import peer_get

log = logging.getLogger(__name__)

PATH: Final = "/told"
SECONDS: Final = 1.0
MAXIMUM_BYTES: Final = 2 << 20


@dataclass(frozen=True, slots=True)
class Peer:
    """What the other node's notifier says: its name, what it told, and what it is about to tell, by fingerprint."""

    node: str
    told: Mapping[str, Told]
    in_hand: frozenset[str]


def document(told: Mapping[str, Told], in_hand: Collection[str], node: str) -> bytes:
    """What is answered to the peer; it holds no secret and no text of an alert."""
    alerts = {fingerprint: asdict(entry) for fingerprint, entry in told.items()}
    return json.dumps({"version": 2, "node": node, "alerts": alerts, "in_hand": sorted(in_hand)}).encode()


def ask(address: str, port: int, key: PairKey) -> Peer | None:
    """Ask the peer; None when it did not answer, or somebody else did, which is known within a second."""
    try:
        return _parse(peer_get(address, port, PATH, SECONDS, lambda: key, MAXIMUM_BYTES))
    except FetchError as error:
        log.warning("the other node's notifier: %s", error)
    except (ParseError, KeyError, TypeError, ValueError, OverflowError, AttributeError):
        log.warning("the notifier at %s answered what makes no sense; do both nodes run the same version?", address)
    return None


def _parse(content: bytes) -> Peer:
    answer = parse_json(content, "its answer")
    told = {str(fingerprint): told_of(entry) for fingerprint, entry in answer["alerts"].items()}
    return Peer(str(answer["node"]), told, frozenset(map(str, answer["in_hand"])))

"""The other node, as its own exporter tells it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from exporter.engine.worker import Worker
from exporter.http.pair_key import KeySource, PairKeyError, no_key
from exporter.model.addressing import Address
from exporter.model.errors import ExporterError, NotReadyError
from exporter.model.observations import PeerObservation, PeerStatus
from exporter.sources.peer_status import ask_peer

# After a change of ownership the pair is looked at more often, for this long.
CHANGE_INTERVAL_SECONDS = 0.2
CHANGE_PERIOD_SECONDS = 2.0
# Each name, role and version of the other node is a series of its own; more than this come from no exporter of ours.
MAXIMUM_IDENTITIES = 16


class PeerCollector:
    """Asks the peer's exporter periodically; a silent peer is an observation, not a failure."""

    name = "peer"

    def __init__(
        self,
        address: Address,
        port: int,
        interval: float,
        timeout: float,
        own_name: str,
        clock: Callable[[], float] = time.time,
        *,
        tls: bool = False,
        key: KeySource = no_key,
    ) -> None:
        self._address = str(address)
        self._port = port
        self._interval = interval
        self._timeout = timeout
        self._own_name = own_name
        self._clock = clock
        self._key = key
        self._tls = tls
        self._changed_at = -CHANGE_PERIOD_SECONDS
        self._lock = threading.Lock()
        self._latest: PeerObservation | None = None
        self._asked = 0.0
        self._identities: set[tuple[str, str, str]] = set()
        self._worker = Worker("peer", self._work)

    def start(self) -> None:
        """Begin to ask."""
        self._worker.start()

    def look_closely(self) -> None:
        """Ask at once and more often for a while: ownership has changed."""
        self._changed_at = time.monotonic()
        self._worker.wake()

    def collect(self) -> PeerObservation:
        """Tell the latest answer."""
        with self._lock:
            if self._latest is None:
                msg = f"the peer {self._address} has not answered yet"
                raise NotReadyError(msg)
            return replace(self._latest, age=time.monotonic() - self._asked)

    def stop(self) -> None:
        """Ask no more."""
        self._worker.stop(self._timeout + 0.5)

    def _work(self) -> float:
        began = time.monotonic()
        peer: PeerStatus | None = None
        problem: str | None = None
        try:
            peer = ask_peer(self._address, self._port, self._timeout, self._key, tls=self._tls, clock=self._clock)
        except ExporterError as error:
            problem = str(error)
        if peer is not None and peer.name == self._own_name:
            peer, problem = (
                None,
                f"{self._address} calls itself {self._own_name}, as this node does: fix NODE_NAME or PEER_IP",
            )
        if peer is not None and not self._is_credible(peer):
            peer = None
            problem = (
                f"{self._address} has called itself by {MAXIMUM_IDENTITIES} names and versions; look who has that "
                "address, then restart this exporter"
            )
        with self._lock:
            before = self._latest
            self._asked = began
            self._latest = PeerObservation(
                self._address, 0.0, time.monotonic() - began, peer, problem, keyed=self._is_keyed()
            )
        if before is not None and _ownership(before) != _ownership(self._latest):
            self._changed_at = time.monotonic()
        changing = time.monotonic() - self._changed_at < CHANGE_PERIOD_SECONDS
        return min(CHANGE_INTERVAL_SECONDS, self._interval) if changing else self._interval

    def _is_keyed(self) -> bool:
        try:
            return bool(self._key())
        except PairKeyError:  # it is the reason why there was no answer
            return True

    def _is_credible(self, peer: PeerStatus) -> bool:
        """Whether it is one of the few that this peer has been, or there is room for one more."""
        identity = (peer.name, peer.role, peer.version)
        if identity not in self._identities and len(self._identities) >= MAXIMUM_IDENTITIES:
            return False
        self._identities.add(identity)
        return True


def _ownership(observation: PeerObservation) -> dict[str, bool] | None:
    return {address: vip.owned for address, vip in observation.peer.vips.items()} if observation.peer else None

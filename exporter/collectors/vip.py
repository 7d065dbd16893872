"""VIP ownership: what this node's kernel has, and every change of it."""

from __future__ import annotations

import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from exporter.addressing import VirtualAddress, family
from exporter.errors import CollectorError, ExporterError, NotReadyError
from exporter.files import read_bounded, write_atomically
from exporter.observations import Vip, VipObservation
from exporter.parsers.address_message import AddressChange
from exporter.parsers.vip_state import SavedVip, format_vip_state, parse_vip_state
from exporter.sources.addresses import AddressSubscription, all_addresses
from exporter.worker import Worker

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
SAVE_INTERVAL_SECONDS = 1.0
# How much later than its saved acquisition the kernel's own time of it may be; both are approximate.
SAME_ACQUISITION_SECONDS = 2.0


@dataclass(slots=True)
class _Ownership:
    """What is known of one virtual IP; ``holders`` maps interface index to usability."""

    holders: dict[int, bool] = field(default_factory=dict)
    acquisitions: int = 0
    releases: int = 0
    last_transition: float | None = None
    changed_at: float | None = None  # by the monotonic clock


class VipCollector:
    """Counts and times every acquisition and release, also those between two scrapes."""

    name = "vip"

    def __init__(
        self,
        virtual_addresses: Sequence[VirtualAddress],
        state_file: Path | None = None,
        on_change: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._families = {str(virtual): family(virtual.address) for virtual in virtual_addresses}
        self._vips = {address: _Ownership() for address in self._families}
        self._state_file = state_file
        self._on_change = on_change
        self._clock = clock
        self._lock = threading.Lock()
        self._subscription: AddressSubscription | None = None
        self._error: CollectorError = NotReadyError("the kernel has not been asked for its addresses yet")
        self._overruns = 0
        self._restored = False
        self._changed = False
        self._next_save = 0.0
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._worker = Worker("vip", self._work)

    def start(self) -> None:
        """Subscribe to the kernel's address changes."""
        self._worker.start()

    def collect(self) -> VipObservation:
        """Read what the kernel has announced up to now and tell the result."""
        with self._lock:
            if self._subscription is None:
                raise self._error
            self._read(self._subscription)
            return VipObservation(
                vips=tuple(self._describe(address, vip) for address, vip in self._vips.items()),
                overruns=self._overruns,
            )

    def stop(self) -> None:
        """End the subscription and save what was counted."""
        self._worker.stop_soon()
        os.eventfd_write(self._wake, 1)
        self._worker.stop()
        with self._lock:
            self._close()
            self._save()
        os.close(self._wake)

    def _work(self) -> float:
        with self._lock:
            subscription = self._subscription
            if subscription is None:
                subscription = self._subscribe()
        if subscription is None:
            return RETRY_SECONDS
        timeout = SAVE_INTERVAL_SECONDS if self._changed else None
        poll = select.poll()
        poll.register(subscription.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        poll.poll(None if timeout is None else timeout * 1000)
        with self._lock:
            if self._subscription is not None:
                self._read(self._subscription)
            if self._changed and self._clock() >= self._next_save:
                self._save()
        return 0.0

    def _subscribe(self) -> AddressSubscription | None:
        try:
            subscription = AddressSubscription()
        except OSError as error:
            self._error = CollectorError(
                f"the kernel does not let this process watch addresses: {error.strerror}; "
                "allow AF_NETLINK sockets (seccomp, AppArmor or RestrictAddressFamilies)"
            )
            return None
        self._subscription = subscription
        self._look(first=not self._restored)
        return self._subscription

    def _read(self, subscription: AddressSubscription) -> None:
        try:
            changes, lost = subscription.read()
        except (OSError, ExporterError) as error:
            self._fail(error)
            return
        for change in changes:
            self._apply(change)
        if lost:
            self._overruns += 1
            log.warning("the kernel dropped address messages; looking at all addresses instead")
            self._look(first=False)

    def _look(self, *, first: bool) -> None:
        """Compare with all addresses: what differs has changed unseen."""
        try:
            found = all_addresses()
        except (OSError, ExporterError) as error:
            self._fail(error)
            return
        held: dict[str, dict[int, AddressChange]] = {address: {} for address in self._vips}
        for change in found:
            if change.address in held:
                held[change.address][change.interface_index] = change
        if first:
            self._restore(held)
            self._restored = True
            return
        for address, vip in self._vips.items():
            for index in [index for index in vip.holders if index not in held[address]]:
                self._apply(
                    AddressChange(present=False, address=address, interface_index=index, usable=False, created=None)
                )
            for change in held[address].values():
                self._apply(change)

    def _restore(self, held: dict[str, dict[int, AddressChange]]) -> None:
        """Begin with the counts of before the restart and add what happened meanwhile."""
        saved = self._load()
        for address, vip in self._vips.items():
            vip.holders = {index: change.usable for index, change in held[address].items()}
            created = [_wall_time(c.created, self._clock()) for c in held[address].values() if c.created is not None]
            before = saved.get(address)
            if before is None:
                vip.last_transition = min(created, default=None)
                continue
            vip.acquisitions, vip.releases = before.acquisitions, before.releases
            vip.last_transition = before.last_transition
            new = bool(created) and (
                before.last_transition is None or min(created) > before.last_transition + SAME_ACQUISITION_SECONDS
            )
            if before.owned and (new or not vip.holders):
                vip.releases += 1
                vip.last_transition = self._clock()
            if vip.holders and (new or not before.owned):
                vip.acquisitions += 1
                vip.last_transition = min(created, default=self._clock())
            self._changed = self._changed or vip.last_transition != before.last_transition

    def _apply(self, change: AddressChange) -> None:
        vip = self._vips.get(change.address)
        if vip is None:
            return
        owned = bool(vip.holders)
        if change.present:
            vip.holders[change.interface_index] = change.usable
        else:
            vip.holders.pop(change.interface_index, None)
        if bool(vip.holders) == owned:
            return
        if owned:
            vip.releases += 1
        else:
            vip.acquisitions += 1
        vip.last_transition = self._clock()
        vip.changed_at = time.monotonic()
        self._changed = True
        self._on_change()
        log.info("%s %s", "released" if owned else "acquired", change.address)

    def _describe(self, address: str, vip: _Ownership) -> Vip:
        index = min(vip.holders, default=None)
        return Vip(
            address=address,
            family=self._families[address],
            device=None if index is None else _interface_name(index),
            usable=any(vip.holders.values()) if vip.holders else None,
            acquisitions=vip.acquisitions,
            releases=vip.releases,
            last_transition=vip.last_transition,
            steady=None if vip.changed_at is None else time.monotonic() - vip.changed_at,
        )

    def _fail(self, error: Exception) -> None:
        self._error = CollectorError(f"the kernel's addresses cannot be watched: {error}")
        self._close()

    def _close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _load(self) -> dict[str, SavedVip]:
        if self._state_file is None:
            return {}
        try:
            return parse_vip_state(read_bounded(self._state_file))
        except FileNotFoundError:
            return {}
        except (OSError, ExporterError) as error:
            log.warning("counters of before the restart are lost: %s", error)
            return {}

    def _save(self) -> None:
        if self._state_file is None or not self._restored:
            return
        saved = {
            address: SavedVip(bool(vip.holders), vip.acquisitions, vip.releases, vip.last_transition)
            for address, vip in self._vips.items()
        }
        self._next_save = self._clock() + SAVE_INTERVAL_SECONDS
        self._changed = False
        try:
            write_atomically(self._state_file, format_vip_state(saved))
        except OSError as error:
            log.warning("counters cannot be saved, a restart will lose them: %s", error)


def _wall_time(since_boot: float, now: float) -> float:
    return now - (time.clock_gettime(time.CLOCK_MONOTONIC) - since_boot)


def _interface_name(index: int) -> str:
    try:
        return socket.if_indextoname(index)
    except OSError:
        return f"interface {index}"

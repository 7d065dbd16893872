"""VIP ownership: what this node's kernel has, and every change of it."""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.engine.state_file import StateFile
from exporter.engine.worker import Worker
from exporter.model.addressing import VirtualAddress, family
from exporter.model.errors import CollectorError, ExporterError, NotReadyError
from exporter.model.observations import Vip, VipObservation
from exporter.parsers.vip_state import SavedVip, format_vip_state, parse_vip_state

if TYPE_CHECKING:
    from exporter.sources.addresses import AddressSubscription
    from exporter.wire.address_message import AddressChange

log = logging.getLogger(__name__)

RETRY_SECONDS = 2.0
SAVE_INTERVAL_SECONDS = 1.0
# The kernel's stamps of creation count hundredths of a second in 32 bits: 497 days.
STAMP_PERIOD_SECONDS = 2**32 / 100


@dataclass(slots=True)
class _Ownership:
    """What is known of one virtual IP; ``holders`` maps the kernel's entries of it to what was said of each."""

    holders: dict[tuple[int, int], AddressChange] = field(default_factory=dict)
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
        self._state = StateFile(state_file, parse_vip_state) if state_file else None
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
                raise type(self._error)(str(self._error))  # anew: one that is raised twice keeps every traceback
            self._read(self._subscription)
            if self._subscription is None:
                raise type(self._error)(str(self._error))  # anew: one that is raised twice keeps every traceback
            if self._changed:
                self._save()  # before anybody is told: a kill must not take back a counter that was read
            return VipObservation(
                vips=tuple(self._describe(address, vip) for address, vip in self._vips.items()),
                overruns=self._overruns,
                notices=self._state.notices() if self._state else (),
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
        # All of pyroute2 takes its time; this thread has it, and nobody waits for the lock meanwhile.
        from exporter.sources.addresses import AddressSubscription

        with self._lock:
            subscription = self._subscription
            if subscription is None:
                subscription = self._subscribe(AddressSubscription)
            if subscription is None:
                return RETRY_SECONDS
            poll = select.poll()
            poll.register(subscription.fileno(), select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        # Whoever closes the subscription meanwhile wakes this thread: poll(2) does not notice it.
        poll.poll(max(0.0, self._next_save - time.monotonic()) * 1000 if self._changed else None)
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._wake)
        with self._lock:
            if self._subscription is not None:
                self._read(self._subscription)
            if self._changed and time.monotonic() >= self._next_save:
                self._save()
        return 0.0

    def _subscribe(self, subscribe: Callable[[], AddressSubscription]) -> AddressSubscription | None:
        try:
            subscription = subscribe()
        except OSError as error:
            self._error = CollectorError(
                f"the kernel does not let this process watch addresses: {error.strerror}; "
                "allow AF_NETLINK sockets (seccomp, AppArmor or RestrictAddressFamilies)"
            )
            return None
        self._subscription = subscription
        self._compare(first=not self._restored)
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
            self._compare(first=False)

    def _compare(self, *, first: bool) -> None:
        """Compare with all addresses: what differs has changed unseen."""
        from exporter.sources.addresses import all_addresses

        try:
            found = all_addresses()
        except (OSError, ExporterError) as error:
            self._fail(error)
            return
        held: dict[str, dict[tuple[int, int], AddressChange]] = {address: {} for address in self._vips}
        for change in found:
            if change.address in held:
                held[change.address][change.entry] = change
        if first:
            self._restore(held)
            self._restored = True
            return
        for address, vip in self._vips.items():
            for gone in [change for entry, change in vip.holders.items() if entry not in held[address]]:
                self._apply(replace(gone, present=False))
            for change in held[address].values():
                self._apply(change)

    def _restore(self, held: dict[str, dict[tuple[int, int], AddressChange]]) -> None:
        """Begin with the counts of before the restart and add what happened meanwhile."""
        saved = (self._state.load() if self._state else None) or {}
        for address, vip in self._vips.items():
            vip.holders = held[address]
            acquired = self._acquired_at(vip)
            before = saved.get(address)
            if before is None:
                vip.last_transition = acquired
                continue
            vip.acquisitions, vip.releases = before.acquisitions, before.releases
            vip.last_transition = before.last_transition
            stamps = {change.created for change in vip.holders.values()}
            same = before.owned and not stamps.isdisjoint(before.created)
            if before.owned and not same:
                vip.releases += 1
                vip.last_transition = self._clock()
            if vip.holders and not same:
                vip.acquisitions += 1
                vip.last_transition = acquired or self._clock()
        self._changed = True  # what is known must be on disk before anything happens

    def _acquired_at(self, vip: _Ownership) -> float | None:
        """Return when the kernel made the oldest of the addresses (Unix seconds), None without one."""
        since_boot = time.clock_gettime(time.CLOCK_MONOTONIC)
        ages = [
            (since_boot - change.created + 1) % STAMP_PERIOD_SECONDS - 1  # it may seem to be in the future for a moment
            for change in vip.holders.values()
            if change.created is not None
        ]
        return self._clock() - max(0.0, *ages) if ages else None

    def _apply(self, change: AddressChange) -> None:
        vip = self._vips.get(change.address)
        if vip is None:
            return
        held = vip.holders.get(change.entry)
        if change.present and held is not None and (change.created or 0) > (held.created or 0):
            self._apply(replace(held, present=False))  # it went and came back unseen
        owned = bool(vip.holders)
        if change.present:
            vip.holders[change.entry] = change
        else:
            vip.holders.pop(change.entry, None)
        self._changed = self._changed or held is None or not change.present
        if bool(vip.holders) == owned:
            return
        if owned:
            vip.releases += 1
        else:
            vip.acquisitions += 1
        vip.last_transition = self._clock()
        vip.changed_at = time.monotonic()
        self._on_change()
        log.info("%s %s", "released" if owned else "acquired", change.address)

    def _describe(self, address: str, vip: _Ownership) -> Vip:
        index = min((index for index, _ in vip.holders), default=None)
        return Vip(
            address=address,
            family=self._families[address],
            device=None if index is None else _interface_name(index),
            usable=any(change.usable for change in vip.holders.values()) if vip.holders else None,
            acquisitions=vip.acquisitions,
            releases=vip.releases,
            last_transition=vip.last_transition,
            stable_seconds=None if vip.changed_at is None else time.monotonic() - vip.changed_at,
        )

    def _fail(self, error: Exception) -> None:
        self._error = CollectorError(f"the kernel's addresses cannot be watched: {error}")
        self._close()
        os.eventfd_write(self._wake, 1)

    def _close(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
            self._subscription = None

    def _save(self) -> None:
        if self._state is None or not self._restored:
            return
        saved = {
            address: SavedVip(
                owned=bool(vip.holders),
                acquisitions=vip.acquisitions,
                releases=vip.releases,
                last_transition=vip.last_transition,
                created=tuple(change.created for change in vip.holders.values() if change.created is not None),
            )
            for address, vip in self._vips.items()
        }
        self._next_save = time.monotonic() + SAVE_INTERVAL_SECONDS
        self._changed = False
        try:
            self._state.save(format_vip_state(saved))
        except OSError as error:
            log.warning("counters cannot be saved, a restart will lose them: %s", error)


def _interface_name(index: int) -> str:
    try:
        return os.fsencode(socket.if_indextoname(index)).decode(errors="replace")  # it may be any bytes
    except OSError:
        return f"interface {index}"

"""Go on where a wire watch that was killed has ended: its last report holds all that it had counted and found."""

from __future__ import annotations

import contextlib
import ipaddress
import time
from collections.abc import Callable
from typing import get_args

from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import ParseError
from exporter.model.observations import Advertiser, Conflict
from exporter.parsers.wire_report import MAXIMUM_BYTES, WireReport, parse_wire_report
from exporter.wire.vrrp_mismatch import MismatchReason
from stack.keepalived.wire.owners import Device, Owners
from stack.keepalived.wire.report import WireReporter
from stack.keepalived.wire.speakers import Kind, Sender, Speakers, Way


def resume(
    files: RuntimeFiles,
    owners: Owners,
    speakers: Speakers,
    reporter: WireReporter,
    now: float,
    clock: Callable[[], float] = time.time,
    *,
    findings: bool,
) -> None:
    """Take over the last report's counters, which never go back, and whom it named; ``now`` is by the monotonic clock.

    Without ``findings`` the counters alone: who restarts keepalived has mended something.
    No report, or one that makes no sense, is a beginning.
    """
    try:
        with files.wire.open("rb") as file:
            report = parse_wire_report(file.read(MAXIMUM_BYTES))
    except (OSError, ParseError):
        return
    wall = clock()

    def monotonic(moment: float) -> float:
        return now - max(0.0, wall - moment)

    reporter.dropped, reporter.announcements = report.dropped, report.announcements
    _count(speakers, report)
    for conflict in report.conflicts:
        _know_device(owners, conflict, monotonic, findings=findings)
    for advertiser in report.advertisers if findings else ():
        _know_sender(speakers, advertiser, monotonic)


def _count(speakers: Speakers, report: WireReport) -> None:
    for reason in MismatchReason:
        speakers.counts[reason] = report.advertisements.get(reason.value, 0)


def _know_device(owners: Owners, conflict: Conflict, monotonic: Callable[[float], float], *, findings: bool) -> None:
    with contextlib.suppress(ValueError):
        found = owners.found.get(ipaddress.ip_address(conflict.address))
        if found is None:
            return
        found.replies = conflict.foreign_replies
        if findings and (device := conflict.foreign) is not None:
            hardware = bytes.fromhex(device.hardware.replace(":", ""))
            found.devices[hardware] = Device(monotonic(device.first), monotonic(device.last))


def _know_sender(speakers: Speakers, known: Advertiser, monotonic: Callable[[float], float]) -> None:
    kind = next(kind for kind in get_args(Kind) if kind == known.kind.value)
    way = next((way for way in get_args(Way) if way == known.way), None)
    if way is None:
        return
    hardware = bytes.fromhex(known.hardware.replace(":", ""))
    speakers.senders[kind, known.source, hardware] = Sender(
        kind,
        known.source,
        hardware,
        way,
        monotonic(known.first),
        monotonic(known.last),
        known.count,
        mixed=known.mixed,
        settled=known.settled,
        seen=dict.fromkeys(known.seen),
    )

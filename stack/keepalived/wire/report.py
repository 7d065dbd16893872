"""What the wire watch found, for the exporter: one small file, written when something changes and every two seconds."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from typing import Any

from exporter.engine.runtime import RuntimeFiles
from stack.keepalived.wire.nodes import Nodes
from stack.keepalived.wire.owners import Owners
from stack.keepalived.wire.speakers import Speakers

EVERY_SECONDS = 1.0


class WireReporter:
    """Writes the findings as exporter/parsers/wire_report.py reads them; times in Unix seconds."""

    def __init__(
        self,
        files: RuntimeFiles,
        owners: Owners,
        speakers: Speakers,
        nodes: Nodes,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = files.wire
        self._owners = owners
        self._speakers = speakers
        self._nodes = nodes
        self._clock = clock
        self._written = float("-inf")
        self._last: Any = None
        self.dropped = 0
        self.announcements = 0
        self.problem = ""

    def tell(self, now: float, problem: str) -> None:
        """Write the report if it says something new, or the last one is old; ``now`` is by the monotonic clock."""
        self.problem = problem
        lasting = (
            problem,
            [(found.lasting(now), found.split(now)) for found in self._owners.found.values()],
            [
                (key, sender.lasting(now), sender.mixed, sender.settled, *sender.seen)
                for key, sender in self._speakers.senders.items()
            ],
        )
        if lasting == self._last and now - self._written < EVERY_SECONDS:
            return
        self._last, self._written = lasting, now
        content = json.dumps(self._document(now)).encode()
        with contextlib.suppress(OSError):  # a full tmpfs: the report grows old, which the exporter says
            unfinished = self._path.with_suffix(".new")
            unfinished.write_bytes(content)
            unfinished.replace(self._path)

    def _document(self, now: float) -> dict[str, Any]:
        clock = self._clock()
        return {
            "time": clock,
            "problem": self.problem,
            "dropped": self.dropped,
            "announcements": self.announcements,
            "peer": sorted(hardware.hex(":") for hardware in self._nodes.peer),
            "addresses": {
                str(address): {
                    "replies": found.replies,
                    "split": found.split(now),
                    "foreign": None
                    if (latest := found.latest()) is None
                    else {
                        "hardware": latest[0].hex(":"),
                        "lasting": found.lasting(now) is not None,
                        "first": clock - (now - latest[1].first),
                        "last": clock - (now - latest[1].last),
                    },
                }
                for address, found in self._owners.found.items()
            },
            "adverts": {reason.value: count for reason, count in self._speakers.counts.items()},
            "senders": [
                {
                    "kind": sender.kind,
                    "source": sender.source,
                    "hardware": sender.hardware.hex(":"),
                    "way": sender.way,
                    "mixed": sender.mixed,
                    "settled": sender.settled,
                    "lasting": sender.lasting(now),
                    "first": clock - (now - sender.first),
                    "last": clock - (now - sender.last),
                    "count": sender.count,
                    "seen": list(sender.seen),
                }
                for sender in self._speakers.senders.values()
            ],
        }

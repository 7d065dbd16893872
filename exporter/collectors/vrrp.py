"""VRRP: keepalived's state, history and counters on this node, and whether it lives at all."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from exporter.collectors.health import OLD_PROCESSES_SECONDS
from exporter.collectors.reports import is_fresh, is_keepalived_alive, require_directory
from exporter.engine.files import read_bounded
from exporter.engine.runtime import RuntimeFiles
from exporter.engine.state_file import TOLD_SECONDS, StateFile
from exporter.engine.worker import Worker
from exporter.model.errors import ParseError
from exporter.model.observations import VrrpInstance, VrrpObservation, VrrpState
from exporter.parsers.health_report import MAXIMUM_BYTES, parse_processes
from exporter.parsers.keepalived_dump import DumpedInstance
from exporter.parsers.keepalived_events import InstanceHistory, SavedHistory
from exporter.parsers.vrrp_state import format_vrrp_state, parse_vrrp_state
from exporter.sources.keepalived import DumpFile, EventLogFile, drain_requested, is_full

log = logging.getLogger(__name__)

# The recorder asks for a dump every five seconds; three missed ones mean that it is gone.
STALE_DUMP_SECONDS = 16.0
# A dump this much younger than the last event shows a state that the log has missed.
NEWER_DUMP_SECONDS = 1.0
RECORDER = "recorder"
SAVE_INTERVAL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class _Dump:
    """The latest dump; ``silent``: the recorder should have published one and has not."""

    taken: float | None = None
    instances: Mapping[str, DumpedInstance] = field(default_factory=dict)
    silent: bool = False


class VrrpCollector:
    """Reads the runtime directory anew each time; there is nothing in it that could block."""

    name = "vrrp"

    def __init__(
        self, files: RuntimeFiles, clock: Callable[[], float] = time.time, state_file: Path | None = None
    ) -> None:
        self._files = files
        self._clock = clock
        self._log = EventLogFile(files.events)
        self._dump = DumpFile(files.dump)
        self._state = StateFile(state_file, parse_vrrp_state) if state_file else None
        self._saved: SavedHistory | None = None
        self._told = False  # that it cannot be saved
        self._worker = Worker("vrrp", self._work)
        self._lock = threading.Lock()  # guards the log
        if self._state is not None and (saved := self._state.load()) is not None:
            self._log.history.resume(saved)

    def start(self) -> None:
        """Begin to save what is counted."""
        if self._state is not None:
            self._worker.start()

    def stop(self) -> None:
        """Save what was counted."""
        if self._state is not None:
            self._worker.stop()
            self._save()

    def _work(self) -> float:
        self._save()
        return SAVE_INTERVAL_SECONDS

    def _save(self) -> None:
        """Save what was counted if it is news. Not while the exporter is asked: a slow disk must cost no look."""
        with self._lock:
            counted = self._log.history.save()
        if self._state is None or counted == self._saved:
            return
        try:
            self._state.save(format_vrrp_state(counted))
            self._saved = counted
        except OSError as error:
            log.log(logging.DEBUG if self._told else logging.WARNING, "VRRP's counters cannot be saved: %s", error)
            self._told = True

    def collect(self) -> VrrpObservation:
        """Read lock, log and dump."""
        require_directory(self._files)
        problems: list[str] = []
        if is_full(self._files.directory):
            problems.append(
                f"{self._files.directory} is full, so nothing new is recorded there; see what fills it "
                f"(ls -lS {self._files.directory}) and remove it"
            )
        alive = is_keepalived_alive(self._files)
        with self._lock:
            self._read_log(problems, alive=alive)
        dump = self._read_dump(problems, alive=alive)
        recorded = not dump.silent and not (alive and self._recorder_is_dead(problems))
        drained = False
        try:
            drained = drain_requested(self._files.drain)
        except OSError as error:
            problems.append(f"{self._files.drain} cannot be read: {error.strerror}")
        except ParseError as error:
            problems.append(str(error))
        history, counts = self._log.history, self._log.history.counts
        heard = [name for name, instance in history.instances.items() if instance.heard]
        names = list(dict.fromkeys([*heard, *dump.instances]))
        newer = dump.taken is not None and (history.last_event or 0.0) + NEWER_DUMP_SECONDS < dump.taken
        instances = [
            replace(
                describe_instance(
                    name, history.instances.get(name), dump.instances.get(name), alive=alive, dump_is_newer=newer
                ),
                transitions=counts.transitions.get(name, {}),
            )
            for name in names
        ]
        if not recorded:  # whatever is known of them now is what was so before
            instances = [replace(one, state=None, effective_priority=None) for one in instances]
        return VrrpObservation(
            keepalived_up=alive,
            keepalived_version=history.version if alive else None,
            starts=counts.starts,
            child_exits=counts.child_exits,
            last_start=history.last_start,
            dump_time=dump.taken,
            drained=drained,
            instances=tuple(instances),
            recent_events=tuple(history.recent),
            problems=tuple(problems),
            notices=self._notices(),
        )

    def _notices(self) -> tuple[str, ...]:
        """What was damaged lately and has been replaced."""
        told = list(self._state.notices()) if self._state is not None else []
        replaced = self._log.history.last_replaced
        if replaced is not None and 0 <= self._clock() - replaced < TOLD_SECONDS:
            told.append(
                f"{self._files.events} was changed by something else than keepalived's recorder, which wrote it anew"
            )
        return tuple(told)

    def _read_log(self, problems: list[str], *, alive: bool) -> None:
        before = self._log.bad_lines
        try:
            self._log.read()
        except FileNotFoundError:
            if alive:
                problems.append(f"{self._files.events} is missing; restart keepalived so that its recorder starts anew")
        except OSError as error:
            problems.append(f"{self._files.events} cannot be read: {error.strerror}")
        if self._log.bad_lines > before:
            problems.append(f"{self._files.events} holds lines that the recorder did not write; they were left out")

    def _recorder_is_dead(self, problems: list[str]) -> bool:
        """Whether the supervisor says so now; when it says nothing, the dump's age tells of a dead recorder."""
        try:
            said = parse_processes(read_bounded(self._files.processes, MAXIMUM_BYTES))
        except (OSError, ParseError):  # the collector of health names it
            return False
        recorder = next((process for process in said.processes if process.name == RECORDER), None)
        if recorder is None or recorder.running or not is_fresh(said.time, self._clock(), OLD_PROCESSES_SECONDS):
            return False
        end = recorder.last_end or "was not started"
        problems.append(f"keepalived's recorder does not run (it {end}): the state of VRRP is not known until it does")
        return True

    def _read_dump(self, problems: list[str], *, alive: bool) -> _Dump:
        """Return a living keepalived's counters; those of a dead one are of no use."""
        if not alive:
            return _Dump()
        try:
            taken, instances = self._dump.read()
        except FileNotFoundError:
            late = not self._has_just_started()
            if late:
                problems.append(f"{self._files.dump} is missing; restart keepalived so that its recorder starts anew")
            return _Dump(silent=late)
        except OSError as error:
            problems.append(f"{self._files.dump} cannot be read: {error.strerror}")
            return _Dump()
        except ParseError as error:
            problems.append(f"{self._files.dump} is of no use: {error}")
            return _Dump()
        age = self._clock() - taken
        if age > STALE_DUMP_SECONDS and self._has_just_started():  # it is of an earlier keepalived
            return _Dump()
        if age > STALE_DUMP_SECONDS:
            problems.append(f"keepalived's counters are {age:.0f} s old: it hangs or its recorder has died; restart it")
            return _Dump(silent=True)
        if age < -STALE_DUMP_SECONDS:  # the clock stepped back, and nobody has written another one since
            problems.append(f"keepalived's counters are from {-age:.0f} s in the future; check the clock")
            return _Dump(silent=True)
        return _Dump(taken, {instance.name: instance for instance in instances})

    def _has_just_started(self) -> bool:
        """Whether keepalived was started so short a time ago that no dump of it need be there."""
        started = self._log.history.last_start
        return started is not None and self._clock() - started <= STALE_DUMP_SECONDS


def describe_instance(
    name: str, history: InstanceHistory | None, dumped: DumpedInstance | None, *, alive: bool, dump_is_newer: bool
) -> VrrpInstance:
    """Put together what log and dump say of one instance, but for its counted transitions."""
    state = history.state if history else VrrpState.INIT
    last = history.last_transition if history else None
    priority = history.priority if history else None
    if dumped is not None and (history is None or not history.heard or dump_is_newer):
        priority = dumped.effective_priority
        if dumped.state is not state:
            state, last = dumped.state, dumped.last_transition
    return VrrpInstance(
        name=name,
        state=state if alive else VrrpState.STOPPED,
        transitions={},
        last_transition=last,
        effective_priority=priority if alive else None,
        base_priority=dumped.base_priority if dumped else None,
        virtual_router_id=dumped.virtual_router_id if dumped else None,
        interface=dumped.interface if dumped else None,
        version=dumped.version if dumped else None,
        advertisement_interval=dumped.advertisement_interval if dumped else None,
        counters=dumped.counters if dumped else None,
    )

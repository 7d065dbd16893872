"""Plays one round: the steps on a lab, everything recorded, then healed, and evaluated."""

from __future__ import annotations

import contextlib
import heapq
import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.lab import processes
from tests.lab.errors import LabError
from tests.lab.exporters import Run, run_exporter
from tests.lab.helper_process import HelperProcess

from . import counters, exporter_watch, oracle
from .faults import FAULTS, NothingToDoError, Undo, ask
from .oracle import Violation
from .outages import Answers
from .plan import Step
from .rules import HEALED
from .stage import FULL, Stage, route
from .timeline import EVERYBODY, VIPS, Entry, moments

QUESTION_SECONDS: Final = 0.025
PATIENCE_SECONDS: Final = 1.0
STEADY_SECONDS: Final = 2.0
LOOK_SECONDS: Final = 0.05
READY_SECONDS: Final = 30.0

# A process that is killed, or that hangs and is killed for it, may have logged a change and not announced it yet.
MAY_LOSE_ONE: Final = ("freeze-vrrp", "freeze-container", "kill-vrrp", "kill-keepalived", "kill-container")
EVERYTHING: Final = 1000  # what waits for room in a full directory is gone with the recorder

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Round:
    """What a round was and showed. Times of ``answers`` are in seconds of the round."""

    steps: tuple[Step, ...]
    started: float
    seconds: float
    violations: tuple[Violation, ...]
    owners: dict[Step, bool]
    """By step that was done: whether it struck the node that had the first virtual IP."""
    answers: Answers
    record: tuple[Entry, ...]


@dataclass(slots=True)
class Player:
    """Does the steps of one round, in time, and records what it did."""

    stage: Stage
    observer: HelperProcess
    say: Say
    record: list[Entry] = field(default_factory=list)
    owners: dict[Step, bool] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    """By node: of how many changes of state its recorder may not know."""
    log_begins: dict[str, int] = field(default_factory=dict)
    _lasting: list[Step] = field(default_factory=list)

    def note(self, kind: str, what: Any) -> None:
        """Record something that is so from now on."""
        self.record.append((time.monotonic(), kind, "", what))

    def play(self, steps: Sequence[Step]) -> None:
        """Do and undo every step when its time has come."""
        started = time.monotonic()
        agenda: list[tuple[float, int, Callable[[], None]]] = []
        numbers = iter(range(1 << 20))
        for step in steps:
            heapq.heappush(agenda, (step.at, next(numbers), lambda step=step: begin(step)))  # type: ignore[misc]

        def begin(step: Step) -> None:
            undo = self._strike(step)
            if undo is not None:
                heapq.heappush(agenda, (step.at + step.lasts, next(numbers), lambda: self._undo(step, undo)))

        while agenda:
            due, _, action = agenda[0]
            wait = started + due - time.monotonic()
            if wait > 0:
                time.sleep(min(wait, LOOK_SECONDS))
                self.stage.end_orphans()
                continue
            heapq.heappop(agenda)
            action()

    def _strike(self, step: Step) -> Undo | None:
        owner = step.node in self.stage.owners()
        if step.fault == "crash":
            self._forget(step.node)
        # Noted before and after: whatever it does happens between the two.
        self._lasting.append(step)
        self._note_faults()
        try:
            undo = FAULTS[step.fault].strike(self.stage, step.node, step.value)
        except (NothingToDoError, LabError, OSError) as error:
            self._lasting.remove(step)
            self._note_faults()
            self.say(f"  {step}: left out ({type(error).__name__})")
            return None
        finally:
            self._note_network()
        self.say(f"  {step}")
        if step.fault == "crash":  # its last words on the way down are gone with its /run
            self.log_begins[step.node] = self._log(step.node).stat().st_size
        self.owners[step] = owner
        self._note_loss(step)
        return undo

    def _undo(self, step: Step, undo: Undo) -> None:
        with contextlib.suppress(NothingToDoError, LabError, OSError):
            undo()
        if step.fault == "crash":
            self._booted(step.node)
        self._note_network()
        if step in self._lasting:
            self._lasting.remove(step)
            self._note_faults()

    def _forget(self, node: str) -> None:
        """A node that loses its power is rid of most of what was done to it."""
        for step in list(self._lasting):
            if step.node == node and step.fault in ("drain", "full-runtime", "vip-add", "address-delete"):
                self._lasting.remove(step)
        del self.lost[node]
        self.observer.tell(f"{node} 0")

    def _booted(self, node: str) -> None:
        self.observer.tell(f"{node} {self.stage.hosts[node].holder.pid}")

    def _note_loss(self, step: Step) -> None:
        """Count what was logged and may never have been announced, or never kept."""
        full = any(one.fault == "full-runtime" and one.node == step.node for one in self._lasting)
        frozen = any(one.fault == "freeze-recorder" and one.node == step.node for one in self._lasting)
        if full and (frozen or step.fault.startswith(("kill", "stop"))):
            self.lost[step.node] += EVERYTHING
        elif step.fault in MAY_LOSE_ONE:
            self.lost[step.node] += 1

    def _note_network(self) -> None:
        names = {host.place.port: host.place.name for host in self.stage.hosts.values()}
        ways = [
            f"{'vrrp ' if vrrp_alone else ''}{names.get(source or '', EVERYBODY)}>{names.get(to or '', EVERYBODY)}"
            for source, to, vrrp_alone in self.stage.lan.drops
        ]
        self.note("drops", ways)

    def _note_faults(self) -> None:
        self.note("faults", sorted({(step.fault, step.node) for step in self._lasting}))

    def _log(self, node: str) -> Path:
        return self.stage.hosts[node].service("keepalived").log

    def count(self) -> None:
        """Record the counters of now."""
        for host in self.stage.nodes:
            counted = exporter_watch.counters(host.holder.pid)
            self.record.append((time.monotonic(), "counters", host.place.name, counted))

    def logs(self) -> dict[str, str]:
        """What keepalived has logged on each node since the node was powered on."""
        return {
            host.place.name: self._log(host.place.name)
            .read_bytes()[self.log_begins.get(host.place.name, 0) :]
            .decode(errors="replace")
            for host in self.stage.nodes
        }

    def heal(self) -> None:
        """Undo whatever is left, as somebody would who knows everything."""
        stage = self.stage
        stage.calm()
        self._lasting.clear()
        self._note_faults()
        stage.mend()
        with contextlib.suppress(LabError):
            stage.stranger.run("ip", "address", "flush", "dev", "eth0", "to", VIPS[0])
        for host in stage.nodes:
            node = host.place.name
            if not host.on:
                host.power_on()
                self._booted(node)
            stage.step_clock(node, 0.0)
            host.path(FULL).unlink(missing_ok=True)
            with contextlib.suppress(LabError):
                host.run("ip", "address", "add", f"{host.place.ipv4}/24", "dev", "eth0")
            route(host)
            for pid in processes.living_in(host.holder.network_namespace):
                processes.send(pid, signal.SIGCONT)
            stage.end_orphans()
            host.launch_services()
            ask(stage, node, b"0\n")
        self._note_network()

    def wait_well(self, deadline: float) -> float:
        """Wait until the pair has said of itself for a moment that all is well; return since when it has.

        Or until the deadline, which is returned then.
        """
        since: float | None = None
        while time.monotonic() < deadline:
            self.stage.end_orphans()
            for host in self.stage.nodes:
                host.launch_services()  # what was stopped when everything was healed may have ended only now
            if self.seems_well():
                since = since or time.monotonic()
                if time.monotonic() - since > STEADY_SECONDS:
                    return since
            else:
                since = None
            time.sleep(0.2)
        return deadline

    def ask_once(self) -> dict[str, tuple[int, str]]:
        """What ``exporter --once`` says on each node: exit code and verdict."""
        return {
            host.place.name: _verdict(run_exporter(self.stage, host.place.name, "--once", "--format", "json"))
            for host in self.stage.nodes
        }

    def seems_well(self) -> bool:
        if any(self.stage.owners(vip) != ("alpha",) for vip in VIPS):
            return False
        entries: list[Entry] = [
            (0.0, "said", host.place.name, exporter_watch.status(host.holder.pid)) for host in self.stage.nodes
        ]
        *_, last = moments(entries)
        return oracle.speaks_well(last)


def play(steps: Sequence[Step], say: Say, *, guard: bool = True) -> Round:
    """Play a round on a lab of its own, and judge it.

    Raises:
        LabError: the lab did not come up, or one of the recorders failed.
    """
    with contextlib.ExitStack() as stack:
        stage = stack.enter_context(Stage(guard=guard))
        observer = HelperProcess(list, "observer", package="tests.chaos")
        stack.callback(observer.close)
        observer.wait_started()
        observer.tell(f"lan {stage.lan.pid}")
        for host in stage.nodes:
            observer.tell(f"{host.place.name} {host.holder.pid}")
        clients = {
            vip: HelperProcess(stage.client.command, "query_sampler", vip, str(QUESTION_SECONDS), str(PATIENCE_SECONDS))
            for vip in VIPS
        }
        for client in clients.values():
            stack.callback(client.close)
            client.wait_started()
        player = Player(stage, observer, say)
        player.wait_well(time.monotonic() + HEALED.seconds)
        player.count()
        started = time.monotonic()
        player.play(steps)
        player.heal()
        deadline = time.monotonic() + HEALED.seconds
        quiet = player.wait_well(deadline)
        once = player.ask_once()
        if not player.seems_well() and time.monotonic() < deadline:  # a busy machine may have moved it once more
            player.wait_well(deadline)
            once = player.ask_once()
        player.count()
        end = time.monotonic()
        asked = {vip: client.finish() for vip, client in clients.items()}
        record: list[Entry] = [tuple(entry) for entry in observer.finish()]
        logs = player.logs()
    record += player.record
    record += [(sent, "answered", vip, bool(answered)) for vip, all_ in asked.items() for sent, answered, *_ in all_]
    violations = [
        *oracle.judge(record, begin=started, quiet=quiet, end=end),
        *counters.going_back(record),
        *counters.differing(record, logs, lost=player.lost, end=end),
        *(found for node, told in once.items() for found in oracle.of_once(node, *told, end)),
    ]
    answers = [(sent - started, bool(answered)) for sent, answered, *_ in asked[VIPS[0]]]
    return Round(
        tuple(steps), started, time.monotonic() - started, tuple(violations), player.owners, answers, tuple(record)
    )


def _verdict(run: Run) -> tuple[int, str]:
    try:
        return run.exit_code, json.loads(run.output)["status"]
    except (ValueError, KeyError):
        return run.exit_code, f"nothing that can be read: {run.complaint.strip()[-300:]}"

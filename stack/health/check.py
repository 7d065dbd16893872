"""The health check's loop: asks, waits for what comes first, tells keepalived, and reports to the exporter."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import dataclass

from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import Address
from exporter.model.observations import HealthVerdict
from stack.health.asker import Asker
from stack.health.dns_question import DnsQuestion
from stack.health.own_address import OwnAddressWatch
from stack.health.report import Finding, HealthReporter
from stack.health.standby_probe import StandbyProbe, StandbySettings
from stack.health.track_files import TrackFiles
from stack.health.verdict import Service, of_chain
from stack.health.world import WorldSettings
from stack.health.world_probe import WorldProbe

# When an answer is not there after so long, the recursors are asked directly.
DOUBT_SECONDS = 0.05
BEAT_SECONDS = 0.5

Endpoint = tuple[str, int]


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """What the check needs to know of its node; ``patience`` in seconds.

    Without ``world`` or ``standby`` it asks nothing about the internet, or about the other node.
    """

    node: str
    zone: str
    front: Endpoint
    recursors: tuple[Endpoint, ...]
    address: Address
    interface: str
    patience: float
    world: WorldSettings | None = None
    standby: StandbySettings | None = None


class HealthCheck:
    """One node's check. ``beat`` is called at least every ``BEAT_SECONDS``, so that a check that hangs is noticed."""

    def __init__(
        self,
        settings: HealthSettings,
        files: RuntimeFiles,
        beat: Callable[[], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        question = DnsQuestion(settings.zone, settings.node)
        self._clock = clock
        self._beat = beat
        self._front = Asker(Service("Pi-hole", settings.patience), settings.front, question)
        self._recursors = [
            Asker(Service("Unbound", settings.patience), endpoint, question) for endpoint in settings.recursors
        ]
        self._askers = (self._front, *self._recursors)
        self._address = OwnAddressWatch(settings.address, settings.interface)
        self._world = WorldProbe(settings.world, settings.recursors, clock) if settings.world else None
        self._standby = (
            StandbyProbe(settings.standby, settings.node, settings.zone, settings.interface, files.drain, clock)
            if settings.standby
            else None
        )
        self._track_files = TrackFiles(files)
        self._report = HealthReporter(files)
        self._front.service.verdict = self._track_files.resume()
        if self._world is not None and self._track_files.resume_world():
            self._world.world.resume_yielding()
        if self._standby is not None and self._track_files.resume_vip():
            self._standby.standby.resume()
        self._chain = self._front.service.verdict
        self._beaten = float("-inf")

    def run(self) -> None:
        """Check for ever."""
        while True:
            self.step()

    def step(self) -> None:
        """Ask what is due, wait for what comes first, and tell what it comes to."""
        now = self._clock()
        if now >= self._front.due:
            self._front.ask(now)
        for recursor in self._suspects(now):
            if now >= recursor.due:
                recursor.ask(now)
        if self._world is not None and now >= self._world.due:
            self._world.begin(now, own_dns=self._chain is HealthVerdict.OK)
        if now >= self._address.due():
            self._address.poll(now)
        if self._standby is not None:
            self._standby.ask(now, self._address.present)
        if now - self._beaten >= BEAT_SECONDS:
            self._beaten = now
            self._beat()
        self._wait(now)
        for asker in self._askers:
            asker.receive(self._clock)
            asker.expire(self._clock())
        if self._world is not None:
            self._world.receive()
            self._world.expire(self._clock())
        if self._address.changed():
            self._address.poll(self._clock())
        if self._standby is not None:
            self._standby.receive(works=self._chain is HealthVerdict.OK and not self._address.missing)
        self._tell()

    def _suspects(self, now: float) -> list[Asker[Service]]:
        """The recursors to ask now: all while the front leaves doubts, and who was not well the last time."""
        doubtful = self._front.service.in_doubt or now - self._front.waiting_since >= DOUBT_SECONDS
        return [one for one in self._recursors if doubtful or one.service.in_doubt]

    def _wait(self, now: float) -> None:
        waiting = select.poll()
        waiting.register(self._address.descriptor, select.POLLIN)
        for asker in self._askers:
            if asker.descriptor is not None:
                waiting.register(asker.descriptor, select.POLLIN)
        if self._world is not None and self._world.descriptor is not None:
            waiting.register(self._world.descriptor, select.POLLIN)
        for descriptor in self._standby.descriptors if self._standby is not None else ():
            waiting.register(descriptor, select.POLLIN)
        due = [self._front.due, self._address.due(), self._beaten + BEAT_SECONDS]
        due += [asker.expiry for asker in self._askers]
        if self._world is not None:
            due += [self._world.due, self._world.expiry]
        if self._standby is not None:
            due.append(self._standby.due())
        suspects = self._suspects(now)
        due += [one.due for one in suspects]
        if len(suspects) < len(self._recursors):
            due.append(self._front.waiting_since + DOUBT_SECONDS)
        waiting.poll(max(0.0, min(due) - self._clock()) * 1000)

    def _tell(self) -> None:
        self._chain, problem = of_chain(self._front.service, [one.service for one in self._recursors])
        world = self._world.world if self._world is not None else None
        standby = self._standby.standby if self._standby is not None else None
        taking = standby is not None and standby.taking
        unable = "; ".join(filter(None, (asker.unable for asker in self._askers)))
        try:
            self._track_files.tell_chain(self._chain)
            self._track_files.tell_address(missing=self._address.missing)
            # Who takes from a node that gives no answer at all does not yield to it for the internet's names.
            self._track_files.tell_world(yields=world is not None and world.yields and not taking)
            self._track_files.tell_vip(unanswered=taking)
        except OSError as error:
            unable = f"{error.filename} cannot be written: {error.strerror}; keepalived is not told"
        findings = {
            "chain": Finding(self._chain.value, problem or unable),
            "address": Finding("hard" if self._address.missing else "ok", self._address.problem),
        }
        if world is not None:
            findings["world"] = Finding(world.verdict.value, world.problem)
        if standby is not None:
            findings["vip"] = Finding(standby.verdict.value, standby.problem)
        self._report.tell(**findings)

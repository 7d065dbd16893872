"""One host of the lab: a place in the address plan that can be powered on, crashed and asked to run things."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Sequence
from pathlib import Path

from . import clock
from .errors import LabError, ServiceError
from .holder import Holder
from .lan import Lan
from .namespaces import socket_in
from .plan import Place
from .service import Daemon, Service


class Host:
    """A host with its services. While powered off it has no processes, no interface and no addresses."""

    def __init__(
        self,
        place: Place,
        lan: Lan,
        *,
        logs: Path,
        prepare: Sequence[Sequence[str]] = (),
        daemons: Sequence[Daemon] = (),
        own_clock: bool = False,
    ) -> None:
        """Describe the host; :meth:`power_on` makes it. ``daemons`` are installed, in start order.

        With a clock of its own, its daemons' time of day is what :meth:`step_clock` says, the machine's at first.
        """
        self.place = place
        self.logs = logs
        self._lan = lan
        self._prepare = [*prepare, *(clock.prepare() if own_clock else [])]
        self.clock_environment = clock.ENVIRONMENT if own_clock else ()
        self._clock_ahead = 0.0
        self._holder: Holder | None = None
        self.services: dict[str, Service] = {}
        for daemon in daemons:
            self.install(daemon)

    @property
    def on(self) -> bool:
        """Whether the host is powered on."""
        return self._holder is not None

    @property
    def holder(self) -> Holder:
        """The host's namespaces.

        Raises:
            LabError: the host is powered off.
        """
        if self._holder is None:
            message = f"{self.place.name} is powered off"
            raise LabError(message)
        return self._holder

    def install(self, daemon: Daemon) -> Service:
        """Add a daemon to the host, without starting it; for daemons beyond the standard ones too."""
        service = Service(self, daemon, self.logs / f"{daemon.name}.log")
        self.services[daemon.name] = service
        return service

    def remove(self, name: str) -> None:
        """Kill a service and forget it."""
        self.services.pop(name).kill()

    def service(self, name: str) -> Service:
        """The service with this name.

        Raises:
            LabError: no such service is installed here.
        """
        try:
            return self.services[name]
        except KeyError:
            message = f"{self.place.name} has no service {name!r}, only {', '.join(self.services) or 'none'}"
            raise LabError(message) from None

    def power_on(self) -> None:
        """Make the host and connect it; no service is started yet. Its /run is empty, as after every boot."""
        if self._holder is None:
            self._holder = Holder(self.place.name, self._prepare)
            self._lan.connect(self.place, self._holder)
            if self._clock_ahead:
                self.step_clock(self._clock_ahead)

    def step_clock(self, seconds: float) -> None:
        """Let the host's clock be so many seconds ahead of the machine's from now on, also after a crash.

        Raises:
            LabError: the host has no clock of its own.
        """
        if not self.clock_environment:
            message = f"{self.place.name} has no clock of its own"
            raise LabError(message)
        self._clock_ahead = seconds
        if self.on:
            clock.step(self.path(clock.file()), seconds)

    def launch_services(self) -> None:
        """Start every installed service, without waiting."""
        for service in self.services.values():
            service.launch()

    def wait_ready(self, timeout: float = 15.0) -> None:
        """Wait until every installed service is ready; ``timeout`` (seconds) is for all of them together.

        Raises:
            ServiceError: one ended or was not ready in time.
        """
        deadline = time.monotonic() + timeout
        for service in self.services.values():
            service.wait_ready(max(0.0, deadline - time.monotonic()))

    def crash(self) -> None:
        """Cut the power: the link goes down first, then every process is gone, then addresses and /run."""
        if self._holder is None:
            return
        self._lan.unplug(self.place)
        holder, self._holder = self._holder, None
        holder.destroy()
        self._lan.disconnect(self.place)
        for service in self.services.values():
            service.kill()  # already dead: this only collects it

    def resume_services(self) -> None:
        """Let every frozen service run on."""
        for service in self.services.values():
            with contextlib.suppress(ServiceError):  # it does not run, or no more
                service.resume()

    def terminate_services(self) -> None:
        """Ask all services to end, without waiting."""
        for service in self.services.values():
            service.terminate()

    def stop_services(self, timeout: float = 5.0) -> None:
        """Ask all services to end, and wait.

        Raises:
            ServiceError: one did not end in ``timeout`` seconds.
        """
        self.terminate_services()
        problems = []
        for service in self.services.values():
            try:
                service.stop(timeout)
            except ServiceError as error:
                problems.append(str(error))
        if problems:
            raise ServiceError("\n".join(problems))

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs ``argv`` on this host."""
        return self.holder.command(argv)

    def run(self, *argv: str) -> str:
        """Run a short command on this host; return what it printed.

        Raises:
            CommandError: it failed, or took longer than 10 s.
        """
        return self.holder.run(*argv)

    def path(self, inside: str | Path) -> Path:
        """The path by which this process reaches a file of the host, in its private /run for instance."""
        return self.holder.path(inside)

    def socket(self, family: int, kind: int) -> socket.socket:
        """A socket on this host's network."""
        return socket_in(self.holder.pid, family, kind)

"""The lab as tests use it: the pair, what can happen to it, and what can be seen of it."""

from __future__ import annotations

import json
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from . import truth
from .daemons import ServiceName
from .dns_query import Answer, canary, query
from .errors import NoAnswerError
from .helper_process import HelperProcess
from .host import Host
from .pair import Pair
from .plan import ALPHA, DNS_PORT
from .sampling import Sampler
from .waiting import wait_for

READY_SECONDS = 15.0
SILENT_END_SECONDS = 1.5  # the real one took 1.0 to 2.0 s
DRAIN_FILE = Path("/run/dnsha/drain")
PROCESSES_FILE = Path("/run/dnsha/processes.json")
EVENTS_FILE = Path("/run/dnsha/events.jsonl")
WIRE_FILE = Path("/run/dnsha/wire.json")
MEMORY_SECONDS, OFTEN = 300.0, 3  # the exporter tells of five moves
VIP_UNANSWERED_FILE = Path("/run/dnsha/health/vip-unanswered")

Direction = Literal["both", "send", "receive"]


class Lab(Pair):
    """Two nodes behind one VIP and a client; a context manager, for use inside the sandbox.

    Hosts and services are named by their names: ``alpha``, ``beta``, ``client``; ``unbound``, ``dnsmasq``,
    ``keepalived``, ``exporter``. Every verb returns when what it says has happened, not when the pair has reacted.
    """

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Make everything and wait until the pair is healthy.

        Raises:
            IsolationError: this process is not in the sandbox.
            LabError: something did not come up; the message ends with the log that matters.
        """
        self._samplers: list[Sampler] = []
        self.make()
        try:
            self.wait_healthy()
        except BaseException:
            self.destroy()
            raise

    def stop(self) -> None:
        """End every service gracefully, then take everything away.

        Raises:
            ServiceError: a service did not end on SIGTERM; everything is taken away all the same.
        """
        try:
            for sampler in list(self._samplers):
                sampler.stop()
            for host in self.hosts.values():
                host.resume_services()
            for host in self.hosts.values():
                host.terminate_services()
            for host in self.hosts.values():
                host.stop_services()
        finally:
            self.destroy()

    # Services

    def start_service(self, node: str, service: ServiceName) -> None:
        """Start a service and wait until it is ready."""
        self.hosts[node].service(service).start()

    def stop_service(self, node: str, service: ServiceName) -> None:
        """End a service gracefully (SIGTERM)."""
        self.hosts[node].service(service).stop()

    def kill_service(self, node: str, service: ServiceName) -> None:
        """SIGKILL a service with all its processes at once, as when its container's first process is killed."""
        self.hosts[node].service(service).kill()

    def kill9_keepalived(self, node: str) -> None:
        """SIGKILL all of keepalived's processes at once: none of them can take the VIP off the interface."""
        self.kill_service(node, "keepalived")

    def pause_service(self, node: str, service: ServiceName) -> None:
        """Freeze a service with all its processes."""
        self.hosts[node].service(service).pause()

    def resume_service(self, node: str, service: ServiceName) -> None:
        """Let a frozen service run on."""
        self.hosts[node].service(service).resume()

    def end_resolver_silently(self, node: str, seconds: float = SILENT_END_SECONDS) -> None:
        """End a node's resolver as Pi-hole FTL ends: for ``seconds`` it keeps its sockets and answers nothing.

        FTL v6.4.1 leaves dnsmasq's loop at SIGTERM (src/dnsmasq/dnsmasq.c, EVENT_TERM) and then writes its database
        and ends its threads (src/main.c, src/daemon.c: cleanup), while the kernel still takes questions for it: no
        client is refused.
        """
        resolver = self.hosts[node].service("dnsmasq")
        resolver.pause()
        time.sleep(seconds)
        resolver.kill()

    # Hosts

    def crash(self, node: str) -> None:
        """Cut a node's power: link down, then every process gone, then its addresses and its /run."""
        self.hosts[node].crash()

    def boot(self, node: str) -> None:
        """Power a crashed node on and wait until its services are ready."""
        host = self.hosts[node]
        host.power_on()
        for sampler in self._samplers:
            sampler.hosts_are({node: host.holder.pid})
        host.launch_services()
        host.wait_ready(READY_SECONDS)

    def step_clock(self, node: str, seconds: float) -> None:
        """Let a node's clock be so many seconds ahead of the machine's from now on (negative: behind)."""
        self.hosts[node].step_clock(seconds)

    # Network

    def unplug(self, node: str) -> None:
        """Pull a host's cable: it loses its carrier."""
        self.lan.unplug(self.hosts[node].place)

    def plug(self, node: str) -> None:
        """Put the cable back."""
        self.lan.plug(self.hosts[node].place)

    def cut(self, node: str, direction: Direction = "both") -> None:
        """Let a host's packets vanish in the switch, its carrier staying up.

        ``send``: what the host sends vanishes, it still receives. ``receive``: the other way round.
        """
        place = self.hosts[node].place
        if direction in ("both", "send"):
            self.lan.drop(place, None)
        if direction in ("both", "receive"):
            self.lan.drop(None, place)

    def cut_between(self, source: str, destination: str, *, both_ways: bool = True) -> None:
        """Cut two hosts from each other alone; or only what the first sends to the second."""
        one, other = self.hosts[source].place, self.hosts[destination].place
        self.lan.drop(one, other)
        if both_ways:
            self.lan.drop(other, one)

    def mend(self) -> None:
        """Undo every cut and plug every cable of a running host in."""
        self.lan.restore()
        for host in self.hosts.values():
            if host.on:
                self.lan.plug(host.place)

    # Drain

    def drain(self, node: str) -> None:
        """Ask a node to hand the VIP over. Written in place: keepalived watches the file, not its name."""
        self.hosts[node].path(DRAIN_FILE).write_text("1\n")

    def undrain(self, node: str) -> None:
        """Let a drained node take part again."""
        self.hosts[node].path(DRAIN_FILE).write_text("0\n")

    # Seeing

    def query(
        self, place: str, server: str, name: str, kind: str = "A", *, tcp: bool = False, port: int = DNS_PORT
    ) -> Answer:
        """Ask a server once, from a host.

        Raises:
            NoAnswerError: no answer within a second.
        """
        return query(self.hosts[place], server, name, kind, tcp=tcp, port=port)

    def answering(self, server: str | None = None, *, place: str = "client", tcp: bool = False) -> str | None:
        """The node whose whole DNS chain answers at an address (the first VIP); None when none does."""
        try:
            return canary(self.hosts[place], server or self.vips[0], tcp=tcp, timeout=0.5)
        except NoAnswerError:
            return None

    def owners(self, vip: str | None = None) -> tuple[str, ...]:
        """The nodes on whose interfaces an address (the first VIP) is now, as their kernels say."""
        address = vip or self.vips[0]
        return tuple(h.place.name for h in self.nodes if h.on and truth.holds(h.holder.pid, address))

    def wait_owners(self, *nodes: str, timeout: float = 5.0) -> None:
        """Wait until exactly these nodes hold every VIP.

        Raises:
            LabTimeoutError: they do not in ``timeout`` seconds.
        """
        wait_for(
            f"{' and '.join(nodes) or 'no node'} to hold {' and '.join(self.vips)}",
            lambda: {vip: self.owners(vip) for vip in self.vips},
            until=lambda seen: all(set(owners) == set(nodes) for owners in seen.values()),
            timeout=timeout,
            every=0.002,
        )

    def sample(self, vip: str | None = None, *, interval: float = 0.01, timeout: float = 1.0) -> Sampler:
        """Start to ask through a VIP (the first one) every ``interval`` seconds, and to watch its owners.

        A question without an answer after ``timeout`` seconds is lost.
        """
        address = vip or self.vips[0]
        asking = HelperProcess(self.client.command, "query_sampler", address, str(interval), str(timeout))
        watching = HelperProcess(list, "owner_sampler", "0.005", *self.vips)
        sampler = Sampler(asking, watching, self._samplers.remove)
        self._samplers.append(sampler)
        sampler.hosts_are({host.place.name: host.holder.pid for host in self.nodes if host.on})
        asking.wait_started()
        watching.wait_started()
        return sampler

    # Health

    def wait_healthy(self, timeout: float = READY_SECONDS) -> None:
        """Wait until every service is ready, the primary alone holds every VIP and answers on it.

        Raises:
            LabError: not so in ``timeout`` seconds; the message ends with the log that matters, or what was seen.
        """
        for host in self.nodes:
            host.wait_ready(timeout)
        self.wait_owners(ALPHA.name, timeout=timeout)
        for vip in self.vips:
            wait_for(
                f"{ALPHA.name} to answer the client on {vip}",
                partial(self.answering, vip),
                until=lambda node: node == ALPHA.name,
                timeout=timeout,
            )

    @staticmethod
    def _helpers_were_restarted(host: Host) -> bool:
        """Whether a process beside keepalived has died or hung since keepalived was started."""
        try:
            told = json.loads(host.path(PROCESSES_FILE).read_text())["processes"].values()
        except FileNotFoundError:
            return False
        return host.service("keepalived").running and any(one["starts"] > 1 for one in told)

    @staticmethod
    def _has_moved_often(host: Host) -> bool:
        """Whether the node has become master so often lately that the exporter will soon tell of it."""
        events = [json.loads(line) for line in host.path(EVENTS_FILE).read_text().splitlines()]
        messages = [str(event.get("message", "")) for event in events if event["time"] > time.time() - MEMORY_SECONDS]
        starts = [index for index, message in enumerate(messages) if message.startswith("KEEPALIVED START")]
        since = messages[starts[-1] :] if starts else messages
        return sum(" MASTER " in message for message in since) >= OFTEN

    @staticmethod
    def _heard_strangers(host: Host) -> bool:
        """Whether the node's wire watch has found what it tells of for ten minutes."""
        try:
            told = json.loads(host.path(WIRE_FILE).read_text())
        except FileNotFoundError:
            return False
        return bool(told["senders"]) or any(found["foreign"] for found in told["addresses"].values())

    def _give_back(self, host: Host) -> None:
        """Let a node that took the VIP from one that did not answer give it back without its usual patience."""
        told = host.path(VIP_UNANSWERED_FILE)
        if not told.exists() or told.read_text() != "1\n":
            return
        self.drain(host.place.name)
        wait_for(f"{host.place.name} to give the VIP back", told.read_text, until=lambda text: text == "0\n")

    def reset(self) -> None:
        """Bring the pair back to health, whatever was done to it: for the next test.

        Raises:
            LabError: it does not become healthy.
        """
        for sampler in list(self._samplers):
            sampler.stop()
        self.mend()
        for host in self.nodes:
            if not host.on:
                self.boot(host.place.name)
            host.resume_services()
            # Which the exporter tells for minutes.
            if self._helpers_were_restarted(host) or (
                host.service("keepalived").running and (self._has_moved_often(host) or self._heard_strangers(host))
            ):
                host.service("keepalived").stop()
            host.launch_services()
            self._give_back(host)
            self.undrain(host.place.name)
        self.wait_healthy()

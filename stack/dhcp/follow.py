"""Follows the virtual IP: a DHCP server runs on the node that has it, and nowhere else.

The kernel says at once when the address comes or goes (rtnetlink(7)); beside that, this looks every second.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Address

from exporter.engine.runtime import RuntimeFiles
from exporter.http.pair_key import key_from
from stack.dhcp import discover
from stack.dhcp.book import LeaseBook
from stack.dhcp.exchange import EVERY_SECONDS, LeaseServer, serve_for_ever
from stack.dhcp.leases import Lease
from stack.dhcp.server import DhcpServer, static_leases
from stack.dhcp.settings import DhcpSettings
from stack.dhcp.status import DhcpStatus, publish
from stack.guard import netlink
from stack.guard.log import say

LOOK_SECONDS = 1.0
AGAIN_SECONDS = 1.0  # after a server that has ended by itself
PUBLISH_SECONDS = 5.0
HOSTS_SECONDS = 60.0
# A server that is started anew is away for a tenth of a second; in a split brain each node would do it at every lease.
RESTART_SECONDS = 30.0
FIRST_SEARCH_SECONDS, SEARCH_SECONDS = 15.0, 600.0  # for other servers


class Follower:
    """One node's DHCP service. Times are seconds of a monotonic clock."""

    def __init__(self, settings: DhcpSettings, files: RuntimeFiles) -> None:
        self._settings = settings
        self._report = files.dhcp
        self._server = DhcpServer(settings)
        self._book = LeaseBook(self._server.leases, settings.directory / "peer")
        self._kernel = netlink.subscribe()
        self._kernel.settimeout(0)
        self._started = self._published = self._hosts = float("-inf")
        self._problem = ""
        self._foreign: frozenset[IPv4Address] = frozenset()

    def run(self, wake: int, stopped: Callable[[], bool]) -> None:
        """Follow until ``stopped``; ``wake`` is a descriptor that becomes readable with every signal."""
        self._start_beside()
        waiting = select.poll()
        waiting.register(self._kernel, select.POLLIN)
        waiting.register(wake, select.POLLIN)
        while not stopped():
            self.step()
            waiting.poll(LOOK_SECONDS * 1000)
            netlink.take_all(self._kernel)
            with contextlib.suppress(BlockingIOError):
                os.read(wake, 4096)
        self._stop("")
        self._publish()

    def step(self) -> None:
        """Do what is due."""
        now = time.monotonic()
        before = self._server.running, self._problem
        try:
            owned = self._owns()
        except OSError as error:  # nothing changes by what the kernel does not say
            self._problem = f"the kernel does not say which addresses {self._settings.interface} has: {error.strerror}"
            owned = self._server.running
        if not owned:
            self._stop("")
        elif not self._server.running:
            self._start(now)
        else:
            self._care(now)
        if before != (self._server.running, self._problem) or now - self._published >= PUBLISH_SECONDS:
            self._published = now
            self._publish()

    def _owns(self) -> bool:
        index = socket.if_nametoindex(self._settings.interface)
        present = {one.packed for one in netlink.all_addresses() if one.interface_index == index}
        return any(vip.packed in present for vip in self._settings.vips)

    def _start(self, now: float) -> None:
        ended = self._server.ended_with
        if ended is not None:
            self._stop(f"dnsmasq has ended with {ended}; docker compose logs dhcp says why, and it is started again")
        if now - self._started < AGAIN_SECONDS and self._problem:
            return
        self._started = self._hosts = now
        try:
            known = self._book.settle()
            self._server.start(self._statics(), known)
        except OSError as error:
            self._tell(f"the DHCP server cannot be started: {error.filename or ''} {error.strerror or error}")
            return
        self._book.serving = True
        say(f"serves DHCP, with {len(known)} leases that are known")
        self._problem = ""

    def _stop(self, problem: str) -> None:
        if self._book.serving:
            self._server.stop()
            self._book.serving = False
            say("serves no DHCP any more")
        self._tell(problem)

    def _care(self, now: float) -> None:
        """Look after a server that runs."""
        try:
            if self._book.changed and now - self._started >= RESTART_SECONDS:
                self._book.changed = False
                if self._book.unknown_to_server():
                    say("the other node has told of leases that the server does not know of")
                    self._stop("")
                    self._start(now)
            elif now - self._hosts >= HOSTS_SECONDS:
                self._hosts = now
                self._server.tell(self._statics(), [one for one in self._book.own() if one.end > time.time()])
        except OSError as error:
            self._tell(f"{error.filename or self._settings.directory}: {error.strerror or error}")
        else:
            self._problem = ""

    def _statics(self) -> tuple[str, ...]:
        try:
            return static_leases(self._settings.inventory.read_text("utf-8", "replace"))
        except OSError:  # a sync has yet to run
            return ()

    def _tell(self, problem: str) -> None:
        if problem and problem != self._problem:
            say(problem)
        self._problem = problem

    def _publish(self) -> None:
        known: tuple[Lease, ...] = ()
        with contextlib.suppress(OSError):
            known = self._book.all()
        publish(
            self._report,
            time.time(),
            DhcpStatus(
                self._server.running,
                self._problem,
                len(known),
                self._book.copied,
                self._book.copy_problem,
                self._foreign,
            ),
        )

    def _start_beside(self) -> None:
        """What would keep this loop waiting: the other node, and other servers."""
        peer, key = self._settings.peer, partial(key_from, self._settings.pair_key_file)
        threading.Thread(target=self._search, name="search", daemon=True).start()
        if peer is None:
            return

        def ask() -> None:
            while True:
                self._book.ask(peer, key)
                time.sleep(EVERY_SECONDS)

        threading.Thread(target=ask, name="ask-leases", daemon=True).start()
        serve_for_ever(lambda: LeaseServer(self._settings.node, peer, key, self._book.told), say)

    def _search(self) -> None:
        """Look for DHCP servers that are not of the pair, while this node serves."""
        while True:
            time.sleep(FIRST_SEARCH_SECONDS)
            if not self._book.serving:
                self._foreign = frozenset()
                continue
            with contextlib.suppress(OSError):
                found = discover.servers(self._settings.interface)
                index = socket.if_nametoindex(self._settings.interface)
                own = {one.packed for one in netlink.all_addresses() if one.interface_index == index}
                others = frozenset(one for one in found if one.packed not in own and one != self._settings.peer)
                if others - self._foreign:
                    say(f"another DHCP server answers on this LAN: {', '.join(map(str, sorted(others)))}")
                self._foreign = others
            time.sleep(SEARCH_SECONDS - FIRST_SEARCH_SECONDS)

"""What serves the stand-in for Pi-hole, through its restarts."""

from __future__ import annotations

import contextlib
import secrets
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.tools.standin_pihole_api import StandinPihole
from tests.tools.standin_pihole_handler import Handler


class Listener(ThreadingHTTPServer):
    """What listens between two restarts."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, owner: Server, address: str, port: int) -> None:
        self.owner = owner
        self.pihole = owner.pihole
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._clients: set[socket.socket] = set()
        self._busy: set[int] = set()
        super().__init__((address, port), Handler)
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def server_bind(self) -> None:
        """An IPv6 socket is for IPv6 alone, as CivetWeb's are without a plus sign."""
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        if self.owner.tls is not None and self.server_address[1] not in self.owner.plain:
            try:
                request.settimeout(10)
                request = self.owner.tls.wrap_socket(request, server_side=True)
            except OSError:
                self.shutdown_request(request)
                return
        self._clients.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._clients.discard(request)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """A request that the end of the process waits for."""
        self._busy.add(threading.get_ident())
        try:
            yield
        finally:
            self._busy.discard(threading.get_ident())

    def end(self) -> None:
        """Listen no more, wait for what is being done, and cut what is idle (mg_stop in CivetWeb)."""
        self.shutdown()
        self.server_close()
        while self._busy:
            time.sleep(0.01)
        for client in list(self._clients):
            with contextlib.suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)


class Server:
    """Serves a stand-in from now on, through its restarts, until it is closed."""

    def __init__(
        self,
        pihole: StandinPihole,
        address: str,
        port: int,
        *more: tuple[str, int],
        tls: ssl.SSLContext | None = None,
        plain: frozenset[int] = frozenset(),
    ) -> None:
        self.pihole = pihole
        self.plain = plain
        self.tls = tls
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._restarting: threading.Thread | None = None
        self._listeners = [Listener(self, *place) for place in ((address, port), *more)]
        self.server_address = (address, self._listeners[0].server_address[1])
        self._places = (self.server_address, *more)
        host = f"[{address}]" if ":" in address else address
        pihole.url = f"{'https' if tls else 'http'}://{host}:{self.server_address[1]}"

    def restart(self) -> None:
        """End and begin anew, as FTL does by itself (src/signals.c: restart_ftl); at once back to the caller."""
        with self._lock:
            if self.pihole.dying or self._closed.is_set():
                return
            self.pihole.dying = True
        self._restarting = threading.Thread(target=self._restart, daemon=True)
        self._restarting.start()

    def _restart(self) -> None:
        pihole = self.pihole
        began = time.monotonic()
        if pihole.on_restart is not None:
            pihole.on_restart()
        time.sleep(pihole.dying_seconds)
        # First the sessions are put away, then the server ends (src/daemon.c: cleanup); in between nobody has one.
        pihole.freed = True
        pihole.keep()
        time.sleep(0.02)
        self._end()
        time.sleep(pihole.away_seconds)
        pihole.dying = pihole.freed = False
        pihole.pause_ends = None
        pihole.opened_database = pihole.database
        pihole.started = time.monotonic()
        pihole.restarts += 1
        if pihole.on_started is not None:
            pihole.on_started()
        pihole.gaps.append(time.monotonic() - began)
        if not self._closed.is_set():
            self._listeners = [Listener(self, *place) for place in self._places]

    def wait(self) -> None:
        """Serve until it is closed, by another thread."""
        self._closed.wait()

    def close(self) -> None:
        """Serve no more."""
        self._closed.set()
        if self._restarting is not None:
            self._restarting.join(10)
        self._end()

    def _end(self) -> None:
        for listener in self._listeners:
            listener.end()


def made_certificate(folder: Path, file: str = "") -> ssl.SSLContext:
    """A certificate as Pi-hole makes one for itself: another one each time, or the one in ``file``."""
    pem = folder / (file or f"{secrets.token_hex(4)}.pem")
    if not pem.exists():
        _make_certificate(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{pem}.crt", pem)
    return context


def _make_certificate(pem: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1", "-nodes", "-days", "2",
         "-subj", "/CN=pi.hole", "-keyout", pem, "-out", f"{pem}.crt"],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip


def serve(
    pihole: StandinPihole,
    address: str,
    port: int,
    *more: tuple[str, int],
    tls: ssl.SSLContext | None = None,
    plain: frozenset[int] = frozenset(),
) -> Server:
    """Serve a stand-in on an address and a port (0: a free one), and on more of them, in threads of its own.

    With ``tls`` every port speaks it that is not ``plain``.
    """
    return Server(pihole, address, port, *more, tls=tls, plain=plain)


@contextmanager
def standin_pihole(held: dict[str, Any], tls: ssl.SSLContext | None = None, **more: Any) -> Iterator[StandinPihole]:
    """Serve a stand-in on a free port of this machine."""
    pihole = StandinPihole(held, **more)
    server = serve(pihole, "127.0.0.1", 0, tls=tls)
    try:
        yield pihole
    finally:
        server.close()

"""The HTTP server: a thread for each request, bounded in number and time for each kind of caller."""

from __future__ import annotations

import errno
import logging
import os
import selectors
import socket
import threading
import time
from functools import partial
from typing import Any, Final

from exporter.http.access import WebAccess
from exporter.http.callers import CALLERS, listen_apart
from exporter.http.connection import close, handshake, reset
from exporter.http.handler import CLIENT_TIMEOUT_SECONDS, Handler, Route
from exporter.http.pair_key import KeySource, no_key
from exporter.http.seats import Seats, host_of
from exporter.model.addressing import Address
from exporter.model.errors import ExporterError

log = logging.getLogger(__name__)

_ADVICE: Final = {
    errno.EADDRINUSE: "is another one running? {0}_PORT chooses another port",
    errno.EADDRNOTAVAIL: "{0}_ADDRESS must be an address of this machine, or empty for all",
    errno.EACCES: "choose an {0}_PORT from 1024 on",
}
_END_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.1


class ListenError(ExporterError):
    """The port cannot be listened on; the message says why."""


class HttpServer:
    """Takes connections as long as :meth:`serve_forever` runs; what is above a limit is reset at once."""

    def __init__(
        self,
        host: str,
        port: int,
        routes: dict[str, Route],
        handler: type[Handler] = Handler,
        *,
        peer: Address | None = None,
        pair_key: KeySource = no_key,
        access: WebAccess | None = None,
        variables: str = "EXPORTER",
    ) -> None:
        """Listen; ``variables`` is what the names of the variables begin with that choose address and port.

        Without ``access`` everything is answered in clear to everybody.

        Raises:
            ListenError: the address or port cannot be had.
        """
        self.routes = routes
        self.pair_key = pair_key
        self.access = access
        self._handler = handler
        family = socket.AF_INET if host and ":" not in host else socket.AF_INET6
        if not host and not socket.has_dualstack_ipv6():
            family, host = socket.AF_INET, "0.0.0.0"  # noqa: S104 (the peer and Prometheus must reach it)
        sockets: list[socket.socket] = []
        try:
            for _ in CALLERS:
                sockets.append(_bound(family, host or "::", port, shared=bool(sockets)))
                port = sockets[0].getsockname()[1]
            listening = listen_apart(sockets, peer)
        except OSError as error:
            for one in sockets:
                one.close()
            advice = _ADVICE.get(error.errno or 0, "{0}_ADDRESS and {0}_PORT choose another one").format(variables)
            msg = f"cannot listen on {host or 'any address'}, port {port}: {error.strerror}; {advice}"
            raise ListenError(msg) from None
        self.family, self.server_port = family, port
        self.seats = {one: Seats(caller) for one, caller in zip(listening, CALLERS, strict=False)}
        self._wake = os.eventfd(0)
        self._ending = False
        self._ended = threading.Event()

    def allowed(self, path: str) -> str:  # noqa: ARG002 (of some servers it depends on the path)
        """The methods of a path, as ``Allow`` names them."""
        return "GET, HEAD, OPTIONS"

    def serve_forever(self) -> None:
        """Take connections until :meth:`shutdown`: one from each queue in turn, so that none waits for another."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._wake, selectors.EVENT_READ, lambda: None)
            for listener, seats in self.seats.items():
                listener.settimeout(0)
                selector.register(listener, selectors.EVENT_READ, partial(self._take, listener, seats))
            while not self._ending:
                for key, _ in selector.select():
                    key.data()
        self._ended.set()

    def shutdown(self) -> None:
        """Take no more connections; those that have been taken go on."""
        self._ending = True
        os.eventfd_write(self._wake, 1)
        self._ended.wait(_END_SECONDS)

    def server_close(self) -> None:
        """Give the port back."""
        for listener in self.seats:
            listener.close()
        os.close(self._wake)

    def finish_request(self, connection: socket.socket, client_address: Any, seats: Seats) -> None:  # noqa: ANN401
        """Answer what is asked on a connection."""
        self._handler(connection, client_address, self, seats)

    def _take(self, listener: socket.socket, seats: Seats) -> None:
        """Take one connection, and serve it in a thread of its own if there is a seat for it."""
        try:
            connection, address = listener.accept()
        except (BlockingIOError, ConnectionError):  # it has gone away meanwhile
            return
        except OSError as error:  # no descriptor or memory to be had: it stays in the queue
            log.warning("no connection can be taken: %s", error.strerror)
            time.sleep(_PAUSE_SECONDS)
            return
        host = host_of(address[0])
        if not seats.take(host):
            reset(connection)
            return
        try:
            threading.Thread(target=self._serve, args=(connection, address, seats, host), daemon=True).start()
        except RuntimeError:  # no thread to be had
            seats.leave(host)
            reset(connection)

    def _serve(self, connection: socket.socket, address: Any, seats: Seats, host: str) -> None:  # noqa: ANN401
        """Serve a connection to its end, and make room for another."""
        try:
            if self.access is not None:
                connection = self.access.encrypt(connection)
                handshake(connection, time.monotonic() + CLIENT_TIMEOUT_SECONDS)
            self.finish_request(connection, address, seats)
        except Exception as error:  # noqa: BLE001 (a client that went away is none of our business)
            log.debug("a client's connection broke: %s", error)
        finally:
            seats.leave(host)
            close(connection)


def _bound(family: socket.AddressFamily, host: str, port: int, *, shared: bool) -> socket.socket:
    """Bind a socket, for IPv4 and IPv6 where no address was chosen; ``shared``: with one of our own on this port.

    The first is bound alone, so that a port that somebody else has is an error whatever that one allows.
    """
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6 and host == "::":
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        one.bind((host, port))
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    except OSError:
        one.close()
        raise
    return one

"""The web configuration in force: TLS for every connection, a password for most requests.

Everything needs a user's name and password but two things. ``/healthz``, which tells nothing, is for everybody. What
the pair's programs read of each other is open to this machine and the peer, told apart by their addresses (callers.py):
of a hash no password can be made, so that each would have to keep a password in clear text for it.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from exporter.http.basic_auth import BasicAuth
from exporter.http.callers import ANYBODY, Caller
from exporter.http.web_config import TLS_VERSIONS, TlsServer, WebConfig, read
from exporter.model.errors import ConfigurationError

if TYPE_CHECKING:
    import ssl

log = logging.getLogger(__name__)

FOR_EVERYBODY: Final = "/healthz"
_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True, slots=True)
class _InForce:
    tls: ssl.SSLContext | None
    users: BasicAuth | None


class WebAccess:
    """What a web configuration file asks for; the file and what it names are read again when they change."""

    def __init__(self, path: Path, for_the_pair: Collection[str]) -> None:
        """Read the file; ``for_the_pair`` are the paths that this machine and the peer read without a password.

        Raises:
            ConfigurationError: with a sentence for each mistake.
        """
        self._path = path
        self._for_the_pair = frozenset(for_the_pair)
        self._lock = threading.Lock()
        self._files: tuple[Path, ...] = (path,)
        self._stamps = {path: _stamp(path)}
        self._in_force = self._read()

    @property
    def tls(self) -> bool:
        """Whether connections are encrypted, which only a restart changes."""
        return self._in_force.tls is not None

    def encrypt(self, connection: socket.socket) -> socket.socket:
        """Return the connection as one whose TLS handshake has not happened yet."""
        context = self._current().tls
        if context is None:
            return connection
        return context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)

    def permits(self, path: str, caller: Caller, authorization: str) -> bool:
        """Whether a request may be answered.

        Raises:
            PasswordTimeoutError: its password could not be checked in time.
        """
        users = self._current().users
        if users is None or path == FOR_EVERYBODY or (path in self._for_the_pair and caller is not ANYBODY):
            return True
        return users.permits(authorization)

    def _current(self) -> _InForce:
        with self._lock:
            # Of before the reading: what changes meanwhile is read once more.
            before = {file: _stamp(file) for file in self._files}
            if before != self._stamps:
                self._stamps = before
                try:
                    changed = self._read()
                    if (changed.tls is None) != (self._in_force.tls is None):
                        problem = f"{self._path}: TLS is switched on and off by a restart alone"
                        raise ConfigurationError([problem])  # noqa: TRY301
                    self._in_force = changed
                    log.info("%s has changed and is in force", self._path)
                except ConfigurationError as error:
                    log.error("%s; what was in force stays so until this is mended", error)  # noqa: TRY400
            return self._in_force

    def _read(self) -> _InForce:
        config = read(self._path)
        self._files = _files(self._path, config)
        self._stamps = {file: self._stamps.get(file) or _stamp(file) for file in self._files}
        return _InForce(
            _context(config.tls) if config.tls else None,
            BasicAuth(config.users) if config.users else None,
        )


def _files(path: Path, config: WebConfig) -> tuple[Path, ...]:
    return (path, config.tls.certificate, config.tls.key) if config.tls else (path,)


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size


def _context(tls: TlsServer) -> ssl.SSLContext:
    import ssl

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion[TLS_VERSIONS[tls.minimum]]
    context.maximum_version = ssl.TLSVersion[TLS_VERSIONS[tls.maximum]]
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=lambda: "")
    except OSError as error:
        pem = isinstance(error, ssl.SSLError)
        why = "they are no certificate and its key in PEM, without a passphrase" if pem else error.strerror
        raise ConfigurationError([f"{tls.certificate} and {tls.key} cannot be used: {why}"]) from None
    return context

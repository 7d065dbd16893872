"""TLS to the other node's Pi-hole, which is known by its certificate's fingerprint since the first contact.

Pi-hole makes its certificate and the authority that signs it anew each time (FTL v6.4.1, src/webserver/x509.c), for the
name pi.hole alone; so neither a name nor an authority can be checked, and neither is its end.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import selectors
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from exporter.engine.files import read_bounded, write_atomically
from exporter.model.errors import ParseError
from exporter.parsers.fields import parse_json
from stack.tools.errors import RefusedError, ToolError
from stack.tools.progress import say

FILE = "peer-certificate.json"
ACCEPT = "docker compose run --rm tools sync trust"
CONTACT_SECONDS = 10.0
# Longer than a Pi takes to pack an archive.
IDLE_SECONDS = 120.0
CHUNK_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Pin:
    """A server and the SHA-256 of its certificate, in hexadecimal."""

    url: str
    fingerprint: str

    def check(self, connection: socket.socket) -> None:
        """Look at the certificate before anything is sent.

        Raises:
            RefusedError: it is another one, or there is none.
        """
        found = fingerprint(connection) if isinstance(connection, ssl.SSLSocket) else "none"
        if found != self.fingerprint:
            raise RefusedError(
                f"{self.url} shows another certificate ({found}) than at the first contact ({self.fingerprint}), so it "
                "was not given the password; if its Pi-hole was installed anew or has a new certificate, accept it by: "
                f"{ACCEPT}; if not, look who has that address"
            )


def fingerprint(connection: ssl.SSLSocket) -> str:
    """The SHA-256 of the certificate that the other side has shown, and has proved to have the key of."""
    return hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()


def context() -> ssl.SSLContext:
    """TLS that takes any certificate: whoever uses it looks at the fingerprint."""
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def connect(url: str, seconds: float) -> ssl.SSLSocket:
    """Connect, without sending anything.

    Raises:
        OSError: there is no connection.
    """
    parts = urlsplit(url)
    plain = socket.create_connection((parts.hostname or "", parts.port or 443), seconds)
    try:
        return context().wrap_socket(plain)
    except BaseException:
        plain.close()
        raise


def pinned(url: str, folder: Path) -> Pin:
    """The pin of a server; made at the first contact.

    Raises:
        RefusedError: what is known cannot be read.
        ToolError: it does not answer, or the pin cannot be kept.
    """
    file = folder / FILE
    try:
        document = parse_json(read_bounded(file), str(file))
        pin = Pin(str(document["url"]), str(document["sha256"]))
    except FileNotFoundError:
        return trust(url, folder)
    except (OSError, ParseError, KeyError, TypeError) as error:
        reason = f"{file} cannot be used ({type(error).__name__}), so {url} cannot be told from a stranger"
        raise RefusedError(f"{reason}; begin anew by: {ACCEPT}") from None
    return pin if pin.url == url else trust(url, folder)


def trust(url: str, folder: Path) -> Pin:
    """Take the certificate that a server shows now for its own, from now on.

    Raises:
        ToolError: it does not answer, or the pin cannot be kept.
    """
    try:
        with connect(url, CONTACT_SECONDS) as connection:
            pin = Pin(url, fingerprint(connection))
    except OSError as error:
        raise ToolError(f"{url} cannot be asked: {error.strerror or error}; does Pi-hole run there?") from None
    try:
        write_atomically(folder / FILE, json.dumps({"url": pin.url, "sha256": pin.fingerprint}).encode(), mode=0o600)
    except OSError as error:
        raise ToolError(f"{folder / FILE} cannot be written: {error.strerror}") from None
    say(f"pihole: {url} is known from now on by its certificate, SHA-256 {pin.fingerprint}")
    return pin


@contextlib.contextmanager
def forwarder(pin: Pin) -> Iterator[str]:
    """Listen on loopback and pass what comes there to the pinned server; give the URL.

    For nebula-sync, which would take any certificate. A connection whose other end has another one is closed.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        ending = threading.Event()
        thread = threading.Thread(target=_accept, args=(listener, pin, ending), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            ending.set()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes accept()
            thread.join(CONTACT_SECONDS)


def _accept(listener: socket.socket, pin: Pin, ending: threading.Event) -> None:
    while not ending.is_set():
        try:
            near, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_forward, args=(near, pin, ending), daemon=True).start()


def _forward(near: socket.socket, pin: Pin, ending: threading.Event) -> None:
    with near:
        try:
            with connect(pin.url, CONTACT_SECONDS) as far:
                pin.check(far)
                _pass_bytes(near, far, ending)
        except RefusedError as error:
            say(f"pihole: {error}")
        except OSError as error:
            say(f"pihole: the connection to {pin.url} broke: {error.strerror or error}")


def _pass_bytes(near: socket.socket, far: ssl.SSLSocket, ending: threading.Event) -> None:
    """Both ways until one side ends, nothing comes for a while, or the sync is over."""
    near.settimeout(IDLE_SECONDS)
    idle = 0
    with selectors.DefaultSelector() as selector:
        selector.register(near, selectors.EVENT_READ)
        selector.register(far, selectors.EVENT_READ)
        while not ending.is_set() and idle < IDLE_SECONDS:
            ready = selector.select(1.0)
            idle = 0 if ready else idle + 1
            for key, _ in ready:
                done = _from_near(near, far) if key.fileobj is near else _from_far(far, near)
                if done:
                    return


def _from_near(near: socket.socket, far: ssl.SSLSocket) -> bool:
    chunk = near.recv(CHUNK_BYTES)
    far.settimeout(IDLE_SECONDS)
    far.sendall(chunk)
    return not chunk


def _from_far(far: ssl.SSLSocket, near: socket.socket) -> bool:
    """Read without waiting: what woke us may be TLS's own, such as a session ticket; and all of it, for what TLS has
    read already wakes nobody.
    """
    while True:
        far.settimeout(0)
        try:
            chunk = far.recv(CHUNK_BYTES)
        except ssl.SSLWantReadError:
            return False
        if not chunk:
            return True
        near.sendall(chunk)

"""Names and passwords over HTTP (RFC 7617), checked against bcrypt hashes at a bounded cost."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import threading
import time
from collections.abc import Mapping
from typing import Final

from exporter.model.errors import ExporterError

# How long a request may wait for others' passwords to be checked.
WAIT_SECONDS: Final = 5.0
# After a wrong password no other is checked for so many times as long as it took: guessing costs a fifth of a core.
PAUSE_FACTOR: Final = 4
MAXIMUM_PAUSE_SECONDS: Final = 2.0
WRONG_KEPT: Final = 128
_BCRYPT_BYTES: Final = 72  # what follows, bcrypt does not look at


class PasswordTimeoutError(ExporterError):
    """Too many passwords are being checked; try again."""


class BasicAuth:
    """Checks one password at a time, and each only once: a check takes some 100 ms on a Pi by design.

    The answers are kept by an HMAC under a key of this process, never the passwords themselves.
    """

    def __init__(self, users: Mapping[str, str]) -> None:
        self._users = users
        # Whoever has an unknown name waits as long as the others.
        self._some_hash = next(iter(users.values()))
        self._key = os.urandom(32)
        self._right: set[bytes] = set()  # as many as there are users at most
        self._wrong: dict[bytes, None] = {}
        self._gate = threading.Lock()

    def permits(self, authorization: str) -> bool:
        """Whether the value of a request's header ``Authorization`` has a user's name and password.

        Raises:
            PasswordTimeoutError: it could not be checked in time.
        """
        found = _credentials(authorization)
        if found is None:
            return False
        user, password = found
        digest = hmac.digest(self._key, user.encode() + b":" + password, hashlib.sha256)
        if digest in self._right or digest in self._wrong:
            return digest in self._right
        if not self._gate.acquire(timeout=WAIT_SECONDS):
            problem = "too many passwords are being checked"
            raise PasswordTimeoutError(problem)
        try:
            # Another request may have had the same meanwhile.
            if digest not in self._right and digest not in self._wrong:
                self._check(user, password, digest)
            return digest in self._right
        finally:
            self._gate.release()

    def _check(self, user: str, password: bytes, digest: bytes) -> None:
        import bcrypt

        began = time.monotonic()
        same = bcrypt.checkpw(password, self._users.get(user, self._some_hash).encode("ascii"))
        if same and user in self._users:
            self._right.add(digest)
            return
        if len(self._wrong) >= WRONG_KEPT:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[digest] = None
        time.sleep(min(PAUSE_FACTOR * (time.monotonic() - began), MAXIMUM_PAUSE_SECONDS))


def _credentials(authorization: str) -> tuple[str, bytes] | None:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded.strip(), validate=True).partition(b":")
        if not colon or len(password) > _BCRYPT_BYTES or b"\0" in password:
            return None
        return user.decode(), password
    except (binascii.Error, ValueError):
        return None

"""The pair key: how a node knows that an answer comes from the other one, and was made for this very question.

The asker sends a nonce. The answer's header holds an HMAC-SHA256 (RFC 2104), keyed with the pair key, over the address
that was asked, the path, the nonce and the body. The nonce makes an old answer worthless, so that no clock matters; the
address makes an answer worthless that somebody in between fetched from the asker itself.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporter.engine.files import read_bounded
from exporter.model.errors import ExporterError, ParseError

NONCE_HEADER: Final = "X-Dnsha-Nonce"
SIGNATURE_HEADER: Final = "X-Dnsha-Signature"
MAXIMUM_BYTES: Final = 4096
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
# Nothing else that this key may ever be used for begins so.
_PURPOSE: Final = b"dnsha answer 1"
_TOKEN: Final = b"dnsha token 1"


class PairKeyError(ExporterError):
    """The pair key cannot be read; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class PairKey:
    """The key that both nodes have and nobody else; an empty one is none."""

    secret: bytes = field(default=b"", repr=False)

    def __bool__(self) -> bool:
        return bool(self.secret)

    def sign(self, host: str, path: str, nonce: str, body: bytes) -> str:
        """The signature of an answer of the node that has the address ``host``."""
        head = b"\n".join((_PURPOSE, _plain(host).encode(), path.encode(), nonce.encode(), b""))
        return hmac.new(self.secret, head + body, "sha256").hexdigest()

    def answers(self, host: str, path: str, nonce: str | None, body: bytes) -> str | None:
        """The signature that a question asks for; None without a key or where ``nonce`` is none."""
        if not self or nonce is None or not _NONCE.fullmatch(nonce):
            return None
        return self.sign(host, path, nonce, body)

    def token(self, purpose: str) -> str | None:
        """A password for one purpose alone, which tells nothing of the key; None without a key."""
        if not self:
            return None
        return hmac.new(self.secret, b"\n".join((_TOKEN, purpose.encode())), "sha256").hexdigest()[:40]

    def fits(self, signature: str | None, host: str, path: str, nonce: str, body: bytes) -> bool:
        """Whether an answer was signed with this key, for this question."""
        expected = self.sign(host, path, nonce, body)
        return signature is not None and hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))


# Read anew for each use, so that a changed key needs no restart.
KeySource = Callable[[], PairKey]


def no_key() -> PairKey:
    """The key of a pair that has none."""
    return PairKey()


def new_nonce() -> str:
    """A nonce that was never used."""
    return secrets.token_hex(16)


def key_from(file: Path | None) -> PairKey:
    """Read the key; without a file, and from an empty one, there is none.

    Raises:
        PairKeyError: there is a file, and it cannot be read; to go on without a key would be to trust anybody.
    """
    if file is None:
        return PairKey()
    try:
        return PairKey(read_bounded(file, MAXIMUM_BYTES).strip())
    except OSError as error:
        reason = error.strerror
    except ParseError as error:
        reason = str(error)
    remedy = "in the stack: docker compose up -d --force-recreate settings"
    msg = f"the pair key, {file}, cannot be read: {reason}; write it anew, for this user to read ({remedy})"
    raise PairKeyError(msg)


def _plain(host: str) -> str:
    """An address in its one form, without zone, and IPv4 as such."""
    address = ipaddress.ip_address(host.partition("%")[0])
    return str(getattr(address, "ipv4_mapped", None) or address)

"""Files for the way out of the house: encrypted by a passphrase, and refused when a single bit of them has changed.

AES-256 in counter mode by openssl(1), then HMAC-SHA256 over all of it (encrypt-then-MAC); the keys of both come from
the passphrase by scrypt (RFC 7914). Standard library and openssl alone, for it is opened on a bare host as well. No key
is on a command line.

A sealed file: ``MAGIC``, 16 bytes of salt, 32 bytes of HMAC over these and what follows: what openssl wrote.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import subprocess
from pathlib import Path
from typing import IO

from stack.tools.errors import DeadlineError, RefusedError, ToolError

MAGIC = b"dnsha sealed 1\n"
OPENSSL_SECONDS = 120.0
_SALT_BYTES, _TAG_BYTES = 16, 32
_HEAD_BYTES = len(MAGIC) + _SALT_BYTES + _TAG_BYTES
_CHUNK = 1 << 16
# 16 MiB and a tenth of a second on a Pi; a pair key needs no more, and a person's passphrase gets that much help.
_COST, _BLOCKS, _PARALLEL, _MEMORY = 1 << 14, 8, 1, 64 << 20


def is_sealed(path: Path) -> bool:
    """Whether this is a sealed file.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def seal(source: Path, target: Path, passphrase: bytes) -> None:
    """Write ``source`` to ``target``, which there is not yet, so that only who has the passphrase can read it.

    Raises:
        ToolError: openssl failed.
        OSError: the disk is full.
    """
    start = MAGIC + secrets.token_bytes(_SALT_BYTES)
    cipher, mac = _keys(passphrase, start)
    with source.open("rb") as plain, open(target, "x+b", opener=_private) as file:
        file.write(start + bytes(_TAG_BYTES))
        file.flush()
        _openssl(cipher, "-e", plain, file)
        tag = _tag(mac, start, file)
        file.seek(len(start))
        file.write(tag)
        file.flush()
        os.fsync(file.fileno())


def unseal(source: Path, target: Path, passphrase: bytes) -> None:
    """Write what was sealed to ``target``, after all of it was found unchanged.

    Raises:
        RefusedError: another passphrase, or it was changed or cut off; nothing was written.
        ToolError: openssl failed.
        OSError: it cannot be read, or the disk is full.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if not head.startswith(MAGIC) or len(head) < _HEAD_BYTES:
            raise RefusedError(f"{source} is no sealed backup, or was cut off")
        start, tag = head[:-_TAG_BYTES], head[-_TAG_BYTES:]
        cipher, mac = _keys(passphrase, start)
        if not hmac.compare_digest(_tag(mac, start, file), tag):
            raise RefusedError(f"{source} cannot be opened: the passphrase is another one, or the file was changed")
        with open(target, "xb", opener=_private) as plain:
            os.lseek(file.fileno(), _HEAD_BYTES, os.SEEK_SET)
            _openssl(cipher, "-d", file, plain)


def _keys(passphrase: bytes, start: bytes) -> tuple[bytes, bytes]:
    """The cipher's key, as openssl is given it, and the HMAC's."""
    key = hashlib.scrypt(passphrase, salt=start, n=_COST, r=_BLOCKS, p=_PARALLEL, maxmem=_MEMORY, dklen=64)
    return key[:32].hex().encode(), key[32:]


def _tag(key: bytes, start: bytes, file: IO[bytes]) -> bytes:
    """The HMAC of a sealed file that is open, which is read to its end."""
    mac = hmac.new(key, start, "sha256")
    file.seek(_HEAD_BYTES)
    while chunk := file.read(_CHUNK):
        mac.update(chunk)
    return mac.digest()


def _openssl(key: bytes, way: str, source: IO[bytes], target: IO[bytes]) -> None:
    reading, writing = os.pipe()  # the key is shorter than a pipe's buffer
    try:
        os.write(writing, key + b"\n")
        os.close(writing)
        # One round: the key is scrypt's.
        command = ["openssl", "enc", way, "-aes-256-ctr", "-pbkdf2", "-iter", "1", "-pass", f"fd:{reading}"]
        done = subprocess.run(
            command, stdin=source, stdout=target, stderr=subprocess.PIPE, pass_fds=[reading],
            timeout=OPENSSL_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DeadlineError(f"openssl did not end within {OPENSSL_SECONDS:g} s") from None
    except OSError as error:
        raise ToolError(f"openssl cannot be started: {error.strerror}; is it installed?") from None
    finally:
        os.close(reading)
    if done.returncode:
        raise ToolError(f"openssl ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()}")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)

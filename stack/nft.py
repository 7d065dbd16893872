"""Runs nft(8), for the tables that the stack loads."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable
from typing import Final

NFT_SECONDS: Final = 5.0
_BEAT_SECONDS: Final = 0.5


class NftError(Exception):
    """Nft could not do what it was asked; a sentence."""


def nothing() -> None:
    """No sign of life is wanted."""


def nft(*arguments: str, text: str | None = None, beat: Callable[[], None] = nothing) -> str:
    """Run nft and return what it prints; ``beat`` is called twice a second meanwhile.

    Raises:
        NftError: it is not installed, failed, or took longer than five seconds.
    """
    try:
        process = subprocess.Popen(
            ["nft", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    except OSError as error:
        msg = f"nft cannot be run ({error.strerror}); install nftables"
        raise NftError(msg) from error
    deadline = time.monotonic() + NFT_SECONDS
    while True:
        try:
            said, complaint = process.communicate(text, timeout=_BEAT_SECONDS)
            break
        except subprocess.TimeoutExpired:
            text = None  # has been handed over
            beat()
            if time.monotonic() > deadline:
                process.kill()
                with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: the caller must go on
                    process.communicate(timeout=_BEAT_SECONDS)
                msg = f"nft did not end within {NFT_SECONDS:g} s"
                raise NftError(msg) from None
    if process.returncode:
        lines = complaint.strip().splitlines() or [f"exit {process.returncode}"]
        raise NftError("nft: " + lines[0].rpartition("Error: ")[2])
    return said

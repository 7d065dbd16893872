"""Parts of the work, which processes of their own do."""

from __future__ import annotations

import contextlib
import functools
import io
import logging
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.fuzz.fuzzing import Outcome, fuzz
from tests.fuzz.parsers import Parser, parsers

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 (a file is written for each input of some)
SHARE: Final = 25_000  # inputs, which one process takes at once


@dataclass(frozen=True, slots=True)
class Share:
    """A part of one parser's inputs, with a seed of its own."""

    parser: str
    seed: str
    inputs: int
    seconds: float


@functools.cache
def _parsers() -> dict[str, Parser]:
    """This process's own, which have a folder of their own until it ends."""
    folder = tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
    _parsers.folder = folder  # type: ignore[attr-defined]  # kept for as long as they are
    return {one.name: one for one in parsers(Path(folder.name))}


def work(share: Share) -> tuple[str, Outcome]:
    """Do one share; what parsers say of what they are given is nobody's business."""
    logging.disable()
    with contextlib.redirect_stderr(io.StringIO()):
        until = time.monotonic() + share.seconds
        return share.parser, fuzz(_parsers()[share.parser], share.seed, share.inputs, until)


def shares(name: str, seed: int, inputs: int, seconds: float) -> list[Share]:
    """A parser's inputs, in parts."""
    starts = range(0, inputs, SHARE)
    return [Share(name, f"{seed} {start}", min(SHARE, inputs - start), seconds / len(starts)) for start in starts]


def names_of_all() -> list[str]:
    """Every parser's name."""
    return list(_parsers())

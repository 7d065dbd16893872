"""Real input, damaged: byte-wise, and by its structure where it has one."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, Final

# What lengths, counts and numbers are misread at.
_EDGES: Final = (
    b"\0", b"\xff", b"\x7f", b"\x80", b"\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff", b"\xc0\x0c", b"-1",
    b"1e999",
)  # fmt: skip
_SCALARS: Final[tuple[Any, ...]] = (
    None, True, False, 0, -1, 255, 2**31, 2**63, 2**64, 10**30, 10**400, 1e308, 0.5, "", "0", "\0", "x" * 300, "\ud7ff",
    [], {}, [[]],
)  # fmt: skip
MAXIMUM_BYTES: Final = 1 << 16
_LARGE_ONE_IN: Final = 64


class Mutator:
    """Makes inputs from samples; the same seed makes the same ones."""

    def __init__(self, samples: Sequence[bytes], seed: str, largest: int = MAXIMUM_BYTES) -> None:
        self._random = random.Random(seed)
        self._samples = samples
        self._largest = largest
        self._documents = [document for sample in samples if (document := _document(sample)) is not None]

    def make(self) -> bytes:
        """One input, of ``largest`` bytes at most."""
        if self._documents and self._random.random() < 0.5:
            document = self._random.choice(self._documents)
            for _ in range(self._random.randint(1, 3)):
                document = self._changed(document)
            return json.dumps(document).encode()[: self._largest]
        data = bytearray(self._random.choice(self._samples))
        for _ in range(self._random.choice((1, 1, 2, 4, 16))):
            self._damage(data)
        if not self._random.randrange(_LARGE_ONE_IN):
            self._enlarge(data)
        return bytes(data[: self._largest])

    def _damage(self, data: bytearray) -> None:
        at = self._random.randrange(len(data) + 1)
        match self._random.randrange(7):
            case 0 if at < len(data):
                data[at] ^= 1 << self._random.randrange(8)
            case 1 if at < len(data):
                data[at] = self._random.randrange(256)
            case 2:
                edge = self._random.choice(_EDGES)
                data[at : at + len(edge)] = edge
            case 3:
                del data[at:]
            case 4:
                del data[at : at + self._random.randint(1, 16)]
            case 5:
                data[at:at] = data[at : at + self._random.choice((1, 4, 64))] * self._random.choice((1, 2, 50))
            case _:
                other = self._random.choice(self._samples)
                start = self._random.randrange(len(other) + 1)
                data[at:] = other[start:]

    def _enlarge(self, data: bytearray) -> None:
        """Repeat one part of it for as long as there is room: what takes long shows where there is much of it."""
        at = self._random.randrange(len(data) + 1)
        part = data[at : at + self._random.choice((1, 2, 8, 32, 128))] or b"0"
        data[at:at] = part * ((self._largest - len(data)) // len(part))

    def _changed(self, value: Any) -> Any:
        """The value with one part of it gone, doubled, or of another type; what is above it is made anew."""
        if isinstance(value, dict) and value and self._random.random() < 0.85:
            key = self._random.choice(list(value))
            match self._random.randrange(8):
                case 0:
                    return {name: part for name, part in value.items() if name != key}
                case 1:
                    return {**value, self._random.choice(("", "x", key + "\0", key.upper())): value[key]}
                case _:
                    return {**value, key: self._changed(value[key])}
        if isinstance(value, list) and value and self._random.random() < 0.85:
            at = self._random.randrange(len(value))
            match self._random.randrange(8):
                case 0:
                    return value[:at] + value[at + 1 :]
                case 1:
                    return [*value, *value[: self._random.choice((1, 2, 20))]]
                case _:
                    return [*value[:at], self._changed(value[at]), *value[at + 1 :]]
        return self._random.choice(_SCALARS)


def _document(sample: bytes) -> Any:
    try:
        return json.loads(sample)
    except ValueError:
        return None

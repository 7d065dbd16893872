"""What nobody should ever send, for every parser."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import strategies as st

# JSON of every type, with the numbers that languages disagree about.
scalars: st.SearchStrategy[Any] = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, -1, 255, 256, 2**53, 2**63, 2**64, 10**400, 1e300, -0.0])
    | st.text(max_size=20)
)
json_values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def documents_like(example: Any) -> st.SearchStrategy[bytes]:
    """A good document with any of its values replaced by any other, or cut off somewhere."""
    whole = json.dumps(example).encode()
    replaced = mutated(example).map(lambda value: json.dumps(value).encode())
    return replaced | st.integers(0, len(whole)).map(lambda end: whole[:end])


def mutated(value: Any) -> st.SearchStrategy[Any]:
    """The value, with any part of it replaced."""
    if isinstance(value, dict) and value:
        inner = st.sampled_from(sorted(value)).flatmap(
            lambda key: mutated(value[key]).map(lambda new: {**value, key: new})
        )
        gone = st.sampled_from(sorted(value)).map(lambda key: {k: v for k, v in value.items() if k != key})
        return json_values | inner | gone
    if isinstance(value, list) and value:
        place = st.integers(0, len(value) - 1)
        return json_values | place.flatmap(
            lambda at: mutated(value[at]).map(lambda new: [*value[:at], new, *value[at + 1 :]])
        )
    return json_values


DEEP = b"[" * 200_000
# Refused by RFC 8259, taken by Python's json unless it is told not to.
NOT_QUITE_JSON = [
    b"",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    "{}".encode("utf-16"),
    b"NaN",
    b"[Infinity]",
    b'{"a": -Infinity}',
    b'{"a": 1',
    b'{"a": "\\ud800"}',
    b'["\\udc00\\ud800"]',
    b"9" * 5000,
    DEEP,
    DEEP + b"]" * 200_000,
    b'{"a":' * 100_000,
]

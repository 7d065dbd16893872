"""What two Pi-holes hold is compared by what matters, and nonsense from the API is refused."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from stack.tools.pihole_content import parse

DOCUMENTS: dict[str, Any] = {
    "groups": {
        "groups": [
            {"id": 0, "name": "Default", "enabled": True, "comment": None},
            {"id": 3, "name": "kids", "enabled": True, "comment": "strict"},
        ]
    },
    "lists": {"lists": [{"id": 1, "type": "block", "address": "https://lists.example/one", "enabled": True,
                         "comment": None, "groups": [0, 3], "date_modified": 1700000000, "number": 12345}]},
    "domains": {"domains": [{"id": 9, "type": "deny", "kind": "exact", "domain": "ads.example", "enabled": False,
                             "comment": "x", "groups": [0]}]},
    "clients": {"clients": [{"id": 2, "client": "192.0.2.100", "name": "tv", "comment": None, "groups": [3]}]},
}  # fmt: skip


def test_every_kind_of_entry_is_read() -> None:
    assert parse(DOCUMENTS) == {
        "group kids": '{"comment": "strict", "enabled": true}',
        "list block https://lists.example/one": '{"comment": null, "enabled": true, "groups": ["Default", "kids"]}',
        "domain deny exact ads.example": '{"comment": "x", "enabled": false, "groups": ["Default"]}',
        "client 192.0.2.100": '{"comment": null, "groups": ["kids"]}',
    }


def test_ids_dates_and_counts_make_no_difference() -> None:
    other = copy.deepcopy(DOCUMENTS)
    other["groups"]["groups"][1]["id"] = 7
    other["lists"]["lists"][0].update(id=4, groups=[7, 0], date_modified=5, number=0)
    other["clients"]["clients"][0]["groups"] = [7]
    assert parse(other) == parse(DOCUMENTS)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("groups", {}),
        ("groups", {"groups": [{"id": "0", "name": "x"}]}),
        ("lists", {"lists": "none"}),
        ("lists", {"lists": [{"type": "block", "address": "", "groups": []}]}),
        ("domains", {"domains": [{"type": "deny", "kind": "exact", "domain": "a", "groups": None}]}),
        ("clients", [1]),
    ],
)
def test_nonsense_is_refused(path: str, document: object) -> None:
    with pytest.raises(ParseError, match="that make sense"):
        parse({**DOCUMENTS, path: document})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["groups", "lists", "config", "dns", "hosts", "id", "name"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(st.sampled_from(sorted(DOCUMENTS)), JSON)
def test_nothing_but_a_parse_error_comes_of_garbage(path: str, document: object) -> None:
    try:
        parse({**DOCUMENTS, path: document})
    except ParseError:
        return

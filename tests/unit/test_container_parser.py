"""What Docker's documents about containers mean, whatever is in them."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.errors import ParseError
from exporter.model.observations import Container
from exporter.parsers.container import absent, find_containers, parse_container
from tests.unit.standin_docker_daemon import SECRET, STARTED_AT, container, identifier

FIXTURES = Path(__file__).parents[1] / "fixtures" / "docker"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
RECORDED = ("healthy", "unhealthy", "plain", "exited", "restarting", "oom", "created", "paused", "killed")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.text(max_size=5)
            | st.sampled_from(["Name", "State", "Status", "Names", "Id", "Type", "Action", "Actor"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


def recorded(version: str, name: str) -> Any:
    return json.loads((FIXTURES / version / name).read_bytes())


# What real engines said


def test_fixtures_of_more_than_one_engine_are_there() -> None:
    assert len(VERSIONS) >= 3


@pytest.mark.parametrize("version", VERSIONS)
def test_every_container_of_a_recorded_list_is_found(version: str) -> None:
    found = find_containers(recorded(version, "list.json"), [*RECORDED, "removed", "heal"])
    assert found == {name: recorded(version, f"inspect-{name}.json")["Id"] for name in RECORDED}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("name", "state", "health", "oom_killed", "exit_code"),
    [
        ("healthy", "running", "healthy", False, None),
        ("unhealthy", "running", "unhealthy", False, None),
        ("plain", "running", None, False, None),
        ("exited", "exited", None, False, 7),
        ("restarting", "restarting", None, False, 3),
        ("oom", "exited", None, True, 137),
        ("created", "created", None, False, None),
        ("paused", "paused", None, False, None),
        ("killed", "exited", None, False, 137),
    ],
)
def test_a_recorded_container_is_what_it_was_made_to_be(
    version: str, name: str, state: str, health: str | None, oom_killed: bool, exit_code: int | None
) -> None:
    seen = parse_container(recorded(version, f"inspect-{name}.json"), name)
    assert (seen.name, seen.state, seen.health) == (name, state, health)
    assert (seen.oom_killed, seen.exit_code) == (oom_killed, exit_code)
    assert seen.restarts is not None
    assert (seen.restarts > 3) == (name == "restarting")
    assert (seen.started_at is None) == (name == "created")
    assert seen.started_at is None or 1_700_000_000 < seen.started_at < 2_000_000_000


# One container


def test_a_timestamp_keeps_its_nanoseconds_as_far_as_a_float_does() -> None:
    assert parse_container(container("pihole"), "pihole").started_at == pytest.approx(STARTED_AT, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("2026-03-01T12:00:00Z", 1772366400.0),
        ("2026-03-01T12:00:00.5Z", 1772366400.5),
        ("2026-03-01T13:30:00.25+01:30", 1772366400.25),
        ("2026-03-01T07:00:00-05:00", 1772366400.0),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_a_timestamp_of_rfc_3339_is_understood(text: str, seconds: float | None) -> None:
    assert parse_container(container("pihole", StartedAt=text), "pihole").started_at == seconds


@pytest.mark.parametrize(
    ("status", "exit_code", "meant"),
    [
        ("running", 0, None),
        ("paused", 0, None),
        ("restarting", 3, 3),
        ("exited", 0, 0),
        ("exited", 255, 255),
        ("dead", 1, 1),
        ("exited", -(2**31), -(2**31)),
        ("exited", 2**32 - 1, 2**32 - 1),  # Windows' codes are unsigned
        ("created", 0, None),  # was never started
        ("created", 127, 127),  # could not be started
    ],
)
def test_an_exit_code_is_given_where_it_means_something(status: str, exit_code: int, meant: int | None) -> None:
    assert parse_container(container("pihole", status, ExitCode=exit_code), "pihole").exit_code == meant


@pytest.mark.parametrize("health", [None, {"Status": "none"}, {"Status": ""}])
def test_a_health_check_that_was_switched_off_is_none(health: object) -> None:
    assert parse_container(container("pihole", Health=health), "pihole").health is None


def test_a_container_that_has_another_name_by_now_is_absent() -> None:
    seen = parse_container(container("pihole-old"), "pihole")
    assert seen == absent("pihole")
    assert (seen.state, seen.running, seen.restarts, seen.exit_code) == ("absent", False, None, None)


def without(document: dict[str, Any], *path: str) -> dict[str, Any]:
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return document


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ([], "Docker's description of container pihole is not an object"),
        (None, "is not an object"),
        ({**container("pihole"), "State": None}, "State in .* is not an object"),
        ({**container("pihole"), "State": []}, "State in .* is not an object"),
        ({**container("pihole"), "Name": 3}, "Name in .* is not a name"),
        (without(container("pihole"), "Name"), "Name in"),
        (without(container("pihole"), "State", "Status"), "Status in .* is not a word"),
        (container("pihole", "Running\n"), "Status in"),
        (container("pihole", "x" * 100), "Status in"),
        ({**container("pihole"), "RestartCount": "3"}, "RestartCount in .* is not a count"),
        ({**container("pihole"), "RestartCount": True}, "RestartCount in"),
        ({**container("pihole"), "RestartCount": -1}, "RestartCount in"),
        ({**container("pihole"), "RestartCount": 2**63}, "RestartCount in"),
        ({**container("pihole"), "RestartCount": 1.0}, "RestartCount in"),
        (container("pihole", OOMKilled=0), "OOMKilled in .* is not true or false"),
        (container("pihole", ExitCode=None), "ExitCode in"),
        (container("pihole", ExitCode=float("nan")), "ExitCode in"),
        (container("pihole", Health=[]), "State.Health in .* is not an object"),
        (container("pihole", Health={}), "Status in"),
        (container("pihole", Health={"Status": []}), "Status in"),
        (container("pihole", StartedAt=1772366400), "StartedAt in .* is not a time"),
        (container("pihole", StartedAt="yesterday"), "StartedAt in"),
        (container("pihole", StartedAt="2026-02-30T00:00:00Z"), "StartedAt in"),
        (container("pihole", StartedAt="2026-03-01T12:00:00"), "StartedAt in"),
        (container("pihole", StartedAt="٢٠٢٦-03-01T12:00:00Z"), "StartedAt in"),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(document: object, complaint: str) -> None:
    with pytest.raises(ParseError, match=complaint) as raised:
        parse_container(document, "pihole")
    assert SECRET not in str(raised.value)


def test_the_environment_of_a_container_is_not_kept() -> None:
    document = container("pihole")
    assert SECRET in json.dumps(document)
    assert SECRET not in repr(parse_container(document, "pihole"))


@given(JSON)
def test_any_document_is_a_container_or_refused(document: object) -> None:
    with contextlib.suppress(ParseError):
        assert isinstance(parse_container(document, "pihole"), Container)


@given(st.dictionaries(st.sampled_from(["Status", "OOMKilled", "ExitCode", "StartedAt", "Health"]), JSON, min_size=1))
def test_any_state_makes_a_container_that_views_can_show_or_is_refused(state: dict[str, Any]) -> None:
    document = container("pihole")
    document["State"].update(state)
    try:
        seen = parse_container(document, "pihole")
    except ParseError:
        return
    assert seen.state.isascii()
    assert seen.started_at is None or abs(seen.started_at) < 2**38


@given(
    st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})\Z")
)
def test_whatever_looks_like_a_time_is_one_or_refused(text: str) -> None:
    with contextlib.suppress(ParseError):
        parse_container(container("pihole", StartedAt=text), "pihole")


# The list


def test_a_container_is_found_by_its_whole_name_among_all_it_has() -> None:
    linked = {"Id": identifier("unbound"), "Names": ["/pihole/dns", "/unbound"]}
    going = {"Id": identifier("gone"), "Names": None}
    assert find_containers([going, linked], ["pihole", "unbound", "dns"]) == {"unbound": identifier("unbound")}


@pytest.mark.parametrize(
    "document",
    [
        None,
        {},
        "[]",
        [3],
        [{"Names": "/pihole", "Id": identifier("pihole")}],
        [{"Names": ["/pihole"]}],
        [{"Names": ["/pihole"], "Id": 3}],
        [{"Names": ["/pihole"], "Id": "../../volumes"}],
        [{"Names": ["/pihole"], "Id": identifier("pihole") + "\n"}],
    ],
)
def test_a_list_that_makes_no_sense_is_refused(document: object) -> None:
    with pytest.raises(ParseError, match="Docker's list of containers"):
        find_containers(document, ["pihole"])


@given(JSON)
def test_any_list_gives_identifiers_or_is_refused(document: object) -> None:
    with contextlib.suppress(ParseError):
        find_containers(document, ["pihole"])

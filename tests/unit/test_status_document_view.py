"""The JSON status: real documents obey the committed schema, and every field in it is described with its unit."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema
import pytest

from exporter import checks
from exporter.model.observations import (
    Advertiser,
    AdvertiserKind,
    Conflict,
    ForeignDevice,
    HealthVerdict,
    NodeStatus,
    Status,
    VrrpState,
)
from exporter.views import status_document
from tests.unit import samples

SCHEMA: dict[str, Any] = json.loads(status_document.SCHEMA.read_bytes())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def document(status: NodeStatus) -> dict[str, Any]:
    found = checks.evaluate(status, samples.settings())
    built: dict[str, Any] = json.loads(status_document.build(status, found, checks.worst(found)))
    return built


def failing() -> NodeStatus:
    """A node on which all that can be missing is missing."""
    return samples.status(
        samples.vips(samples.absent_vip(last_transition=None, stable_seconds=None)),
        samples.vrrp(
            samples.instance(name="VI_2", state=None),
            samples.instance(
                state=VrrpState.STOPPED,
                transitions={},
                last_transition=None,
                effective_priority=None,
                base_priority=None,
                virtual_router_id=None,
                interface=None,
                version=None,
                advertisement_interval=None,
                counters=None,
            ),
            keepalived_up=False,
            keepalived_version=None,
            last_start=None,
            dump_time=None,
            problems=("the log is missing",),
        ),
        samples.health(
            samples.question(verdict=HealthVerdict.UNPROVED, problem="Pi-hole has not answered yet"),
            report_time=None,
            processes_time=None,
            processes=(samples.process(running=False, starts=0, last_start=None, last_end="ended with 1"),),
            problems=("the report is of no use",),
        ),
        samples.resolve(
            samples.probe(
                last_ok=False,
                last_error="192.0.2.53 port 53 over UDP did not answer within 1 s",
                last_latency=None,
                last_success=None,
                answered_by=None,
                failures={"timeout": 3},
                responses={},
                answers={},
                outages=1,
                outage_start=samples.NOW - 3,
            ),
            samples.probe("pihole", last_ok=None, last_latency=None, last_success=None, answered_by=None),
        ),
        samples.containers(samples.container(state="absent", health=None, restarts=None, oom_killed=None, events={})),
        samples.sync(
            samples.task(last_attempt=None, last_success=None, duration=None, exit_status=None),
            samples.task("backup", exit_status=1, error="no space left"),
            problems=("/srv/x cannot be read: Permission denied",),
        ),
        samples.silent_peer(),
        samples.conflicts(
            Conflict(
                samples.VIP,
                "02:00:00:00:00:01",
                4,
                ForeignDevice("02:00:00:00:00:01", lasting=True, first=samples.NOW - 9, last=samples.NOW),
            ),
            advertisements={"wrong_vrid": 2},
            advertisers=(
                Advertiser(
                    AdvertiserKind.STRANGER,
                    "192.0.2.99",
                    "02:00:00:00:00:02",
                    "multicast",
                    mixed=False,
                    settled=False,
                    lasting=False,
                    first=samples.NOW - 99,
                    last=samples.NOW - 90,
                    count=2,
                    seen=("virtual router 54",),
                ),
            ),
        ),
    )


STATUSES: dict[str, Callable[[], NodeStatus]] = {
    "a healthy node": samples.healthy,
    "a failing node": failing,
    "a node that sees nothing": lambda: samples.status(failed={"vip": "no netlink", "vrrp": "no directory"}),
    "a node without collectors": samples.status,
}


def test_the_schema_is_itself_a_schema_of_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("which", STATUSES)
def test_real_documents_obey_the_schema(which: str) -> None:
    VALIDATOR.validate(document(STATUSES[which]()))


def test_what_a_collector_could_not_give_is_null() -> None:
    built = document(samples.status(failed={"vip": "no netlink"}))
    assert {built[key] for key in ("vips", "vrrp", "health", "containers", "resolve", "sync", "peer", "conflict")} == {
        None
    }
    assert built["collectors"] == [{"name": "vip", "success": False, "duration": 0.002, "error": "no netlink"}]
    assert built["status"] == "unknown"


def test_enums_are_written_as_their_words_also_where_they_are_keys() -> None:
    built = document(samples.healthy())
    assert built["vrrp"]["instances"][0]["state"] == "master"
    assert built["vrrp"]["instances"][0]["transitions"] == {"backup": 2, "master": 3}
    assert built["health"]["questions"][0]["verdict"] == "ok"
    assert {check["status"] for check in built["checks"]} == {"ok"}


def test_a_state_that_nobody_records_is_null() -> None:
    built = document(samples.status(samples.vrrp(samples.instance(state=None))))
    assert built["vrrp"]["instances"][0]["state"] is None


def test_the_document_says_what_was_seen() -> None:
    built = document(samples.healthy())
    assert built["node"] == {"name": "alpha", "role": "primary", "address": "192.0.2.11", "version": "0.1.0"}
    assert built["time"] == 1_700_000_000.0
    assert built["vips"][0] == {
        "address": "192.0.2.53",
        "family": "ipv4",
        "device": "eth0",
        "usable": True,
        "acquisitions": 3,
        "releases": 2,
        "last_transition": 1_699_996_400.0,
        "steady": 3600.0,
        "owned": True,
    }
    assert built["peer"]["peer"]["vips"]["2001:db8::53"] == {"owned": False, "steady": 3600.0}
    assert built["peer"]["peer"]["checks"][0]["status"] == "ok"


def test_a_document_holds_no_number_that_json_has_not() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        status_document.build(samples.status(time=float("nan")), (), Status.OK)


def parts(schema: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema below a schema, with the way to it."""
    if isinstance(schema, dict):
        for key, value in schema.get("properties", {}).items():
            yield f"{path}/{key}", value
            yield from parts(value, f"{path}/{key}")
        for key in ("items", "additionalProperties"):
            yield from parts(schema.get(key), f"{path}/{key}")
        for name, definition in schema.get("$defs", {}).items():
            yield f"{path}#{name}", definition
            yield from parts(definition, f"{path}#{name}")


@pytest.mark.parametrize("path", [path for path, _ in parts(SCHEMA)])
def test_every_field_is_described_and_every_number_has_its_unit(path: str) -> None:
    field = dict(parts(SCHEMA))[path]
    description = field["description"]
    assert description.endswith(".")
    if "number" in field.get("type", ()) or field.get("items", {}).get("type") == "number":
        assert "seconds" in description


@pytest.mark.parametrize("path", [path for path, field in parts(SCHEMA) if "properties" in field])
def test_no_object_has_fields_that_are_not_described_and_all_are_always_there(path: str) -> None:
    field = dict(parts(SCHEMA))[path]
    assert field["additionalProperties"] is False
    assert field["required"] == list(field["properties"])


@pytest.mark.parametrize("path", [path for path, field in parts(SCHEMA) if "properties" in field])
def test_a_field_that_is_missing_or_misspelt_is_noticed(path: str) -> None:
    """In the definitions that a healthy node's document uses, or a failing one's."""
    both = document(samples.healthy()), document(failing())
    assert not any(VALIDATOR.is_valid({**built, "extra": 1}) for built in both)
    name = next(iter(dict(parts(SCHEMA))[path]["properties"]))
    assert not all(VALIDATOR.is_valid(without(built, name)) for built in both)


def without(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return {key: without(item, name) for key, item in value.items() if key != name}
    return [without(item, name) for item in value] if isinstance(value, list) else value


def test_the_schema_knows_every_field_of_every_observation() -> None:
    described = {path.rpartition("/")[2] for path, _ in parts(SCHEMA)}
    for observed in (result.observation for result in samples.healthy().results):
        assert observed is not None
        assert {field.name for field in dataclasses.fields(observed)} - {
            "overruns",
            "probes",
            "resolvers",
            "vips",
        } <= described

"""What Home Assistant learns of the devices, by the rules of its MQTT integration (2025.4, its mqtt/schemas.py)."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from stack.homeassistant import discovery
from stack.homeassistant.discovery import PAIR, Topics
from tests.unit.homeassistant_looks import look

TOPICS = Topics("home.lan", "homeassistant")
# What the discovery of a topic takes for one: a dot is not among it.
TOPIC = re.compile(r"homeassistant/device/[a-zA-Z0-9_-]+/config")
OF_ALL = {"platform", "name", "unique_id", "expire_after", "value_template", "icon", "device_class"}
ATTRIBUTES = {"json_attributes_topic", "json_attributes_template"}
OF = {
    "sensor": {*OF_ALL, *ATTRIBUTES, "options", "unit_of_measurement", "suggested_display_precision"},
    "binary_sensor": {*OF_ALL, *ATTRIBUTES},
}
CLASSES = {"sensor": {"enum", "timestamp", "duration"}, "binary_sensor": {"connectivity"}}


def node(role: str = "primary") -> dict[str, Any]:
    described: dict[str, Any] = json.loads(discovery.node_discovery(TOPICS, look(role=role), "http://192.0.2.11:9753/"))
    return described


def pair(role: str = "primary") -> dict[str, Any]:
    described: dict[str, Any] = json.loads(discovery.pair_discovery(TOPICS, look(role=role), "http://192.0.2.53:9753/"))
    return described


@pytest.mark.parametrize("described", [node(), pair(), node("standalone"), pair("standalone")])
def test_a_device_has_what_the_schema_asks_for_and_nothing_that_it_does_not_know(described: dict[str, Any]) -> None:
    assert described.keys() == {"device", "origin", "availability", "availability_mode", "state_topic", "components"}
    assert described["device"]["identifiers"]
    assert described["device"].keys() <= {
        "identifiers", "manufacturer", "name", "model", "sw_version", "via_device", "configuration_url",
    }  # fmt: skip
    assert described["origin"]["name"]
    for component in described["components"].values():
        platform = component["platform"]
        assert component.keys() <= OF[platform]
        assert component.get("device_class") in {*CLASSES[platform], None}
        assert ("options" in component) == (component.get("device_class") == "enum")
        assert component["expire_after"] > 2 * discovery.REPEAT_SECONDS
    identifiers = [component["unique_id"] for component in described["components"].values()]
    assert len(set(identifiers)) == len(identifiers)


def test_every_value_that_a_template_takes_is_told() -> None:
    for described, told in ((node(), discovery.node_state(look())), (pair(), discovery.pair_state(look()))):
        for component in described["components"].values():
            for template in (component["value_template"], component.get("json_attributes_template", "")):
                assert set(re.findall(r"value_json\.(\w+)", template)) <= told.keys()


def test_topics_are_those_that_home_assistant_looks_at() -> None:
    for device in (PAIR, "primary", "secondary", "standalone"):
        assert TOPIC.fullmatch(TOPICS.discovery(device))
    assert Topics("home", "ha/test").discovery(PAIR) == "ha/test/device/dnsha_home_pair/config"
    assert node()["state_topic"] == "dnsha/home.lan/primary/state"


def test_two_sites_share_nothing() -> None:
    other = Topics("cabin", "homeassistant")
    for device in (PAIR, "primary"):
        assert TOPICS.discovery(device) != other.discovery(device)
        assert TOPICS.state(device) != other.state(device)
        assert TOPICS.availability(device) != other.availability(device)


def test_a_node_is_available_while_it_says_so_and_the_pair_while_either_does() -> None:
    here, there = "dnsha/home.lan/primary/availability", "dnsha/home.lan/secondary/availability"
    assert [one["topic"] for one in node()["availability"]] == [here]
    for role in ("primary", "secondary"):
        assert [one["topic"] for one in pair(role)["availability"]] == [here, there]
        assert pair(role)["availability_mode"] == "any"
    alone = ["dnsha/home.lan/standalone/availability"]
    assert [one["topic"] for one in pair("standalone")["availability"]] == alone


def test_both_nodes_describe_the_pair_alike() -> None:
    assert pair("primary") == pair("secondary")


def test_a_node_belongs_to_its_pair() -> None:
    assert node()["device"]["via_device"] == pair()["device"]["identifiers"][0]

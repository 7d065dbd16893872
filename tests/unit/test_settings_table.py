"""The one table of settings: complete, consistent, and with defaults that are themselves good."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from exporter.settings.setting import Setting
from exporter.settings.table import SETTINGS, programs, read_by
from exporter.settings.values import Settings
from stack.tools.settings import TaskSettings

# The names that people know from the quick reference this project grew from, as far as the exporter needs them.
KNOWN = {"NODE_ROLE", "NODE_NAME", "NODE_IP", "PEER_IP", "VIP_ADDRESS", "NETWORK_INTERFACE", "VIRTUAL_ROUTER_ID"}
COMPOSE = Path(__file__).parents[2] / "compose"
BY_VARIABLE = {setting.variable: setting for setting in SETTINGS}
REQUIRED = KNOWN - {"PEER_IP", "VIRTUAL_ROUTER_ID"}


def test_there_is_one_typed_value_for_each_row_and_no_other() -> None:
    assert [setting.key for setting in read_by("exporter")] == [field.name for field in dataclasses.fields(Settings)]
    assert [setting.key for setting in read_by("tasks")] == [field.name for field in dataclasses.fields(TaskSettings)]


def test_a_setting_has_one_row_and_somebody_who_reads_it() -> None:
    assert len({setting.key for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.readers for setting in SETTINGS)
    # The notifier has a check of its own, and what Compose alone reads is in no container.
    assert {reader for setting in SETTINGS for reader in setting.readers} == {
        *programs(observed=True),
        "notifier",
        "compose",
    }


def test_the_names_that_people_know_are_kept() -> None:
    assert {setting.variable for setting in read_by("exporter")} >= KNOWN


def test_only_what_nobody_can_guess_must_be_set() -> None:
    assert {setting.variable for setting in SETTINGS if setting.default is None} == REQUIRED


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_a_setting_is_spelled_the_same_in_all_three_places_and_explained(setting: Setting) -> None:
    assert setting.variable == setting.key.upper()
    assert setting.flag == "--" + setting.key.replace("_", "-")
    assert setting.help.endswith(".")


@pytest.mark.parametrize("setting", [s for s in SETTINGS if s.default is not None], ids=lambda setting: setting.key)
def test_a_default_is_a_good_value(setting: Setting) -> None:
    assert setting.default is not None
    setting.parse(setting.default)


def env_example() -> list[tuple[str, str]]:
    """Every line of .env.example that sets something or would, with its value as Compose reads it."""
    lines = re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", (COMPOSE / ".env.example").read_text(), re.MULTILINE)
    return [(name, value.strip("'")) for name, value in lines]


def defaults(file: str) -> dict[str, str]:
    """What a compose file has for a variable that .env does not set, additions for what it does set left out."""
    text = (COMPOSE / file).read_text()
    while text != (text := re.sub(r"\$\{[A-Z_]+:\+[^{}]*\}", "", text)):
        pass
    return dict(re.findall(r"\$\{([A-Z][A-Z0-9_]*):?-([^{}$]+)\}", text))


@pytest.mark.parametrize(("name", "value"), env_example())
def test_what_env_example_shows_is_a_setting_with_a_good_value(name: str, value: str) -> None:
    if "$" not in value:
        BY_VARIABLE[name].parse(value)


def test_env_example_shows_the_default_where_there_is_one() -> None:
    shown = dict(env_example())
    examples = {"TZ", "DRILL_CRON", "COMPOSE_FILE", "FIREWALL", "UPSTREAM", "DHCP"} | REQUIRED
    assert {name: value for name, value in shown.items() if BY_VARIABLE[name].default and name not in examples} == {
        setting.variable: setting.default
        for setting in SETTINGS
        if setting.default and setting.variable in shown.keys() - examples
    }


# On its own the exporter expects no firewall, no containers, no tasks; in the stack it does.
OF_THE_STACK = {"FIREWALL", "EXPECTED_CONTAINERS", "ADDITIONAL_CONTAINERS", "SYNC_TASKS"}


@pytest.mark.parametrize("file", ["compose.yaml", "observability.yaml", "layout-b.yaml"])
def test_a_compose_file_has_the_defaults_of_the_table(file: str) -> None:
    given = {name: value for name, value in defaults(file).items() if name not in OF_THE_STACK}
    assert given
    assert given == {name: BY_VARIABLE[name].default for name in given}


def test_env_example_shows_what_the_stack_sets_by_itself() -> None:
    given = {**defaults("compose.yaml"), **defaults("observability.yaml")}
    shown = dict(env_example())
    assert {name: shown[name] for name in OF_THE_STACK} == {name: given[name] for name in OF_THE_STACK}

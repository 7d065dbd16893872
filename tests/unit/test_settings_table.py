"""The one table of settings: complete, consistent, and with defaults that are themselves good."""

from __future__ import annotations

import dataclasses

import pytest

from exporter.settings.setting import Setting
from exporter.settings.table import SETTINGS, read_by
from exporter.settings.values import Settings
from stack.tools.settings import TaskSettings

# The names that people know from the quick reference this project grew from, as far as the exporter needs them.
KNOWN = {"NODE_ROLE", "NODE_NAME", "NODE_IP", "PEER_IP", "VIP_ADDRESS", "NETWORK_INTERFACE", "VIRTUAL_ROUTER_ID"}
REQUIRED = KNOWN - {"PEER_IP", "VIRTUAL_ROUTER_ID"}


def test_there_is_one_typed_value_for_each_row_and_no_other() -> None:
    assert [setting.key for setting in read_by("exporter")] == [field.name for field in dataclasses.fields(Settings)]
    assert [setting.key for setting in read_by("tasks")] == [field.name for field in dataclasses.fields(TaskSettings)]


def test_a_setting_has_one_row_and_somebody_who_reads_it() -> None:
    assert len({setting.key for setting in SETTINGS}) == len(SETTINGS)
    assert all(setting.readers for setting in SETTINGS)


def test_the_names_that_people_know_are_kept() -> None:
    assert {setting.variable for setting in SETTINGS} >= KNOWN


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

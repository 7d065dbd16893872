"""Turn the texts of settings into values, and what is wrong with them into a list of mistakes: the one way for all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.model.addressing import interface_networks
from exporter.model.errors import ConfigurationError
from exporter.settings.rules import RULES, NetworksOf
from exporter.settings.setting import Reader, Setting
from exporter.settings.table import SETTINGS, read_by

_SETTING = {setting.key: setting for setting in SETTINGS}
_BY_NAME = {name: setting for setting in SETTINGS for name in setting.names}


@dataclass(frozen=True, slots=True)
class Text:
    """A setting's text and where it came from, for messages."""

    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with one setting. The sentence names it too, and where its value came from."""

    key: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Reading:
    """The values of those settings that are good, by key, and every mistake in the others."""

    values: Mapping[str, Any]
    mistakes: tuple[Mistake, ...]

    def part(self, reader: Reader) -> dict[str, Any]:
        """Return the values that one program reads.

        Raises:
            ConfigurationError: with every mistake in them.
        """
        keys = [setting.key for setting in read_by(reader)]
        problems = [mistake.sentence for mistake in self.mistakes if mistake.key in keys]
        if problems:
            raise ConfigurationError(problems)
        return {key: self.values[key] for key in keys}


def read(
    readers: tuple[Reader, ...], texts: Mapping[str, Text], networks_of: NetworksOf = interface_networks
) -> Reading:
    """Read the settings of some programs, each setting once, from their texts by key."""
    values: dict[str, Any] = {}
    mistakes: list[Mistake] = []
    given = {name: text for name, text in texts.items() if text.text or _BY_NAME[name].empty_counts}
    mistakes.extend(_take_former_names(given, read_by(*readers)))
    for setting in read_by(*readers):
        try:
            values[setting.key] = _value(setting, given.get(setting.key))
        except ValueError as error:
            mistakes.append(_mistake(setting.key, given, str(error)))
    for rule in RULES:
        if rule.reader in (None, *readers) and all(key in values for key in rule.needs):
            mistakes.extend(_mistake(key, given, why) for key, why in rule.evaluate(values, networks_of))
    return Reading(values, tuple(mistakes))


def from_environment(environment: Mapping[str, str], where: str = "") -> dict[str, Text]:
    """Take the settings' texts from an environment; ``where`` follows their names in messages."""
    return {
        name: Text(environment[name.upper()].strip(), name.upper() + where)
        for name in _BY_NAME
        if name.upper() in environment
    }


def read_environment(
    reader: Reader, environment: Mapping[str, str], networks_of: NetworksOf = interface_networks
) -> dict[str, Any]:
    """Read one program's settings; an empty variable counts as one that is not set, as compose files write it.

    Raises:
        ConfigurationError: with every mistake.
    """
    return read((reader,), from_environment(environment), networks_of).part(reader)


def _take_former_names(given: dict[str, Text], settings: tuple[Setting, ...]) -> list[Mistake]:
    """Let what is given by a former name count as given by the setting's own; one that has two values is wrong."""
    mistakes = []
    for setting in settings:
        former, text = given.pop(setting.former, None), given.get(setting.key)
        if former is not None and text is None:
            given[setting.key] = former
        elif former is not None and text is not None and former.text != text.text:
            why = f"{former.source} is its former name and says {former.text!r}, this {text.text!r}: delete one of them"
            mistakes.append(_mistake(setting.key, given, why))
    return mistakes


def _value(setting: Setting, given: Text | None) -> object:
    if given is not None:
        return setting.parse(given.text)
    if setting.default is None:
        raise ValueError(setting.help)
    return setting.parse(setting.default)


def _mistake(key: str, given: Mapping[str, Text], why: str) -> Mistake:
    source = given[key].source if key in given else f"{_SETTING[key].variable} is not set"
    return Mistake(key, f"{source}: {why}")

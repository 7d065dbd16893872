"""Read the exporter's settings: YAML file, then environment, then flags; every mistake is reported at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exporter.model.addressing import interface_networks
from exporter.model.errors import ConfigurationError
from exporter.settings.read import Text, from_environment, read
from exporter.settings.rules import NetworksOf
from exporter.settings.table import RETIRED, read_by
from exporter.settings.values import Settings

MAXIMUM_FILE_BYTES = 1 << 20
_NOTHING = (None, "", "~", "null")


def load(
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, str | None],
    networks_of: NetworksOf = interface_networks,
) -> Settings:
    """Read and check all settings.

    ``flags`` maps keys to the command line's values, None where a flag was not given. An empty
    variable counts as one that is not set, as compose files write it.

    Raises:
        ConfigurationError: with a sentence for each mistake, naming the setting and its source.
    """
    problems: list[str] = []
    texts = _read_file(file, problems) if file else {}
    variables = from_environment(environment, " in the environment")
    texts.update({key: text for key, text in variables.items() if text.text})
    for setting in read_by("exporter"):
        flag = flags.get(setting.key)
        if flag is not None:
            texts.pop(setting.former, None)
            texts[setting.key] = Text(flag.strip(), setting.flag)
    reading = read(("exporter",), texts, networks_of)
    problems += [mistake.sentence for mistake in reading.mistakes]
    if problems:
        raise ConfigurationError(problems)
    return Settings(**reading.values)


def _read_file(path: Path, problems: list[str]) -> dict[str, Text]:
    import yaml

    try:
        with path.open("rb") as file:
            content = file.read(MAXIMUM_FILE_BYTES + 1)
        if len(content) > MAXIMUM_FILE_BYTES:
            problems.append(f"{path} is larger than {MAXIMUM_FILE_BYTES} bytes; that is no configuration")
            return {}
        document = yaml.load(content, text_loader())  # noqa: S506 (a safe loader)
    except OSError as error:
        problems.append(f"{path} cannot be read: {error.strerror}")
        return {}
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problems.append(f"{path} is not valid YAML: {' '.join(str(error).split())}")
        return {}
    if document in _NOTHING:
        return {}
    if not isinstance(document, dict):
        problems.append(f"{path} must hold settings as KEY: VALUE, not a {type(document).__name__}")
        return {}
    keys = {name for setting in read_by("exporter") for name in setting.names}
    texts: dict[str, Text] = {}
    for key, value in document.items():
        if key in RETIRED:
            problems.append(f"{path}: {key} is no setting any more: {RETIRED[key]}")
            continue
        if key not in keys:
            problems.append(f"{path}: {key!r} is not a setting; exporter --help lists them")
            continue
        text = _as_text(value)
        if text is None:
            problems.append(f"{path}: {key} must be a word, a number, a list of them or NAME: VALUE pairs")
        elif text:
            texts[key] = Text(text, f"{key} in {path}")
    return texts


def _as_text(value: object) -> str | None:
    """Write a YAML value as the environment would."""
    if isinstance(value, str):
        return "" if value in _NOTHING else value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return ",".join(f"{name}={item}" for name, item in value.items())
    return None


def text_loader() -> Any:  # noqa: ANN401
    """Return a loader that takes every value as the text that stands there, as the environment has it.

    By YAML 1.1's types an IPv6 address of digits alone is a number to the base of sixty, and 053 is 43.
    """
    import yaml

    class TextLoader(yaml.BaseLoader):
        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002
            seen: list[Any] = []
            for key_node, _ in node.value:
                key = self.construct_object(key_node, deep=True)
                if key in seen:
                    msg = f"{key!r} stands there twice"
                    raise yaml.constructor.ConstructorError(None, None, msg, key_node.start_mark)
                seen.append(key)
            return super().construct_mapping(node, deep=deep)

    return TextLoader

"""Read the settings: YAML file, then environment, then flags; every mistake is reported at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exporter.model.addressing import Network, interface_networks, virtual_address_problem
from exporter.model.errors import ConfigurationError
from exporter.settings.table import RETIRED, SETTINGS, Setting
from exporter.settings.values import Settings

MAXIMUM_FILE_BYTES = 1 << 20
_UNUSABLE = object()
_NOTHING = (None, "", "~", "null")


@dataclass(frozen=True, slots=True)
class _Text:
    """A setting's text and where it came from, for messages."""

    text: str
    source: str


def load(
    file: Path | None,
    environment: Mapping[str, str],
    flags: Mapping[str, str | None],
    networks_of: Callable[[str], Sequence[Network]] = interface_networks,
) -> Settings:
    """Read and check all settings.

    ``flags`` maps keys to the command line's values, None where a flag was not given. An empty
    variable counts as one that is not set, as compose files write it.

    Raises:
        ConfigurationError: with a sentence for each mistake, naming the setting and its source.
    """
    problems: list[str] = []
    texts = _read_file(file, problems) if file else {}
    for setting in SETTINGS:
        if environment.get(setting.variable, "").strip():
            texts[setting.key] = _Text(environment[setting.variable].strip(), f"{setting.variable} in the environment")
        flag = flags.get(setting.key)
        if flag is not None:
            texts[setting.key] = _Text(flag.strip(), setting.flag)
    values = {setting.key: _value(setting, texts.get(setting.key), problems) for setting in SETTINGS}
    problems.extend(_contradictions(values, texts, networks_of))
    if problems:
        raise ConfigurationError(problems)
    return Settings(**values)


def _value(setting: Setting, given: _Text | None, problems: list[str]) -> Any:  # noqa: ANN401
    if given is None or not given.text:
        if setting.default is None:
            problems.append(f"{setting.variable} is not set: {setting.help}")
            return _UNUSABLE
        return setting.parse(setting.default)
    try:
        return setting.parse(given.text)
    except ValueError as error:
        problems.append(f"{given.source}: {error}")
        return _UNUSABLE


def _contradictions(
    values: Mapping[str, Any], texts: Mapping[str, _Text], networks_of: Callable[[str], Sequence[Network]]
) -> Iterator[str]:
    def source(key: str) -> str:
        return texts[key].source if key in texts else key.upper()

    def known(*keys: str) -> bool:
        return all(values[key] is not _UNUSABLE for key in keys)

    if known("node_role", "peer_ip"):
        if values["node_role"] == "standalone" and values["peer_ip"] is not None:
            yield f"{source('peer_ip')}: a standalone node has no peer; leave it empty or change NODE_ROLE"
        if values["node_role"] != "standalone" and values["peer_ip"] is None:
            yield "PEER_IP is not set: the other node's address is needed (NODE_ROLE standalone has none)"
    nodes = []
    if known("node_ip"):
        nodes.append(values["node_ip"].address)
        if known("peer_ip") and values["peer_ip"] is not None:
            nodes.append(values["peer_ip"])
            if nodes[0] == nodes[1]:
                yield f"{source('peer_ip')}: {nodes[1]} is this node's own address; name the other node's"
    if known("vip_address", "node_ip"):
        networks: list[Network] = []
        if values["node_ip"].network is not None:
            networks.append(values["node_ip"].network)
        if known("network_interface"):
            networks.extend(networks_of(values["network_interface"]))
        for virtual in values["vip_address"]:
            problem = virtual_address_problem(virtual, networks, nodes)
            if problem:
                yield f"{source('vip_address')}: {problem}"
    if known("docker_host") and not values["docker_host"]:
        for key in ("expected_containers", "additional_containers"):
            if known(key) and values[key]:
                yield f"{source(key)}: containers are expected, but DOCKER_HOST does not say where to ask"


def _read_file(path: Path, problems: list[str]) -> dict[str, _Text]:
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
    keys = {setting.key for setting in SETTINGS}
    texts: dict[str, _Text] = {}
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
            texts[key] = _Text(text, f"{key} in {path}")
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

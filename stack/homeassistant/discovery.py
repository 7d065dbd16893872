"""The topics, and what is said on them: device discovery as Home Assistant's MQTT integration documents it. Pure.

https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload, since Home Assistant 2024.11.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from exporter import __version__
from exporter.model.observations import Status
from stack.homeassistant.status import Look, State

ONLINE: Final = "online"  # Home Assistant's own words
OFFLINE: Final = "offline"
PAIR: Final = "pair"
# Everything is told again so often, and what nobody has told for so long is unavailable, whatever else is said.
REPEAT_SECONDS: Final = 60.0
EXPIRY_SECONDS: Final = 150
PROJECT: Final = "dnsha"
_WORDS: Final = (Status.OK.word, Status.WARNING.word, Status.CRITICAL.word)


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one pair. A device is ``pair`` or the role of a node, which stays when its name or disk changes."""

    site: str
    prefix: str

    def availability(self, device: str) -> str:
        """Where it is said whether somebody tells of a node."""
        return f"{PROJECT}/{self.site}/{device}/availability"

    def state(self, device: str) -> str:
        """Where it is said how a device is."""
        return f"{PROJECT}/{self.site}/{device}/state"

    def discovery(self, device: str) -> str:
        """Where Home Assistant learns of a device."""
        return f"{self.prefix}/device/{self.identifier(device)}/config"

    def identifier(self, device: str) -> str:
        """Its name there; a topic's name may have a dot, and an object ID may not."""
        return f"{PROJECT}_{self.site.replace('.', '_')}_{device}"

    def devices(self, role: str) -> tuple[str, ...]:
        """Every node of a pair of which one node has this role."""
        return ("standalone",) if role == "standalone" else ("primary", "secondary")


def node_discovery(topics: Topics, look: Look, url: str) -> bytes:
    """Describe a node; ``url`` leads to its status page."""
    device = look.node.role
    described = {
        "name": f"DNS {look.node.name}",
        "model": f"{look.node.role} node",
        "via_device": topics.identifier(PAIR),
        "configuration_url": url,
    }
    owns = {
        "platform": "binary_sensor",
        "name": "Virtual IP",
        "icon": "mdi:ip-network",
        "value_template": "{{ value_json.virtual_ip }}",
    }
    availability = [{"topic": topics.availability(device)}]
    return _discovery(topics, device, described, availability, {"virtual_ip": owns})


def pair_discovery(topics: Topics, look: Look, url: str) -> bytes:
    """Describe the pair, which is available while one node at least tells of it."""
    described = {
        "name": f"DNS pair {topics.site}",
        "model": "Pi-hole and Unbound behind a virtual IP",
        "configuration_url": url,
    }
    owner = {
        "platform": "sensor",
        "name": "Owner of the virtual IP",
        "icon": "mdi:ip-network",
        "value_template": "{{ value_json.owner }}",
        "json_attributes_topic": topics.state(PAIR),
        "json_attributes_template": "{{ {'virtual_ips': value_json.virtual_ips} | tojson }}",
    }
    availability = [{"topic": topics.availability(device)} for device in topics.devices(look.node.role)]
    return _discovery(topics, PAIR, described, availability, {"owner": owner})


def node_state(look: Look) -> dict[str, Any]:
    """Say how this node is."""
    return {**_state(look.node_state), "virtual_ip": _on_off(look.owns)}


def pair_state(look: Look) -> dict[str, Any]:
    """Say how the pair is."""
    owners = look.owners
    return {
        **_state(look.pair_state),
        "owner": _owner(list(owners.values())) if owners is not None else None,
        "virtual_ips": {vip: _owner([names]) for vip, names in (owners or {}).items()},
    }


def encode(document: Mapping[str, Any]) -> bytes:
    """Write a payload."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False).encode()


def _state(state: State) -> dict[str, Any]:
    """What the pair and a node have in common; Home Assistant shows null as unknown."""
    outage = state.outage
    return {
        "status": state.status.word if state.status.word in _WORDS else None,
        "dns": _on_off(state.dns),
        "last_outage": datetime.fromtimestamp(outage.start, UTC).isoformat(timespec="milliseconds") if outage else None,
        "last_outage_seconds": round(outage.length, 3) if outage else None,
        "problems": [problem.text for problem in state.problems],
    }


def _on_off(value: bool | None) -> str | None:  # noqa: FBT001
    return None if value is None else "ON" if value else "OFF"


def _owner(owners: Sequence[Sequence[str] | None]) -> str | None:
    """Name the nodes that have a virtual IP, each once: two of them may be a split brain."""
    if any(names is None for names in owners):
        return None
    return ", ".join(dict.fromkeys(name for names in owners for name in names or ())) or "none"


def _discovery(
    topics: Topics,
    device: str,
    described: Mapping[str, str],
    availability: Sequence[Mapping[str, str]],
    own: Mapping[str, Mapping[str, Any]],
) -> bytes:
    identifier = topics.identifier(device)
    components = {
        name: {**component, "unique_id": f"{identifier}_{name}", "expire_after": EXPIRY_SECONDS}
        for name, component in {**_common(topics.state(device)), **own}.items()
    }
    return encode(
        {
            "device": {
                "identifiers": [identifier],
                "manufacturer": PROJECT,
                "sw_version": __version__,
                **described,
            },
            "origin": {"name": PROJECT, "sw_version": __version__},
            "availability": availability,
            "availability_mode": "any",
            "state_topic": topics.state(device),
            "components": components,
        }
    )


def _common(state_topic: str) -> dict[str, dict[str, Any]]:
    return {
        "status": {
            "platform": "sensor",
            "name": "State",
            "icon": "mdi:heart-pulse",
            "device_class": "enum",
            "options": list(_WORDS),
            "value_template": "{{ value_json.status }}",
            "json_attributes_topic": state_topic,
            "json_attributes_template": "{{ {'problems': value_json.problems} | tojson }}",
        },
        "dns": {
            "platform": "binary_sensor",
            "name": "DNS",
            "device_class": "connectivity",
            "value_template": "{{ value_json.dns }}",
        },
        "last_outage": {
            "platform": "sensor",
            "name": "Last outage",
            "device_class": "timestamp",
            "value_template": "{{ value_json.last_outage }}",
        },
        "last_outage_seconds": {
            "platform": "sensor",
            "name": "Length of the last outage",
            "device_class": "duration",
            "unit_of_measurement": "s",
            "suggested_display_precision": 2,
            "value_template": "{{ value_json.last_outage_seconds }}",
        },
    }

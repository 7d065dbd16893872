"""The health check's settings, from the environment that keepalived's come from too."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.settings.read import read_environment
from stack.health.check import HealthSettings
from stack.health.standby_probe import StandbySettings
from stack.health.world import WorldSettings
from stack.keepalived.values import KeepalivedSettings

# Where clients ask: Pi-hole, or dnsdist in front of two of them.
FRONT = ("127.0.0.1", 53)


def read_health(environment: Mapping[str, str], node: KeepalivedSettings) -> HealthSettings:
    """Read what the check asks, and for how long it waits.

    Raises:
        ConfigurationError: with every mistake found.
    """
    values = read_environment("keepalived", environment)
    world = WorldSettings(
        values["world_names"], (str(node.peer), FRONT[1]) if node.peer else None, values["world_patience"]
    )
    return HealthSettings(
        node=node.name,
        zone=values["canary_zone"],
        front=FRONT,
        recursors=tuple((str(one.address), one.port) for one in values["recursor_address"]),
        address=node.address,
        interface=node.interface,
        patience=values["dns_patience"],
        world=world if world.domains else None,
        standby=StandbySettings(
            tuple(one.address for one in node.virtual_addresses), node.peer, primary=node.role == "primary"
        )
        if node.peer
        else None,
    )

"""The health check's settings, from the environment that keepalived's come from too."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.model.errors import ConfigurationError
from exporter.settings import parse
from exporter.settings.table import SETTINGS
from stack.health.check import PATIENCE_SECONDS, HealthSettings
from stack.health.standby_probe import StandbySettings
from stack.health.world import PATIENCE_SECONDS as WORLD_PATIENCE_SECONDS
from stack.health.world import WorldSettings
from stack.keepalived.values import KeepalivedSettings

# Where clients ask: Pi-hole, or dnsdist in front of two of them.
FRONT = ("127.0.0.1", 53)
# Top-level domains of five registries on three continents (Verisign, PIR, DENIC, Nominet, JPRS): each signed, and by
# NSEC3, from which Unbound answers for no other name (aggressive-nsec, RFC 8198), so that each question is asked there.
WORLD_NAMES = "com,org,de,uk,jp"
_OTHERS = {setting.variable: setting for setting in SETTINGS}


def read_health(environment: Mapping[str, str], node: KeepalivedSettings) -> HealthSettings:
    """Read CANARY_ZONE and UNBOUND_ADDRESS as the exporter does; DNS_PATIENCE, WORLD_PATIENCE (seconds), WORLD_NAMES.

    WORLD_NAMES that is set and empty asks for no name of the internet.

    Raises:
        ConfigurationError: with every mistake found.
    """
    problems: list[str] = []

    def text(name: str) -> str:
        return environment.get(name, "").strip() or (_OTHERS[name].default or "")

    try:
        zone = parse.domain(text("CANARY_ZONE"))
    except ValueError as error:
        problems.append(f"CANARY_ZONE: {error}")
    try:
        recursors = parse.endpoints(5335)(text("UNBOUND_ADDRESS"))
    except ValueError as error:
        problems.append(f"UNBOUND_ADDRESS: {error}")
    try:
        patience = parse.seconds(0.2, 30)(environment.get("DNS_PATIENCE", "").strip() or str(PATIENCE_SECONDS))
    except ValueError as error:
        problems.append(f"DNS_PATIENCE: {error}")
    try:
        domains = [
            parse.domain(name.strip())
            for name in environment.get("WORLD_NAMES", WORLD_NAMES).split(",")
            if name.strip()
        ]
    except ValueError as error:
        problems.append(f"WORLD_NAMES: {error}")
    try:
        world_patience = parse.seconds(1, 3600)(
            environment.get("WORLD_PATIENCE", "").strip() or str(WORLD_PATIENCE_SECONDS)
        )
    except ValueError as error:
        problems.append(f"WORLD_PATIENCE: {error}")
    if problems:
        raise ConfigurationError(problems)
    return HealthSettings(
        node=node.name,
        zone=zone,
        front=FRONT,
        recursors=tuple((str(one.address), one.port) for one in recursors),
        address=node.address,
        interface=node.interface,
        patience=patience,
        world=WorldSettings(domains, (str(node.peer), FRONT[1]) if node.peer else None, world_patience)
        if domains
        else None,
        standby=StandbySettings(tuple(one.address for one in node.virtual_addresses), node.peer) if node.peer else None,
    )

"""The health check's settings, from the environment that keepalived's come from too."""

from __future__ import annotations

from collections.abc import Mapping

from exporter.errors import ConfigurationError
from exporter.settings import parse
from exporter.settings.table import SETTINGS
from stack.health.check import PATIENCE_SECONDS, HealthSettings
from stack.keepalived.values import KeepalivedSettings

# Where clients ask: Pi-hole, or dnsdist in front of two of them.
FRONT = ("127.0.0.1", 53)
_OTHERS = {setting.variable: setting for setting in SETTINGS}


def read_health(environment: Mapping[str, str], node: KeepalivedSettings) -> HealthSettings:
    """Read CANARY_ZONE and UNBOUND_ADDRESS as the exporter does, and DNS_PATIENCE (seconds).

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
    )

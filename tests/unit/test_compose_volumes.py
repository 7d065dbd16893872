"""Every named volume that a compose file's services use is declared, also for services that it takes from another file.

Compose itself says so only when somebody starts them (`tests/stack`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

COMPOSE = Path(__file__).parents[2] / "compose"
# Merged over compose.yaml by COMPOSE_FILE, so its volumes count for them too.
ALONE = ("compose.yaml", "demo.yaml")
OVER_COMPOSE = tuple(sorted(path.name for path in COMPOSE.glob("*.yaml") if path.name not in ALONE))


def document(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((COMPOSE / name).read_text())
    return found


def named_volumes(file: str, service: str) -> set[str]:
    """The named volumes of a service, with those of the service that it extends."""
    described = document(file)["services"][service]
    extended = described.get("extends")
    found = named_volumes(extended.get("file", file), extended["service"]) if extended else set()
    for volume in described.get("volumes", []):
        source = volume.partition(":")[0] if isinstance(volume, str) else str(volume.get("source", ""))
        if source and source[0] not in "./~$":
            found.add(source)
    return found


@pytest.mark.parametrize("file", [*ALONE, *OVER_COMPOSE])
def test_every_named_volume_is_declared(file: str) -> None:
    declared = set(document(file).get("volumes", {}))
    if file in OVER_COMPOSE:
        declared |= set(document("compose.yaml")["volumes"])
    used = {volume for service in document(file)["services"] for volume in named_volumes(file, service)}
    assert used - declared == set()
    assert used

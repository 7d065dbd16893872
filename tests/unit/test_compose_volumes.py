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


def mounts(file: str, service: str) -> dict[str, str]:
    """What a service mounts where, ``{target: source}``; its own replaces what it extends at the same place."""
    described = document(file)["services"][service]
    extended = described.get("extends")
    found = mounts(extended.get("file", file), extended["service"]) if extended else {}
    for volume in described.get("volumes", []):
        assert isinstance(volume, str), "this test reads the short form"
        source, target = volume.split(":")[:2]
        found[target] = source
    return found


@pytest.mark.parametrize("file", [*ALONE, *OVER_COMPOSE])
def test_every_named_volume_is_declared(file: str) -> None:
    declared = set(document(file).get("volumes", {}))
    if file in OVER_COMPOSE:
        declared |= set(document("compose.yaml")["volumes"])
    used = {source for service in document(file)["services"] for source in mounts(file, service).values()}
    used = {source for source in used if source[0] not in "./~$"}
    assert used - declared == set()
    assert used

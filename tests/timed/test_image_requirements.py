"""What an image's program imports from others, its image installs: each from the list of its own."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
IMPORTED = """
import importlib, json, pkgutil, sys
for package in sys.argv[1:]:
    for module in pkgutil.walk_packages(importlib.import_module(package).__path__, package + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def installed(requirements: str) -> set[str]:
    text = (REPOSITORY / "stack" / "images" / requirements).read_text()
    return {name.lower().replace("_", "-") for name in re.findall(r"^([A-Za-z0-9._-]+)==", text, re.MULTILINE)}


# paho-mqtt looks for a broker by SRV records where dnspython is installed, which nobody asks of it.
DISPENSABLE = {"requirements-homeassistant.txt": {"dnspython", "idna"}}


@pytest.mark.parametrize(
    ("packages", "requirements"),
    [
        (["alerts.notifier"], "requirements-notifier.txt"),
        (["stack.homeassistant"], "requirements-homeassistant.txt"),
        (["exporter", "stack.tools"], "requirements.txt"),
        (["exporter.http", "stack.health", "stack.keepalived", "stack.firewall", "stack.guard"], None),
    ],
)
def test_an_image_has_what_its_program_imports(packages: list[str], requirements: str | None) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *packages],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    homes = packages_distributions()
    needed = {
        home.lower().replace("_", "-")
        for name in json.loads(done.stdout)
        if name not in sys.stdlib_module_names
        for home in homes.get(name, ())
        if home != "dns-ha-exporter"
    }
    # What Python's own start brings in is in no image.
    needed -= {"setuptools", "pip", *DISPENSABLE.get(requirements or "", ())}
    assert needed <= (installed(requirements) if requirements else set())

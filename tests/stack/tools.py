"""Docker Engine, Compose and Buildx as Debian 13 has them: the machine's own, or a tree of its packages beside it.

Debian 12 has an older engine and no Compose. There ``python -m tests.stack.tools`` takes the programs out of Debian
13's packages into ``build/stack/docker``. runc and containerd, which need Debian 13's libraries, remain the machine's.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Final

from tests.lab.debian_packages import complete, take
from tests.lab.errors import LabError
from tests.lab.plan import BUILD

PACKAGES: Final = ("docker.io", "docker-cli", "docker-compose", "docker-buildx")
STACK: Final = BUILD / "stack"
TREE: Final = STACK / "docker"
PLUGINS: Final = "usr/libexec/docker/cli-plugins"
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"


def root() -> Path:
    """The folder below which the programs are: ``/`` where the machine has them all."""
    return Path("/") if Path("/", PLUGINS, "docker-compose").exists() else TREE


def environment() -> dict[str, str]:
    """The environment in which ``docker``, ``dockerd`` and the plugins are found."""
    own = [] if root() == Path("/") else [str(TREE / "usr/sbin"), str(TREE / "usr/bin")]
    return {
        "PATH": os.pathsep.join([*own, _SYSTEM_PATH]),
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "DOCKER_CONFIG": str(STACK / "docker-config"),
    }


def why_not() -> str | None:
    """Say why no engine of the rig can run here; None if it can."""
    if os.geteuid() != 0:
        return "two Docker Engines need root"
    if root() == TREE and not complete(TREE):
        return "Docker Engine and Compose of Debian 13 are missing: run tests/packages stack"
    missing = [
        tool
        for tool in ("dockerd", "docker", "containerd", "runc")
        if shutil.which(tool, path=environment()["PATH"]) is None
    ]
    return f"the rig needs {' '.join(missing)}: run tests/packages stack" if missing else None


def make() -> None:
    """Take the programs out of Debian 13's packages, unless the machine has them or it is done.

    Raises:
        LabError: there is no Debian mirror, or a download failed.
    """
    if root() == TREE:
        take(PACKAGES, TREE)
    plugins = Path(environment()["DOCKER_CONFIG"]) / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    for plugin in (root() / PLUGINS).iterdir():
        link = plugins / plugin.name
        link.unlink(missing_ok=True)
        link.symlink_to(plugin)


if __name__ == "__main__":
    try:
        make()
    except LabError as error:
        sys.exit(f"tests.stack.tools: {error}")

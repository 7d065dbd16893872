"""Docker Engine, Compose and Buildx as Debian 13 has them: the machine's own, or a tree of its packages beside it.

Debian 12 has an older engine and no Compose. There the programs are taken out of Debian 13's packages into
``build/stack/docker`` by ``python -m tests.stack.tools``, which asks the machine's own mirror through an apt of its
own: nothing is installed and the machine's apt configuration stays as it is. runc and containerd, which need Debian
13's libraries, remain the machine's.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.lab.debian import _environment as download_environment
from tests.lab.debian import _mirror as debian_mirror
from tests.lab.errors import LabError
from tests.lab.plan import BUILD

RELEASE: Final = "trixie"
PACKAGES: Final = ("docker.io", "docker-cli", "docker-compose", "docker-buildx")
STACK: Final = BUILD / "stack"
TREE: Final = STACK / "docker"
PLUGINS: Final = "usr/libexec/docker/cli-plugins"
_DONE: Final = TREE / ".complete"
_SYSTEM_PATH: Final = "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"


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
    if root() == TREE and not _DONE.exists():
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
    if root() == TREE and not _DONE.exists():
        TREE.parent.mkdir(parents=True, exist_ok=True)
        with TREE.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not _DONE.exists():
                _unpack()
    plugins = Path(environment()["DOCKER_CONFIG"]) / "cli-plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    for plugin in (root() / PLUGINS).iterdir():
        link = plugins / plugin.name
        link.unlink(missing_ok=True)
        link.symlink_to(plugin)


def _unpack() -> None:
    with tempfile.TemporaryDirectory(prefix="dnsha-apt-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # apt's downloader is another user
        for part in ("lists/partial", "cache/archives/partial", "packages"):
            (directory / part).mkdir(parents=True)
        (directory / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {debian_mirror()} {RELEASE} main\n")
        apt = [
            "apt-get",
            "--quiet",
            f"--option=Dir::State::Lists={directory}/lists",
            f"--option=Dir::Cache={directory}/cache",
            f"--option=Dir::Etc::SourceList={directory}/sources.list",
            "--option=Dir::Etc::SourceParts=/dev/null",
            "--option=APT::Sandbox::User=root",
            "--option=Acquire::Languages=none",
        ]
        for arguments in (["update"], ["download", *PACKAGES]):
            done = subprocess.run(
                [*apt, *arguments],
                cwd=directory / "packages",
                env=download_environment(),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                message = f"apt-get {arguments[0]} failed: {done.stderr.strip() or done.stdout.strip()}"
                raise LabError(message)
        shutil.rmtree(TREE, ignore_errors=True)
        TREE.mkdir(parents=True)
        for package in sorted((directory / "packages").glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", str(package), str(TREE)], check=True)
    _DONE.touch()


if __name__ == "__main__":
    try:
        make()
    except LabError as error:
        sys.exit(f"tests.stack.tools: {error}")

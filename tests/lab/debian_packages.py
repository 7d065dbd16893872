"""Programs of Debian 13 beside those of an older machine: taken out of its packages, not installed.

They come from the machine's own mirror through an apt of its own: the machine's apt configuration stays as it is.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .debian import RELEASE, download_environment, mirror
from .errors import LabError

_DONE: Final = ".complete"
_KEYRING: Final = "/usr/share/keyrings/debian-archive-keyring.gpg"


def complete(tree: Path) -> bool:
    """Whether the programs are there."""
    return (tree / _DONE).exists()


def take(packages: Sequence[str], tree: Path) -> None:
    """Take programs out of packages, without what they depend on, unless it is done.

    Raises:
        LabError: there is no Debian mirror, or a download failed.
    """
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tree.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not complete(tree):
            _unpack(packages, tree)


def _unpack(packages: Sequence[str], tree: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="dnsha-apt-") as name:
        directory = Path(name)
        directory.chmod(0o755)  # apt's downloader is another user
        for part in ("lists/partial", "cache/archives/partial", "packages"):
            (directory / part).mkdir(parents=True)
        (directory / "sources.list").write_text(f"deb [signed-by={_KEYRING}] {mirror()} {RELEASE} main\n")
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
        for arguments in (["update"], ["download", *packages]):
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
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir(parents=True)
        for package in sorted((directory / "packages").glob("*.deb")):
            subprocess.run(["dpkg-deb", "--extract", str(package), str(tree)], check=True)
    (tree / _DONE).touch()

"""Makes the Debian 13 tree that the lab takes keepalived and dnsdist from on an older machine.

Once, whole or not at all.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from .errors import LabError
from .plan import BUILD

RELEASE: Final = "trixie"
# libre2-11 is in dnsdist's dependencies by a name that it only provides, which debootstrap does not find.
PACKAGES: Final = ("keepalived", "nftables", "dnsdist", "libre2-11", "python3")
TREE: Final = BUILD / "roots" / RELEASE
_RECIPE: Final = "lab-recipe"
_NOT_NEEDED: Final = ("dev", "usr/share/doc", "usr/share/locale", "usr/share/man", "var/cache/apt", "var/lib/apt/lists")
"""Emptied. In /dev because whoever copies the work tree would read device nodes for ever: /dev/full fills a disk."""
_RECIPE_TEXT: Final = " ".join((RELEASE, *PACKAGES, "without", *_NOT_NEEDED))


def tree_complete() -> bool:
    """Whether the tree is there and was made by this very recipe."""
    try:
        return (TREE / _RECIPE).read_text() == _RECIPE_TEXT
    except FileNotFoundError:
        return False


def make_tree() -> None:
    """Make the tree with debootstrap, unless another process has meanwhile. Takes about a minute.

    Needs root and this machine's own Debian mirror. What debootstrap prints goes to ``build/roots/trixie.log``.

    Raises:
        LabError: debootstrap is missing or failed, or no mirror is configured.
    """
    if shutil.which("debootstrap") is None:
        message = (
            "keepalived is too old here and debootstrap is missing: install debootstrap, or set LAB_KEEPALIVED=system"
        )
        raise LabError(message)
    TREE.parent.mkdir(parents=True, exist_ok=True)
    log = TREE.with_suffix(".log")
    with TREE.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if tree_complete():
            return
        unfinished = Path(tempfile.mkdtemp(prefix=f".{RELEASE}.", dir=TREE.parent))
        # Asked by invoke-rc.d: dnsdist's package would start it in there, on this machine's port 53.
        policy = unfinished / "usr/sbin/policy-rc.d"
        policy.parent.mkdir(parents=True)
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
        command = ["debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", RELEASE, str(unfinished)]
        try:
            with log.open("wb") as output:
                done = subprocess.run(
                    [*command, mirror()], stdout=output, stderr=output, env=download_environment(), check=False
                )
            if done.returncode != 0:
                message = f"debootstrap exited {done.returncode}: see {log}, or set LAB_KEEPALIVED=system"
                raise LabError(message)
            for name in _NOT_NEEDED:
                shutil.rmtree(unfinished / name)
                (unfinished / name).mkdir()
            (unfinished / _RECIPE).write_text(_RECIPE_TEXT)
            unfinished.chmod(0o755)
            shutil.rmtree(TREE, ignore_errors=True)
            unfinished.rename(TREE)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)


def mirror() -> str:
    """The mirror that this machine's apt uses for Debian itself.

    Raises:
        LabError: apt knows none, so this is not a Debian machine.
    """
    shown = "$(ORIGIN)\t$(LABEL)\t$(REPO_URI)"
    try:
        done = subprocess.run(
            ["apt-get", "indextargets", "--format", shown, "Created-By: Packages"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        message = f"cannot ask apt for its Debian mirror ({error}); set LAB_KEEPALIVED=system"
        raise LabError(message) from error
    for line in done.stdout.splitlines():
        origin, label, uri = line.split("\t")
        # Debian's security archive has the label Debian-Security.
        if (origin, label) == ("Debian", "Debian"):
            return uri
    message = "apt has no Debian mirror configured: run apt-get update, or set LAB_KEEPALIVED=system"
    raise LabError(message)


def download_environment() -> dict[str, str]:
    """This environment, with apt's HTTP proxy for debootstrap's downloader."""
    environment = dict(os.environ)
    done = subprocess.run(
        ["apt-config", "shell", "proxy", "Acquire::http::Proxy"], capture_output=True, text=True, check=False
    )
    _, assigned, value = done.stdout.strip().partition("proxy=")
    if assigned:
        environment.setdefault("http_proxy", value.strip("'"))
    return environment

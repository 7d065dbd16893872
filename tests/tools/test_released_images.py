"""Our own images are a release's where ``IMAGE_PREFIX`` says where, and are built here where they are not to be had."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from stack.setup.released import registry
from tests.tools.script_site import Site

PULLED = ["pull --quiet ghcr.io/owner/dnsha-tools:v1.2.3", "pull --quiet ghcr.io/owner/dnsha-unbound:v1.2.3"]
TAGGED = [
    f"image {verb}"
    for name in ("tools", "unbound")
    for verb in (
        f"tag ghcr.io/owner/dnsha-{name}:v1.2.3 dnsha-{name}:local",
        f"rm ghcr.io/owner/dnsha-{name}:v1.2.3",
    )
]


def git(folder: Path, *arguments: str) -> None:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@dnsha.example", *arguments]
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    subprocess.run(command, env=environment, capture_output=True, timeout=20, check=True)


@pytest.fixture
def released(site: Site) -> Site:
    """A clone of release 1.2.3, with a registry in .env."""
    package = site.folder / "exporter"
    package.mkdir()
    (package / "__init__.py").write_text('"""The exporter."""\n\n__version__ = "1.2.3"\n')
    (site.folder / "compose" / ".env").write_text("NODE_ROLE=secondary\nIMAGE_PREFIX=ghcr.io/owner\n")
    git(site.folder, "init", "--quiet")
    git(site.folder, "add", "exporter", "stack")
    git(site.folder, "commit", "--quiet", "--message", "Release")
    git(site.folder, "tag", "v1.2.3")
    return site


def own(calls: list[str]) -> list[str]:
    """What was done about our own images."""
    first = ("pull ", "image tag ghcr", "image rm ghcr", "compose build")
    return [call for call in calls if call.startswith(first)]


@pytest.mark.parametrize("script", ["update.sh", "deploy.sh"])
def test_a_release_is_fetched_and_has_the_names_of_what_is_built_here(released: Site, script: str) -> None:
    code, said, calls = released.run(script)
    assert code == 0, said
    assert own(calls) == [*PULLED, *TAGGED]


@pytest.mark.parametrize(("script", "built"), [("update.sh", "compose build --pull"), ("deploy.sh", "compose build")])
def test_build_builds_though_there_is_a_registry(released: Site, script: str, built: str) -> None:
    code, said, calls = released.run(script, "--build")
    assert code == 0, said
    assert [call.startswith(built) for call in own(calls)] == [True]


def test_without_a_registry_nothing_is_fetched(released: Site) -> None:
    (released.folder / "compose" / ".env").write_text("NODE_ROLE=secondary\nIMAGE_PREFIX=\n")
    assert own(released.run("update.sh")[2]) == ["compose build --pull"]


def test_an_image_that_cannot_be_had_lets_all_of_them_be_built(released: Site) -> None:
    code, said, calls = released.run("update.sh", fails="1 pull --quiet ghcr.io/owner/dnsha-unbound")
    assert code == 0, said
    assert own(calls) == [*PULLED, "compose build --pull"]
    assert "ghcr.io/owner/dnsha-unbound:v1.2.3 cannot be fetched; building this clone's images instead" in said


def test_a_clone_that_is_no_release_is_built(released: Site) -> None:
    git(released.folder, "commit", "--quiet", "--allow-empty", "--message", "Later")
    code, said, calls = released.run("update.sh")
    assert (code, own(calls)) == (0, ["compose build --pull"])
    assert "this clone is not the release v1.2.3" in said


def test_a_clone_with_changes_is_built(released: Site) -> None:
    (released.folder / "exporter" / "__init__.py").write_text('__version__ = "1.2.3"\nMINE = True\n')
    code, said, calls = released.run("update.sh")
    assert (code, own(calls)) == (0, ["compose build --pull"])
    assert "this clone has changes" in said


def test_an_offline_run_fetches_and_builds_nothing(released: Site) -> None:
    for script in ("update.sh", "deploy.sh"):
        assert own(released.run(script, "--offline")[2]) == []


def test_offline_and_build_do_not_go_together(released: Site) -> None:
    for script in ("update.sh", "deploy.sh"):
        code, _, calls = released.run(script, "--offline", "--build")
        assert (code, calls) == (3, [])


@pytest.mark.parametrize(
    ("origin", "found"),
    [
        ("https://github.com/An-Owner/dns-ha.git", "ghcr.io/an-owner"),
        ("git@github.com:An-Owner/dns-ha", "ghcr.io/an-owner"),
        ("ssh://git@github.com/An-Owner/dns-ha.git", "ghcr.io/an-owner"),
        ("https://git.example/An-Owner/dns-ha.git", ""),
        ("https://github.com.example/An-Owner/dns-ha.git", ""),
    ],
)
def test_setup_proposes_the_registry_of_the_release_that_was_cloned(released: Site, origin: str, found: str) -> None:
    git(released.folder, "remote", "add", "origin", origin)
    assert registry(released.folder, "1.2.3") == found
    assert registry(released.folder, "1.2.4") == ""


def test_setup_proposes_no_registry_for_what_is_no_clone(tmp_path: Path) -> None:
    assert registry(tmp_path, "1.2.3") == ""

"""What images are made of: Python distributions by hash, the registry's name nowhere, a bot that knows every image."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from stack.images.digests import files, references

REPOSITORY = Path(__file__).parents[2]
IMAGES = REPOSITORY / "stack" / "images"
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
WANTED = {
    "requirements.txt": PROJECT["dependencies"],
    "requirements-notifier.txt": PROJECT["optional-dependencies"]["notifier"],
    "requirements-homeassistant.txt": PROJECT["optional-dependencies"]["homeassistant"],
}


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Each distribution's version and hashes."""
    text = re.sub(r"^\s*#.*\n", "", (IMAGES / name).read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    found = {}
    for line in filter(str.strip, text.splitlines()):
        pinned, *hashes = line.split()
        distribution, _, version = pinned.partition("==")
        assert version, line
        found[distribution] = (version, hashes)
    return found


@pytest.mark.parametrize("name", WANTED)
def test_every_distribution_has_a_version_and_the_hashes_of_all_its_files(name: str) -> None:
    found = locked(name)
    assert len(found) >= len(WANTED[name])
    for distribution, (_, hashes) in found.items():
        assert len(hashes) >= 2, f"{distribution}: a wheel and the source, at least"
        assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", one) for one in hashes)
    # One for each architecture and Python.
    compiled = found.keys() & {"pyyaml", "charset-normalizer"}
    assert compiled
    assert all(len(found[one][1]) > 20 for one in compiled)


@pytest.mark.parametrize("name", WANTED)
def test_what_the_project_asks_for_is_there_and_new_enough(name: str) -> None:
    found = locked(name)
    for text in WANTED[name]:
        wanted = Requirement(text)
        assert found[canonicalize_name(wanted.name)][0] in wanted.specifier


@pytest.mark.parametrize("name", [name for name in WANTED if name != "requirements.txt"])
def test_all_files_hold_the_same_versions(name: str) -> None:
    one, other = locked("requirements.txt"), locked(name)
    assert one.keys() & other.keys()
    assert {name: one[name] for name in one.keys() & other.keys()} == {
        name: other[name] for name in one.keys() & other.keys()
    }


@pytest.mark.parametrize("name", WANTED)
def test_no_registry_is_named(name: str) -> None:
    assert not re.search(r"://|--index|--find-links|--trusted", (IMAGES / name).read_text())


def test_the_images_install_nothing_without_a_hash() -> None:
    dockerfile = (IMAGES / "Dockerfile").read_text()
    installs = re.findall(r"pip install.*?(?=&&)", dockerfile, re.DOTALL)
    assert len(installs) == len(WANTED)
    assert all("--require-hashes --requirement /build/requirements" in one for one in installs)


def test_the_bot_knows_every_image_of_the_compose_files() -> None:
    bot = json.loads((REPOSITORY / "renovate.json").read_text())
    (manager,) = bot["customManagers"]
    (expression,) = manager["matchStrings"]
    (pattern,) = manager["managerFilePatterns"]
    found, named = [], []
    for file in files():
        if re.search(pattern.strip("/"), str(file.relative_to(REPOSITORY))):
            matches = re.finditer(expression.replace("(?<", "(?P<"), file.read_text())
            found += [f"{one['depName']}:{one['currentValue']}" for one in matches]
            named += references(file.read_text())
    assert len(named) == 6
    assert found == named

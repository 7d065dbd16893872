"""The bill of materials: what an image's own programs say, as CycloneDX has it."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stack.images.sbom import LOOK, Component, bases, document, images, parse

REPOSITORY = Path(__file__).parents[2]
SAID = (
    "deb\tlibssl3t64\t3.5.1-1+deb13u1\tarm64\topenssl\n"
    "deb\tunbound\t1:1.22.0-2\tarm64\tunbound\n"
    "pypi\tcharset-normalizer\t3.5.2\n"
    "pypi\tPyYAML\t6.0.3\n"
)
DOCKERFILE = """\
FROM debian:trixie-slim AS base
RUN true
FROM base AS python
FROM python AS libraries
FROM somebody/tool:v1@sha256:aa AS tool
FROM python AS tools
COPY --from=libraries /opt/venv /opt/venv
COPY --from=tool /tool /tool
"""


def test_packages_and_distributions_have_the_urls_that_advisories_know_them_by() -> None:
    assert parse(SAID) == (
        Component(
            "library", "libssl3t64", "3.5.1-1+deb13u1",
            "pkg:deb/debian/libssl3t64@3.5.1-1%2Bdeb13u1?arch=arm64&upstream=openssl",
        ),
        Component("library", "unbound", "1:1.22.0-2", "pkg:deb/debian/unbound@1%3A1.22.0-2?arch=arm64"),
        Component("library", "charset-normalizer", "3.5.2", "pkg:pypi/charset-normalizer@3.5.2"),
        Component("library", "PyYAML", "6.0.3", "pkg:pypi/pyyaml@6.0.3"),
    )  # fmt: skip


@pytest.mark.parametrize("line", ["deb\tunbound\n", "sh: dpkg-query: not found\n", "pypi\tx\n"])
def test_an_image_that_says_something_else_has_no_bill(line: str) -> None:
    with pytest.raises(ValueError, match="neither a Debian package nor a Python distribution"):
        parse(SAID + line)


def test_the_images_of_others_are_found_through_all_stages() -> None:
    assert [(one.name, one.version) for one in bases(DOCKERFILE, "tools")] == [
        ("debian", "trixie-slim"), ("somebody/tool", "sha256:aa"),
    ]  # fmt: skip
    assert [one.purl for one in bases(DOCKERFILE, "libraries")] == ["pkg:docker/debian?tag=trixie-slim"]


def test_a_bill_says_what_it_is_about_and_names_each_part_once() -> None:
    made = document("dnsha-tools:local", (*parse(SAID), *parse(SAID)), datetime(2026, 3, 1, 12, tzinfo=UTC))
    assert (made["bomFormat"], made["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", made["serialNumber"])
    assert made["metadata"]["timestamp"] == "2026-03-01T12:00:00+00:00"
    assert made["metadata"]["component"]["name"] == "dnsha-tools:local"
    assert [one["name"] for one in made["components"]] == ["libssl3t64", "unbound", "charset-normalizer", "PyYAML"]


def test_every_image_that_the_compose_files_build_has_one() -> None:
    texts = [file.read_text() for file in (REPOSITORY / "compose").glob("*.yaml")]
    assert set(images(texts)) == set(re.findall(r"image: (dnsha-\S+)", "\n".join(texts)))
    stages = re.findall(r" AS (\S+)", (REPOSITORY / "stack" / "images" / "Dockerfile").read_text())
    assert set(images(texts).values()) <= set(stages)


def test_what_is_asked_is_what_dpkg_and_pip_write(tmp_path: Path) -> None:
    packages = tmp_path / "lib" / "python3.13" / "site-packages"
    for name, version in (("PyYAML", "6.0.3"), ("apprise", "2.2.0")):
        (packages / f"{name}-{version}.dist-info").mkdir(parents=True)
        (packages / f"{name}-{version}.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\nSummary: x\n\nName: not this\nVersion: 9\n"
        )
    standin = tmp_path / "dpkg-query"
    standin.write_text('#!/bin/sh\nprintf "$3" | sed "s/[$]{[^}]*}/x/g"\n')
    standin.chmod(0o755)
    done = subprocess.run(
        ["sh", "-c", LOOK.replace("/opt/venv", str(tmp_path))],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert sorted(done.stdout.splitlines()) == ["deb\tx\tx\tx\tx", "pypi\tPyYAML\t6.0.3", "pypi\tapprise\t2.2.0"]

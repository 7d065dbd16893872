"""What the forge runs: every action pinned by its commit, no permission that a job does not need, our images' names."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter import __version__

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
# What renovate.json's helpers:pinGitHubActionDigests writes: the commit, and the version in a comment.
PINNED = re.compile(r"[\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
# What a job may do besides reading the clone, and why it has to.
MAY_WRITE = {
    ("release.yml", "images"): {"packages": "write", "id-token": "write"},
    ("release.yml", "distributions"): {"contents": "write", "id-token": "write"},
}


def read(file: Path) -> dict[Any, Any]:
    content = yaml.safe_load(file.read_text("utf-8"))
    assert isinstance(content, dict)
    return content


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = read(file)["jobs"]
    return found


def release_step(job: str, word: str) -> dict[str, Any]:
    (step,) = (step for step in jobs(ROOT / ".github/workflows/release.yml")[job]["steps"] if word in json.dumps(step))
    assert isinstance(step, dict)
    return step


def unpinned(text: str) -> list[str]:
    """Name the actions of others that a tag or branch chooses."""
    used = re.findall(r"^\s*(?:- )?uses: (.+)$", text, re.MULTILINE)
    return [one for one in used if not one.startswith("./") and not PINNED.fullmatch(one)]


def test_there_is_a_gate_a_release_and_a_look_at_others_images() -> None:
    assert [file.name for file in WORKFLOWS] == ["gate.yml", "real-images.yml", "release.yml"]


def test_the_stack_is_tested_with_others_real_images_every_week_and_by_hand() -> None:
    file = ROOT / ".github/workflows/real-images.yml"
    asked = read(file)[True]  # YAML 1.1 takes on for a truth
    assert set(asked) == {"schedule", "workflow_dispatch"}
    (step,) = (step for step in jobs(file)["stack"]["steps"] if step.get("run") == "make test-stack")
    assert step["env"] == {"REAL_IMAGES": "1"}


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_pinned_by_its_commit_and_says_its_version(file: Path) -> None:
    text = file.read_text("utf-8")
    assert "uses: actions/checkout@" in text
    assert unpinned(text) == []


@pytest.mark.parametrize(
    "action", ["actions/checkout@v5", "actions/checkout@main", "a/b@" + "0" * 40, "a/b@v1 # v1.0.0"]
)
def test_an_action_that_is_not_pinned_is_found(action: str) -> None:
    assert unpinned(f"steps:\n  - uses: {action}\n") == [action]


def test_one_action_has_one_version_everywhere() -> None:
    pins = {
        tuple(one.split("@"))
        for file in WORKFLOWS
        for one in re.findall(r"uses: ([^.\s][^\n]*)", file.read_text("utf-8"))
    }
    assert len({name for name, _ in pins}) == len(pins)


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_nothing_is_permitted_but_what_a_job_needs(file: Path) -> None:
    assert read(file)["permissions"] == {}
    for name, job in jobs(file).items():
        wanted = {"contents": "read"} | MAY_WRITE.get((file.name, name), {})
        assert job["permissions"] == wanted, name


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_job_ends_and_no_name_becomes_a_command(file: Path) -> None:
    for name, job in jobs(file).items():
        assert "uses" in job or job["timeout-minutes"] <= 120, name
        for step in job.get("steps", ()):
            assert "${{" not in step.get("run", ""), (
                f"{name}: a tag's or owner's name is given by env, not put in a script"
            )
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


def test_the_gate_is_what_ci_runs_and_a_release_needs_it() -> None:
    (gate,) = jobs(ROOT / ".github/workflows/gate.yml").values()
    assert gate["steps"][-1]["run"] == "bash .ci/run"
    release = jobs(ROOT / ".github/workflows/release.yml")
    assert release["gate"]["uses"] == "./.github/workflows/gate.yml"
    assert [release[name]["needs"] for name in ("gate", "images", "distributions")] == ["version", "gate", "images"]


def test_the_released_images_are_those_that_compose_names_and_the_dockerfile_builds() -> None:
    compose = "\n".join(file.read_text("utf-8") for file in sorted((ROOT / "compose").glob("*.yaml")))
    named = set(re.findall(r"image: dnsha-([a-z-]+):local", compose))
    stages = set(re.findall(r"^FROM \S+ AS (\S+)", (ROOT / "stack/images/Dockerfile").read_text("utf-8"), re.MULTILINE))
    released = jobs(ROOT / ".github/workflows/release.yml")["images"]["strategy"]["matrix"]["image"]
    assert released == sorted(named)
    assert set(released) <= stages
    build = release_step("images", "docker/build-push-action@")["with"]
    assert (ROOT / build["file"]).is_file()
    assert build["target"] == "${{ matrix.image }}"


def test_the_images_are_for_both_architectures_and_say_what_they_are_made_of() -> None:
    build = release_step("images", "docker/build-push-action@")["with"]
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["push"], build["sbom"], build["provenance"]) == (True, True, "mode=max")
    assert release_step("images", "cosign sign")["run"] == 'cosign sign --yes "$IMAGE@$DIGEST"'


def test_an_image_is_named_after_the_owner_in_lower_case(tmp_path: Path) -> None:
    output = tmp_path / "output"
    environment = {"GITHUB_REPOSITORY_OWNER": "An-Owner", "IMAGE": "dnsha-unbound", "GITHUB_OUTPUT": str(output)}
    script = release_step("images", "GITHUB_REPOSITORY_OWNER")["run"]
    subprocess.run(["sh", "-ec", script], env=os.environ | environment, timeout=10, check=True)
    assert output.read_text() == "image=ghcr.io/an-owner/dnsha-unbound\n"


@pytest.mark.parametrize(
    ("tag", "changelog", "complaint"),
    [
        (f"v{__version__}", f"# Changelog\n\n## {__version__} (2027-01-01)\n", ""),
        ("v99.0.0", f"## {__version__}\n", f"tag v{__version__}, or change it there"),
        (f"v{__version__}", "## Unreleased\n", f"no heading {__version__}"),
    ],
)
def test_a_tag_that_is_not_the_version_or_has_no_changelog_releases_nothing(
    tmp_path: Path, tag: str, changelog: str, complaint: str
) -> None:
    (tmp_path / "CHANGELOG.md").write_text(changelog)
    (tmp_path / "exporter").symlink_to(ROOT / "exporter")
    done = subprocess.run(
        ["bash", "-ec", release_step("version", "__version__")["run"]],
        cwd=tmp_path,
        env=os.environ | {"GITHUB_REF_NAME": tag},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (done.returncode != 0) == bool(complaint), done.stderr
    assert complaint in done.stderr


def test_a_bug_comes_with_what_both_nodes_say_of_themselves() -> None:
    assert [file.name for file in FORMS] == ["bug.yml", "config.yml", "feature.yml"]
    for file in FORMS:
        questions = [part for part in read(file).get("body", ()) if part["type"] != "markdown"]
        ids = [part["id"] for part in questions]
        assert len(ids) == len(set(ids))
        assert file.name == "config.yml" or any(part.get("validations", {}).get("required") for part in questions)
    required = {part["id"]: part["attributes"] for part in read(FORMS[0])["body"] if part.get("validations")}
    assert "exporter --once" in required["once"]["description"]
    assert "stack/report.sh" in required["report"]["description"]
    assert (ROOT / "stack/report.sh").is_file()


def test_the_bot_renews_the_actions_pins() -> None:
    bot = json.loads((ROOT / "renovate.json").read_text())
    assert "github-actions" in bot["enabledManagers"]
    assert "helpers:pinGitHubActionDigests" in bot["extends"]

"""The shipped files, read by Compose and by eye: nothing runs here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import require
from .shipped import COMPOSE, EXAMPLE, example, explained, read, without_engine

pytestmark = pytest.mark.stack

MANDATORY = (
    "NODE_ROLE",
    "NODE_NAME",
    "NODE_IP",
    "PEER_IP",
    "VIP_ADDRESS",
    "NETWORK_INTERFACE",
    "PIHOLE_PASSWORD",
)
LAYOUTS = {"node": ["compose.yaml"], "layout B": ["compose.yaml", "layout-b.yaml"]}
ROLES = ("primary", "secondary", "standalone")
# What a service may do without, and the reason stands beside it in the file.
WRITES_ITS_ROOT = {"pihole", "pihole-b", "settings"}
GAINS_PRIVILEGES = {"pihole", "pihole-b"}


@pytest.fixture(autouse=True)
def _compose() -> None:
    require(without_engine())


def filled() -> dict[str, str]:
    """.env.example as somebody fills it in."""
    return {**example(), "PIHOLE_PASSWORD": "correct-horse-battery"}


def services(tmp_path: Path, layout: str = "node", role: str = "primary", profiles: str = "") -> dict[str, Any]:
    environment = {**filled(), "NODE_ROLE": role, "COMPOSE_PROFILES": profiles or role}
    if role == "standalone":
        environment["PEER_IP"] = ""
    document, complaint = read(LAYOUTS[layout], environment, tmp_path)
    assert document is not None, complaint
    found: dict[str, Any] = document["services"]
    return found


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_compose_takes_every_layout_for_every_role(layout: str, role: str, tmp_path: Path) -> None:
    found = services(tmp_path, layout, role)
    assert {"pihole", "unbound", "keepalived", "guard", "exporter", "docker-proxy", "node-exporter", "backup"} <= set(
        found
    )
    assert ("sync" in found) == (role != "standalone")


def test_compose_takes_the_demonstration(tmp_path: Path) -> None:
    environment = dict(re.findall(r"^([A-Z_]+)=(.*)$", (COMPOSE / "demo.env").read_text(), re.MULTILINE))
    document, complaint = read(["demo.yaml"], environment, tmp_path)
    assert document is not None, complaint
    for name, service in document["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert not service.get("privileged"), name


@pytest.mark.parametrize("name", MANDATORY)
def test_each_missing_variable_fails_with_its_own_message(name: str, tmp_path: Path) -> None:
    environment = filled()
    del environment[name]
    document, complaint = read(["compose.yaml"], environment, tmp_path)
    assert document is None
    assert f"required variable {name} is missing a value" in complaint
    assert ".env" in complaint


@pytest.mark.parametrize("name", [name for name in MANDATORY if name != "PEER_IP"])
def test_an_empty_variable_is_as_good_as_a_missing_one(name: str, tmp_path: Path) -> None:
    document, complaint = read(["compose.yaml"], {**filled(), name: ""}, tmp_path)
    assert document is None
    assert name in complaint


def test_every_variable_of_the_files_is_explained_and_no_other_one() -> None:
    used = set()
    for file in COMPOSE.glob("*.yaml"):
        if file.name != "demo.yaml":
            used |= set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)", file.read_text()))
    ours = {"COMPOSE_PROFILES", "COMPOSE_FILE"}
    assert explained() - ours == used


def test_every_variable_has_a_comment_above_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#?[A-Z][A-Z0-9_]*=", line):
            assert lines[number - 1].startswith("#"), line


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_service_has_the_baseline(layout: str, tmp_path: Path) -> None:
    for name, service in services(tmp_path, layout, "primary", "primary,tools").items():
        assert not service.get("privileged"), name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("read_only", False) or name in WRITES_ITS_ROOT, name
        assert service.get("security_opt") == ["no-new-privileges:true"] or name in GAINS_PRIVILEGES, name
        assert service["logging"]["driver"] == "local", name
        assert {"max-size", "max-file"} <= set(service["logging"]["options"]), name
        assert int(service["mem_limit"]) <= 512 << 20, name
        assert 0 < service["pids_limit"] <= 256, name
        once = name in ("settings", "tools")
        assert service["restart"] == ("no" if once else "unless-stopped"), name
        assert "healthcheck" in service or once, name


def test_all_limits_together_leave_room_on_a_pi_with_2_gb(tmp_path: Path) -> None:
    limits = [int(s["mem_limit"]) for n, s in services(tmp_path).items() if n != "settings"]
    assert sum(limits) <= 1536 << 20


def test_only_the_proxy_sees_dockers_socket(tmp_path: Path) -> None:
    for name, service in services(tmp_path, "layout B", "primary", "primary,tools").items():
        sources = [volume.get("source", "") for volume in service.get("volumes", ())]
        assert any("docker.sock" in source for source in sources) == (name == "docker-proxy"), name


def test_our_own_images_are_never_taken_from_a_registry(tmp_path: Path) -> None:
    for name, service in services(tmp_path, "layout B", "primary", "primary,tools").items():
        assert ("build" in service) == service["image"].startswith("dnsha-"), name
        assert "build" not in service or service["pull_policy"] == "never", name


def test_keepalived_never_waits_for_docker_to_take_its_log(tmp_path: Path) -> None:
    found = services(tmp_path)
    for name in ("keepalived", "guard"):
        assert found[name]["logging"]["options"]["mode"] == "non-blocking"


def test_no_password_is_in_any_environment(tmp_path: Path) -> None:
    environment = {**filled(), "PIHOLE_PASSWORD": "pass-of-pihole", "VRRP_PASSWORD": "pass-vrr"}
    document, complaint = read(["compose.yaml", "layout-b.yaml"], environment, tmp_path)
    assert document is not None, complaint
    written = str(document["services"])
    assert "pass-of-pihole" not in written
    assert "pass-vrr" not in written


def test_every_image_is_pinned_and_named_once() -> None:
    images: list[str] = []
    for file in COMPOSE.glob("*.yaml"):
        text = file.read_text()
        images += re.findall(r"^\s+[a-z-]+: &[a-z-]+-image (\S+)$", text, re.MULTILINE)
        for service in (yaml.safe_load(text).get("services") or {}).values():
            image = service.get("image", "")
            assert not image.endswith(":latest"), image
            assert not image or ":" in image, image
    assert len(images) == len(set(images))
    assert all(re.fullmatch(r"\S+:v?[0-9][0-9.]+", image) for image in images), images

"""A clone made with another umask: preflight names what a container could not read, and what to do."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from stack.preflight.clone import MOUNTS, unreadable

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("alerts/rules", "alerts/alertmanager", "dashboards/provisioning", "dashboards/generated",
           "stack/prometheus", "compose/unbound.d", "compose/prometheus.d", "compose/sync-keys",
           "compose/web")  # fmt: skip
EVERYTHING = {"COMPOSE_FILE": "compose.yaml:observability.yaml", "NODE_ROLE": "primary"}
SECONDARY = {**EVERYTHING, "NODE_ROLE": "secondary"}


@pytest.fixture(params=[0o077, 0o027, 0o022], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def cloned(folder: Path) -> Path:
    """A copy whose modes are the umask's, as git makes them, and which is not root's."""
    for path in FOLDERS:
        shutil.copytree(REPOSITORY / path, folder / path, copy_function=shutil.copyfile)
        for made in (folder / path, *(folder / path).rglob("*"), *(folder / path).parents):
            if made.is_relative_to(folder):
                mask = os.umask(0)
                os.umask(mask)
                made.chmod((0o777 if made.is_dir() else 0o666) & ~mask)
                if os.geteuid() == 0:
                    os.chown(made, 1000, 1000)
    return folder


def told(root: Path, environment: dict[str, str]) -> set[str]:
    return {found.mount.path for found in unreadable(root, environment)}


def test_what_containers_cannot_read_is_told(umask: int, tmp_path: Path) -> None:
    root = cloned(tmp_path / "clone")
    keys = {mount.path for mount in MOUNTS if mount.container == "sync"}
    web = {mount.path for mount in MOUNTS if mount.container == "exporter"}
    everything = {mount.path for mount in MOUNTS} - keys - web
    grafanas = {"dashboards/provisioning", "dashboards/generated"}
    unobserved = {**EVERYTHING, "COMPOSE_FILE": "compose.yaml"}
    if umask == 0o022:
        assert told(root, EVERYTHING) == set()
    else:
        assert told(root, EVERYTHING) == everything
        assert told(root, SECONDARY) == everything - grafanas
        assert told(root, {**SECONDARY, "SYNC_UNBOUND": "yes"}) == everything - grafanas | {"compose/sync-keys"}
        assert told(root, {**SECONDARY, "WEB_CONFIG_FILE": "/etc/dnsha/web/web.yaml"}) == everything - grafanas | web
        assert told(root, unobserved) == {"compose/unbound.d"}


def test_the_advice_is_enough(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        root = cloned(tmp_path / "clone")
    finally:
        os.umask(before)
    for found in unreadable(root, EVERYTHING):
        top = root / found.mount.path
        for path in (top, *top.rglob("*")):  # chmod -R a+rX
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    assert told(root, EVERYTHING) == set()


def test_one_file_that_was_added_later_is_named(tmp_path: Path) -> None:
    root = cloned(tmp_path / "clone")
    added = root / "compose/unbound.d/local.conf"
    added.touch(0o600)
    (found,) = unreadable(root, EVERYTHING)
    assert found.first == "compose/unbound.d/local.conf"
    os.chown(added, 9753, -1)
    assert unreadable(root, EVERYTHING) == ()


def test_a_key_belongs_to_its_user_alone(tmp_path: Path) -> None:
    root = cloned(tmp_path / "clone")
    key = root / "compose/sync-keys/key"
    key.touch(0o600)
    assert told(root, {**SECONDARY, "SYNC_UNBOUND": "yes"}) == {"compose/sync-keys/key"}
    os.chown(key, 9753, 9753)
    assert told(root, {**SECONDARY, "SYNC_UNBOUND": "yes"}) == set()


def test_a_prometheus_file_of_the_owners_own_is_looked_at_in_its_place(tmp_path: Path) -> None:
    root = cloned(tmp_path / "clone")
    (root / "stack/prometheus/prometheus.yaml").chmod(0o600)
    own = {**EVERYTHING, "PROMETHEUS_FILE": "./own.yaml"}
    assert told(root, own) == set()
    (root / "compose/own.yaml").touch(0o600)
    assert told(root, own) == {"compose/own.yaml"}
    assert told(root, {**EVERYTHING, "PROMETHEUS_FILE": "/etc/prometheus.yaml"}) == set()


def test_everything_that_compose_mounts_from_the_clone_is_looked_at() -> None:
    mounted = set()
    for file in (REPOSITORY / "compose").glob("*.yaml"):
        document = yaml.safe_load(file.read_text())
        # A service's, or what several share (x-tools).
        for part in (document, document.get("services", {})):
            for service in part.values():
                for volume in service.get("volumes", ()) if isinstance(service, dict) else ():
                    source = re.sub(r"^\$\{\w+:-([^}]*)\}", r"\1", volume)
                    if source.startswith("."):
                        mounted.add(os.path.normpath(Path("compose", source.partition(":")[0])))
    assert len(mounted) > 6
    assert mounted <= {mount.path for mount in MOUNTS}

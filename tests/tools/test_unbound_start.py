"""Unbound starts whatever a power cut has left of its trust anchor, and says what it replaced."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from .unbound_node import SHIPPED

UNBOUND = Path(__file__).parents[2] / "stack" / "unbound"
# As Unbound writes it once it has asked the root (validator/autotrust.c of Unbound 1.22).
KEPT = f"""\
; autotrust trust anchor file
;;id: . 1
;;last_success: 1
.\t86400\tIN\tDNSKEY\t257 3 8 {SHIPPED.split()[6]} ;{{id = 20326 (ksk), size = 2048b}} ;;state=2 [  VALID  ] ;;count=0
"""


@dataclass(frozen=True, slots=True)
class Container:
    """The image's folders below a temporary one, and a program in Unbound's place that ends at once."""

    root: Path

    @property
    def anchor(self) -> Path:
        return self.root / "var/lib/unbound/root.key"

    def start(self, user: int | None = None) -> tuple[int, str]:
        done = subprocess.run(
            [self.root / "start"],
            env={"NODE_NAME": "pi-1", "CANARY_ZONE": "canary.dnsha.example",
                 "PATH": f"{self.root}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PYTHONPATH": f"{self.root}/opt/dnsha"},
            capture_output=True, text=True, timeout=20, check=False, user=user,
        )  # fmt: skip
        return done.returncode, done.stderr


@pytest.fixture
def container(tmp_path: Path) -> Container:
    if shutil.which("unbound-checkconf", path="/usr/sbin:/usr/bin") is None:
        reason = "unbound-checkconf is missing: run tests/packages"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    for folder in (
        "var/lib/unbound",
        "run/unbound",
        "run/unbound-control",
        "run/unbound-statistics",
        "run/unbound-shared",
        "etc/unbound/shared",
        "usr/share/dns",
        "bin",
    ):
        (tmp_path / folder).mkdir(parents=True)
    for name, target in (
        ("start", "start"),
        ("clock-step", "bin/clock-step"),
        ("unbound.conf", "etc/unbound/unbound.conf"),
    ):
        text = (UNBOUND / name).read_text()
        for folder in ("/var/lib/unbound", "/run/unbound", "/etc/unbound", "/usr/share/dns"):
            text = text.replace(folder, f"{tmp_path}{folder}")
        (tmp_path / target).write_text(text)
    for package in ("exporter", "stack/unbound", "stack/tools"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(UNBOUND.parents[1] / package, tmp_path / "opt/dnsha" / package, ignore=ignored)
    for program in ("start", "bin/clock-step"):
        (tmp_path / program).chmod(0o755)
    (tmp_path / "usr/share/dns/root.key").write_text(SHIPPED)
    standin = tmp_path / "bin/unbound"
    standin.write_text("#!/bin/sh\nexit 42\n")
    standin.chmod(0o755)
    return Container(tmp_path)


def test_a_first_start_takes_the_shipped_anchor_and_says_nothing(container: Container) -> None:
    assert container.start() == (42, "")
    assert container.anchor.read_text() == SHIPPED
    assert (container.root / "run/unbound/clock").exists()  # by which the health check knows a clock that was put back


def test_an_anchor_that_unbound_has_kept_is_left_as_it_is(container: Container) -> None:
    container.anchor.write_text(KEPT)
    assert container.start() == (42, "")
    assert container.anchor.read_text() == KEPT


DAMAGED: dict[str, Callable[[Path], object]] = {
    "zeros": lambda path: path.write_bytes(bytes(2000)),
    "nothing": lambda path: path.touch(),
    "noise": lambda path: path.write_bytes(bytes(range(256)) * 9),
    "text": lambda path: path.write_text("no anchor at all\n"),
    "half of a key": lambda path: path.write_text(SHIPPED[:300]),
    "half of what Unbound keeps": lambda path: path.write_text(KEPT[:300]),
    "comments alone": lambda path: path.write_text("".join(KEPT.splitlines(keepends=True)[:3])),
    "a folder": lambda path: path.mkdir(),
    "a link to nowhere": lambda path: path.symlink_to("/nonexistent/root.key"),
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_anchor_is_set_aside_replaced_and_told(container: Container, damage: str) -> None:
    for _ in range(2):  # and a second time, when there is one that was set aside
        DAMAGED[damage](container.anchor)
        code, said = container.start()
        assert code == 42, said
        assert said.count("is damaged, kept as") == 1
        assert container.anchor.read_text() == SHIPPED
        assert os.path.lexists(f"{container.anchor}.damaged")
        container.anchor.unlink()


def test_a_drop_in_that_cannot_be_read_is_told_with_what_to_do(container: Container) -> None:
    for folder in (container.root, *container.root.parents):
        if folder != Path("/") and folder.stat().st_mode & 0o5 != 0o5:
            folder.chmod(0o755)
    for name in ("var/lib/unbound", "run/unbound", "run/unbound-shared"):
        (container.root / name).chmod(0o777)
    shared = container.root / "etc/unbound/shared"
    (shared / "local.conf").write_text("server:\n")
    (shared / "local.conf").chmod(0o600)
    code, said = container.start(user=9753)
    assert code == 42
    assert "WITHOUT this file: local.conf: it cannot be read: Permission denied" in said
    assert "sudo chmod -R a+rX compose/unbound.d" in said
    shared.chmod(0o700)
    code, said = container.start(user=9753)
    assert code == 42
    assert "starting WITHOUT ANY of the files in unbound.d" in said
    assert "sudo chmod -R a+rX compose/unbound.d" in said

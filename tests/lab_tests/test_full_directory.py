"""Given a node whose runtime directory is full, when keepalived starts, then it starts, serves, and says so."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest

from tests.lab.exporters import status
from tests.lab.lab import Lab
from tests.lab.waiting import wait_for

FILLER = "/run/dnsha/filler"
# Whoever fills a directory takes what others free there, too.
FILL = f"while :; do cat /dev/zero >> {FILLER} 2>/dev/null; sleep 0.02; done"


@pytest.fixture
def filled_pair(settled_pair: Lab) -> Iterator[Lab]:
    """A pair whose alpha has no byte left below /run, and will not have one."""
    alpha = settled_pair.hosts["alpha"]
    filler = subprocess.Popen(alpha.command(["sh", "-c", FILL]), stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for("the directory to be full", lambda: free_bytes(settled_pair), until=lambda free: free == 0, timeout=20)
        yield settled_pair
    finally:
        filler.kill()
        filler.wait()
        alpha.path(FILLER).unlink()
        settled_pair.stop_service("alpha", "keepalived")


def free_bytes(lab: Lab) -> int:
    """What is left of the file system of alpha's runtime directory."""
    return int(lab.hosts["alpha"].run("stat", "-f", "-c", "%a", "/run/dnsha"))


def test_keepalived_starts_and_serves_on_a_full_runtime_directory_and_says_so(filled_pair: Lab) -> None:
    lab = filled_pair
    lab.stop_service("alpha", "keepalived")
    lab.wait_owners("beta")
    lab.hosts["alpha"].service("keepalived").launch()
    lab.wait_owners("alpha", timeout=15.0)
    assert lab.answering() == "alpha"
    said = (lab.logs / "alpha" / "keepalived.log").read_text()
    assert "/run/dnsha is full" in said
    found = wait_for(
        "alpha's exporter to say it",
        lambda: [c["seen"] for c in status(lab, "alpha")["checks"] if c["id"] == "vrrp.data"],
        until=lambda seen: any("is full" in one for one in seen),
        timeout=15,
    )
    assert found

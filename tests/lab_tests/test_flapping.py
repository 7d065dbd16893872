"""Given a pair whose owner stands still for a moment again and again, then both exporters say that it did."""

from __future__ import annotations

import time

from tests.lab.exporters import run_exporter
from tests.lab.lab import Lab
from tests.lab_tests.test_exporter import trouble, wait_status


def test_moves_that_each_healed_are_told_on_both_nodes(settled_pair: Lab) -> None:
    lab = settled_pair
    for _ in range(6):
        lab.pause_service("alpha", "keepalived")
        time.sleep(0.4)  # more than the other node waits, less than a hang
        lab.resume_service("alpha", "keepalived")
        lab.wait_owners("alpha")
    for node in ("alpha", "beta"):
        document = wait_status(lab, node, f"{node} to tell of it", lambda d: bool(trouble(d, "vrrp.flapping")))
        (told,) = trouble(document, "vrrp.flapping")
        assert (told["node"], told["status"]) == ("beta", "warning")
        assert told["seen"].startswith("VI_1 became master here ")
        assert run_exporter(lab, node, "--once").exit_code == 1

"""The book: its links resolve, README stays one screen, and what it says of commands and figures is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from docs.generate import replace_part
from tests.bench.publish import FAILOVERS, failover_table, publish

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob(".github/*.md"),
        ROOT / "alerts/README.md",
        ROOT / "tests/README.md",
    ]
)
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Name the anchors of a page's headings as GitHub does: lower case, punctuation gone, hyphens for spaces."""
    prose = FENCE.sub("", page.read_text("utf-8"))
    headings = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead_links(page: Path) -> list[str]:
    """Find the relative links of a page that lead nowhere."""
    dead = []
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            dead.append(link)
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_resolves(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_and_a_dead_anchor_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# What it is, really\n[a](no.md) [b](#what-it-is-really) [c](#nothing) [d](https://dnsha.example)\n"
    )
    assert dead_links(page) == ["no.md", "#nothing"]


def test_readme_is_short_and_holds_no_reference() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) <= 150
    assert "| `dnsha_" not in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_and_script_that_is_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z][a-z-]*[a-z])(?=[` \n])", text, re.MULTILINE))
    assert named - targets == set()
    scripts = re.findall(r"(?<![\w/.-])stack/[a-z_/-]+\.sh", text)
    assert [script for script in scripts if not (ROOT / script).is_file()] == []


def test_contributing_says_of_every_make_target_how_long_it_takes_and_what_it_installs() -> None:
    offered = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    table = re.findall(r"^\| `make ([a-z-]+)` \| \S", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(table) == sorted(offered)


def figures_on_disk() -> dict[str, object]:
    told = [
        {"name": f"{name}: without an answer, {which}", "value": value, "unit": "s", "limit": None,
         "higher_is_better": False, "samples": 7, "peer": None, "peer_value": None, "kept": True}
        for name in FAILOVERS.values() for which, value in (("median", 0.123), ("longest", 4.567))
    ]  # fmt: skip
    return {"machine": "a Pi, 4 cores", "versions": {"keepalived": "2.3.3"}, "figures": told}


def test_benchmarks_and_failover_table_are_written_from_what_was_measured(tmp_path: Path) -> None:
    build, page, readme = tmp_path / "build", tmp_path / "benchmarks.md", tmp_path / "README.md"
    build.mkdir()
    (build / "bench-stack.json").write_text(json.dumps(figures_on_disk()))
    page.write_text(
        "<!-- stack-bench begin -->\nold\n<!-- stack-bench end -->\n<!-- bench begin -->\nkept\n<!-- bench end -->\n"
    )
    readme.write_text("<!-- failover begin -->\nold\n<!-- failover end -->\n")
    assert publish(build, page, readme) == ["bench-stack.json"]
    assert "a Pi, 4 cores\nkeepalived 2.3.3" in page.read_text()
    assert "kept" in page.read_text()
    assert "old" not in page.read_text() + readme.read_text()
    assert "| the node crashes | 0.12 s | 4.57 s | 7 |" in readme.read_text()


def test_a_failure_that_was_not_measured_is_not_told() -> None:
    with pytest.raises(ValueError, match="run make bench-stack"):
        failover_table([])


def test_a_part_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"page\.md must hold the marks"):
        replace_part("text", "demo", "x", "page.md")

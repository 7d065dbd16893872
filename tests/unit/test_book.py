"""The book: its links resolve, README stays one screen, and what it says of commands and figures is so."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from docs.generate import replace_part
from stack.firewall.settings import read_firewall
from stack.tools.cli import build_parser
from tests.bench.publish import FAILOVERS, chaos_table, failover_table, publish

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


def test_contributing_says_how_long_every_make_target_takes_and_what_it_installs() -> None:
    offered = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    table = re.findall(r"^\| `make ([a-z-]+)` \| \S", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(table) == sorted(offered)


# Names of the past are in the changelog; names of the tests' own in tests/README.
REFERRING = [page for page in PAGES if page.name != "CHANGELOG.md" and page.parent.name != "tests"]


def code_spans(text: str) -> list[str]:
    """Give what a page has in backticks, outside its blocks."""
    return re.findall(r"`([^`\n]+)`", FENCE.sub("", text))


def settings_named(text: str) -> set[str]:
    """Find what looks like a setting: words in capitals, joined by underscores."""
    return {name for span in code_spans(text) for name in re.findall(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b", span)}


def metrics_named(text: str) -> set[str]:
    """Find metrics; a recording rule has a colon before it, and a table of nftables its family."""
    return {name for span in code_spans(text) for name in re.findall(r"(?<![\w:])(?<!inet )dnsha_\w+", span)}


def checks_named(text: str) -> set[str]:
    """Find the ids of checks, with or without what they are about."""
    family = "vip|vrrp|keepalived|node|health|resolve|container|sync|peer|conflict|firewall"
    return {
        found[1]
        for span in code_spans(text)
        if (found := re.fullmatch(rf"((?:{family})\.(?!py$|conf$)[a-z_]+)(?: \[.*\])?", span))
    }


def known_settings() -> set[str]:
    """Every setting of a table, of the example, of the thresholds and of make."""
    tables = [ROOT / "docs/settings.md", ROOT / "alerts/README.md"]
    first_cells = [
        row for page in tables for row in re.findall(r"^\| (`[^|]+) \|", page.read_text("utf-8"), re.MULTILINE)
    ]
    named = set(re.findall(r"[A-Z][A-Z0-9_]+", " ".join(first_cells)))
    example = (ROOT / "compose/.env.example").read_text("utf-8")
    thresholds = (ROOT / "alerts/thresholds.py").read_text("utf-8")
    return (
        named
        | set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", example, re.MULTILINE))
        | set(re.findall(r"^([A-Z][A-Z0-9_]*)\b", thresholds, re.MULTILINE))
        | set(re.findall(r"\b[A-Z]+_[A-Z_]+\b", (ROOT / "Makefile").read_text("utf-8")))
    )


def known_metrics() -> set[str]:
    """Every metric of the exporter's table, and those that the notifier writes."""
    table = re.findall(r"^\| `(dnsha_\w+)`", (ROOT / "docs/metrics.md").read_text("utf-8"), re.MULTILINE)
    notifier = "".join(file.read_text("utf-8") for file in ROOT.glob("alerts/notifier/*.py"))
    written = set(re.findall(r"\bdnsha_notifier_\w+", notifier))
    return set(table) | written | {f"{name}_total" for name in written}  # a counter's name is written with its suffix


def known_checks() -> set[str]:
    """Every id of a check, as the code that judges has it."""
    code = "".join(file.read_text("utf-8") for file in ROOT.glob("exporter/**/*.py"))
    collectors = "vip|vrrp|health|adverts|firewall|resolve|containers|sync|peer|conflict"
    failing = {f"{name}.{kind}" for name in collectors.split("|") for kind in ("data", "file")}
    return failing | set(re.findall(r'"([a-z]+\.[a-z_]+)"', code))


@pytest.mark.parametrize("page", REFERRING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_setting_metric_and_check_that_is_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    assert settings_named(text) - known_settings() == set()
    assert metrics_named(text) - known_metrics() == set()
    assert checks_named(text) - known_checks() == set()


def test_names_are_found_in_backticks_alone() -> None:
    text = (
        "`VIP_ADRESS=1` NODE_X `dnsha_vip{x}` `a:dnsha_rule` `inet dnsha_vrrp` `vip.ownr [192.0.2.53]` `UDP` `vip.py`\n"
    )
    assert settings_named(text) == {"VIP_ADRESS"}
    assert metrics_named(text) == {"dnsha_vip"}
    assert checks_named(text) == {"vip.ownr"}


AUDIENCES = {
    "nobody": "The two Pi-holes",
    "peer": "the other node",
    "admins": "ADMIN_NETWORKS",
    "lan": "LAN, the other",
}


def test_ports_page_has_every_port_of_the_firewall_with_those_whom_it_lets_in() -> None:
    node = {"NETWORK_INTERFACE": "eth0", "PEER_IP": "192.0.2.12", "OBSERVABILITY": "yes", "PIHOLE_PORTS": "5301,5302"}
    rows = (ROOT / "docs/ports.md").read_text("utf-8").splitlines()
    for audience, ports in read_firewall(node).ports.items():
        for port in ports:
            row = next((row for row in rows if re.match(rf"\| [\d, ]*\b{port}\b", row)), f"no row for {port}")
            assert AUDIENCES[audience].lower() in row.lower(), row


COMPOSE_SERVICES = re.compile(
    r"docker compose (?:exec|start|stop|restart|kill|pause|unpause|logs|up)"
    r"((?: -[-\w]+(?:[ =](?:\d+\w?|SIG[A-Z]+))?)*)((?: [a-z][a-z-]+)+)"
)


def commands_of_tools(text: str) -> set[str]:
    """Find the commands that a page gives to the node's tools."""
    return set(re.findall(r"(?:run --rm (?:--no-deps )?(?:-T )?tools|-m stack\.tools) ([a-z-]+)", text))


def services_named(text: str) -> set[str]:
    """Find the services that a page starts, stops or looks into; of ``exec`` the first word is one, the rest is run."""
    named: set[str] = set()
    for found in COMPOSE_SERVICES.finditer(text):
        words = found[2].split()
        named |= set(words[:1] if " exec" in found[0] else words)
    return named


@pytest.mark.parametrize("page", REFERRING, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_and_service_that_is_named_exists(page: Path) -> None:
    text = page.read_text("utf-8")
    known = next(action.choices for action in build_parser()._actions if action.dest == "command")
    assert commands_of_tools(text) - set(known or ()) == set()
    files = "".join(file.read_text("utf-8") for file in ROOT.glob("compose/*.yaml"))
    assert services_named(text) - set(re.findall(r"^  ([a-z][a-z-]*):", files, re.MULTILINE)) == set()
    for script, flags in re.findall(r"stack/([a-z]+)\.sh((?: --[a-z-]+)+)", text):
        code = "".join(
            file.read_text("utf-8")
            for file in [ROOT / f"stack/{script}.sh", *ROOT.glob(f"stack/{script}/*")]
            if file.suffix in (".sh", ".py")
        )
        assert [flag for flag in flags.split() if flag not in code] == []


def test_commands_and_services_are_found() -> None:
    text = (
        "`docker compose run --rm --no-deps tools undrian` `docker compose exec sync python3 -m stack.tools snyc now`\n"
        "`docker compose kill --signal SIGKILL keepalive` `docker compose logs --since 15m pihole unbond # why`\n"
    )
    assert commands_of_tools(text) == {"undrian", "snyc"}
    assert services_named(text) == {"sync", "keepalive", "pihole", "unbond"}


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


def test_several_runs_of_chaos_are_told_as_one() -> None:
    runs = [
        {
            "seed": seed,
            "steps": 600,
            "rounds": 70,
            "failed": [{}] * failed,
            "seconds_by_fault": {"crash on the owner": seconds},
        }
        for seed, failed, seconds in (("a", 0, [0.2, 0.3]), ("b", 1, [0.25]))
    ]
    told = chaos_table(runs)
    assert "1200 steps in 140 rounds, each of a seed of its own (from a, b); 1 rounds broke a rule" in told
    assert "0.25     0.30    3" in told


def test_a_failure_that_was_not_measured_is_not_told() -> None:
    with pytest.raises(ValueError, match="run make bench-stack"):
        failover_table([])


def test_a_part_without_its_marks_is_refused() -> None:
    with pytest.raises(ValueError, match=r"page\.md must hold the marks"):
        replace_part("text", "demo", "x", "page.md")

"""Each command that a page tells people to type is run by a test, or the page says why none does."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.page_commands import ROOT, Command, all_commands, commands


class Run(NamedTuple):
    """Which test runs a command: the command's pattern, the test's file, and how it is written there."""

    pattern: str
    file: str
    words: str


DOCKER_TOOLS: Final = "docker compose run --rm tools "
RUNS: Final = (
    Run("make demo", "tests/lab_tests/test_demo.py", "demo.run()"),
    Run("exporter --once", "tests/timed/test_cli.py", '"-m", "exporter", "--once"'),
    Run("exporter --config /etc/dnsha/exporter.yaml --check-config", "tests/timed/test_cli.py", 'run("--check-config"'),
    Run("exporter --config /etc/dnsha/exporter.yaml --once", "tests/timed/test_cli.py", '"--config"'),
    Run("sudo exporter --export-rules .*", "tests/unit/test_export.py", '"--export-rules"'),
    Run("sudo exporter --export-dashboards .*", "tests/unit/test_export.py", '"--export-dashboards"'),
    Run("docker compose run --rm homeassistant --remove", "tests/timed/test_homeassistant.py", '"--remove"'),
    Run(r"dig @(VIP|NODE_IP|127\.0\.0\.1 -p 5335) test\.canary\.\S+ TXT \+short",
        "tests/lab_tests/test_page_commands.py", '"dig"'),
    Run(r"while sleep 0\.2; do echo .*canary.*; done", "tests/lab_tests/test_page_commands.py", '"while sleep 0.2"'),
    Run("ip -br address show", "tests/lab_tests/test_page_commands.py", '"ip", "-br", "address", "show"'),
    Run("sudo ss -lntup", "tests/lab_tests/test_page_commands.py", '"ss", "-lntup"'),
    Run("sudo nft list table inet dnsha", "tests/timed/test_firewall_keeper.py",
        'nft("list", "table", "inet", "dnsha")'),
    Run("sudo nft list table inet dnsha_vrrp", "tests/timed/test_advert_filter_keeper.py",
        'nft("list", "table", "inet", "dnsha_vrrp")'),
    Run("docker compose exec exporter python3 -m exporter --once", "tests/stack/test_standalone.py",
        '"exec", "exporter", "python3", "-m", "exporter", "--once"'),
    Run("docker compose exec exporter python3 -m exporter --once --only [a-z,]+", "tests/stack/test_firewall.py",
        '"exec", "exporter", "python3", "-m", "exporter", "--once", "--only"'),
    Run("docker compose exec notifier python3 -m alerts.notifier --test", "tests/alerting/test_trial.py",
        '"-m", "alerts.notifier", "--test"'),
    Run(f"{DOCKER_TOOLS}drill now", "tests/stack/test_drill.py", '"run", "--rm", "tools", "drill", "now"'),
    Run(f"{DOCKER_TOOLS}drain", "tests/stack/test_pair.py", '"run", "--rm", "tools", "drain"'),
    Run(f"{DOCKER_TOOLS}undrain", "tests/stack/test_pair.py", '"run", "--rm", "tools", "undrain"'),
    Run(f"{DOCKER_TOOLS}reload-unbound", "tests/stack/test_pair.py", '"run", "--rm", "tools", "reload-unbound"'),
    Run(f"{DOCKER_TOOLS}sync now", "tests/stack/test_sync.py", '"run", "--rm", "tools", "sync", "now"'),
    Run(f"{DOCKER_TOOLS}(pause (5m|end|url)|sync (adopt|now --force))", "tests/tools/test_page_commands.py",
        'TOOLS = "docker compose run --rm tools "'),
    Run("docker compose exec keepalived cat /run/dnsha/drain", "tests/stack/test_power_loss.py",
        '"exec", "keepalived", "cat", "/run/dnsha/drain"'),
    Run("docker compose exec sync python3 -m stack.tools sync now", "tests/stack/test_sync.py", '"sync", "now"'),
    Run("stack/update.sh --back", "tests/tools/test_scripts.py", '"update.sh", "--back"'),
    Run(r"sudo stack/setup\.sh --answers \S+", "tests/stack/test_setup.py", '"setup.sh", "--offline", "--answers"'),
    Run(r"sudo stack/setup\.sh", "tests/wire/test_setup.py", "test_enter_six_times_makes_a_pair"),
    Run(r"sudo stack/setup\.sh (~/dnsha-)?second\.env", "tests/stack/test_setup.py", 'beta.script("setup.sh"'),
    Run(r"sudo stack/restore\.sh \S+", "tests/stack/test_restore.py", 'node.script("restore.sh"'),
    Run(r"docker compose exec backup python3 -m stack\.tools restore --check \S+", "tests/tools/test_command_line.py",
        '"restore", "--check"'),
    Run("docker compose exec backup ls .*", "tests/stack/test_faults.py", '"exec", "backup", "ls"'),
    Run(r"docker compose cp backup:\S+ \.", "tests/stack/test_restore.py", 'node.compose("cp", "backup:'),
    Run(r"sed .* template\.answers >north\.answers", "tests/unit/test_commands.py", "test_a_sites_answers_are_made"),
    Run(r"grep \^PAIR_KEY= \.env", "tests/unit/test_commands.py", "test_the_pair_key_is_found"),
    Run(r"(cp stack/prometheus/prometheus\.yaml|echo 'PROMETHEUS_FILE).*", "tests/unit/test_commands.py",
        "test_a_prometheus_file_of_ones_own"),
)  # fmt: skip


def runner(command: Command) -> Run | None:
    return next((run for run in RUNS if re.fullmatch(run.pattern, command.text)), None)


def page_line(pattern: str) -> str:
    """The one command of the pages that fits."""
    (found,) = {one.text for one in all_commands() if re.fullmatch(pattern, one.text)}
    return found


def shell(line: str, folder: Path) -> str:
    return subprocess.run(
        ["sh", "-ec", line], cwd=folder, capture_output=True, text=True, timeout=10, check=True
    ).stdout


def test_each_command_of_the_pages_is_run_by_a_test_or_marked() -> None:
    unmarked = [
        f"{command.page}: {command.text}"
        for command in all_commands()
        if command.untested is None and runner(command) is None
    ]
    assert unmarked == []


def test_what_is_marked_says_why() -> None:
    assert [command for command in all_commands() if command.untested is not None and len(command.untested) < 10] == []


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.pattern)
def test_the_test_that_runs_a_command_exists_and_has_it(run: Run) -> None:
    text = (ROOT / run.file).read_text("utf-8")
    # A call that is broken over lines is the same call.
    assert run.words in " ".join(text.split()).replace("( ", "(")


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.pattern)
def test_no_row_is_left_of_a_command_that_no_page_has(run: Run) -> None:
    assert [one for one in all_commands() if runner(one) is run]


def test_commands_are_found_as_they_are_typed() -> None:
    text = (
        "```sh\nmake demo    # why\ncosign verify x \\\n  --y\nUPSTREAM=tls\n```\n"
        "```text\nno command\n```\n"
        "<!-- not tested: needs hardware -->\n  ```console\n  $ grep a b\n  printed\n  ```\n"
        '```sh\nfor one in a b; do\n  ssh "$one" true\ndone\n```\n'
    )  # fmt: skip
    assert [(one.text, one.untested) for one in commands("page", text)] == [
        ("make demo", None),
        ("cosign verify x --y", None),
        ("grep a b", "needs hardware"),
        ('for one in a b; do ssh "$one" true done', None),
    ]


def test_a_sites_answers_are_made_of_the_template(tmp_path: Path) -> None:
    (tmp_path / "template.answers").write_text("SITE=home\nNODE_IP=192.0.2.11\n")
    shell(page_line(r"sed .* template\.answers >north\.answers"), tmp_path)
    assert (tmp_path / "north.answers").read_text() == "SITE=north\nNODE_IP=192.0.2.11\n"


def test_the_pair_key_is_found_where_setup_writes_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("#PAIR_KEY=\nPAIR_KEY=key\n")
    assert shell(page_line(r"grep \^PAIR_KEY= \.env"), tmp_path) == "PAIR_KEY=key\n"


def test_a_prometheus_file_of_ones_own_is_a_copy_that_env_names(tmp_path: Path) -> None:
    (tmp_path / "stack/prometheus").mkdir(parents=True)
    (tmp_path / "compose").mkdir()
    (tmp_path / "stack/prometheus/prometheus.yaml").write_text("global: {}\n")
    for pattern in ("cp stack/prometheus/.*", "echo 'PROMETHEUS_FILE.*"):
        shell(page_line(pattern), tmp_path)
    (named,) = re.findall("PROMETHEUS_FILE=(.*)", (tmp_path / "compose/.env").read_text())
    assert (tmp_path / "compose" / named).read_text() == "global: {}\n"

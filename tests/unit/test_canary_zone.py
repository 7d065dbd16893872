"""The canary's zone has one home, stack/canary.env; whoever cannot read that file says the same."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from exporter.settings.table import SETTINGS

REPOSITORY = Path(__file__).parents[2]
# What resolvers answer themselves: RFC 6761, RFC 6762, RFC 7686, RFC 8375, ICANN's .internal, and what FTL 6.4.1 writes
# for dnsmasq (its src/config/dnsmasq_config.c).
SPECIAL = ("internal", "home.arpa", "test", "invalid", "localhost", "local", "onion", "bind", "lan", "home", "pi.hole")
FIRST_NAME = "canary.dnsha.internal"
# The file in which Unbound still answers the first name, and those that tell its story.
TELL_OF_THE_FIRST = {"stack/unbound/start", "CHANGELOG.md", "docs/design.md", "tests/unit/test_canary_zone.py"}


def home() -> str:
    lines = (REPOSITORY / "stack" / "canary.env").read_text().splitlines()
    (line,) = [line for line in lines if line and not line.startswith("#")]
    return line.removeprefix("CANARY_ZONE=")


def spelled() -> list[tuple[str, str]]:
    """Every place in the tracked files that spells a canary zone, and how; dots may be escaped for a regex."""
    found = subprocess.run(
        ["git", "grep", "-Ioe", r"canary[\\]*\.dnsha[\\]*\.[a-z]*"], cwd=REPOSITORY,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [(file, text.replace("\\", "")) for file, _, text in (line.partition(":") for line in found.stdout.split())]


def test_no_resolver_treats_the_zone_as_special() -> None:
    assert not home().endswith(tuple(f".{domain}" for domain in SPECIAL))
    # RFC 2606: nobody can register it. RFC 6761, 6.5: resolvers should not recognise it as special.
    assert home().rpartition(".")[2] == "example"


def test_the_exporter_s_default_is_the_zone() -> None:
    (setting,) = [setting for setting in SETTINGS if setting.key == "canary_zone"]
    assert setting.default == home()


@pytest.mark.parametrize("name", ["unbound", "keepalived", "exporter", "sync"])
def test_who_asks_or_answers_in_a_container_reads_the_file(name: str) -> None:
    service = yaml.safe_load((REPOSITORY / "compose" / "compose.yaml").read_text())["services"][name]
    assert "../stack/canary.env" in service["env_file"]


def test_every_place_that_spells_the_zone_spells_this_one() -> None:
    places = spelled()
    assert len(places) > 20
    allowed = {home(), FIRST_NAME}
    assert [(file, text) for file, text in places if text not in allowed] == []
    assert {file for file, text in places if text == FIRST_NAME} <= TELL_OF_THE_FIRST


def test_unbound_still_answers_the_first_name() -> None:
    start = (REPOSITORY / "stack" / "unbound" / "start").read_text()
    assert re.search(rf'local-zone: "{re.escape(FIRST_NAME)}\." redirect', start)

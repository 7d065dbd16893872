"""What the pages tell people to type on a node, or on a computer beside it, works as it is written there."""

from __future__ import annotations

import re

import pytest

from tests.lab.lab import Lab
from tests.lab.plan import NODES, VIPS
from tests.page_commands import all_commands

VIP = VIPS["ipv4"]


def written(begin: str) -> list[str]:
    """The pages' commands that begin so, each once."""
    return sorted({command.text for command in all_commands() if command.text.startswith(begin)})


@pytest.mark.parametrize("line", [line for line in written("dig") if "canary" in line])
def test_dig_says_which_node_answers(settled_pair: Lab, line: str) -> None:
    for place in NODES:
        host = settled_pair.hosts[place.name] if "127.0.0.1" in line else settled_pair.client
        words = line.replace("@VIP", f"@{VIP}").replace("@NODE_IP", f"@{place.ipv4}").split()
        expected = NODES[0].name if f"@{VIP}" in words else place.name
        assert words[0] == "dig"
        assert host.run(*words).strip() == f'"{expected}"'


def test_the_loop_of_the_failover_tests_shows_who_answers(settled_pair: Lab) -> None:
    (line,) = written("while sleep 0.2")
    three_times = line.replace("@VIP", f"@{VIP}").replace("while sleep 0.2", "for _ in 1 2 3")
    said = settled_pair.client.run("sh", "-c", three_times).splitlines()
    assert len(said) == 3
    assert all(re.fullmatch(rf'\d\d:\d\d:\d\d "{NODES[0].name}"', one) for one in said)


def test_ip_shows_where_the_vip_is(settled_pair: Lab) -> None:
    assert written("ip ") == ["ip -br address show"]
    shown = {name: host.run("ip", "-br", "address", "show") for name, host in settled_pair.hosts.items()}
    assert [name for name, text in shown.items() if f" {VIP}/" in text] == [NODES[0].name]


def test_ss_shows_what_listens(settled_pair: Lab) -> None:
    assert written("sudo ss") == ["sudo ss -lntup"]
    text = settled_pair.hosts[NODES[0].name].run("ss", "-lntup")
    assert re.search(r"\budp\b.*:53 ", text)
    assert ":9753 " in text

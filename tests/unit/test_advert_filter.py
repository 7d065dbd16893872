"""Which VRRP adverts may reach keepalived: the table of nftables as it is written, and as nft understands it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from exporter.model.errors import ConfigurationError
from stack.keepalived.advert_filter import REASONS, REMOVE, Reason, highest_priority, render
from stack.keepalived.values import KeepalivedSettings
from tests.unit.network_namespace import in_network_namespace
from tests.unit.test_keepalived_values import definitions_of, read

CONFIGURATION = (Path(__file__).parents[2] / "stack" / "keepalived" / "keepalived.conf").read_text()
IPV6 = {"NODE_IP": "2001:db8::11", "PEER_IP": "2001:db8::12", "VIP_ADDRESS": "2001:db8::53"}
PAIRS: dict[str, dict[str, str]] = {
    "unicast": {},
    "multicast": {"USE_UNICAST_VRRP": "false"},
    "password": {"VRRP_PASSWORD": "s3cret"},
    "IPv6": IPV6,
    "IPv6 by multicast": {**IPV6, "USE_UNICAST_VRRP": "false"},
    "standalone": {"NODE_ROLE": "standalone", "PEER_IP": ""},
    "standalone that was one of a pair": {"NODE_ROLE": "standalone"},
}


def chains(settings: KeepalivedSettings, dropped: dict[Reason, int] | None = None, highest: int = 240) -> list[str]:
    """The lines of both chains."""
    lines = [line.strip() for line in render(settings, highest, dropped or {}).splitlines()]
    return [line for line in lines if not line.endswith("}") and not line.startswith(("table", "delete")) and line]


def test_a_unicast_node_hears_its_peer_alone() -> None:
    assert chains(read()) == [
        "chain input {",
        "type filter hook input priority filter - 10; policy accept;",
        "meta nfproto ipv4 meta l4proto vrrp @th,8,8 53 ip daddr 192.0.2.11 jump adverts",
        "chain adverts {",
        "ip saddr 192.0.2.11 drop",
        "ip saddr != 192.0.2.12 counter name dropped_foreign_source drop",
        "ip ttl != 255 counter name dropped_ttl drop",
        "@th,0,8 != 0x31 counter name dropped_version drop",
        "@th,32,16 & 0x0fff != 5 counter name dropped_interval drop",
        "@th,16,8 > 240 counter name dropped_priority drop",
    ]


def test_by_multicast_one_interface_is_heard_and_the_source_is_still_the_peer() -> None:
    lines = chains(read(USE_UNICAST_VRRP="false", VIRTUAL_ROUTER_ID="7"))
    assert 'meta nfproto ipv4 meta l4proto vrrp @th,8,8 7 iifname "eth0" jump adverts' in lines
    assert "ip saddr != 192.0.2.12 counter name dropped_foreign_source drop" in lines


def test_the_older_version_has_its_own_header() -> None:
    lines = chains(read(VRRP_PASSWORD="s3cret", VRRP_ADVERT_INTERVAL="2.5"))
    assert "@th,0,8 != 0x21 counter name dropped_version drop" in lines
    assert "@th,40,8 != 3 counter name dropped_interval drop" in lines
    assert "s3cret" not in "".join(lines)


def test_over_ipv6_it_is_the_hop_limit() -> None:
    lines = chains(read(**IPV6))
    assert "meta nfproto ipv6 meta l4proto vrrp @th,8,8 53 ip6 daddr 2001:db8::11 jump adverts" in lines
    assert "ip6 saddr != 2001:db8::12 counter name dropped_foreign_source drop" in lines
    assert "ip6 hoplimit != 255 counter name dropped_ttl drop" in lines


@pytest.mark.parametrize("name", ["standalone", "standalone that was one of a pair"])
def test_a_node_alone_hears_nobody(name: str) -> None:
    lines = chains(read(**PAIRS[name]))
    assert lines[-2:] == ["ip saddr 192.0.2.11 drop", "counter name dropped_foreign_source drop"]


@pytest.mark.parametrize(
    ("interval", "units", "configured"),
    [("0.05", 5, "0.05"), ("0.01", 1, "0.01"), ("1", 100, "1"), ("40", 4000, "40"), ("0.025", 3, "0.03")],
)
def test_keepalived_is_given_the_very_interval_that_is_let_through(interval: str, units: int, configured: str) -> None:
    settings = read(VRRP_ADVERT_INTERVAL=interval)
    assert f"@th,32,16 & 0x0fff != {units} counter name dropped_interval drop" in chains(settings)
    assert definitions_of(settings)["ADVERT_INTERVAL"] == [configured]


def test_the_other_nodes_highest_priority_is_let_through() -> None:
    """A primary has 250, a secondary 240; a standby that takes from a silent owner is raised by 12, to 254 at most."""
    assert highest_priority(CONFIGURATION, "primary") == 252
    assert highest_priority(CONFIGURATION, "secondary") == 254


def test_what_raises_a_priority_counts_and_what_lowers_it_does_not() -> None:
    text = (
        "track_file a {\n  weight 8\n}\ntrack_file b {\n  weight -60\n}\n@primary priority 250\n@secondary priority 240"
    )
    assert highest_priority(text, "primary") == 248
    assert highest_priority(text, "secondary") == 254  # 255 would be a router that owns the address


def test_a_configuration_without_the_other_nodes_priority_is_refused() -> None:
    with pytest.raises(ConfigurationError):
        highest_priority("@primary priority 250", "primary")


def test_the_counters_go_on_from_where_they_were() -> None:
    text = render(read(), 240, {"ttl": 7})
    assert "counter dropped_ttl { packets 7 bytes 0 }" in text
    for reason in set(REASONS) - {"ttl"}:
        assert f"counter dropped_{reason} {{ packets 0 bytes 0 }}" in text


@in_network_namespace
def test_nft_takes_every_table_twice_and_its_removal_twice(tmp_path: Path) -> None:
    if shutil.which("nft", path="/usr/sbin:/usr/bin:/sbin") is None:
        return  # tests/packages check has it
    for changes in PAIRS.values():
        text = render(read(**changes), 250, {"ttl": 7})
        for transaction in (text, text, REMOVE, REMOVE):
            subprocess.run(
                ["/usr/sbin/nft", "--file", "-"],
                input=transaction,
                text=True,
                check=True,
                capture_output=True,
                timeout=10,
            )

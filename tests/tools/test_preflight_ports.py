"""Which ports the stack needs, and which process has them, by the kernel's tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.preflight.facts import Listener
from stack.preflight.port import listeners, needed, parse_table
from tests.tools.preflight_facts import CONTAINER, ENVIRONMENT, STRANGE_CONTAINER

# As the kernel prints it (proc(5)), with systemd-resolved, an IPv6 listener, a client's connection and another port.
UDP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  102: 3500007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 18123 2 0000000000000000 0
  103: 00000000:0044 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 18124 2 0000000000000000 0
"""


TCP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when
   0: 000080FE00000000FF00000001000000:0035 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 0 0 0 777 1
   1: 00000000000000000000000001000000:0035 00000000000000000000000001000000:9999 01 00000000:00000000 00:00000000 0 0 0 778 1
"""  # noqa: E501


def test_the_kernels_tables_of_sockets_are_read() -> None:
    assert parse_table(UDP, "udp", {53}) == {"18123": ("127.0.0.53", "udp", 53)}
    assert parse_table(UDP, "udp", {67, 68}) == {"18124": ("0.0.0.0", "udp", 68)}
    (found,) = parse_table(TCP6, "tcp", {53}).values()
    assert found == ("fe80::ff:0:1", "tcp", 53)


@given(st.text(alphabet="0123456789ABCDEF: \n", max_size=300))
def test_a_strange_table_breaks_nothing(text: str) -> None:
    parse_table(text, "udp", {53})


@pytest.mark.parametrize(
    ("cgroup", "containers", "ours"),
    [
        ("0::/../system.slice/systemd-resolved.service", None, False),
        (f"0::/../{CONTAINER}", None, True),
        (f"0::/../{CONTAINER}", f"{STRANGE_CONTAINER}\n{CONTAINER}\n", True),
        (f"0::/../docker-{CONTAINER}.scope", CONTAINER, True),
        (f"13:memory:/docker/{CONTAINER}\n12:pids:/docker/{CONTAINER}", CONTAINER, True),
        (f"0::/../{CONTAINER}", STRANGE_CONTAINER, False),
        (f"0::/../{CONTAINER}", "", False),
    ],
)
def test_the_process_is_named_where_it_can_be_seen(
    tmp_path: Path, cgroup: str, containers: str | None, *, ours: bool
) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "udp").write_text(UDP)
    (tmp_path / "612" / "fd").mkdir(parents=True)
    (tmp_path / "612" / "comm").write_text("systemd-resolve\n")
    (tmp_path / "612" / "cgroup").write_text(cgroup)
    (tmp_path / "612" / "fd" / "13").symlink_to("socket:[18123]")
    (tmp_path / "612" / "fd" / "4").write_text("")  # as one that was closed between the listing and the reading
    found = listeners(tmp_path, {53}, containers)
    assert found == (Listener("127.0.0.53", "udp", "systemd-resolve", ours=ours),)
    assert listeners(tmp_path / "nowhere", {53}, containers) is None


@pytest.mark.parametrize(
    ("changes", "ports"),
    [
        ({}, {80: "pihole", 443: "pihole", 5335: "unbound", 9100: "node-exporter", 9753: "exporter", 9755: "backup"}),
        ({"PIHOLE_WEB_PORT": "127.0.0.1:8080o,[::1]:8443os", "EXPORTER_PORT": "9999", "NODE_EXPORTER_PORT": "9101"},
         {8080: "pihole", 8443: "pihole", 5335: "unbound", 9101: "node-exporter", 9999: "exporter", 9755: "backup"}),
        ({"COMPOSE_FILE": "compose.yaml:observability.yaml", "NODE_ROLE": "secondary"},
         {80: "pihole", 443: "pihole", 5335: "unbound", 9100: "node-exporter", 9753: "exporter", 9090: "prometheus",
          9093: "alertmanager", 9094: "alertmanager", 9754: "notifier", 9755: "backup"}),
    ],
)  # fmt: skip
def test_the_ports_that_the_stack_needs_follow_from_the_settings(
    changes: dict[str, str], ports: dict[int, str]
) -> None:
    assert {port: who.container for port, who in needed({**ENVIRONMENT, **changes}).items()} == ports


def test_grafana_is_on_the_primary_and_layout_b_has_everything_twice() -> None:
    everything = {
        **ENVIRONMENT,
        "COMPOSE_FILE": "compose.yaml:layout-b.yaml:observability.yaml",
        "GRAFANA_PORT": "3001",
    }
    found = needed(everything)
    assert found[3001] == ("grafana", "GRAFANA_PORT")
    assert {found[port].container for port in (5302, 5336, 8081)} == {"pihole-b", "unbound-b"}

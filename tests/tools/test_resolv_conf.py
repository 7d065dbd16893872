"""Whom this host asks for names, as the C library and systemd-resolved know it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.resolvers import parse_resolvers, resolvers


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# made by a router\nsearch lan\nnameserver 192.0.2.1\nnameserver fe80::1%eth0\n", ("192.0.2.1", "fe80::1")),
        ("nameserver\nnameserver nonsense\n  nameserver 2001:DB8::1\n", ("2001:db8::1",)),
        ("", ("127.0.0.1",)),
    ],
)
def test_resolv_conf_is_read_as_the_c_library_does(text: str, found: tuple[str, ...]) -> None:
    assert parse_resolvers(text) == found


@pytest.mark.parametrize("link", ["../run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/stub-resolv.conf"])
def test_behind_systemd_resolved_are_those_that_it_asks(tmp_path: Path, link: str) -> None:
    resolve = tmp_path / "run/systemd/resolve"
    resolve.mkdir(parents=True)
    (resolve / "stub-resolv.conf").write_text("nameserver 127.0.0.53\noptions edns0\n")
    (resolve / "resolv.conf").write_text("nameserver 192.0.2.53\n")
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").symlink_to(link)
    assert resolvers(tmp_path) == ("192.0.2.53",)


def test_a_copy_of_a_stubs_file_does_not_say_whom_it_asks(tmp_path: Path) -> None:
    """As a container has it, without the host's /run."""
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/resolv.conf").write_text("nameserver 127.0.0.53\n")
    assert resolvers(tmp_path) is None


def test_a_host_without_a_file_asks_itself_and_an_unreadable_one_is_unknown(tmp_path: Path) -> None:
    assert resolvers(tmp_path) == ("127.0.0.1",)
    (tmp_path / "etc/resolv.conf").mkdir(parents=True)
    assert resolvers(tmp_path) is None


@given(st.text(max_size=200))
def test_a_strange_resolv_conf_breaks_nothing(text: str) -> None:
    assert parse_resolvers(text)

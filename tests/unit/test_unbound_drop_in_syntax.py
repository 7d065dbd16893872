"""What a drop-in file says, read line by line; stricter than Unbound's own lexer, and never wrong about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.unbound.syntax import LineError, Option, parse


def test_a_file_as_people_write_it() -> None:
    content = (
        b"# the printer\r\n"
        b"server:\n"
        b'\tlocal-zone: "home.example." transparent   # ours\n'
        b"    local-data:'printer.home.example. IN TXT \"first # floor\"'\n"
        b"\n"
        b"forward-zone: # all of it\n"
        b'  name: "."\n'
        b"  forward-addr: 192.0.2.1@853#dns.example\n"
        b"  forward-tls-upstream:yes"
    )
    assert parse(content) == (
        Option("server", "server", (), 2),
        Option("server", "local-zone", ("home.example.", "transparent"), 3),
        Option("server", "local-data", ('printer.home.example. IN TXT "first # floor"',), 4),
        Option("forward-zone", "forward-zone", (), 6),
        Option("forward-zone", "name", (".",), 7),
        Option("forward-zone", "forward-addr", ("192.0.2.1@853#dns.example",), 8),
        Option("forward-zone", "forward-tls-upstream", ("yes",), 9),
    )


@pytest.mark.parametrize("content", [b"", b"\n\n", b"# nothing", b"  \t\n"])
def test_a_file_may_say_nothing(content: bytes) -> None:
    assert parse(content) == ()


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        (b"server:\nprefetch yes\n", 2, "does not begin with the name of an option"),
        (b"prefetch: yes\n", 1, "before the head of a clause"),
        (b"\nfowrard-zone:\n", 2, "fowrard-zone: stands before the head"),
        (b'server:\n\nlocal-data: "open\n', 3, "quotes are closed"),
        (b"server:\nlocal-data: 'open\n'", 2, "quotes are closed"),
        (b'server:\nlocal-data: "a"b\n', 2, "quotes are closed"),
        (b'server:\nlocal-data: "a\\"b"\n', 2, "no backslash"),
        (b"server:\nlocal-zone: a\\ b static\n", 2, "no backslash"),
        (b"server: prefetch: yes python:\nx\n", 1, "server: stands on a line of its own"),
        (b'server:\nlocal-zone: include: "/etc/passwd"\n', 2, "include: is not for drop-in files"),
        (b"server:\nlocal-zone: a include-toplevel:\n", 2, "include-toplevel: is not for drop-in files"),
        (b"server:\nprefetch: yes\rpython:\n", 2, "cannot be seen"),
        (b"server:\n# \x00\n", 2, "cannot be seen"),
        (b"server:\nprefetch:\xc2\xa0yes\n", 2, "cannot be seen"),
        (b"server:\n# \xff\n", 2, "not UTF-8"),
        (b"SERVER:\n", 1, "does not begin"),
    ],
)
def test_what_is_read_otherwise_than_it_looks_is_refused_with_its_line(content: bytes, line: int, what: str) -> None:
    with pytest.raises(LineError, match=what) as caught:
        parse(content)
    assert caught.value.line == line
    assert str(caught.value).startswith(f"line {line}: ")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        options = parse(content)
    except LineError as error:
        lines = [error.line]
    else:
        lines = [option.line for option in options]
    assert all(1 <= line <= content.count(b"\n") + 1 for line in lines)
    assert lines == sorted(set(lines))


@given(st.text(alphabet="server:python include\"'#\\ \t\n\r.a1", max_size=120))
def test_no_option_is_read_out_of_a_line_that_holds_more(text: str) -> None:
    try:
        options = parse(text.encode())
    except LineError:
        return
    for option in options:
        line = text.split("\n")[option.line - 1]
        assert line.strip().startswith(f"{option.name}:")
        assert not any(set(value) & set("\n\r\\") for value in option.values)

"""Reading a JSON object's fields: each is what it must be, or refused by its name and place."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from exporter.model.errors import ParseError
from exporter.parsers.fields import Fields, parse_object

WORD = re.compile(r"[a-z]{1,8}")


def read(value: str) -> Fields:
    return parse_object(f'{{"outer": {{"it": {value}}}}}', "the report").object("outer")


@pytest.mark.parametrize(
    ("value", "reading", "expected"),
    [
        ("true", lambda f: f.flag("it"), True),
        ("-3", lambda f: f.integer("it", -3, 3), -3),
        ("9007199254740991", lambda f: f.count("it"), 2**53 - 1),
        ("18446744073709551615", lambda f: f.count("it", 2**64), 2**64 - 1),
        ("-2.5", lambda f: f.number("it"), -2.5),
        ("2", lambda f: f.seconds("it"), 2.0),
        (r'"a\u0007b"', lambda f: f.text("it", 3), "a b"),
        (r'" a\u001b[2J\n\n  bcd "', lambda f: f.excerpt("it", 8), "a [2J bc"),
        ('"abc"', lambda f: f.word("it", WORD, "a word"), "abc"),
        ('"up"', lambda f: f.one_of("it", {"up": 1, "down": 0}), 1),
        ("[1, 2]", lambda f: f.array("it", 2), [1, 2]),
        ('[{"x": 1}]', lambda f: [one.count("x") for one in f.objects("it", 1)], [1]),
        ('{"x": 1}', lambda f: f.object("it", 1, WORD).count("x"), 1),
        ("null", lambda f: f.has("it"), False),
    ],
)
def test_a_field_is_read_as_what_it_must_be(value: str, reading: Callable[[Fields], object], expected: object) -> None:
    assert reading(read(value)) == expected


@pytest.mark.parametrize(
    ("value", "reading", "expected"),
    [
        ("1", lambda f: f.flag("it"), "true or false"),
        ("true", lambda f: f.integer("it", 0, 3), "a number from 0 to 3"),
        ("4", lambda f: f.integer("it", 0, 3), "a number from 0 to 3"),
        ("1.0", lambda f: f.count("it"), "a count"),
        ("-1", lambda f: f.count("it"), "a count"),
        ("true", lambda f: f.count("it"), "a count"),
        ("9007199254740992", lambda f: f.count("it"), "a count"),
        ("false", lambda f: f.number("it"), "a number"),
        ("-1e400", lambda f: f.number("it"), "a number"),
        ("-0.5", lambda f: f.seconds("it"), "a number of seconds"),
        ("true", lambda f: f.seconds("it"), "a number of seconds"),
        ('"abcd"', lambda f: f.text("it", 3), "a text of at most 3 characters"),
        ("3", lambda f: f.excerpt("it", 3), "a text"),
        ('"abc\\n"', lambda f: f.word("it", WORD, "a word"), "a word"),
        ('["up"]', lambda f: f.one_of("it", {"up": 1, "down": 0}), "one of up, down"),
        ("[1, 2]", lambda f: f.array("it", 1), "a list of at most 1 entries"),
        ('[{}, "x"]', lambda f: f.objects("it"), "a list of objects"),
        ("[]", lambda f: f.object("it"), "an object"),
        ('{"X": 1}', lambda f: f.object("it", names=WORD), "an object with names such as [a-z]{1,8}"),
        ("null", lambda f: f.flag("it"), "true or false"),
    ],
)
def test_another_one_is_refused_by_name_and_place(
    value: str, reading: Callable[[Fields], object], expected: str
) -> None:
    with pytest.raises(ParseError) as refused:
        reading(read(value))
    assert str(refused.value) == f"outer.it in the report is not {expected}"


@pytest.mark.parametrize("content", ["[]", "null", '"{}"', "7"])
def test_what_is_no_object_is_refused(content: str) -> None:
    with pytest.raises(ParseError, match=r"^the report is not an object$"):
        parse_object(content, "the report")

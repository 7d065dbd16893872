"""Text that anyone may have chosen becomes harmless, and stays readable."""

# ruff: noqa: RUF001 (lookalikes are what this is about)

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.notifier.text import clean


@pytest.mark.parametrize(
    "text",
    ["DNS fällt aus", "域名服务器无响应", "خادم الأسماء لا يجيب", "सर्वर उत्तर नहीं दे रहा", "שרת", "می‌خواهم", "👨‍👩‍👧"],
)
def test_any_language_stays_as_it_is(text: str) -> None:
    assert clean(text, 100) == text


@pytest.mark.parametrize(
    ("hostile", "harmless"),
    [
        ("one\ntwo\r\nthree\u2028four\tfive", "one two three four five"),
        ("a\x00b\x1b[31mc\x7f", "ab(31mc"),
        ("safe\u202egnp.exe\u2066x", "safegnp․exex"),
        ("<b>bold</b> & <script>", "‹b›bold‹/b› & ‹script›"),
        ("**bold** `code` [text](https://evil.example)", "∗∗bold∗∗ ʼcodeʼ (text)(https: //evil․example)"),
        ("see evil.example/x?y", "see evil․example/x?y"),
        ("WWW.Evil.COM.", "WWW․Evil․COM."),
        ("evil.3com.net evil．example böse｡example", "evil.3com․net evil․example böse․example"),
        ("пример.рф xn--e1afmkfd.xn--p1ai", "пример․рф xn--e1afmkfd․xn--p1ai"),
        ("a.b@evil.example", "a․b＠evil․example"),
        ("@everyone <!channel>", "＠everyone ‹!channel›"),
        ("~~gone~~ ||spoiler||", "∼∼gone∼∼ ¦¦spoiler¦¦"),
        ("   much   room   ", "much room"),
        ("", ""),
        ("\n\x00\u202e", ""),
    ],
)
def test_what_could_be_interpreted_is_not(hostile: str, harmless: str) -> None:
    assert clean(hostile, 100) == harmless


@pytest.mark.parametrize("text", ["192.0.2.53 answers", "3.5 h. Then 0.7 s.", "v6.4.1", "gone ... now", "2001:db8::53"])
def test_dots_that_make_no_link_stay(text: str) -> None:
    assert clean(text, 100) == text


def test_marks_that_would_cover_other_lines_are_limited() -> None:
    assert clean("a" + "\u0310" * 50, 100) == "a" + "\u0310" * 4


def test_a_cut_is_shown() -> None:
    assert clean("x" * 20, 20) == "x" * 20
    assert clean("x" * 21, 20) == "x" * 19 + "…"
    assert clean("x" * 1_000_000, 20) == "x" * 19 + "…"


@given(st.text(), st.integers(2, 50))
def test_nothing_is_ever_more_than_one_short_line(text: str, limit: int) -> None:
    line = clean(text, limit)
    assert len(line) <= limit
    assert not set(line) & set("<>`*[]@~|\n\r\t\u2028\u2029\u202e")
    assert not re.search(r"\S\.[^\W\d_]", line)
    assert not [
        character for character in line if unicodedata.category(character)[0] == "C" and character not in "\u200c\u200d"
    ]

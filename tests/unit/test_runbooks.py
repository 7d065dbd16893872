"""Runbooks as a node serves them: readable on a phone while DNS is broken, and nothing else of its disk."""

from __future__ import annotations

import http.client
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources import runbooks
from exporter.views import runbooks as views
from exporter.views.markdown import to_html
from tests.unit import samples
from tests.unit.standin_application import running_exporter
from tests.unit.test_page import Reader

REPOSITORY = Path(__file__).resolve().parents[2]
RUNBOOKS = sorted((REPOSITORY / "docs" / "runbooks").glob("DnsHa*.md"))


def ask(port: int, path: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def test_every_runbook_is_served_and_leads_only_to_what_is_served() -> None:
    with running_exporter(samples.healthy()) as port:
        status, content_type, index = ask(port, "/runbooks/")
        assert (status, content_type) == (200, "text/html; charset=utf-8")
        listed = [value for name, value in Reader(index).attributes if name == "href" and value != "../"]
        assert listed == [path.stem for path in RUNBOOKS]
        assert "docker compose exec exporter python3 -m exporter --once" in Reader(index).text
        for path in RUNBOOKS:
            status, content_type, page = ask(port, f"/runbooks/{path.stem}")
            assert (status, content_type) == (200, "text/html; charset=utf-8")
            seen = Reader(page)
            assert seen.text.startswith(f"{path.stem} status all runbooks {path.stem} Meaning ")
            links = {value for name, value in seen.attributes if name == "href"}
            assert links <= {"../", "./", *listed}
            assert "```" not in page


def test_the_name_of_its_file_leads_to_a_runbook_too() -> None:
    with running_exporter(samples.healthy()) as port:
        assert ask(port, "/runbooks/DnsHaSplitBrain.md") == ask(port, "/runbooks/DnsHaSplitBrain")


@pytest.mark.parametrize(
    "name",
    [
        "DnsHaNothing",
        "README",
        "../runbooks/DnsHaSplitBrain",
        "..%2f..%2fpyproject.toml",
        "%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/etc/passwd",
        "DnsHaSplitBrain%00",
        "DnsHaSplitBrain/",
        "",
    ],
)
def test_any_other_name_is_not_found_and_the_answer_names_those_there_are(name: str) -> None:
    with running_exporter(samples.healthy()) as port:
        status, content_type, text = ask(port, f"/runbooks/{name}" if name else "/runbooks//")
    assert (status, content_type) == (404, "text/plain; charset=utf-8")
    assert text.startswith("Nothing here; there are /, /metrics, ")
    for path in RUNBOOKS:
        assert f"/runbooks/{path.stem}" in text


def test_an_exporter_without_them_says_so(tmp_path: Path) -> None:
    assert runbooks.find(tmp_path / "nothing") == {}
    assert (
        "No runbooks were installed here."
        in Reader(views.index(runbooks.find(tmp_path), runbooks.introduction(tmp_path))).text
    )


def test_each_check_with_a_runbook_exists_and_so_does_its_runbook() -> None:
    source = "".join(path.read_text() for path in (REPOSITORY / "exporter" / "checks").glob("*.py"))
    names = {path.stem for path in RUNBOOKS}
    for check, name in views._OF_CHECK.items():
        collector, _, what = check.partition(".")
        made_of_parts = f'"{what}"' in source if collector == "resolve" else f'.{what}"' in source
        assert f'"{check}"' in source or made_of_parts, check
        assert name in names
    assert views.of_check("vip.data") in names
    assert views.of_check("nothing.known") == ""


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# One\n\n## Two `x`\n", "<h1>One</h1>\n<h2>Two <code>x</code></h2>\n"),
        ("First.\nSecond.\n\nThird.\n", "<p>First.\nSecond.</p>\n<p>Third.</p>\n"),
        ("- a\n- `b`: c\n", "<ul>\n<li>a</li>\n<li><code>b</code>: c</li>\n</ul>\n"),
        (
            "```sh\n# no heading <&>\n- b\n```\n",
            "<pre><code># no heading &lt;&amp;&gt;\n</code><code>- b\n</code></pre>\n",
        ),
        (
            "| a | b |\n| --- | --- |\n| `c` | d |\n",
            (
                '<div class="row"><b>a</b><span>b</span></div>\n'
                '<div class="row"><b><code>c</code></b><span>d</span></div>\n'
            ),
        ),
        ("see [One](One.md).", '<p>see <a href="One">One</a>.</p>\n'),
        ("[out](https://example.org/?a&b)", '<p><a href="https://example.org/?a&amp;b">out</a></p>\n'),
        ("[file](../restore.md)", "<p>file (../restore.md)</p>\n"),
        ("[bad](javascript:alert(1))", "<p>bad (javascript:alert(1))</p>\n"),
        ("`[no](link.md)` <b>&", "<p><code>[no](link.md)</code> &lt;b&gt;&amp;</p>\n"),
        ("", ""),
    ],
)
def test_the_marks_that_runbooks_use_are_understood(text: str, html: str) -> None:
    assert to_html(text) == html


@given(st.text(alphabet="#-|`[]()<>&\"' \nab.md:/h", max_size=80))
def test_whatever_the_text_is_the_page_is_well_formed_and_has_no_script(text: str) -> None:
    seen = Reader(views.runbook("name", text))
    assert "script" not in seen.tags
    addresses = [str(value) for name, value in seen.attributes if name == "href"]
    assert not [address for address in addresses if ":" in address and not address.startswith(("http://", "https://"))]

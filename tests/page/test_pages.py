"""Every page, on a phone and on a desk, light and dark: nothing leaves the screen, and everything can be read."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from dashboards.preview.browser import COMMAND, Browser, Scheme, browser
from tests.page.stories import STORIES
from tests.unit import samples
from tests.unit.standin_application import running_exporter

MEASURE = Path(__file__).with_name("measure.js").read_text("utf-8")
PHONE, DESK = (390, 844), (1280, 800)
RUNBOOKS = ("", "DnsHaSplitBrain", "DnsHaTaskFailing", "DnsHaLanConflict")

screens = pytest.mark.parametrize("screen", [PHONE, DESK], ids=["phone", "desk"])
schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if shutil.which(COMMAND) is None:
        reason = "chromium is missing: apt-get install chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with browser() as running:
        yield running


def measure(chromium: Browser, url: str, screen: tuple[int, int], scheme: Scheme) -> dict[str, Any]:
    chromium.open(url, width=screen[0], height=screen[1], scheme=scheme)
    assert chromium.evaluate("document.documentElement.clientWidth") == screen[0]
    found: dict[str, Any] = chromium.evaluate(MEASURE)
    return found


@screens
@schemes
@pytest.mark.parametrize("story", STORIES)
def test_the_status_page_can_be_read(chromium: Browser, story: str, screen: tuple[int, int], scheme: Scheme) -> None:
    with running_exporter(STORIES[story]()) as port:
        found = measure(chromium, f"http://127.0.0.1:{port}/", screen, scheme)
    assert found["complaints"] == []
    assert found["texts"] > 20


@screens
@schemes
def test_the_runbooks_can_be_read(chromium: Browser, screen: tuple[int, int], scheme: Scheme) -> None:
    with running_exporter(samples.healthy()) as port:
        for name in RUNBOOKS:
            found = measure(chromium, f"http://127.0.0.1:{port}/runbooks/{name}", screen, scheme)
            assert found["complaints"] == [], name
            assert found["texts"] > 20


@schemes
def test_the_scheme_that_the_reader_prefers_is_shown(chromium: Browser, scheme: Scheme) -> None:
    with running_exporter(samples.healthy()) as port:
        measure(chromium, f"http://127.0.0.1:{port}/", PHONE, scheme)
        back = chromium.evaluate("getComputedStyle(document.body).backgroundColor")
    lightness = sum(int(part) for part in back.removeprefix("rgb(").removesuffix(")").split(","))
    assert (lightness > 600) is (scheme == "light")


def page(body: str) -> str:
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return "data:text/html," + quote(f"<!DOCTYPE html>{viewport}<body style='margin:0;background:#fff'>{body}")


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("<div style='width:500px'>wide</div>", "the page is 50"),
        ("<p style='width:100px;white-space:nowrap;overflow:hidden'>cut off, as it has no room</p>", "p holds "),
        ("<p style='position:absolute;left:-30px'>gone to the left</p>", '"gone" leaves the screen'),
        ("<p style='color:#999'>faint</p>", '"faint" has a contrast of 2.85'),
        ("<p style='color:#0008'>half</p>", '"half" has a contrast of 4.47'),
        (
            "<div style='background:#1f6fb4'><b style='color:#444'>dark on blue</b></div>",
            '"dark on blue" has a contrast',
        ),
        ("<p style='font-size:9px'>tiny</p>", '"tiny" is 9 pixels high'),
    ],
)
def test_what_nobody_can_read_is_complained_about(chromium: Browser, body: str, complaint: str) -> None:
    found = measure(chromium, page(body), PHONE, "light")["complaints"]
    assert any(one.startswith(complaint) for one in found), found


@pytest.mark.parametrize(
    "body",
    [
        "<p style='color:#767676'>just enough</p>",  # 4.54 to 1
        "<h1 style='font-size:24px;color:#949494'>large</h1>",  # 3.03 to 1
        "<div style='background:#000'><div style='background:#fff9'><p style='color:#000'>mixed</p></div></div>",
    ],
)
def test_what_can_be_read_is_not(chromium: Browser, body: str) -> None:
    assert measure(chromium, page(body), PHONE, "light") == {"texts": 1, "complaints": []}

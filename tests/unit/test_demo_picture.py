"""The moving picture of the demo says what was measured, and is nothing but a picture."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.lab.demo_picture import draw, main
from tests.lab.outcome import Answers, answers_since
from tests.lab.sample import Query

ROOT = Path(__file__).resolve().parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def scenario(name: str, outage: float, lost: int) -> dict[str, Any]:
    return {
        "name": name,
        "headline": f"{name} <happens>",
        "owner_before": "alpha",
        "owner_after": "beta",
        "outage_seconds": outage,
        "queries": 150,
        "queries_lost": lost,
        "exporter_detect_seconds": 0.412,
        "owners_seen_max": 1,
        "recovered": True,
        "answers": [[-0.5, 0.01, "alpha"], [0.01, 0.01 + outage, None], [0.01 + outage, 2.25, "beta"]],
    }


def document() -> dict[str, Any]:
    return {
        "measured": "keepalived 2.3.3, on a Pi & its kernel",
        "vip": "192.0.2.53",
        "scenarios": [scenario("graceful", 0.0, 0), scenario("crash", 0.311, 30)],
        "once": {},
    }


def words(svg: str) -> str:
    return " ".join(text.strip() for text in ET.fromstring(svg).itertext() if text.strip())  # noqa: S314  our own


def test_the_picture_says_what_was_measured_and_on_what() -> None:
    said = words(draw(document()))
    for one in ("graceful <happens>", "0.31 s", "30 of 150", "0.41 s", "192.0.2.53", "on a Pi & its kernel"):
        assert one in said
    assert "nothing lost" in said


def test_the_picture_has_no_script_and_fetches_nothing() -> None:
    svg = draw(document())
    tags = {element.tag for element in ET.fromstring(svg).iter()}  # noqa: S314
    assert tags <= {f"{SVG}{name}" for name in ("svg", "title", "desc", "style", "g", "rect", "line", "text", "circle")}
    assert not re.search(r"\bon\w+=|href|url\(|@import|@font-face", svg)


def test_the_picture_suits_light_and_dark_and_stands_still_for_who_asks() -> None:
    svg = draw(document())
    assert "@media (prefers-color-scheme: dark)" in svg
    assert "@media (prefers-reduced-motion: reduce)" in svg


def test_the_vip_moves_when_the_other_node_first_answers() -> None:
    early, late = document(), document()
    late["scenarios"][0]["answers"] = [[-0.5, 1.0, "alpha"], [1.0, 1.4, None], [1.4, 2.0, "beta"]]
    assert frames(draw(early), "vip") != frames(draw(late), "vip")
    assert frames(draw(early), "vip")[2] < frames(draw(late), "vip")[2] <= 100


def frames(svg: str, name: str) -> list[float]:
    """The times of the first scene's frames, in percent of the whole."""
    (keyframes,) = re.findall(rf"@keyframes {name} \{{(.*)\}}$", svg, re.MULTILINE)
    return [float(one) for one in re.findall(r"([\d.]+)%", keyframes)][:4]


def test_a_run_that_told_nothing_draws_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, picture = tmp_path / "demo.json", tmp_path / "demo.svg"
    assert main(result, picture) == 1
    assert "make cast" in capsys.readouterr().err
    result.write_text(json.dumps({"scenarios": []}))
    assert main(result, picture) == 1
    assert not picture.exists()


def test_a_run_that_did_not_recover_is_not_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result, picture = tmp_path / "demo.json", tmp_path / "demo.svg"
    told = document()
    told["scenarios"][1]["recovered"] = False
    result.write_text(json.dumps(told))
    assert main(result, picture) == 1
    assert "crash did not recover" in capsys.readouterr().err
    assert not picture.exists()


def test_the_picture_in_the_book_is_of_all_four_failures_and_small() -> None:
    picture = ROOT / "docs/images/demo.svg"
    assert picture.stat().st_size < 32_000
    said = words(picture.read_text("utf-8"))
    assert [said.count(one) >= 1 for one in ("stopped", "DNS service", "power", "killed")] == [True] * 4
    assert "docs/images/demo.svg" in (ROOT / "README.md").read_text("utf-8")


def test_answers_of_one_node_in_a_row_are_put_together() -> None:
    asked = [Query(9.9, 9.91, 0, "alpha"), Query(10.0, 10.01, 0, "alpha"), Query(10.1, None, None, None)]
    asked += [Query(10.2, 10.21, 0, "beta"), Query(10.3, 10.31, 0, "beta")]
    told = [(round(one.start, 1), round(one.end, 1), one.node) for one in answers_since(asked, 10.0)]
    assert told == [(-0.1, 0.1, "alpha"), (0.1, 0.2, None), (0.2, 0.3, "beta")]
    assert answers_since((), 10.0) == ()
    assert isinstance(answers_since(asked, 10.0)[0], Answers)

"""Every cell of every dashboard as a person reads it: words, units and colours, by Grafana's own libraries."""

from __future__ import annotations

import colorsys
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dashboards.preview.libraries import LIBRARIES
from dashboards.preview.replay import REPOSITORY, Replay, silence
from dashboards.style import CRITICAL, GOOD, UNKNOWN, WARNING
from tests.dashboards.documents import boards, panels
from tests.dashboards.reading import Cell, cells, read

Readings = dict[str, list[dict[str, Any]]]

pytestmark = [pytest.mark.timeout(300), pytest.mark.usefixtures("grafana_libraries")]


@pytest.fixture(scope="module")
def told(recorded: Replay) -> Readings:
    """What the dashboards say of the recording."""
    return read(recorded)


@pytest.fixture(scope="module")
def told_of_nothing(prometheus_tools: None) -> Readings:
    """What the dashboards say where Prometheus has nothing at all."""
    with silence() as nothing:
        return read(nothing)


def all_cells(readings: Readings) -> Iterator[tuple[str, Cell]]:
    for name, board in readings.items():
        for reading in board:
            for cell in cells(reading):
                yield f"{name} / {reading['title']} / {cell.place}", cell


def test_the_libraries_are_of_the_version_that_is_shipped() -> None:
    image = yaml.safe_load((REPOSITORY / "compose" / "observability.yaml").read_text())["x-images"]["grafana"]
    wanted = json.loads((LIBRARIES / "package.json").read_text())
    libraries = {
        name: version
        for name, version in (wanted["dependencies"] | wanted["devDependencies"]).items()
        if name.startswith("@grafana/")
    }
    shipped = image.rpartition(":")[2]
    assert libraries == dict.fromkeys(("@grafana/data", "@grafana/schema", "@grafana/ui"), shipped)


def test_without_data_every_panel_says_no_data_and_nothing_else(told_of_nothing: Readings) -> None:
    said = {place: (cell.text, cell.color) for place, cell in all_cells(told_of_nothing)}
    assert {place: cell for place, cell in said.items() if cell not in {("no data", None), ("no data", UNKNOWN)}} == {}
    assert len(said) >= sum(len(panels(document)) for document in boards().values()) - 10


# Panels that have nothing to tell at the end of the recording, or of all of it, and why.
SILENT: dict[str, str] = {
    f"resolvers / {title}": "nobody asked Pi-hole and Unbound for their statistics in the recording"
    for title in (
        "Queries to the pair",
        "Queries to each node",
        "Most frequent",
        "Queries by type",
        "Answered from the cache",
        "Time of the internet's servers",
        "SERVFAIL",
        "Refused by DNSSEC",
    )
}

# What no person should read: a value that a machine has no word for.
NO_WORD = re.compile(r"NaN|undefined|null|Infinity|∞|\bTrue\b|\bFalse\b|Invalid|1970|\{\{|\$")


def test_every_cell_of_the_recording_has_words(told: Readings) -> None:
    said = list(all_cells(told))
    assert [place for place, cell in said if not cell.text.strip() or NO_WORD.search(cell.text)] == []
    assert {place.rsplit(" / ", 1)[0] for place, cell in said if cell.text == "no data"} == SILENT.keys()


def test_a_state_has_one_of_four_colours(told: Readings) -> None:
    states = {"stat", "state-timeline", "table"}
    for board in told.values():
        for reading in board:
            if reading["type"] in states:
                colors = {cell.color for cell in cells(reading) if cell.color}
                assert colors <= {GOOD, WARNING, CRITICAL, UNKNOWN}, reading["title"]


# Of what the recording has, by hand: each state timeline's words with their colours.
STATES = {
    "dns / Answers, path by path": {("answers", GOOD), ("NO ANSWER", WARNING), ("NO ANSWER", CRITICAL)},
    "failover / Who has the virtual IP": {("owner", GOOD), ("standby", UNKNOWN)},
    "failover / VRRP state": {("backup", UNKNOWN), ("master", GOOD), ("stopped", WARNING), ("FAULT", WARNING)},
    "failover / Keepalived": {("UP", GOOD), ("DOWN", WARNING)},
    "failover / Drained": {("no", GOOD), ("DRAINED", WARNING)},
    "failover / DNS, as each node's probe sees it": {
        ("answers", GOOD),
        ("NO ANSWER", WARNING),
        ("NO ANSWER", CRITICAL),
    },
    "node / Containers": {("UP", GOOD), ("DOWN", WARNING)},
    "node / Health check": {("well", GOOD), ("FAILS", WARNING)},
    "node / Beside keepalived": {("UP", GOOD)},
    "node / Read-only": {("no", GOOD)},
    "node / Collectors": {("yes", GOOD), ("NO", WARNING)},
    "node / Reaches the other node": {("UP", GOOD), ("DOWN", WARNING)},
    "overview / Who has the virtual IP": {("owner", GOOD), ("standby", UNKNOWN)},
    # The disk that the lab has was nearly full.
    "overview / Each node's verdict about the pair": {("CRITICAL", CRITICAL)},
    "sync / How runs ended": {("succeeded", GOOD), ("FAILED", WARNING)},
    "sync / Differs from the other node": {("equal", GOOD), ("DIFFERENT", WARNING)},
}


def test_a_state_timeline_shows_each_state_by_its_word_and_colour(told: Readings) -> None:
    found = {
        f"{name} / {reading['title']}": {(cell.text, cell.color) for cell in cells(reading)}
        for name, board in told.items()
        for reading in board
        if reading["type"] == "state-timeline"
    }
    assert found == STATES


def test_through_the_virtual_ip_alone_no_answer_is_critical(told: Readings) -> None:
    (reading,) = (reading for reading in told["dns"] if reading["title"] == "Answers, path by path")
    silent = {(cell.place, cell.color) for cell in cells(reading) if cell.text == "NO ANSWER"}
    assert silent
    assert {color for place, color in silent if "→ vip " in place} == {CRITICAL}
    assert {color for place, color in silent if "→ vip " not in place} == {WARNING}


def _hue(color: str) -> float:
    """Degrees on the wheel of colours: 0 is red, 120 green, 240 blue."""
    red, green, blue = (int(color[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return 360 * colorsys.rgb_to_hls(red, green, blue)[0]


def test_no_failure_is_green_or_red(told: Readings) -> None:
    failing = re.compile(r"without|Failed|failures|Outage|Restarts|Started again|Docker|Refused|Contradict|silent")
    found = {
        (cell.panel, cell.place): _hue(cell.color)
        for _, cell in all_cells(told)
        if cell.color and cell.text == cell.place and failing.search(cell.panel)
    }
    assert len(found) > 20
    assert {place: hue for place, hue in found.items() if not (20 < hue < 50 or 200 < hue < 220)} == {}


# By hand, from the hues of the two nodes' colours: blue the primary's, ochre the secondary's.
HUES = {"alpha": (199, 222), "beta": (30, 53)}  # several lines of a node are shades of it


def test_a_node_has_one_colour_everywhere(told: Readings) -> None:
    found = [
        (place, cell.place.split()[0], _hue(cell.color))
        for place, cell in all_cells(told)
        if cell.color and cell.text == cell.place and cell.text.split()[0] in HUES and not _of_failures(cell.panel)
    ]
    assert len(found) > 50
    assert [each for each in found if not HUES[each[1]][0] <= each[2] <= HUES[each[1]][1]] == []


def _of_failures(title: str) -> bool:
    """Whether a panel's lines are reasons or containers of a node rather than the node."""
    return title in {
        "Refused advertisements", "Contradictions on the wire", "What Docker told", "Restarts", "Started again",
    }  # fmt: skip


# Grafana gives a legend below at most 35 % of the panel: some four lines of 22 pixels; a letter takes 6.3 pixels of a
# panel that is 1,200 pixels wide in all (packages/grafana-ui/src/components/VizLayout, VizLegendList).
LINES, LETTER, ITEM = 4, 6.3, 30


@pytest.mark.parametrize("name", boards())
def test_legends_fit(told: Readings, name: str) -> None:
    by_title = {panel["title"]: panel for panel in panels(boards()[name])}
    for reading in told[name]:
        panel = by_title[reading["title"]]
        if reading["type"] == "timeseries" and panel["options"]["legend"]["displayMode"] == "list":
            words = [
                f"{line['name']} Last *: {line['legend'][0]} Max: {line['legend'][1]}"
                for line in reading.get("lines", ())
            ]
            width = panel["gridPos"]["w"] * 1200 / 24 - 16
            assert sum(ITEM + LETTER * len(text) for text in words) <= LINES * width, reading["title"]


NUMBER = r"-?\d[\d.]*"
UNITS = {
    "s": rf"{NUMBER} (µs|ms|s|mins?|hours?|days?|weeks?|months?|years?)",
    "percentunit": rf"{NUMBER}%",
    "reqps": rf"{NUMBER} (m|µ|K)?req/s",
    "pps": rf"{NUMBER} (m|µ|k)?p/s",
    "bps": rf"{NUMBER} [kMG]?b/s",
    "Bps": rf"{NUMBER} [kMG]?B/s",
    "celsius": rf"{NUMBER} °C",
    "short": rf"{NUMBER}( K| Mil)?",
}


@pytest.mark.parametrize("name", boards())
def test_a_line_s_numbers_have_their_unit(told: Readings, name: str) -> None:
    units = {panel["title"]: panel["fieldConfig"]["defaults"].get("unit") for panel in panels(boards()[name])}
    for reading in told[name]:
        for line in reading.get("lines", ()):
            for text in line["legend"]:
                assert re.fullmatch(UNITS[units[reading["title"]]], text), f"{reading['title']}: {text!r}"

"""Every dashboard is what Grafana's own types say, of the version that is shipped: its compiler's word."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from dashboards.generate import GENERATED
from dashboards.preview.libraries import LIBRARIES, run
from tests.dashboards.documents import boards, panels

Json = dict[str, Any]
Findings = dict[str, list[Json]]

pytestmark = [pytest.mark.timeout(120), pytest.mark.usefixtures("grafana_libraries")]


def first(document: Json, kind: str) -> Json:
    return next(panel for panel in panels(document) if panel["type"] == kind)


def misspelt_settings(document: Json) -> None:
    first(document, "stat")["fieldconfig"] = {}


def misspelt_option(document: Json) -> None:
    first(document, "stat")["options"]["textmode"] = "name"


def word_that_an_option_does_not_have(document: Json) -> None:
    first(document, "stat")["options"]["textMode"] = "names"


def misspelt_setting_of_lines(document: Json) -> None:
    first(document, "timeseries")["fieldConfig"]["defaults"]["custom"]["lineWith"] = 1


def misspelt_override(document: Json) -> None:
    first(document, "table")["fieldConfig"]["overrides"][0]["properties"][0] = {"id": "custom.widht", "value": 1}


def text_for_a_number(document: Json) -> None:
    first(document, "table")["fieldConfig"]["overrides"][0]["properties"][0] = {"id": "custom.width", "value": "1"}


def colour_mode_that_is_none(document: Json) -> None:
    first(document, "heatmap")["options"]["color"]["mode"] = "schema"


def kind_of_variable_that_is_none(document: Json) -> None:
    document["templating"]["list"][0]["type"] = "querys"


def misspelt_setting_of_an_annotation(document: Json) -> None:
    document["annotations"]["list"][0]["useValueFortime"] = True


# By what each spoils, and on which board.
SPOILS: dict[Callable[[Json], None], str] = {
    misspelt_settings: "overview",
    misspelt_option: "overview",
    word_that_an_option_does_not_have: "overview",
    misspelt_setting_of_lines: "dns",
    misspelt_override: "overview",
    text_for_a_number: "overview",
    colour_mode_that_is_none: "dns",
    kind_of_variable_that_is_none: "overview",
    misspelt_setting_of_an_annotation: "overview",
}


@pytest.fixture(scope="module")
def findings() -> Findings:
    """What the compiler finds in the committed dashboards, and in those that are spoilt."""
    texts = {path.stem: path.read_text() for path in GENERATED.glob("*.json")}
    for spoil, name in SPOILS.items():
        document = copy.deepcopy(boards()[name])
        spoil(document)
        texts[spoil.__name__] = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    answer: Findings = json.loads(run(["node", str(LIBRARIES / "types.cjs")], json.dumps(texts)))
    return answer


@pytest.mark.parametrize("name", boards())
def test_a_dashboard_is_what_grafana_s_types_say(findings: Findings, name: str) -> None:
    assert [f"dashboards/generated/{name}.json:{one['line']}: {one['message']}" for one in findings[name]] == []


@pytest.mark.parametrize("spoil", SPOILS, ids=lambda spoil: spoil.__name__)
def test_a_wrong_field_is_found(findings: Findings, spoil: Callable[[Json], None]) -> None:
    assert len(findings[spoil.__name__]) == 1

"""What Grafana requires of a dashboard, as far as that can be known without one."""

from __future__ import annotations

import copy
import itertools
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.dashboards.documents import boards, panels
from tests.dashboards.promql import answer_labels

SCHEMA = json.loads(Path(__file__).with_name("grafana.schema.json").read_text("utf-8"))
DOCUMENTS = boards()
UIDS = {document["uid"] for document in DOCUMENTS.values()}

each_board = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())


def problems(document: dict[str, Any]) -> list[str]:
    found = jsonschema.Draft202012Validator(SCHEMA).iter_errors(document)
    return [f"{error.json_path}: {error.message}" for error in found]


def overrides(panel: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """A table's columns: the field, and what is set for it."""
    for override in panel["fieldConfig"]["overrides"]:
        yield override["matcher"]["options"], {one["id"]: one["value"] for one in override["properties"]}


def links(document: dict[str, Any]) -> Iterator[str]:
    for panel in panels(document):
        yield from (link["url"] for link in panel.get("links", ()))
        for _, shown in overrides(panel):
            yield from (link["url"] for link in shown.get("links", ()))


@each_board
def test_grafana_knows_every_key_and_every_value(document: dict[str, Any]) -> None:
    assert problems(document) == []


def _misspell(document: dict[str, Any]) -> None:
    panels(document)[0]["fieldconfig"] = {}


def _unknown_unit(document: dict[str, Any]) -> None:
    panels(document)[0]["fieldConfig"]["defaults"]["unit"] = "milliseconds"


def _too_wide(document: dict[str, Any]) -> None:
    panels(document)[0]["gridPos"]["w"] = 25


def _data_source_by_name(document: dict[str, Any]) -> None:
    panels(document)[0]["datasource"] = "Prometheus"


def _old_schema(document: dict[str, Any]) -> None:
    document["schemaVersion"] = 16


def _threshold_without_a_base(document: dict[str, Any]) -> None:
    panels(document)[0]["fieldConfig"]["defaults"]["thresholds"]["steps"][0]["value"] = 1


@pytest.mark.parametrize(
    "spoil",
    [_misspell, _unknown_unit, _too_wide, _data_source_by_name, _old_schema, _threshold_without_a_base],
    ids=lambda spoil: spoil.__name__.strip("_"),
)
def test_what_grafana_would_not_understand_is_found(spoil: Callable[[dict[str, Any]], None]) -> None:
    document = copy.deepcopy(DOCUMENTS["overview"])
    spoil(document)
    assert len(problems(document)) == 1


@each_board
def test_links_lead_to_dashboards_and_variables_that_exist(document: dict[str, Any]) -> None:
    variables = {variable["name"] for variable in document["templating"]["list"]}
    for url in links(document):
        if url.startswith("/alerting/"):
            assert "alertmanager=DNS%20HA%20Alertmanager" in url
        elif url.startswith("/"):
            assert url.split("?")[0].removeprefix("/d/") in UIDS
            assert "${__url_time_range}" in url
        else:
            assert url.startswith("http://${exporter}/runbooks/")
    used = set(re.findall(r"\$\{?([a-z]\w*)", json.dumps([panels(document), document["annotations"]])))
    assert used <= variables


@pytest.mark.parametrize("title", ["Is DNS up?", "Who owns the virtual IP?", "Is it redundant?", "Is it in sync?"])
def test_each_answer_on_the_first_dashboard_leads_to_its_reasons(title: str) -> None:
    (panel,) = (panel for panel in panels(DOCUMENTS["overview"]) if panel["title"] == title)
    assert len(panel["links"]) == 1


@each_board
def test_a_table_s_columns_are_fields_that_its_queries_give(document: dict[str, Any]) -> None:
    for panel in panels(document):
        if panel["type"] != "table":
            continue
        several = len(panel["targets"]) > 1
        fields = {f"Value #{target['refId']}" for target in panel["targets"]} if several else {"Value"}
        fields |= {"Time"}
        labels = [answer_labels(target["expr"]) for target in panel["targets"]]
        # Grafana joins rows by every label that queries share: one that only some have would keep rows apart.
        for one, other in itertools.combinations(labels, 2):
            assert one & other == set.intersection(*labels), panel["title"]
        columns = dict(overrides(panel))
        made_of = {re.sub(r" \((uniqueValues|max)\)$", "", field) for field in columns}
        assert made_of <= fields.union(*labels), panel["title"]
        (order,) = panel["options"]["sortBy"]
        assert order["displayName"] in {shown["displayName"] for shown in columns.values()}
        (chosen,) = (one for one in panel["transformations"] if one["id"] == "filterFieldsByName")
        named = chosen["options"]["include"]["names"]
        assert named == list(columns)

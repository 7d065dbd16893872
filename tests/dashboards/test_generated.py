"""What Grafana imports: complete, of today's schema, and what the sources say."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from alerts.thresholds import SCRAPE_INTERVAL
from dashboards import generate, style
from dashboards.boards import BOARDS
from tests.dashboards.documents import boards, panels

DOCUMENTS = boards()
UIDS = {
    "overview": "dnsha-overview",
    "failover": "dnsha-failover",
    "dns": "dnsha-dns",
    "node": "dnsha-node",
    "sync": "dnsha-sync",
    "fleet": "dnsha-fleet",
    "resolvers": "dnsha-resolvers",
}
PROVISIONING = generate.GENERATED.parent / "provisioning"

each_board = pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS.keys())


def test_the_committed_files_are_what_the_sources_say() -> None:
    assert generate.stale(generate.render_all()) == []


def test_rendering_twice_gives_the_same() -> None:
    assert generate.render_all() == generate.render_all()


def test_check_writes_nothing_and_says_what_differs(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    path = next(iter(generate.render_all()))
    before = path.read_text()
    monkeypatch.setattr(generate, "render_all", lambda: {path: before + " "})
    assert generate.main(["--check"]) == 1
    assert path.read_text() == before
    assert f"dashboards/generated/{path.name} differs" in capsys.readouterr().err


def test_bookmarks_keep_working_because_no_uid_ever_changes() -> None:
    assert {name: document["uid"] for name, document in DOCUMENTS.items()} == UIDS
    assert len(BOARDS) == len(UIDS)


@each_board
def test_every_panel_has_a_title_a_description_and_a_unit(document: dict[str, Any]) -> None:
    for panel in panels(document):
        assert panel["title"], panel
        assert len(panel["description"]) > 20, panel["title"]
        unit = panel["fieldConfig"]["defaults"].get("unit") or panel["options"].get("yAxis", {}).get("unit")
        assert unit, panel["title"]


@each_board
def test_panels_have_titles_of_their_own(document: dict[str, Any]) -> None:
    titles = [panel["title"] for panel in panels(document)]
    assert sorted(set(titles)) == sorted(titles)


@each_board
def test_the_schema_is_todays(document: dict[str, Any]) -> None:
    assert document["schemaVersion"] >= 39
    assert "__inputs" not in document
    assert "rows" not in document
    for panel in panels(document):
        assert panel["type"] in {"stat", "timeseries", "state-timeline", "table", "heatmap"}
        assert "maxDataPoints" not in panel
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["interval"] == SCRAPE_INTERVAL
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEFGHIJ")[: len(panel["targets"])]
        for target in panel["targets"]:
            assert target["datasource"] == panel["datasource"]
            assert target["intervalFactor"] == 1
            assert target["range"] is not target["instant"]
            assert {"step", "metric", "target"}.isdisjoint(target)
        if panel["type"] == "stat":
            assert panel["options"]["reduceOptions"]["calcs"] == ["lastNotNull"]


@each_board
def test_what_is_not_known_is_not_in_the_colour_of_good(document: dict[str, Any]) -> None:
    """Grafana gives no value the base's colour, and shows no text for it where only names are shown."""
    for panel in panels(document):
        if panel["type"] == "stat":
            base = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][0]
            assert base == {"color": style.UNKNOWN, "value": None}, panel["title"]
            if panel["options"]["textMode"] == "name":
                assert panel["targets"][-1]["expr"].startswith("-1 * absent("), panel["title"]
                assert panel["targets"][-1]["legendFormat"] == "no data", panel["title"]


@each_board
def test_a_state_timeline_s_colours_are_those_of_its_words(document: dict[str, Any]) -> None:
    """With colours by thresholds Grafana shows each value's threshold instead: one grey bar, labelled "-∞+"."""
    for panel in panels(document):
        if panel["type"] == "state-timeline":
            defaults = panel["fieldConfig"]["defaults"]
            assert defaults["color"] == {"mode": "fixed", "fixedColor": style.UNKNOWN}, panel["title"]
            assert defaults["mappings"], panel["title"]


# Where red may be seen: what a critical alert tells of.
CRITICAL = {
    "dns": {"Answers now", "Answers, path by path", "Error budget used, in the time shown"},
    "failover": {"Owners now", "DNS, as each node's probe sees it"},
    "fleet": {"DNS down", "Split brain or no owner", "All sites", "Alerts now"},
    "node": set(),
    "resolvers": set(),
    "overview": {
        "Is DNS up?", "Who owns the virtual IP?", "Is it redundant?", "Alerts now", "Answered, in the time shown",
        "Each node's verdict about the pair",
    },
    "sync": set(),
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_red_is_for_what_is_critical(name: str) -> None:
    document = DOCUMENTS[name]
    assert {panel["title"] for panel in panels(document) if style.CRITICAL in str(panel)} == CRITICAL[name]
    red = {one["name"] for one in document["annotations"]["list"] if one["iconColor"] == style.CRITICAL}
    assert red == {"Alerts: critical"}


# A table of what happened in the steps of the time shown; every other one says how it is at its end.
OF_THE_PAST = {"What happened"}


@each_board
def test_what_says_how_it_is_now_does_not_ask_how_it_was(document: dict[str, Any]) -> None:
    """Over a range, a series that ended long ago still has a last value."""
    for panel in panels(document):
        if panel["type"] in {"stat", "table"} and panel["title"] not in OF_THE_PAST:
            assert all(target["instant"] for target in panel["targets"]), panel["title"]


@each_board
def test_panels_are_readable_on_a_phone_and_do_not_overlap(document: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in document["panels"]:
        place = panel["gridPos"]
        assert place["w"] >= 6, panel["title"]
        assert place["x"] + place["w"] <= 24, panel["title"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells


@each_board
def test_the_first_panels_are_numbers_and_words(document: dict[str, Any]) -> None:
    assert [panel["type"] for panel in document["panels"][:3]] == ["stat"] * 3


@each_board
def test_panels_are_numbered_once(document: dict[str, Any]) -> None:
    numbers = [panel["id"] for panel in document["panels"]]
    assert sorted(set(numbers)) == numbers


@each_board
def test_a_state_is_a_word_and_never_green_or_red_alone(document: dict[str, Any]) -> None:
    text = str(document)
    for color in ("'green'", "'red'", "'semi-dark-green'", "'dark-red'"):
        assert color not in text
    for panel in panels(document):
        for mapping in panel["fieldConfig"]["defaults"].get("mappings", ()):
            options = mapping["options"]
            for state in [options["result"]] if mapping["type"] == "range" else options.values():
                assert state["text"], panel["title"]
                assert state["color"].startswith("#"), panel["title"]


@each_board
def test_dashboards_lead_to_each_other_and_show_what_was_done(document: dict[str, Any]) -> None:
    others, *to_fleet, runbooks, silences = document["links"]
    assert (others["type"], runbooks["type"]) == ("dashboards", "link")
    assert others["keepTime"]
    reached = {name for name, other in DOCUMENTS.items() if set(others["tags"]) <= set(other["tags"])}
    assert reached == UIDS.keys() - {"fleet"}
    # One site is not all that Fleet shows, and all of them are none that the others could.
    assert others["includeVars"] is (document["uid"] != UIDS["fleet"])
    assert all(link["url"] == "/d/dnsha-fleet" and link["keepTime"] for link in to_fleet)
    assert not any(link["includeVars"] for link in to_fleet)
    assert len(to_fleet) == (document["uid"] != UIDS["fleet"])
    assert runbooks["url"] == "http://${exporter}/runbooks/"
    assert silences["url"] == "/alerting/silences?alertmanager=DNS%20HA%20Alertmanager"
    names = {annotation["name"] for annotation in document["annotations"]["list"]}
    assert names == {"VIP taken over", "Drained", "Keepalived started", "Alerts: critical", "Alerts: warning"}
    for annotation in document["annotations"]["list"]:
        assert annotation["target"]["expr"] == annotation["expr"]


@each_board
def test_runbooks_come_from_an_exporter_of_the_site_shown_that_is_up(document: dict[str, Any]) -> None:
    (exporter,) = [one for one in document["templating"]["list"] if one["name"] == "exporter"]
    assert exporter["hide"] == 2
    assert exporter["query"] == 'query_result(up{job="dnsha",site=~"$site"} == 1)'
    # What Grafana writes for a series, of which the expression takes the instance.
    series = '{instance="192.0.2.11:9753",job="dnsha",node="alpha",site="home"} 1 1700000000000'
    found = re.search(exporter["regex"].strip("/"), series)
    assert found is not None
    assert found[1] == "192.0.2.11:9753"


@each_board
def test_every_link_to_a_dashboard_leads_to_one(document: dict[str, Any]) -> None:
    found = set(re.findall(r"/d/([\w-]+)", str(document)))
    assert found
    assert found <= set(UIDS.values())


def test_alerts_lead_to_their_runbooks() -> None:
    assert "http://${exporter}/runbooks/${__value.raw}" in str(DOCUMENTS["overview"])
    assert "http://${exporter}/runbooks/${__value.raw}" in str(DOCUMENTS["fleet"])


def test_grafana_is_provisioned_with_uids_that_stay() -> None:
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "prometheus.yaml").read_text())["datasources"]
    assert (source["uid"], source["type"]) == ("dnsha-prometheus", "prometheus")
    assert source["jsonData"]["timeInterval"] == SCRAPE_INTERVAL
    (source,) = yaml.safe_load((PROVISIONING / "datasources" / "alertmanager.yaml").read_text())["datasources"]
    # Links name it, and its name is in their addresses.
    assert (source["name"], source["type"]) == ("DNS HA Alertmanager", "alertmanager")
    (provider,) = yaml.safe_load((PROVISIONING / "dashboards" / "dashboards.yaml").read_text())["providers"]
    assert (provider["type"], provider["folderUid"]) == ("file", "dnsha")

"""The rules that a node's Prometheus loads: those of the repository, with links that open on this node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.model.errors import ConfigurationError
from stack.images import settings
from stack.prometheus.rules import files
from tests.unit.test_prometheus_targets import GOOD

REPOSITORY = Path(__file__).parents[2]
RULES = REPOSITORY / "alerts" / "rules"
HERE = {**GOOD, "RUNBOOKS_URL": "http://192.0.2.11:9753/runbooks/"}


def alerts(content: bytes) -> dict[str, Any]:
    rules = [rule for group in yaml.safe_load(content)["groups"] for rule in group["rules"]]
    return {rule["alert"]: rule for rule in rules if "alert" in rule}


def test_every_alert_leads_to_its_page_on_this_node_and_nothing_else_differs() -> None:
    found = files(HERE, RULES)
    assert found.keys() == {path.name for path in RULES.glob("*.yaml")}
    for name, content in found.items():
        before = alerts((RULES / name).read_bytes())
        for alert, rule in alerts(content).items():
            link = f"http://192.0.2.11:9753/runbooks/{alert}.md"
            assert rule == {**before[alert], "annotations": {**before[alert]["annotations"], "runbook_url": link}}


def test_without_pages_of_its_own_the_rules_are_as_written() -> None:
    assert files({**GOOD, "RUNBOOKS_URL": ""}, RULES) == {path.name: path.read_bytes() for path in RULES.glob("*.yaml")}


@pytest.mark.parametrize(
    "url", ["https://pages.example/a b", "https://pages.example/{{ .Labels }}", "pages", "http://"]
)
def test_a_link_that_is_none_starts_nothing(url: str) -> None:
    with pytest.raises(ConfigurationError, match="RUNBOOKS_URL"):
        files({**HERE, "RUNBOOKS_URL": url}, RULES)


def test_a_link_is_text_whatever_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(
        "groups:\n- rules:\n  - alert: Own\n    annotations:\n      runbook_url: https://x/Own.md\n"
    )
    (content,) = files({**HERE, "RUNBOOKS_URL": "https://pages.example/'\\1'"}, tmp_path).values()
    assert alerts(content)["Own"]["annotations"]["runbook_url"] == "https://pages.example/'\\1'/Own.md"


def test_no_rules_start_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="alerts/rules holds no rules"):
        files(HERE, tmp_path)


def test_what_is_no_rule_any_more_is_removed_and_a_change_is_told(tmp_path: Path) -> None:
    (tmp_path / "left-over.yaml").write_text("groups: []")
    (tmp_path / "slo.yaml").write_text("groups: []")
    assert settings.replace_all(tmp_path, {"slo.yaml": b"groups: []\n", "vip.yaml": b"groups: []\n"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["slo.yaml", "vip.yaml"]
    assert not settings.replace_all(tmp_path, {"slo.yaml": b"groups: []\n", "vip.yaml": b"groups: []\n"})


def test_compose_gives_prometheus_what_the_settings_wrote() -> None:
    services = yaml.safe_load((REPOSITORY / "compose" / "observability.yaml").read_text())["services"]
    assert f"prometheus-rules:{settings.RULES}" in services["settings"]["volumes"]
    assert f"../alerts/rules:{settings.GIVEN / 'rules'}:ro" in services["settings"]["volumes"]
    assert "prometheus-rules:/etc/prometheus/rules:ro" in services["prometheus"]["volumes"]
    assert services["settings"]["environment"]["RUNBOOKS_URL"] == services["notifier"]["environment"]["RUNBOOKS_URL"]

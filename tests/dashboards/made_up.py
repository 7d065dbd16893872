"""Small made-up histories, for what the recording does not have: promtool judges a panel's own query over them."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from dashboards.preview.replay import RULES, filled_in
from tests.dashboards.documents import boards, panels

HOUR = 3600.0


def query(board: str, title: str, ref_id: str = "A") -> str:
    """One query of a panel, with Grafana's variables in it."""
    (panel,) = (panel for panel in panels(boards()[board]) if panel["title"] == title)
    (target,) = (target for target in panel["targets"] if target["refId"] == ref_id)
    expr: str = target["expr"]
    return expr


def node(name: str, site: str = "home") -> str:
    """The labels of an exporter's series."""
    return f'job="dnsha",instance="{site}-{name}:9753",site="{site}",node="{name}"'


def verdict(
    directory: Path,
    series: Mapping[str, str],
    at: float,
    answers: Mapping[str, Mapping[str, float]],
    *,
    site: str = "home",
    recorded: bool = False,
    step: float = 5.0,
    span: float = HOUR,
) -> str:
    """Have promtool compare: series by their selector in its notation for values, a sample each 5 seconds from 0 on.

    ``answers`` has for each query the values that it must give at the moment ``at``, by labels. Returns the difference.
    With ``recorded``, the recording rules make their series too, which takes its time.
    """
    tests = [
        {
            "interval": "5s",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [
                {
                    "expr": filled_in(promql, site=site, step=step, span=span),
                    "eval_time": f"{at:g}s",
                    "exp_samples": [{"labels": labels, "value": value} for labels, value in expected.items()],
                }
                for promql, expected in answers.items()
            ],
        }
    ]
    rules = [str(path) for path in sorted(RULES.glob("*.yaml"))] if recorded else []
    file = directory / "made-up.yaml"
    file.write_text(json.dumps({"rule_files": rules, "evaluation_interval": "5s", "tests": tests}))  # JSON is YAML
    promtool = shutil.which("promtool") or "promtool"
    done = subprocess.run([promtool, "test", "rules", str(file)], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr if done.returncode else ""

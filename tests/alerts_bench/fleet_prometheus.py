"""A Prometheus that watches many sites with the shipped rules, and has watched them for hours."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from tests.alerts_bench import standin_sites
from tests.lab.plan import REPOSITORY
from tests.lab.waiting import wait_for
from tests.rules.standin_pair import NODES, VIP

EXPORTER_INTERVAL: Final = "5s"  # as a site's own Prometheus does
NODE_EXPORTER_INTERVAL: Final = "1m"
JOBS: Final = {"dnsha": EXPORTER_INTERVAL, "node": NODE_EXPORTER_INTERVAL}
TARGETS_OF_A_SITE: Final = len(NODES) * len(JOBS)
_SITES_PORT: Final = 19753
_PORT: Final = 19090
_HISTORY_HOURS: Final = 6
_HISTORY_STEP: Final = 60
# A Prometheus has its last hour or more in memory alone; what the rules look back at most for what is true now.
_HISTORY_ENDS: Final = 15 * 60
_START_SECONDS: Final = 60.0
# What the Fleet dashboard shows over time; the label sets of one site.
_BY_NODE: Final = [f'node="{node}"' for node in NODES]
_HISTORY: Final[dict[str, tuple[list[str], float]]] = {
    "up": ([f'job="dnsha",{node}' for node in _BY_NODE], 1.0),
    "dnsha_vip_owners": ([f'job="dnsha",{node},vip="{VIP}",family="ipv4"' for node in _BY_NODE], 1.0),
    "dnsha_vip_owned": ([f'job="dnsha",{node},vip="{VIP}",family="ipv4"' for node in _BY_NODE], 0.0),
    "dnsha_drained": ([f'job="dnsha",{node}' for node in _BY_NODE], 0.0),
    "site_vip:dnsha_resolve_up:max": ([f'vip="{VIP}"'], 1.0),
    "site_node:dnsha_ready:bool": (_BY_NODE, 1.0),
    "site_vip:dnsha_resolve_duration_seconds:p95": ([f'vip="{VIP}"'], 0.004),
    "site_vip:dnsha_resolve_failures:ratio5m": ([f'vip="{VIP}"'], 0.0),
    "site_vip:dnsha_vip_moves:increase": ([f'vip="{VIP}"'], 0.0),
}  # fmt: skip


class Fleet:
    """Asks the Prometheus of a fleet."""

    def ask(self, path: str, **parameters: object) -> Any:
        """Ask its API; return the data of the answer.

        Raises:
            OSError: no answer within a minute, or a refusal.
        """
        url = f"http://127.0.0.1:{_PORT}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with urllib.request.urlopen(url, timeout=60) as answer:
            return json.load(answer)["data"]


@contextmanager
def running(sites: int) -> Iterator[Fleet]:
    """Let a Prometheus scrape so many made-up sites; its past is made up too, at a sample a minute."""
    with tempfile.TemporaryDirectory(prefix="dnsha-fleet-") as name, ExitStack() as processes:
        directory = Path(name)
        print(f"bench-alerts: making up {_HISTORY_HOURS} hours of {sites} sites (a minute or two)", flush=True)
        _write_history(directory, sites)
        (directory / "prometheus.yaml").write_text(_configuration(directory, sites))
        processes.enter_context(_process([sys.executable, "-m", standin_sites.__name__, str(_SITES_PORT)], directory))
        processes.enter_context(
            _process(
                [
                    "prometheus",
                    f"--config.file={directory / 'prometheus.yaml'}",
                    f"--storage.tsdb.path={directory / 'data'}",
                    f"--web.listen-address=127.0.0.1:{_PORT}",
                    "--log.level=warn",
                ],
                directory,
            )
        )
        fleet = Fleet()
        wait_for("Prometheus to answer", lambda: fleet.ask("rules"), timeout=_START_SECONDS, every=0.5)
        yield fleet


def _configuration(directory: Path, sites: int) -> str:
    targets = [
        {
            "targets": [f"127.0.0.1:{_SITES_PORT}"],
            "labels": {"site": _site(number), "node": node, "job": job, "__metrics_path__": f"/{node}/{job}/{number}",
                       "instance": f"{node}.{_site(number)}", "__scrape_interval__": interval},
        }
        for number in range(sites) for node in NODES for job, interval in JOBS.items()
    ]  # fmt: skip
    (directory / "targets.json").write_text(json.dumps(targets))
    itself = {"job_name": "itself", "static_configs": [{"targets": [f"127.0.0.1:{_PORT}"]}]}
    everywhere = {"job_name": "sites", "file_sd_configs": [{"files": [str(directory / "targets.json")]}]}
    document = {
        "global": {"scrape_interval": EXPORTER_INTERVAL, "scrape_timeout": "3s", "evaluation_interval": "15s"},
        "rule_files": [str(REPOSITORY / "alerts" / "rules" / "*.yaml")],
        "scrape_configs": [itself, everywhere],
    }
    return json.dumps(document)


def _site(number: int) -> str:
    return f"site{number:04}"


def _write_history(directory: Path, sites: int) -> None:
    end = (int(time.time()) - _HISTORY_ENDS) // _HISTORY_STEP * _HISTORY_STEP
    times = range(end - _HISTORY_HOURS * 3600, end, _HISTORY_STEP)
    text = directory / "history.om"
    with text.open("w") as file:
        for name, (label_sets, value) in _HISTORY.items():
            file.write(f"# TYPE {name} gauge\n")
            for number in range(sites):
                for labels in label_sets:
                    instance = f',instance="{labels.split(chr(34))[3]}.{_site(number)}"' if 'job="' in labels else ""
                    series = f'{name}{{site="{_site(number)}",{labels}{instance}}} {value}'
                    file.writelines(f"{series} {at}\n" for at in times)
        file.write("# EOF\n")
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(text), str(directory / "data")]
    subprocess.run(command, check=True, timeout=600, stdout=subprocess.DEVNULL)
    text.unlink()


@contextmanager
def _process(argv: list[str], directory: Path) -> Iterator[None]:
    with (directory / f"{Path(argv[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(argv, cwd=REPOSITORY, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            process.terminate()
            process.wait(60)

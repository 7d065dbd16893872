"""The recording in a real Prometheus, with what the alert rules make of it."""

from __future__ import annotations

import contextlib
import json
import lzma
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

REPOSITORY: Final = Path(__file__).resolve().parents[2]
RECORDING: Final = REPOSITORY / "tests" / "dashboards" / "recording.om.xz"
SITE: Final = "lab"  # the recording's label
HEALTHY_SECONDS: Final = 180.0  # for which the recording begins with a pair to which nothing happens
INTERVAL: Final = 1.0  # seconds between its scrapes
RULES: Final = REPOSITORY / "alerts" / "rules"
_SCRAPES: Final = 5.0  # seconds; as the shipped Prometheus scrapes
STEP: Final = _SCRAPES  # the finest that Grafana asks for

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DIRECT: Final = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class ReplayError(Exception):
    """Prometheus or promtool did not do what was asked; the message has what it said."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: its labels, and its samples as Unix seconds and value."""

    labels: dict[str, str]
    samples: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Replay:
    """A Prometheus that has the recording, which lasts from ``start`` to ``end`` (Unix seconds)."""

    url: str
    start: float
    end: float
    step: float = STEP

    def answer(self, target: Mapping[str, Any], step: float | None = None) -> list[dict[str, Any]]:
        """Ask what a panel's query asks over the whole recording, and return what Prometheus says as it says it.

        Raises:
            ReplayError: Prometheus refuses the query.
        """
        promql = self._filled_in(target["expr"], step or self.step)
        if target["instant"]:
            return self._ask("query", query=promql, time=self.end)
        return self._ask("query_range", query=promql, start=self.start, end=self.end, step=step or self.step)

    def instant(self, promql: str, at: float | None = None) -> list[Series]:
        """Ask for one moment; the end of the recording if none is named.

        Raises:
            ReplayError: Prometheus refuses the query.
        """
        answer = self._ask("query", query=self._filled_in(promql, STEP), time=at or self.end)
        return [Series(found["metric"], (_sample(found["value"]),)) for found in answer]

    def range(self, promql: str, step: float = STEP) -> list[Series]:
        """Ask for the whole recording, at every step.

        Raises:
            ReplayError: Prometheus refuses the query.
        """
        answer = self._ask(
            "query_range", query=self._filled_in(promql, step), start=self.start, end=self.end, step=step
        )
        return [Series(found["metric"], tuple(map(_sample, found["values"]))) for found in answer]

    def _filled_in(self, promql: str, step: float) -> str:
        return filled_in(promql, site=SITE, step=step, span=self.end - self.start)

    def _ask(self, path: str, **parameters: object) -> list[dict[str, Any]]:
        body = urllib.parse.urlencode(parameters).encode()
        try:
            with _DIRECT.open(f"{self.url}/api/v1/{path}", body, timeout=60) as answer:
                found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise ReplayError(error.read().decode()) from error
        return found


def filled_in(promql: str, *, site: str, step: float, span: float) -> str:
    """Fill Grafana's variables in, as Grafana does where the data source is scraped every five seconds."""
    values = {
        "$site": site,
        "$node": ".+",
        "$primary": "alpha",
        "$secondary": "beta",
        "$__rate_interval": f"{max(step + _SCRAPES, 4 * _SCRAPES):g}s",
        "$__interval": f"{step:g}s",
        "$__range": f"{span:.0f}s",
    }
    return re.sub(r"\$\w+", lambda found: values.get(found[0], found[0]), promql)


def _sample(pair: Sequence[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


@contextlib.contextmanager
def replay() -> Iterator[Replay]:
    """Run a Prometheus with the recording, on a free port of the loopback, while the context lasts."""
    with tempfile.TemporaryDirectory(prefix="dnsha-replay-") as name:
        directory = Path(name)
        data = directory / "data"
        text = lzma.decompress(RECORDING.read_bytes()).decode()
        times = [float(found) for found in re.findall(r"^up\{.* (\S+)$", text, re.MULTILINE)]
        start, end = min(times), max(times)
        (directory / "recording.om").write_text(text)
        _promtool("tsdb", "create-blocks-from", "openmetrics", str(directory / "recording.om"), str(data))
        for number, level in enumerate(_levels(_records(), _alerts())):
            file = directory / f"rules-{number}.yaml"
            file.write_text(json.dumps({"groups": [{"name": "replay", "rules": level}]}))  # JSON is YAML
            # Prometheus notices new blocks only now and then, but always at its start.
            with _prometheus(directory, data) as url:
                _promtool(
                    "tsdb", "create-blocks-from", "rules", f"--url={url}", f"--start={start:.0f}", f"--end={end:.0f}",
                    f"--eval-interval={INTERVAL:g}s", f"--output-dir={data}", str(file),
                )  # fmt: skip
        with _prometheus(directory, data) as url:
            yield Replay(url, start, end)


@contextlib.contextmanager
def silence() -> Iterator[Replay]:
    """Run a Prometheus that has nothing at all, over the last hour, while the context lasts."""
    with (
        tempfile.TemporaryDirectory(prefix="dnsha-silence-") as name,
        _prometheus(Path(name), Path(name, "data")) as url,
    ):
        end = float(int(time.time()))
        yield Replay(url, end - 3600, end)


@contextlib.contextmanager
def _prometheus(directory: Path, data: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = directory / "prometheus.yaml"
    config.write_text("{}\n")
    log = directory / "prometheus.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address=127.0.0.1:{port}",
                # A file has no staleness markers, by which a live Prometheus ends a series that was not scraped.
                f"--query.lookback-delta={2 * INTERVAL + 1:g}s",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_ready(process, url, log)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        with contextlib.suppress(OSError), _DIRECT.open(f"{url}/-/ready", timeout=1):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise ReplayError(f"Prometheus is not ready:\n{log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.1)


def _promtool(*arguments: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        message = "promtool is missing: apt-get install prometheus"
        raise ReplayError(message)
    done = subprocess.run(
        [promtool, *arguments], capture_output=True, text=True, check=False, timeout=300,
        env={key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")},
    )  # fmt: skip
    # For rules that fail it exits with 0 all the same.
    if done.returncode or "err" in done.stderr.lower():
        raise ReplayError(f"promtool {' '.join(arguments[:3])}: {(done.stderr or done.stdout)[-2000:]}")


def _all_rules() -> list[dict[str, Any]]:
    groups = [group for file in sorted(RULES.glob("*.yaml")) for group in yaml.safe_load(file.read_text())["groups"]]
    return [rule for group in groups for rule in group["rules"]]


def _records() -> list[dict[str, Any]]:
    return [rule for rule in _all_rules() if "record" in rule]


def _alerts() -> list[dict[str, Any]]:
    """Recording rules that stand in for alerts, since promtool records no ALERTS of the past."""
    rules = []
    for alert in _all_rules():
        if "alert" not in alert:
            continue
        expression = alert["expr"]
        if pending := alert.get("for"):
            seconds = int(pending[:-1]) * _UNITS[pending[-1]]
            expression = f"count_over_time(({expression})[{seconds}s:{INTERVAL:g}s]) >= {seconds / INTERVAL:g}"
        labels = {"alertname": alert["alert"], "alertstate": "firing", **alert["labels"]}
        rules.append({"record": "ALERTS", "expr": f"0 * ({expression}) + 1", "labels": labels})
    return rules


def _levels(records: Sequence[dict[str, Any]], alerts: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rules in an order in which each finds what it needs; alerts come last."""
    left = list(records)
    while left:
        names = {rule["record"] for rule in left}
        level = [rule for rule in left if not any(name in rule["expr"] for name in names)]
        if not level:
            raise ReplayError(f"recording rules need each other: {sorted(names)}")
        yield level
        left = [rule for rule in left if rule not in level]
    yield list(alerts)

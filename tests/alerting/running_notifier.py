"""A real notifier in a process of its own, as the image starts it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.rules.real_alertmanager import free_port, wait_for

REPOSITORY = Path(__file__).parents[2]


@dataclass
class RunningNotifier:
    process: subprocess.Popen[bytes]
    address: str
    log_file: Path

    @property
    def log(self) -> str:
        return self.log_file.read_text(encoding="utf-8")

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=10) as answer:
            body: bytes = answer.read()
        return body

    def post(self, body: bytes, path: str = "/") -> int:
        request = urllib.request.Request(f"http://{self.address}{path}", body, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def is_up(self) -> bool:
        try:
            return self.get("/healthz") == b"ok\n"
        except OSError:
            return False

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name with these labels."""
        families = text_string_to_metric_families(self.get("/metrics").decode())
        samples = [sample for family in families for sample in family.samples if sample.name == name]
        return sum(sample.value for sample in samples if labels.items() <= sample.labels.items())

    def told(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.get("/told"))
        return document


def run(directory: Path, environment: dict[str, str], host: str = "127.0.0.1", port: int = 0) -> RunningNotifier:
    port = port or free_port()
    settings = {
        "PATH": os.environ["PATH"],
        "NOTIFIER_ADDRESS": host,
        "NOTIFIER_PORT": str(port),
        "NOTIFIER_STATE": str(directory / "told.json"),
        "LOG_LEVEL": "debug",
        "TZ": "UTC",
    }
    log_file = directory / "notifier.log"
    with log_file.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "alerts.notifier"],
            cwd=REPOSITORY,
            env=settings | environment,
            stdout=log,
            stderr=log,
        )
    return RunningNotifier(process, f"{host}:{port}", log_file)


@contextmanager
def running_notifier(
    directory: Path, environment: dict[str, str], host: str = "127.0.0.1", port: int = 0
) -> Iterator[RunningNotifier]:
    directory.mkdir(exist_ok=True)
    notifier = run(directory, environment, host, port)
    try:
        assert wait_for(notifier.is_up, 20), notifier.log
        yield notifier
        assert "Traceback" not in notifier.log
    finally:
        notifier.process.terminate()
        assert notifier.process.wait(15) == 0, notifier.log

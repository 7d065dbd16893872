"""What each path answers, over a real connection and from real collectors."""

from __future__ import annotations

import json

import jsonschema
import prometheus_client.parser
import pytest

from exporter.http.client import http_get
from exporter.routes import routes
from exporter.views import status_document
from tests.unit import samples
from tests.unit.standin_application import application, running_exporter


def get(port: int, path: str) -> bytes:
    return http_get("127.0.0.1", port, path, 5.0)


def test_every_path_answers() -> None:
    with running_exporter(samples.healthy()) as port:
        assert get(port, "/healthz") == b"ok\n"
        assert b"<title>\xe2\x9c\x93 alpha: All is well</title>" in get(port, "/")
        document = json.loads(get(port, "/api/v1/status"))
        schema = json.loads(get(port, "/api/v1/schema"))
        metrics = get(port, "/metrics").decode()
    jsonschema.Draft202012Validator(schema).validate(document)
    assert (document["node"]["name"], document["status"]) == ("alpha", "ok")
    families = {family.name for family in prometheus_client.parser.text_string_to_metric_families(metrics)}
    assert {"dnsha_vip_owned", "process_cpu_seconds", "process_resident_memory_bytes", "process_open_fds"} <= families


def test_the_process_is_well_even_if_nothing_else_is() -> None:
    """/healthz is about the process: a supervisor must not restart an exporter that reports a dead DNS."""
    with running_exporter(samples.status(failed={"vip": "no netlink"})) as port:
        assert get(port, "/healthz") == b"ok\n"
        assert json.loads(get(port, "/api/v1/status"))["status"] == "unknown"


def test_only_the_samples_that_were_named_are_scraped() -> None:
    with running_exporter(samples.healthy()) as port:
        text = get(port, "/metrics?name[]=dnsha_status&name[]=process_open_fds").decode()
    assert [line.split()[0] for line in text.splitlines() if not line.startswith("#")] == [
        "dnsha_status",
        "process_open_fds",
    ]


@pytest.mark.parametrize("path", ["/", "/metrics", "/api/v1/status"])
def test_each_answer_is_a_new_snapshot(path: str) -> None:
    made = application(samples.healthy())
    snapshots = 0
    collect = made.runner.collect

    def count() -> object:
        nonlocal snapshots
        snapshots += 1
        return collect()

    made.runner.collect = count  # type: ignore[method-assign, assignment]
    for _ in range(3):
        routes(made)[path]("", [])
    assert snapshots == 3


def test_the_schema_is_part_of_the_package() -> None:
    assert status_document.SCHEMA.is_file()

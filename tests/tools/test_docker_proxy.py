"""What the socket proxy lets through, by the real HAProxy: the state of our own containers, and no environment."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exporter.model.errors import ApiRefusedError
from exporter.parsers.container import EVENTS_WANTED, parse_container
from exporter.sources import docker_api
from tests.lab.waiting import wait_for
from tests.unit.standin_docker_daemon import CHUNKED, SECRET, StandinDocker, body, container, raw

REPOSITORY = Path(__file__).parents[2]
HAPROXY = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
RECORDED = sorted((REPOSITORY / "tests" / "fixtures" / "docker").glob("*/inspect-*.json"))
LABEL = "com.docker.compose.project"


def docker_json(document: object) -> bytes:
    """JSON as Docker writes it: no spaces, and <, > and & escaped."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").encode()


@dataclass(frozen=True, slots=True)
class Proxied:
    """A stand-in for Docker, and the real proxy before it."""

    url: str
    docker: StandinDocker

    def has(self, document: dict[str, Any]) -> None:
        """Whatever is inspected, Docker answers this."""
        self.docker.answers["inspect"] = body(docker_json(document), headers="Content-Type: application/json\r\n")

    def inspect(self, name: str) -> object:
        with docker_api.connect(self.url, 5.0) as client:
            document: object = client.inspect_container(name)
            return document

    def raw(self, name: str) -> bytes:
        """Everything that comes back for an inspection."""
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(5)
            stream.connect(self.url.removeprefix("unix://"))
            stream.sendall(f"GET /v1.44/containers/{name}/json HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
            return b"".join(iter(lambda: stream.recv(65536), b""))


@pytest.fixture
def proxied(tmp_path: Path) -> Iterator[Proxied]:
    if HAPROXY is None:
        reason = "haproxy is missing: apt-get install haproxy"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") else pytest.skip(reason)
    shipped = (REPOSITORY / "stack" / "haproxy" / "haproxy.cfg").read_text()
    ours = shipped.replace("/run/docker-proxy/docker.sock mode 660", f"{tmp_path}/proxy.sock")
    ours = ours.replace("/run/docker-proxy/unbound.sock mode 660", f"{tmp_path}/unbound.sock")
    assert ours.count("@/var/run/docker.sock") == 4
    (tmp_path / "haproxy.cfg").write_text(ours.replace("/var/run/docker.sock", f"{tmp_path}/docker.sock"))
    with StandinDocker(tmp_path / "docker.sock") as docker, (tmp_path / "haproxy.log").open("wb") as log:
        command = [str(HAPROXY), "-db", "-f", str(tmp_path / "haproxy.cfg")]
        environment = {**os.environ, "COMPOSE_PROJECT_NAME": "dnsha"}
        proxy = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(
                "the proxy's socket or its end",
                lambda: (tmp_path / "proxy.sock").exists() or proxy.poll() is not None,
                timeout=15,
            )
            assert proxy.poll() is None, (tmp_path / "haproxy.log").read_text()
            yield Proxied(f"unix://{tmp_path}/proxy.sock", docker)
        finally:
            proxy.terminate()
            proxy.wait(10)


def ours(document: dict[str, Any], project: str = "dnsha") -> dict[str, Any]:
    """The document as it were of a container of a Compose project."""
    config = document.get("Config") or {}
    return {**document, "Config": {**config, "Labels": {**(config.get("Labels") or {}), LABEL: project}}}


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_exporter_learns_the_same_of_a_container_as_without_the_proxy(proxied: Proxied, path: Path) -> None:
    document = json.loads(path.read_text())
    if "Name" not in document:  # the recorded answer for one that does not exist
        absent = body(docker_json(document), "404 Not Found", "Content-Type: application/json\r\n")
        proxied.docker.answers["inspect"] = absent
        with pytest.raises(ApiRefusedError) as caught:
            proxied.inspect("absent")
        assert caught.value.status == 404
        return
    name = document["Name"].removeprefix("/")
    proxied.has(ours(document))
    assert parse_container(proxied.inspect(name), name) == parse_container(document, name)


def test_of_docker_s_version_only_that_of_its_api_comes_through(proxied: Proxied) -> None:
    with docker_api.connect(proxied.url, 5.0) as client:
        assert client.version(api_version=False) == {"ApiVersion": "1.51"}


def test_no_environment_no_label_and_no_output_comes_through(proxied: Proxied) -> None:
    log = [{"Start": "2026-03-01T12:00:00Z", "ExitCode": 0, "Output": SECRET * 500}] * 5
    proxied.has(ours(container("pihole", Health={"Status": "healthy", "Log": log})))
    answer = proxied.raw("pihole")
    assert b'"Status":"healthy"' in answer
    assert SECRET.encode() not in answer
    assert b"Env" not in answer
    assert b"Labels" not in answer


def test_a_container_that_is_not_ours_cannot_be_looked_at(proxied: Proxied) -> None:
    pretends = f'"{LABEL}":"dnsha"'
    foreign = container("db")
    foreign["Config"] = {"Env": [pretends, f"X=\\{pretends}"], "Labels": {pretends: pretends, LABEL: "other"}}
    for document in (foreign, container("db")):
        proxied.has(document)
        with pytest.raises(ApiRefusedError) as caught:
            proxied.inspect("db")
        assert caught.value.status == 403
        assert SECRET.encode() not in proxied.raw("db")


def test_only_our_containers_are_listed_whatever_is_asked_for(proxied: Proxied) -> None:
    with docker_api.connect(proxied.url, 5.0) as client:
        docker_api.list_containers(client, ["pihole"])
    (request,) = proxied.docker.asked("list")
    assert json.loads(request.query["filters"][0]) == {"label": [f"{LABEL}=dnsha"]}
    assert request.query["all"] == ["1"]


def test_only_our_containers_events_are_told_and_all_that_the_exporter_wants(proxied: Proxied) -> None:
    proxied.docker.answers["events"] = raw(CHUNKED + b"0\r\n\r\n")
    with (
        docker_api.connect(proxied.url, 5.0) as client,
        docker_api.open_events(client, 1.5, ["exec_create"]) as stream,
    ):
        assert list(docker_api.lines(proxied.url, stream)) == []
    (request,) = proxied.docker.asked("events")
    assert json.loads(request.query["filters"][0]) == {
        "label": [f"{LABEL}=dnsha"], "type": ["container"], "event": list(EVENTS_WANTED),
    }  # fmt: skip
    assert request.query["since"] == ["1.500000000"]

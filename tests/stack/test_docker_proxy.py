"""Docker's API as the exporter can reach it: four questions, and nothing else."""

from __future__ import annotations

import json

import pytest

from tests.lab.plan import ALPHA

from .node import Node
from .proxied import ask
from .rig import PASSWORD, Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

REFUSED_READS = (
    "/_ping",
    "/v1.45/version",
    "/version/x",
    "/info",
    "/system/df",
    "/images/json",
    "/volumes",
    "/networks",
    "/secrets",
    "/configs",
    "/swarm",
    "/plugins",
    "/containers/keepalived/logs?stdout=1",
    "/containers/keepalived/top",
    "/containers/keepalived/stats?stream=0",
    "/containers/keepalived/changes",
    "/containers/keepalived/export",
    "/containers/keepalived/archive?path=/run/secrets/vrrp/password",
    "/containers/keepalived/attach/ws",
    "/containers/settings/archive?path=/run/given/pihole_password",
    "/exec/0123456789ab/json",
    "/images/dnsha-exporter:local/json",
    # Ways around a careless list.
    "/containers/keepalived/archive?path=/etc/passwd&x=/json",
    "/containers/keepalived/logs?stdout=1#/containers/json",
    "/containers/json/../../images/json",
    "/containers/../images/json",
    "/containers/x/../../images/json",
    "/containers/%2e%2e/images/json",
    "/containers/keepalived%2fjson",
    "/containers/keepalived/json/",
    "/containers//json",
    "//containers/json",
    "/v1.45//containers/json",
    "/v1.45/v1.45/containers/json",
    "/v1.45/../images/json",
    "/vx/containers/json",
    "/CONTAINERS/json",
    "/containers/json%00/x",
    "/events/x",
    "/",
    "/grpc",
    "/session",
)
WRITES = (
    "POST /containers/create",
    "POST /containers/keepalived/exec",
    "POST /exec/0123456789ab/start",
    "POST /containers/keepalived/start",
    "POST /containers/keepalived/stop",
    "POST /containers/keepalived/kill",
    "POST /containers/keepalived/restart",
    "POST /containers/keepalived/update",
    "POST /containers/keepalived/rename?name=x",
    "POST /containers/keepalived/attach?stream=1",
    "POST /containers/prune",
    "POST /containers/json",
    "POST /containers/keepalived/json",
    "POST /events",
    "PUT /containers/keepalived/archive?path=/",
    "DELETE /containers/keepalived?force=1",
    "DELETE /containers/json",
    "POST /build",
    "POST /images/create?fromImage=x",
    "POST /volumes/create",
    "POST /networks/create",
    "POST /swarm/init",
    "POST /plugins/pull",
    "HEAD /containers/keepalived/archive?path=/",
    "HEAD /containers/json",
    "OPTIONS /containers/json",
    "PATCH /containers/json",
    "CONNECT /containers/json",
    "TRACE /containers/json",
)


@pytest.fixture
def node(shared_rig: Rig) -> Node:
    """A node whose proxy works; what else is the matter with the pair does not matter here."""
    node = shared_rig.node(ALPHA.name)
    node.wait_health("docker-proxy")
    return node


@pytest.mark.parametrize("version", ["", "/v1.45"])
def test_the_questions_about_containers_are_answered(node: Node, version: str) -> None:
    listed = ask(node, f"GET {version}/containers/json?all=1")
    assert listed.status == 200
    assert "/keepalived" in str(json.loads(listed.body))
    inspected = ask(node, f"GET {version}/containers/keepalived/json")
    assert inspected.status == 200
    assert json.loads(inspected.body)["State"]["Status"] == "running"
    assert ask(node, f"GET {version}/events?since=1&until=2").status == 200


def test_of_the_engine_only_the_version_of_its_api_is_told(node: Node) -> None:
    told = json.loads(ask(node, "GET /version").body)
    assert list(told) == ["ApiVersion"]
    assert told["ApiVersion"].startswith("1.")


@pytest.mark.parametrize("path", REFUSED_READS)
def test_every_other_question_is_refused(node: Node, path: str) -> None:
    # 400 is the proxy's own word for what is no well-formed request: it does not reach Docker either.
    assert ask(node, f"GET {path}").status in (400, 403)


@pytest.mark.parametrize("request_line", WRITES)
def test_nothing_can_be_written(node: Node, request_line: str) -> None:
    before = node.engine.inspect("keepalived", "{{.State.StartedAt}} {{.State.Running}} {{.Name}}")
    body = b'{"Image":"dnsha-exporter:local"}' if request_line.startswith(("POST", "PUT", "PATCH")) else b""
    reply = ask(node, request_line, headers="Content-Type: application/json\r\n", body=body)
    assert reply.status in (400, 403, 405, 501)
    assert node.engine.inspect("keepalived", "{{.State.StartedAt}} {{.State.Running}} {{.Name}}") == before


def test_a_connection_cannot_be_turned_into_something_else(node: Node) -> None:
    for protocol in ("tcp", "websocket"):
        upgrade = f"Upgrade: {protocol}\r\nConnection: Upgrade\r\n"
        for path in ("/containers/json", "/events", "/containers/keepalived/attach"):
            assert ask(node, f"GET {path}", headers=upgrade, version="HTTP/1.1", timeout=1.0).status in (400, 403)
    # haproxy takes this one out and asks Docker without it.
    upgrade = "Upgrade: h2c\r\nConnection: Upgrade\r\n"
    assert ask(node, "GET /containers/json", headers=upgrade, version="HTTP/1.1", timeout=1.0).status == 200


def test_a_question_with_a_body_is_refused(node: Node) -> None:
    # 413 is haproxy's own word for it, before any rule.
    assert ask(node, "GET /containers/json", body=b"{}").status in (403, 413)
    chunked = "Transfer-Encoding: chunked\r\n"
    smuggled = b"0\r\n\r\nGET /images/json HTTP/1.1\r\nHost: docker\r\n\r\n"
    reply = ask(node, "GET /containers/json", headers=chunked, body=smuggled, version="HTTP/1.1")
    assert reply.status in (400, 403)
    assert b"RepoTags" not in reply.body


def test_a_second_request_on_the_same_connection_is_evaluated_too(node: Node) -> None:
    second = "\r\nGET /images/json HTTP/1.1\r\nHost: docker\r\nX: x\r\n"
    reply = ask(node, "GET /containers/json?limit=1", headers=second, version="HTTP/1.1")
    assert b"RepoTags" not in reply.body


def test_nothing_that_can_be_reached_holds_a_password(node: Node) -> None:
    seen = ask(node, "GET /containers/json?all=1&size=1").body
    for container in json.loads(seen):
        reply = ask(node, f"GET /containers/{container['Id']}/json")
        assert reply.status == 200
        seen += reply.body
    seen += ask(node, "GET /events?since=1&until=9999999").body
    assert b'"Name":"\\/keepalived"' in seen
    assert b"NODE_NAME" not in seen  # no environment at all
    assert PASSWORD.encode() not in seen


def test_containers_that_are_not_ours_are_not_there(node: Node) -> None:
    command = ["run", "--detach", "--name", "stranger", "--env", "TOKEN=hush", "--entrypoint", "sleep"]
    identifier = node.engine.docker(*command, "dnsha-exporter:local", "300").strip()
    try:
        seen = b""
        for path in ("/containers/json?all=1", '/containers/json?all=1&filters={"name":["stranger"]}'):
            listed = ask(node, f"GET {path}")
            assert listed.status == 200
            seen += listed.body
        for name in ("stranger", identifier, identifier[:12]):
            inspected = ask(node, f"GET /containers/{name}/json")
            assert inspected.status == 403
            seen += inspected.body
        seen += ask(node, "GET /events?since=1&until=9999999999", timeout=3.0).body
        assert b"keepalived" in seen
        assert b"stranger" not in seen
        assert b"hush" not in seen
    finally:
        node.engine.docker("rm", "--force", "stranger")


def test_the_exporter_can_ask_and_other_users_cannot(node: Node) -> None:
    stat = "import os; s = os.stat('/run/docker-proxy/docker.sock'); print(oct(s.st_mode & 0o777), s.st_uid, s.st_gid)"
    assert node.engine.docker("exec", "exporter", "python3", "-c", stat).split() == ["0o660", "0", "9753"]

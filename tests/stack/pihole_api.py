"""Pi-hole's API from the node that it runs on, by way of a container that has Python: Pi-hole's own image has none."""

from __future__ import annotations

import contextlib
import json
from typing import Any, Final

from tests.lab.errors import CommandError

from .node import Node

# In the container of a sync task, which is given Pi-hole's password and shares the host's network.
_CALL: Final = """
import json, sys, urllib.request as u
api, method, path, body = sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4]
def call(method, path, body=None, sid=""):
    headers = {"X-FTL-SID": sid, "Content-Type": "application/json"}
    with u.urlopen(u.Request(f"{api}/api/{path}", body, headers, method=method), timeout=20) as answer:
        return answer.read().decode()
password = open("/run/secrets/pihole/password").read().strip()
sid = json.loads(call("POST", "auth", json.dumps({"password": password}).encode()))["session"]["sid"]
try:
    print(call(method, path, body.encode() or None, sid))
finally:
    call("DELETE", "auth", sid=sid)
"""


def call(
    node: Node, method: str, path: str, body: object = None, *, api: str = "http://127.0.0.1", through: str = "sync"
) -> Any:
    """Call an endpoint of a Pi-hole on a node; return its answer, None where that is empty.

    Raises:
        CommandError: no answer, or one that says no.
    """
    text = "" if body is None else json.dumps(body)
    said = node.engine.docker("exec", through, "python3", "-c", _CALL, api, method, path, text).strip()
    return json.loads(said) if said else None


def call_if_it_answers(node: Node, path: str, *, api: str, through: str) -> Any:
    """GET from an endpoint; None while nobody answers there, as while Pi-hole starts."""
    with contextlib.suppress(CommandError):
        return call(node, "GET", path, api=api, through=through)


def set_local_records(node: Node, *records: str) -> None:
    """Set the local records (``dns.hosts``) of a node's Pi-hole, as its web interface does."""
    call(node, "PATCH", "config", {"config": {"dns": {"hosts": list(records)}}})

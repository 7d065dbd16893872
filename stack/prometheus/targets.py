"""What Prometheus watches and whom it tells, from this node's settings: files for its file-based discovery.

Every target has the labels that the rules group by: ``site`` (the pair) and ``node`` (the NODE_NAME of the node that
it is on), whichever of the two Prometheus asks.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from exporter.http.web_config import speaks_tls
from exporter.model.addressing import parse_address
from exporter.settings.parse import integer, node_name

# Where each job's target listens, on both nodes; the other two of .env have their own names there.
_PORTS = {"prometheus": "9090", "alertmanager": "9093", "notifier": "9754"}
_PORT_SETTINGS = {"dnsha": ("EXPORTER_PORT", "9753"), "node": ("NODE_EXPORTER_PORT", "9100")}
_DURATION = r"([0-9]+(y|w|d|h|m|s))+"
_SIZE = r"[0-9]+(KB|MB|GB|TB)"


def mistakes(environment: Mapping[str, str]) -> Iterator[str]:
    """Say what is wrong with the settings of Prometheus, each with its name; addresses and role are the exporter's."""
    name, peer = environment.get("NODE_NAME", ""), environment.get("PEER_NAME", "")
    standalone = environment.get("NODE_ROLE") == "standalone"
    if standalone and peer:
        yield "PEER_NAME: a standalone node has no peer; leave it empty or change NODE_ROLE"
    elif not standalone and not peer:
        yield "PEER_NAME is not set: write the other node's NODE_NAME"
    elif peer and peer == name:
        yield f"PEER_NAME: {peer} is this node's own name; write the other node's"
    elif peer:
        yield from _refused(node_name, "PEER_NAME", peer)
    yield from _refused(node_name, "SITE", environment.get("SITE", ""))
    if "/" in environment.get("NODE_IP", ""):
        yield "NODE_IP: write the address without a prefix length; Alertmanager takes it as it is"
    for variable, default in _PORT_SETTINGS.values():
        yield from _refused(integer(1, 65535), variable, environment.get(variable) or default)
    for variable, pattern, example in (
        ("PROMETHEUS_RETENTION", _DURATION, "30d or 2w"),
        ("PROMETHEUS_RETENTION_SIZE", _SIZE, "512MB or 2GB"),
    ):
        text = environment.get(variable, "")
        if not re.fullmatch(pattern, text, re.ASCII):
            yield f"{variable}: {text!r} is not of the form {example}"


def _refused(parse: Callable[[str], object], variable: str, text: str) -> Iterator[str]:
    try:
        parse(text)
    except ValueError as error:
        yield f"{variable}: {error}"


def files(environment: Mapping[str, str]) -> dict[str, bytes]:
    """Write the discovery file of each job, by its name; settings as :func:`mistakes` passes them."""
    chosen = {job: environment.get(variable) or default for job, (variable, default) in _PORT_SETTINGS.items()}
    web_config = environment.get("WEB_CONFIG_FILE")
    tls = {"dnsha": speaks_tls(Path(web_config) if web_config else None)}
    return {
        f"{job}.json": _targets(environment, port, tls=tls.get(job, False))
        for job, port in {**_PORTS, **chosen}.items()
    }


def _targets(environment: Mapping[str, str], port: str, *, tls: bool) -> bytes:
    scheme = {"__scheme__": "https"} if tls else {}
    nodes = [(environment["NODE_NAME"], environment["NODE_IP"]), (environment["PEER_NAME"], environment["PEER_IP"])]
    groups = [
        {"targets": [_endpoint(address, port)], "labels": {"site": environment["SITE"], "node": name, **scheme}}
        for name, address in nodes
        if address
    ]
    return json.dumps(groups, indent=1).encode()


def _endpoint(text: str, port: str) -> str:
    address = parse_address(text)
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"

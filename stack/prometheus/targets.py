"""What Prometheus watches and whom it tells, from this node's settings: files for its file-based discovery.

Every target has the labels that the rules group by: ``site`` (the pair) and ``node`` (the NODE_NAME of the node that
it is on), whichever of the two Prometheus asks.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from exporter.http.web_config import speaks_tls
from exporter.model.addressing import Address
from exporter.settings.read import read_environment

# Where each job's target listens, on both nodes; the other two of .env have their own names there.
_PORTS = {"prometheus": 9090, "alertmanager": 9093, "notifier": 9754}


def files(environment: Mapping[str, str]) -> dict[str, bytes]:
    """Write the discovery file of each job, by its name.

    Raises:
        ConfigurationError: with every mistake in the settings.
    """
    values = read_environment("prometheus", environment)
    ports = {**_PORTS, "dnsha": values["exporter_port"], "node": values["node_exporter_port"]}
    tls = {"dnsha": speaks_tls(values["web_config_file"])}
    return {f"{job}.json": _targets(values, port, tls=tls.get(job, False)) for job, port in ports.items()}


def _targets(values: Mapping[str, Any], port: int, *, tls: bool) -> bytes:
    scheme = {"__scheme__": "https"} if tls else {}
    nodes = [(values["node_name"], values["node_ip"].address), (values["peer_name"], values["peer_ip"])]
    groups = [
        {"targets": [_endpoint(address, port)], "labels": {"site": values["site"], "node": name, **scheme}}
        for name, address in nodes
        if address
    ]
    return json.dumps(groups, indent=1).encode()


def _endpoint(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"

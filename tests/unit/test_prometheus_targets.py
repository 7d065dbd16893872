"""What Prometheus watches, from a node's settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from exporter.model.errors import ConfigurationError
from stack.prometheus.targets import files
from tests.unit.certificates import TLS

GOOD = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "192.0.2.12",
    "PEER_NAME": "beta",
    "SITE": "home",
    "PROMETHEUS_RETENTION": "30d",
    "PROMETHEUS_RETENTION_SIZE": "2GB",
}
ALONE = {"NODE_ROLE": "standalone", "PEER_IP": "", "PEER_NAME": ""}


def targets(**changes: str) -> dict[str, list[tuple[str, str, str]]]:
    """Each job's targets: address, site, node."""
    return {
        name: [(group["targets"][0], group["labels"]["site"], group["labels"]["node"]) for group in json.loads(content)]
        for name, content in files({**GOOD, **changes}).items()
    }


def test_both_nodes_are_watched_under_their_names() -> None:
    assert targets() == {
        f"{job}.json": [(f"192.0.2.11:{port}", "home", "alpha"), (f"192.0.2.12:{port}", "home", "beta")]
        for job, port in {
            "dnsha": 9753,
            "node": 9100,
            "prometheus": 9090,
            "alertmanager": 9093,
            "notifier": 9754,
        }.items()
    }


def test_the_other_node_writes_the_same_labels() -> None:
    here = targets()
    there = targets(NODE_NAME="beta", NODE_IP="192.0.2.12", PEER_IP="192.0.2.11", PEER_NAME="alpha")
    assert {job: set(found) for job, found in here.items()} == {job: set(found) for job, found in there.items()}


def test_a_standalone_node_watches_itself_alone() -> None:
    assert all([node for _, _, node in found] == ["alpha"] for found in targets(**ALONE).values())


def test_ports_of_ones_own_and_ipv6() -> None:
    seen = targets(NODE_IP="2001:db8::11", PEER_IP="2001:db8::12", EXPORTER_PORT="1", NODE_EXPORTER_PORT="2")
    assert [address for address, _, _ in seen["dnsha.json"]] == ["[2001:db8::11]:1", "[2001:db8::12]:1"]
    assert [address for address, _, _ in seen["node.json"]] == ["[2001:db8::11]:2", "[2001:db8::12]:2"]


@pytest.mark.parametrize(("text", "scheme"), [(TLS, "https"), ("", None)])
def test_an_exporter_with_tls_is_scraped_by_https(tmp_path: Path, text: str, scheme: str | None) -> None:
    web = tmp_path / "web.yaml"
    web.write_text(text)
    written = {name: json.loads(content) for name, content in files({**GOOD, "WEB_CONFIG_FILE": str(web)}).items()}
    assert {(name, group["labels"].get("__scheme__")) for name, groups in written.items() for group in groups} == {
        (name, scheme if name == "dnsha.json" else None) for name in written
    }


@pytest.mark.parametrize("changes", [{}, ALONE, {"PROMETHEUS_RETENTION": "1y2w", "PROMETHEUS_RETENTION_SIZE": "512MB"}])
def test_good_settings_pass(changes: dict[str, str]) -> None:
    assert files({**GOOD, **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PEER_NAME": ""}, "PEER_NAME is not set: write the other node's NODE_NAME"),
        ({"PEER_NAME": "alpha"}, "PEER_NAME: alpha is this node's own name"),
        ({"PEER_NAME": "be ta"}, "PEER_NAME: 'be ta' is no name"),
        ({**ALONE, "PEER_NAME": "beta"}, "PEER_NAME: a standalone node has no peer"),
        ({"SITE": "my home"}, "SITE: 'my home' is no name"),
        ({"NODE_IP": "192.0.2.11/24"}, "NODE_IP: write the address without a prefix length"),
        ({"PROMETHEUS_RETENTION": "a month"}, "PROMETHEUS_RETENTION: 'a month' is not of the form 30d or 2w"),
        ({"PROMETHEUS_RETENTION": "30"}, "PROMETHEUS_RETENTION: '30' is not of the form"),
        ({"PROMETHEUS_RETENTION_SIZE": "2 GB"}, "PROMETHEUS_RETENTION_SIZE: '2 GB' is not of the form 512MB or 2GB"),
        ({"NODE_EXPORTER_PORT": "0"}, "NODE_EXPORTER_PORT: '0' is not a whole number from 1 to 65535"),
    ],
)
def test_every_mistake_is_a_sentence(changes: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        files({**GOOD, **changes})
    (problem,) = refused.value.problems
    assert problem.startswith(message)

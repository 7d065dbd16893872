"""The shipped files, read by Compose and by eye: nothing runs here."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from exporter.settings.load import load
from exporter.settings.values import Settings

from .conftest import require
from .shipped import COMPOSE, EXAMPLE, example, explained, read, without_engine

pytestmark = pytest.mark.stack

MANDATORY = (
    "NODE_ROLE",
    "NODE_NAME",
    "NODE_IP",
    "PEER_IP",
    "VIP_ADDRESS",
    "NETWORK_INTERFACE",
    "PIHOLE_PASSWORD",
    "PEER_NAME",
    "GRAFANA_ADMIN_PASSWORD",
)
MAY_BE_EMPTY = {"PEER_IP", "PEER_NAME", "GRAFANA_ADMIN_PASSWORD"}
LAYOUTS = {
    "node": ["compose.yaml", "observability.yaml"],
    "unobserved": ["compose.yaml"],
    "layout B": ["compose.yaml", "layout-b.yaml", "observability.yaml"],
    "unobserved layout B": ["compose.yaml", "layout-b.yaml"],
}
OBSERVABILITY = {"prometheus", "alertmanager", "notifier", "notifier-settings"}
ROLES = ("primary", "secondary", "standalone")
# What a service may do without, and the reason stands beside it in the file.
WRITES_ITS_ROOT = {"pihole", "pihole-b", "settings", "notifier-settings", "signal"}
RUN_ONCE = {"settings", "notifier-settings", "tools"}
GAINS_PRIVILEGES = {"pihole", "pihole-b"}


@pytest.fixture(autouse=True)
def _compose() -> None:
    require(without_engine())


def filled() -> dict[str, str]:
    """.env.example as somebody fills it in."""
    return {**example(), "PIHOLE_PASSWORD": "correct-horse-battery", "GRAFANA_ADMIN_PASSWORD": "other-horse-battery"}


def services(tmp_path: Path, layout: str = "node", role: str = "primary", profiles: str = "") -> dict[str, Any]:
    environment = {**filled(), "NODE_ROLE": role, "COMPOSE_PROFILES": profiles or role}
    if role == "standalone":
        environment |= {"PEER_IP": "", "PEER_NAME": ""}
    document, complaint = read(LAYOUTS[layout], environment, tmp_path)
    assert document is not None, complaint
    found: dict[str, Any] = document["services"]
    return found


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_compose_takes_every_layout_for_every_role(layout: str, role: str, tmp_path: Path) -> None:
    found = services(tmp_path, layout, role)
    assert {"pihole", "unbound", "keepalived", "guard", "exporter", "docker-proxy", "node-exporter", "backup"} <= set(
        found
    )
    assert ("sync" in found) == (role != "standalone")
    assert found.keys() & OBSERVABILITY == (set() if "unobserved" in layout else OBSERVABILITY)
    assert ("grafana" in found) == ("unobserved" not in layout and role != "secondary")


def test_the_example_selects_the_whole_stack() -> None:
    assert example()["COMPOSE_FILE"].split(":") == LAYOUTS["node"]


def test_signal_is_there_on_demand_and_for_the_node_alone(tmp_path: Path) -> None:
    signal = services(tmp_path, profiles="primary,signal")["signal"]
    assert [port["host_ip"] for port in signal["ports"]] == ["127.0.0.1"]
    assert "network_mode" not in signal or signal["network_mode"] == "bridge"


def test_nothing_that_tells_asks_the_pair_for_names(tmp_path: Path) -> None:
    found = services(tmp_path, profiles="primary,signal")
    for name in ("notifier", "notifier-settings", "signal"):
        assert len(found[name]["dns"]) == 2, name
        assert all(ipaddress.ip_address(address).is_global for address in found[name]["dns"]), name


@pytest.mark.parametrize("role", ROLES)
def test_alertmanager_joins_the_other_node_where_there_is_one(role: str, tmp_path: Path) -> None:
    command = services(tmp_path, role=role)["alertmanager"]["command"]
    cluster = [part for part in command if part.startswith("--cluster.") and "timeout" not in part]
    here, there = ("", "") if role == "standalone" else ("[192.168.8.11]:9094", "[192.168.8.12]:9094")
    assert cluster == [
        f"--cluster.listen-address={here}",
        f"--cluster.advertise-address={here}",
        f"--cluster.peer={there}",
    ]


# What somebody who reads the compose files would write down by hand: nothing has to be set in .env for it.
BY_ROLE = {
    "primary": ({"backup", "drop-ins"}, {"unbound", "pihole"}),
    "secondary": ({"pihole", "backup", "drop-ins"}, {"unbound", "pihole"}),
    "standalone": ({"backup", "drop-ins"}, set()),
}


def expectations(found: dict[str, Any]) -> Settings:
    """What the exporter makes of the environment that Compose gives it."""
    return load(None, found["exporter"]["environment"], {}, lambda _: [])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_exporter_expects_what_runs_on_a_node_of_its_role(layout: str, role: str, tmp_path: Path) -> None:
    found = services(tmp_path, layout, role)
    expected = expectations(found)
    # Of the exporter itself its scrape tells; what runs once has ended.
    assert set(expected.containers) == set(found) - {"exporter"} - RUN_ONCE
    assert (set(expected.tasks), set(expected.shared_content)) == BY_ROLE[role]


@pytest.mark.parametrize(
    ("role", "tasks"),
    [
        ("primary", {"backup", "drop-ins", "drill"}),
        ("secondary", {"backup", "drop-ins", "pihole", "unbound"}),
        ("standalone", {"backup", "drop-ins"}),
    ],
)
def test_what_is_switched_on_is_expected_too(role: str, tasks: set[str], tmp_path: Path) -> None:
    more = {"DRILL_CRON": "0 4 1 * *", "SIGNAL": "yes", "MQTT_HOST": "192.168.8.20"}
    more |= {"SYNC_UNBOUND": "yes" if role == "secondary" else ""}
    more |= {"PEER_IP": "", "PEER_NAME": ""} if role == "standalone" else {}
    # In the order of .env.example: COMPOSE_PROFILES is made of what stands above it.
    profiles = {"COMPOSE_PROFILES": example()["COMPOSE_PROFILES"]}
    environment = {name: text for name, text in filled().items() if name not in profiles}
    variables = {**environment, "NODE_ROLE": role, **more, **profiles}
    document, complaint = read(LAYOUTS["node"], variables, tmp_path)
    assert document is not None, complaint
    found = document["services"]
    expected = expectations(found)
    assert {"drill", "signal", "homeassistant"} <= found.keys()
    assert set(expected.containers) == set(found) - {"exporter"} - RUN_ONCE
    assert set(expected.tasks) == tasks


def test_without_a_schedule_or_a_broker_there_is_neither_drill_nor_home_assistant(tmp_path: Path) -> None:
    document, complaint = read(LAYOUTS["node"], filled(), tmp_path)
    assert document is not None, complaint
    assert not {"drill", "signal", "homeassistant"} & document["services"].keys()


def test_what_stands_in_env_goes_before_what_follows_from_the_role(tmp_path: Path) -> None:
    mine = {"SYNC_TASKS": "backup=8d", "EXPECTED_CONTAINERS": "pihole", "SHARED_CONTENT": ""}
    document, complaint = read(["compose.yaml"], {**filled(), **mine}, tmp_path)
    assert document is not None, complaint
    environment = document["services"]["exporter"]["environment"]
    assert {name: environment[name] for name in mine} == mine


def test_compose_takes_the_demonstration(tmp_path: Path) -> None:
    environment = dict(re.findall(r"^([A-Z_]+)=(.*)$", (COMPOSE / "demo.env").read_text(), re.MULTILINE))
    document, complaint = read(["demo.yaml"], environment, tmp_path)
    assert document is not None, complaint
    assert document["services"]["docker-proxy"]["environment"] == {"COMPOSE_PROJECT_NAME": document["name"]}
    for name, service in document["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert not service.get("privileged"), name


@pytest.mark.parametrize("name", MANDATORY)
def test_each_missing_variable_fails_with_its_own_message(name: str, tmp_path: Path) -> None:
    environment = filled()
    del environment[name]
    document, complaint = read(LAYOUTS["node"], environment, tmp_path)
    assert document is None
    assert f"required variable {name} is missing a value" in complaint
    assert ".env" in complaint


@pytest.mark.parametrize("name", [name for name in MANDATORY if name not in MAY_BE_EMPTY])
def test_an_empty_variable_is_as_good_as_a_missing_one(name: str, tmp_path: Path) -> None:
    document, complaint = read(["compose.yaml"], {**filled(), name: ""}, tmp_path)
    assert document is None
    assert name in complaint


def test_every_variable_of_the_files_is_explained_and_no_other_one() -> None:
    used = set()
    for file in COMPOSE.glob("*.yaml"):
        if file.name != "demo.yaml":
            used |= set(re.findall(r"(?<!\$)\$\{([A-Z][A-Z0-9_]*)", file.read_text()))
    ours = {"COMPOSE_PROFILES", "COMPOSE_FILE"}
    assert explained() - ours == used


def test_every_variable_has_a_comment_above_it() -> None:
    lines = EXAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if re.match(r"#?[A-Z][A-Z0-9_]*=", line):
            assert lines[number - 1].startswith("#"), line


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_service_has_the_baseline(layout: str, tmp_path: Path) -> None:
    for name, service in services(tmp_path, layout, "primary", "primary,tools,drill,signal,homeassistant").items():
        assert not service.get("privileged"), name
        assert service["cap_drop"] == ["ALL"], name
        assert service.get("read_only", False) or name in WRITES_ITS_ROOT, name
        assert service.get("security_opt") == ["no-new-privileges:true"] or name in GAINS_PRIVILEGES, name
        assert service["logging"]["driver"] == "local", name
        assert {"max-size", "max-file"} <= set(service["logging"]["options"]), name
        assert int(service["mem_limit"]) <= 512 << 20, name
        assert 0 < service["pids_limit"] <= 256, name
        once = name in RUN_ONCE
        assert service["restart"] == ("no" if once else "unless-stopped"), name
        assert "healthcheck" in service or once, name


def test_all_limits_together_leave_room_on_a_pi_with_2_gb(tmp_path: Path) -> None:
    dns = services(tmp_path, "unobserved")
    assert sum(int(s["mem_limit"]) for n, s in dns.items() if n not in RUN_ONCE) <= 1536 << 20
    # What these may take at most is more than there is; the kernel ends them before it ends what answers DNS.
    for name, service in services(tmp_path, profiles="primary,signal").items():
        assert (service.get("oom_score_adj", 0) > 0) == (name not in dns), name


def test_only_the_proxy_sees_dockers_socket(tmp_path: Path) -> None:
    for name, service in services(tmp_path, "layout B", "primary", "primary,tools").items():
        sources = [volume.get("source", "") for volume in service.get("volumes", ())]
        assert any("docker.sock" in source for source in sources) == (name == "docker-proxy"), name


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_proxy_knows_whose_containers_it_shows(layout: str, tmp_path: Path) -> None:
    document, complaint = read(LAYOUTS[layout], filled(), tmp_path)
    assert document is not None, complaint
    assert document["services"]["docker-proxy"]["environment"] == {"COMPOSE_PROJECT_NAME": document["name"]}
    assert document["name"] == "dnsha"


def test_our_own_images_are_never_taken_from_a_registry(tmp_path: Path) -> None:
    for name, service in services(tmp_path, "layout B", "primary", "primary,tools").items():
        assert ("build" in service) == service["image"].startswith("dnsha-"), name
        assert "build" not in service or service["pull_policy"] == "never", name


def test_keepalived_never_waits_for_docker_to_take_its_log(tmp_path: Path) -> None:
    found = services(tmp_path)
    for name in ("keepalived", "guard"):
        assert found[name]["logging"]["options"]["mode"] == "non-blocking"


def test_no_password_is_in_any_environment(tmp_path: Path) -> None:
    secrets = {
        "PIHOLE_PASSWORD": "pass-of-pihole",
        "PIHOLE_APP_PASSWORD": "pass-of-app",
        "PEER_PIHOLE_APP_PASSWORD": "pass-of-peer-app",
        "VRRP_PASSWORD": "pass-vrr",
        "PAIR_KEY": "pass-of-the-pair-32-characters-x",
        "GRAFANA_ADMIN_PASSWORD": "pass-of-grafana",
        "MQTT_PASSWORD": "pass-of-the-broker",
        "NOTIFY_URLS": "json://user:pass-of-receiver@192.0.2.100/",
        "NOTIFY_URLS_CRITICAL": "json://user:pass-critical@192.0.2.100/",
        "NOTIFY_URLS_WARNING": "json://user:pass-warning@192.0.2.100/",
        "NOTIFY_URLS_INFO": "json://user:pass-info@192.0.2.100/",
        "HEARTBEAT_URL": "http://192.0.2.100/pass-of-heartbeat",
    }
    document, complaint = read(LAYOUTS["layout B"], {**filled(), **secrets}, tmp_path)
    assert document is not None, complaint
    written = str(document["services"])
    assert [name for name, secret in secrets.items() if secret in written or secret in str(document["volumes"])] == []


def test_every_image_is_pinned_and_named_once() -> None:
    images: list[str] = []
    for file in COMPOSE.glob("*.yaml"):
        text = file.read_text()
        images += re.findall(r"^\s+[a-z-]+: &[a-z-]+-image (\S+)$", text, re.MULTILINE)
        for service in (yaml.safe_load(text).get("services") or {}).values():
            image = service.get("image", "")
            assert not image.endswith(":latest"), image
            assert not image or ":" in image, image
    assert len(images) == len(set(images))
    assert all(re.fullmatch(r"[^\s@]+:v?[0-9][0-9.]+(@sha256:[0-9a-f]{64})?", image) for image in images), images

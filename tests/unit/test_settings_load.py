"""The settings as a whole: file, then environment, then flags; every mistake at once, with where and why."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.model.addressing import Network
from exporter.model.errors import ConfigurationError
from exporter.settings.load import MAXIMUM_FILE_BYTES, load
from exporter.settings.values import Settings

GOOD = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53,2001:db8::53",
    "NETWORK_INTERFACE": "eth0",
}
LAN = [ipaddress.ip_network("192.0.2.0/24"), ipaddress.ip_network("2001:db8::/64")]


def networks_of(interface: str) -> list[Network]:
    return list(LAN) if interface == "eth0" else []


def read(
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    flags: Mapping[str, str | None] | None = None,
    **variables: str,
) -> Settings:
    return load(file, {**(GOOD if environment is None else environment), **variables}, flags or {}, networks_of)


def mistakes(
    environment: Mapping[str, str] | None = None,
    file: Path | None = None,
    flags: Mapping[str, str | None] | None = None,
    **variables: str,
) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        read(environment, file, flags, **variables)
    return refused.value.problems


def write(directory: Path, content: str | bytes) -> Path:
    path = directory / "exporter.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def test_six_settings_are_enough() -> None:
    settings = read()
    assert (settings.node_role, settings.node_name, str(settings.peer_ip)) == ("primary", "alpha", "192.0.2.12")
    assert [str(virtual) for virtual in settings.vip_address] == ["192.0.2.53", "2001:db8::53"]
    assert (settings.exporter_port, settings.virtual_router_id, settings.probe_timeout) == (9753, 53, 1.0)
    assert settings.canary_zone == "canary.dnsha.example"


def test_the_environment_wins_over_the_file_and_a_flag_over_both(tmp_path: Path) -> None:
    file = write(tmp_path, "node_name: from-file\nexporter_port: 1000\nlog_level: debug\n")
    variables = {key: value for key, value in GOOD.items() if key != "NODE_NAME"}
    settings = read(variables, file, {"log_level": "error"}, EXPORTER_PORT="2000", LOG_LEVEL="warning")
    assert (settings.node_name, settings.exporter_port, settings.log_level) == ("from-file", 2000, "error")


def test_an_empty_variable_is_one_that_is_not_set(tmp_path: Path) -> None:
    """Compose writes one for ``${EXPORTER_PORT:-}``."""
    file = write(tmp_path, "exporter_port: 1000\n")
    assert read(file=file, EXPORTER_PORT="  ").exporter_port == 1000


def test_a_whole_file_is_enough(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        """
        node_role: primary
        node_name: alpha
        node_ip: 192.0.2.11/24
        peer_ip: 192.0.2.12
        vip_address: [192.0.2.53, "2001:db8::53"]
        network_interface: eth0
        probe_interval: 0.5
        docker_host: unix:///run/docker.sock
        expected_containers:
          - pihole
          - unbound
        sync_tasks: {pihole: 3h, backup: 26h}
        exporter_address:
        """,
    )
    settings = read({}, file)
    assert settings.probe_interval == 0.5
    assert settings.containers == ("pihole", "unbound")
    assert dict(settings.sync_tasks) == {"pihole": 10_800.0, "backup": 93_600.0}
    assert settings.exporter_address is None
    assert settings.node_ip.network == LAN[0]


@pytest.mark.parametrize(
    ("role", "peer", "expected"),
    [
        ("primary", "192.0.2.12", ("pihole", "sync", "prometheus", "grafana")),
        ("secondary", "192.0.2.12", ("pihole", "sync", "prometheus")),
        ("standalone", "", ("pihole", "prometheus", "grafana")),
    ],
)
def test_containers_follow_from_the_role(role: str, peer: str, expected: tuple[str, ...]) -> None:
    settings = read(
        NODE_ROLE=role,
        PEER_IP=peer,
        DOCKER_HOST="unix:///run/docker.sock",
        EXPECTED_CONTAINERS="pihole,sync@primary,sync@secondary",
        ADDITIONAL_CONTAINERS="prometheus,grafana@primary,grafana@standalone",
    )
    assert settings.containers == expected


@pytest.mark.parametrize(
    ("role", "expected"), [("primary", {"backup": 93_600.0}), ("secondary", {"backup": 93_600.0, "pihole": 10_800.0})]
)
def test_tasks_follow_from_the_role(role: str, expected: dict[str, float]) -> None:
    assert read(NODE_ROLE=role, SYNC_TASKS="pihole@secondary=3h,backup=26h").tasks == expected


def test_a_value_in_the_file_is_the_text_that_stands_there(tmp_path: Path) -> None:
    """YAML 1.1 takes 1:2 for a number to the base of sixty, 053 for an octal one and no for false."""
    file = write(tmp_path, "vip_address: 2001:10:20:30:40:50:10:20\nvirtual_router_id: 053\nnode_name: no\n")
    variables = {key: value for key, value in GOOD.items() if key not in ("NODE_NAME", "VIP_ADDRESS")}
    settings = load(file, variables, {}, lambda _: [])
    assert str(settings.vip_address[0]) == "2001:10:20:30:40:50:10:20"
    assert (settings.virtual_router_id, settings.node_name) == (53, "no")


def test_nothing_set_names_everything_that_must_be() -> None:
    problems = mistakes({})
    assert [problem.split()[0] for problem in problems] == [
        "NODE_ROLE",
        "NODE_NAME",
        "NODE_IP",
        "VIP_ADDRESS",
        "NETWORK_INTERFACE",
    ]


def test_every_mistake_is_reported_at_once_with_its_place(tmp_path: Path) -> None:
    file = write(tmp_path, "probe_timeout: soon\nprob_interval: 1\nlog_level: {a: {b: c}}\n")
    problems = mistakes(file=file, flags={"virtual_router_id": "256"}, NODE_ROLE="master", VIP_ADDRESS="192.0.2.255")
    assert problems == [
        f"{file}: 'prob_interval' is not a setting; exporter --help lists them",
        f"{file}: log_level must be a word, a number, a list of them or NAME: VALUE pairs",
        "NODE_ROLE in the environment: 'master' is not one of primary, secondary, standalone",
        "--virtual-router-id: '256' is not a whole number from 1 to 255",
        f"probe_timeout in {file}: 'soon' is not a number of seconds from 0.05 to 30",
        (
            "VIP_ADDRESS in the environment: 192.0.2.255 is the broadcast address of 192.0.2.0/24; "
            "clients cannot use it as a DNS server"
        ),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"PEER_IP": ""}, "PEER_IP is not set"),
        ({"NODE_ROLE": "standalone"}, "a standalone node has no peer"),
        ({"PEER_IP": "192.0.2.11"}, "192.0.2.11 is this node's own address"),
        ({"VIP_ADDRESS": "192.0.2.11"}, "a node's own address"),
        ({"VIP_ADDRESS": "192.0.2.12"}, "a node's own address"),
        ({"VIP_ADDRESS": "192.0.2.0"}, "network address"),
        ({"VIP_ADDRESS": "192.0.2.53,fe80::53"}, "fe80::53 is a link-local address"),
        ({"VIP_ADDRESS": "192.0.2.53,fe80::53%eth0"}, "names an interface of this node"),
        ({"VIP_ADDRESS": "192.0.2.53,::ffff:192.0.2.54"}, "never on the wire"),
        ({"VIP_ADDRESS": "169.254.1.53"}, "a link-local address"),
        ({"VIP_ADDRESS": "198.51.100.53"}, "outside the interface's subnet"),
        ({"SYNC_TASKS": "pihole@master=3h"}, "is not NAME=VALUE"),
        ({"ADDITIONAL_CONTAINERS": "grafana"}, "DOCKER_HOST does not say where to ask"),
        ({"EXPECTED_CONTAINERS": "pihole"}, "DOCKER_HOST does not say where to ask"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict[str, str], words: str) -> None:
    (problem,) = mistakes({**GOOD, **changes})
    assert words in problem


def test_an_empty_flag_does_not_make_a_pair_of_one() -> None:
    assert mistakes(flags={"peer_ip": ""}) == [
        "PEER_IP is not set: the other node's address is needed (NODE_ROLE standalone has none)"
    ]


def test_a_standalone_node_needs_no_peer() -> None:
    assert read(NODE_ROLE="standalone", PEER_IP="").peer_ip is None


def test_the_node_s_own_subnet_counts_where_the_interface_does_not_exist_yet() -> None:
    (problem,) = mistakes(NODE_IP="192.0.2.11/25", VIP_ADDRESS="192.0.2.200", NETWORK_INTERFACE="eth7")
    assert "outside the interface's subnet (192.0.2.0/25)" in problem


def test_an_interface_that_does_not_exist_yet_is_no_mistake() -> None:
    assert read(NETWORK_INTERFACE="eth7").network_interface == "eth7"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("node_name: alpha\nnode_name: beta\n", "'node_name' stands there twice"),
        ("- node_name\n", "must hold settings as KEY: VALUE, not a list"),
        ("just text\n", "must hold settings as KEY: VALUE, not a str"),
        ("node_name: [alpha\n", "is not valid YAML"),
        ("a: &a [x]\nb: *a\n", "'b' is not a setting"),
        ("detect_conflicts: true\n", "detect_conflicts is no setting any more: the wire is always watched"),
        (b"\xff\xfe\x00", "is not valid YAML"),
        (b"node_name: \x00\n", "is not valid YAML"),
        ("[" * 500, "is not valid YAML"),
        ("? [a, b]\n: c\n", "is not valid YAML"),
        ("<<: {node_name: x}\n", "'<<' is not a setting"),
        ("sync_tasks: [[a]]\n", "sync_tasks must be a word"),
        ("x" * (MAXIMUM_FILE_BYTES + 1), "that is no configuration"),
    ],
    ids=lambda value: repr(value[:30]),
)
def test_a_file_that_makes_no_sense_is_refused_in_a_sentence(tmp_path: Path, content: str | bytes, words: str) -> None:
    problems = mistakes(file=write(tmp_path, content), NODE_ROLE="nonsense")
    assert any(words in problem for problem in problems)
    assert all("\n" not in problem for problem in problems)
    assert "NODE_ROLE in the environment: 'nonsense' is not one of primary, secondary, standalone" in problems


@pytest.mark.parametrize("value", ["!!int ''", "!!float ''", "!!bool maybe", "!!timestamp x", "!!binary é", "!!null x"])
def test_a_value_that_lies_about_its_type_is_the_text_that_it_is(tmp_path: Path, value: str) -> None:
    """PyYAML's own constructors raise IndexError, KeyError and AttributeError on these."""
    file = write(tmp_path, f"log_level: {value}\n")
    try:
        read(file=file)
    except ConfigurationError as refused:
        assert len(refused.problems) == 1  # noqa: PT017 (either is right; a traceback is not)


def test_a_tag_that_would_run_something_runs_nothing(tmp_path: Path) -> None:
    read(file=write(tmp_path, f"node_name: !!python/object/apply:os.mkdir [{tmp_path}/made]\n"))
    assert not (tmp_path / "made").exists()


def test_a_file_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (problem,) = mistakes(file=tmp_path / "missing.yaml")
    assert problem == f"{tmp_path}/missing.yaml cannot be read: No such file or directory"
    (problem,) = mistakes(file=tmp_path)
    assert problem == f"{tmp_path} cannot be read: Is a directory"


def test_an_empty_file_sets_nothing(tmp_path: Path) -> None:
    for content in ("", "# nothing\n", "---\n", "node_name:\n"):
        assert read(file=write(tmp_path, content)).node_name == "alpha"


@given(content=st.binary(max_size=60) | st.text("abnode_name:[]{}!&*'\"\n -?,<>%@`|", max_size=40).map(str.encode))
def test_any_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    file = write(tmp_path_factory.getbasetemp(), content)
    try:
        read(file=file)
    except ConfigurationError as refused:
        assert refused.problems  # noqa: PT017 (any other error fails the test)


def test_a_setting_goes_on_working_by_its_former_name(tmp_path: Path) -> None:
    address = ipaddress.ip_address("192.0.2.11")
    assert read(PIHOLE_ADDRESS="192.0.2.11").resolver_address[0].address == address
    assert read(file=write(tmp_path, "unbound_address: 192.0.2.11:53")).recursor_address[0].address == address
    assert read(UNBOUND_ADDRESS="192.0.2.11:53", RECURSOR_ADDRESS="192.0.2.11:53").recursor_address[0].port == 53


def test_a_former_name_that_says_something_else_is_refused() -> None:
    (mistake,) = mistakes(PIHOLE_ADDRESS="192.0.2.11", RESOLVER_ADDRESS="192.0.2.12")
    assert mistake == (
        "RESOLVER_ADDRESS in the environment: PIHOLE_ADDRESS in the environment is its former name and says "
        "'192.0.2.11', this '192.0.2.12': delete one of them"
    )


def test_a_flag_wins_over_a_former_name_too() -> None:
    settings = read(flags={"resolver_address": "192.0.2.12"}, PIHOLE_ADDRESS="192.0.2.11")
    assert [str(one.address) for one in settings.resolver_address] == ["192.0.2.12"]


def test_the_stack_has_a_recursor_and_another_pair_need_not() -> None:
    assert "none is for KEEPALIVED=own or none" in mistakes(RECURSOR_ADDRESS="none")[0]
    assert read(RECURSOR_ADDRESS="none", KEEPALIVED="own").recursor_address == ()


def test_a_fifo_is_for_a_keepalived_of_ones_own() -> None:
    assert "KEEPALIVED=own" in mistakes(NOTIFY_FIFO="/run/notify")[0]
    assert read(NOTIFY_FIFO="/run/notify", KEEPALIVED="own").notify_fifo == Path("/run/notify")

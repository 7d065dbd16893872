"""The settings as typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.model.addressing import Address, VirtualAddress
from exporter.settings.parse import Endpoint, ExpectedContainer, NodeAddress
from exporter.settings.web_port import WebPort


@dataclass(frozen=True, slots=True)
class Settings:
    """One field for each row of the table, of the same name; times in seconds."""

    node_role: str
    node_name: str
    node_ip: NodeAddress
    peer_ip: Address | None
    vip_address: tuple[VirtualAddress, ...]
    network_interface: str
    virtual_router_id: int
    exporter_address: Address | None
    exporter_port: int
    pair_key_file: Path | None
    web_config_file: Path | None
    runtime_directory: Path
    state_directory: Path
    keepalived: str
    keepalived_pid_file: Path
    notify_fifo: Path | None
    docker_host: str
    expected_containers: tuple[ExpectedContainer, ...]
    additional_containers: tuple[ExpectedContainer, ...]
    canary_zone: str
    probe_name: str
    resolver_address: tuple[Endpoint, ...]
    recursor_address: tuple[Endpoint, ...]
    unbound_control: Path | None
    pihole_statistics_password_file: Path | None
    pihole_top: bool
    pihole_web_port: tuple[WebPort, ...]
    pihole_api: str
    probe_interval: float
    probe_interval_vip: float
    probe_interval_peer: float
    probe_interval_tcp: float
    probe_timeout: float
    slow_answer: float
    peer_interval: float
    peer_timeout: float
    clock_tolerance: float
    stamp_directory: Path
    sync_tasks: Mapping[str, float]  # by NAME or NAME@ROLE
    shared_content: Mapping[str, Path]
    firewall: bool
    dhcp: bool
    log_level: str

    @property
    def containers(self) -> tuple[str, ...]:
        """The names of the containers that should run on a node of this role."""
        listed = (*self.expected_containers, *self.additional_containers)
        return tuple(dict.fromkeys(one.name for one in listed if one.role in (None, self.node_role)))

    @property
    def tasks(self) -> Mapping[str, float]:
        """How old the last success may be, in seconds, of the tasks of a node of this role."""
        parts = ((*key.partition("@"), age) for key, age in self.sync_tasks.items())
        return {name: age for name, _, role, age in parts if role in ("", self.node_role)}

"""The one table of settings; help texts, the README and reading are made from it.

A setting ``node_name`` is ``node_name`` in the YAML file, ``NODE_NAME`` in the environment and
``--node-name`` on the command line; the later of these wins.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from exporter.model.observations import ROLES
from exporter.settings import parse


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``parse`` turns its text into its value and raises ValueError with the reason."""

    key: str
    parse: Callable[[str], object]
    default: str | None  # None: it must be set
    help: str
    known_flag: str = ""  # what other exporters call it

    @property
    def variable(self) -> str:
        """The environment's name for it."""
        return self.key.upper()

    @property
    def flag(self) -> str:
        """The command line's name for it."""
        return "--" + self.key.replace("_", "-")


SETTINGS: tuple[Setting, ...] = (
    Setting("node_role", parse.choice(*ROLES), None, "primary, secondary or standalone."),
    Setting("node_name", parse.node_name, None, "This node's name, as its Unbound's canary gives it."),
    Setting("node_ip", parse.node_address, None, "This node's own address; ADDRESS/LENGTH also tells its subnet."),
    Setting("peer_ip", parse.optional_address, "", "The other node's address; not for a standalone node."),
    Setting("vip_address", parse.virtual_addresses, None, "The virtual IPs, IPv4 and IPv6, comma-separated."),
    Setting("network_interface", parse.interface, None, "The interface on the LAN that gets the virtual IPs."),
    Setting("virtual_router_id", parse.integer(1, 255), "53", "VRRP virtual router ID, the same on both nodes."),
    Setting("exporter_address", parse.optional_address, "", "Address to listen on; empty for all."),
    Setting("exporter_port", parse.integer(1, 65535), "9753", "TCP port of this exporter and of its peer."),
    Setting(
        "pair_key_file",
        parse.optional_file,
        "",
        "File with the key that both nodes share, without which nobody's word counts as the peer's; empty for none.",
    ),
    Setting(
        "web_config_file",
        parse.optional_file,
        "",
        "TLS and passwords for what is served, in the exporters' common format; the same on both nodes.",
        "--web.config.file",
    ),
    Setting(
        "runtime_directory", parse.directory, "/run/dnsha", "Where keepalived's side leaves lock, events and dump."
    ),
    Setting(
        "state_directory", parse.directory, "/run/dnsha-exporter", "Where counters survive the exporter's restart."
    ),
    Setting("docker_host", parse.docker_host, "", "Docker's API, unix:///PATH or tcp://HOST:PORT; empty for none."),
    Setting(
        "expected_containers",
        parse.containers,
        "",
        "Containers that should run on this node, comma-separated; NAME@ROLE on a node of that role alone.",
    ),
    Setting("additional_containers", parse.containers, "", "More of them, named by a file that adds services."),
    Setting("canary_zone", parse.domain, "canary.dnsha.example", "Zone in which each node's Unbound gives its name."),
    Setting(
        "pihole_address", parse.endpoints(53), "127.0.0.1:53", "This node's Pi-hole, ADDRESS:PORT; several by commas."
    ),
    Setting("unbound_address", parse.endpoints(5335), "127.0.0.1:5335", "This node's Unbound, in the same form."),
    Setting(
        "probe_interval",
        parse.seconds(0.05, 3600),
        "1",
        "Seconds between two queries over UDP to this node's Pi-hole and Unbound, which do not count them.",
    ),
    Setting(
        "probe_interval_vip",
        parse.seconds(0.05, 3600),
        "1",
        "Seconds between two queries over UDP to a virtual IP; the other node's Pi-hole counts them. Sooner in need.",
    ),
    Setting(
        "probe_interval_peer",
        parse.seconds(0.05, 3600),
        "10",
        "Seconds between two queries over UDP to the other node's own address. Sooner in need.",
    ),
    Setting("probe_interval_tcp", parse.seconds(0.05, 3600), "20", "Seconds between two queries to a target over TCP."),
    Setting("probe_timeout", parse.seconds(0.05, 30), "1", "Seconds after which a query counts as lost."),
    Setting("slow_answer", parse.seconds(0.001, 30), "0.25", "Seconds from which on an answer is a warning."),
    Setting("peer_interval", parse.seconds(0.1, 3600), "2", "Seconds between two questions to the peer's exporter."),
    Setting("peer_timeout", parse.seconds(0.05, 30), "1", "Seconds after which the peer's exporter counts as silent."),
    Setting("clock_tolerance", parse.seconds(0.01, 3600), "5", "Seconds that the nodes' clocks may differ."),
    Setting("stamp_directory", parse.directory, "/var/lib/dnsha/stamps", "Where sync and backup leave their stamps."),
    Setting(
        "sync_tasks",
        parse.durations,
        "",
        "Tasks and the age from which their success is too old: pihole@secondary=3h,backup=26h.",
    ),
    Setting(
        "shared_content", parse.paths, "", "Content both nodes share, compared by digest: unbound=/etc/unbound/shared."
    ),
    Setting(
        "firewall", parse.on_off, "off", "on where the stack's firewall should be loaded: a check says whether it is."
    ),
    Setting("log_level", parse.choice("debug", "info", "warning", "error"), "info", "debug, info, warning or error."),
)

# What there is no more, and what to do about it; by the key, as above.
RETIRED = {"detect_conflicts": "the wire is always watched, beside keepalived: delete it"}

"""The daemons of a node, and how the lab runs each: Unbound, dnsmasq in Pi-hole's place, keepalived, the exporter."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, Literal

from tests import standin_ftl

from . import processes
from .dns_query import canary
from .host import Host
from .http_get import get
from .keepalived_root import PROJECT, Keepalived
from .plan import (
    CANARY_ZONE,
    DHCP_FIRST,
    DHCP_LAST,
    DHCP_ROUTER,
    DNS_PORT,
    EXPORTER_PORT,
    REPOSITORY,
    STATIC_ADDRESS,
    STATIC_NAME,
    UNBOUND_PORT,
    Place,
)
from .service import Daemon

ServiceName = Literal["unbound", "dnsmasq", "keepalived", "guard", "dhcp", "exporter"]

LAB_RESOLVER: Final = "LAB_RESOLVER"
_RUNTIME: Final = "/run/dnsha"
_NO_CAPABILITIES: Final = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")

EXPORTER_COMMAND: Final = (*_NO_CAPABILITIES, "--bounding-set=-all", sys.executable, "-m", "exporter")
"""Needs the repository as working directory; without a single capability, as in its container."""

_UNBOUND_CONFIG: Final = """\
server:
  interface: 127.0.0.1
  port: {port}
  access-control: 127.0.0.0/8 allow
  chroot: ""
  username: ""
  directory: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"  # no trust anchor could be refreshed here
  num-threads: 1
  # The canary: says which node answered, and never comes from a cache.
  local-zone: "{zone}." redirect
  local-data: '{zone}. 0 IN TXT "{node}"'
  # Stands for the internet, which the lab has not: every other name ends in SERVFAIL.
  local-data: "{name}. 300 IN A {address}"
remote-control:
  control-enable: no
"""


def unbound(place: Place, logs: Path, more: str = "") -> Daemon:
    """Unbound on 127.0.0.1, with the canary, one static name, and ``more``; its configuration is beside the log."""
    config = logs / "unbound.conf"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        _UNBOUND_CONFIG.format(
            port=UNBOUND_PORT, zone=CANARY_ZONE, node=place.name, name=STATIC_NAME, address=STATIC_ADDRESS
        )
        + more
    )
    return Daemon(
        "unbound",
        ("unbound", "-d", "-c", str(config)),
        ready=lambda host: canary(host, "127.0.0.1", port=UNBOUND_PORT, timeout=0.2) == place.name,
    )


def dnsmasq(place: Place, logs: Path) -> Daemon:
    """Dnsmasq, the engine inside Pi-hole FTL, with the configuration that FTL makes of the shipped settings.

    It answers on every address, so on the VIP too, from where it was asked. The configuration is kept beside the log.
    With LAB_RESOLVER that program runs instead, Pi-hole's own FTL for instance: it gets a folder of its own as argument
    and the settings in its environment, as Pi-hole's container does.
    """
    settings = standin_ftl.read_env_file(REPOSITORY / "stack" / "pihole" / "settings.env") | {
        "FTLCONF_dns_port": str(DNS_PORT),
        "FTLCONF_dns_upstreams": f"127.0.0.1#{UNBOUND_PORT}",
        # FTL's default, which the shipped settings turn off: no canary may come from such a cache either.
        "FTLCONF_dns_cache_optimizer": "3600",
    }
    ready = _answers_canary(place)
    if LAB_RESOLVER in os.environ:
        folder = logs / "resolver"
        folder.mkdir(parents=True, exist_ok=True)
        return Daemon("dnsmasq", (os.environ[LAB_RESOLVER], str(folder)), ready=ready, environment=settings)
    hosts, config = logs / "hosts", logs / "dnsmasq.conf"
    hosts.mkdir(parents=True, exist_ok=True)
    config.write_text(
        standin_ftl.dnsmasq_configuration(
            standin_ftl.Settings.read(settings | {"FTLCONF_files_log_dnsmasq": "-"}), hosts=hosts
        )
    )
    return Daemon(
        "dnsmasq",
        (
            "dnsmasq",
            "--keep-in-foreground",
            f"--conf-file={config}",
            "--user=root",
            "--group=",  # a user namespace has no other group to change to
            "--pid-file=",
        ),
        ready=ready,
    )


def _answers_canary(place: Place) -> Callable[[Host], bool]:
    return lambda host: canary(host, "127.0.0.1", port=DNS_PORT, timeout=0.2) == place.name


def keepalived(chosen: Keepalived, environment: Mapping[str, str]) -> Daemon:
    """Keepalived, started by the product's own start.py."""
    return Daemon(
        "keepalived",
        chosen.command("env", f"PYTHONPATH={PROJECT}", "/usr/bin/python3", "-B", "-m", "stack.keepalived.start"),
        ready=lambda host: host.path(f"{_RUNTIME}/keepalived-vrrp.pid").exists(),
        environment=environment,
    )


def guard(environment: Mapping[str, str]) -> Daemon:
    """The guard, with the one capability that its container has; ready once it waits for keepalived's death."""
    lock = Path(_RUNTIME, "keepalived.lock")
    return Daemon(
        "guard",
        (*_NO_CAPABILITIES, "--bounding-set=-all,+net_admin", sys.executable, "-m", "stack.guard.guard"),
        ready=lambda host: lock in processes.open_files(host.service("guard").pid),
        environment=environment,
    )


def dhcp(environment: Mapping[str, str], logs: Path) -> Daemon:
    """The DHCP service, with the capabilities that its container has; its folders, beside the log, survive a crash."""
    return Daemon(
        "dhcp",
        (
            *_NO_CAPABILITIES,
            "--bounding-set=-all,+net_admin,+net_raw,+net_bind_service",
            sys.executable,
            "-m",
            "stack.dhcp",
        ),
        ready=lambda host: host.path(f"{_RUNTIME}/dhcp.json").exists(),
        environment={
            "DHCP": "yes",
            "DHCP_RANGE": f"{DHCP_FIRST}-{DHCP_LAST}",
            "DHCP_ROUTER": DHCP_ROUTER,
            "DHCP_DIRECTORY": str(logs / "dhcp"),
            "TASK_DIRECTORY": str(logs / "tasks"),
            **environment,
        },
    )


def exporter(place: Place, environment: Mapping[str, str]) -> Daemon:
    """The exporter, serving."""
    return Daemon(
        "exporter",
        EXPORTER_COMMAND,
        ready=lambda host: _answers_http(host, place),
        environment=environment,
    )


def _answers_http(host: Host, place: Place) -> bool:
    try:
        return get(host, place.ipv4, EXPORTER_PORT, "/healthz").status == http.client.OK
    except http.client.HTTPException:
        return False

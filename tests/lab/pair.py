"""The pair: two nodes and a client on one LAN, made and taken away as a whole."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import daemons, keepalived_root
from .errors import IsolationError
from .host import Host
from .isolation import inside
from .keepalived_root import Keepalived
from .lan import Lan
from .logs import log_directory
from .plan import (
    CLIENT,
    INTERFACE,
    IPV4_NETWORK,
    IPV6_NETWORK,
    NODES,
    REPOSITORY,
    ROLES,
    VIPS,
    VIRTUAL_ROUTER_ID,
    Family,
    Place,
    peer_of,
)
from .service import BASE_ENVIRONMENT, Daemon

BOTH_FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")


class Pair:
    """The hosts of a lab and their network, without anything that can be done to them.

    Attributes:
        hosts: every host by name: the two nodes and the client.
        keepalived: which keepalived the nodes run.
        logs: the directory with ``NODE/SERVICE.log``.
        families: which VIPs there are; VRRP and the nodes' own addresses are of the first one.
        vips: the virtual addresses, without prefix length.
    """

    keepalived: Keepalived
    lan: Lan
    logs: Path

    def __init__(
        self,
        *,
        families: Sequence[Family] = BOTH_FAMILIES,
        exporter: bool = True,
        guard: bool = False,
        dhcp: bool = False,
        own_clocks: bool = False,
        unbound_lines: str = "",
        environment: Mapping[str, str] | None = None,
        node_environment: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        """Describe the pair; nothing runs yet.

        Args:
            families: which VIPs there are; VRRP speaks the first one. Hosts have addresses of both in any case.
            exporter: whether each node runs the exporter.
            guard: whether each node runs the guard, without which a killed keepalived ends in a split brain.
            dhcp: whether each node runs the DHCP service.
            own_clocks: whether each node has a clock of its own, which can be put wrong.
            unbound_lines: more configuration for each node's Unbound.
            environment: more environment for keepalived and the exporter of both nodes.
            node_environment: the same for one node, by its name; it wins.
        """
        self.families = tuple(families)
        self.vips = tuple(VIPS[family] for family in families)
        self.hosts: dict[str, Host] = {}
        self._exporter = exporter
        self._guard = guard
        self._dhcp = dhcp
        self._own_clocks = own_clocks
        self._unbound_lines = unbound_lines
        self._environment = dict(environment or {})
        self._node_environment = {name: dict(values) for name, values in (node_environment or {}).items()}
        self._exit = contextlib.ExitStack()

    @property
    def nodes(self) -> tuple[Host, ...]:
        """The two nodes, the primary first."""
        return tuple(self.hosts[place.name] for place in NODES)

    @property
    def client(self) -> Host:
        """The client."""
        return self.hosts[CLIENT.name]

    def node_environment(self, place: Place) -> dict[str, str]:
        """The environment that a node's keepalived and exporter are given, as its .env file would."""
        prefixes = {4: IPV4_NETWORK.prefixlen, 6: IPV6_NETWORK.prefixlen}
        return {
            "NODE_ROLE": ROLES[place.name],
            "NODE_NAME": place.name,
            "NODE_IP": place.address(self.families[0]),
            "PEER_IP": peer_of(place.name).address(self.families[0]),
            "VIP_ADDRESS": ",".join(f"{vip}/{prefixes[6 if ':' in vip else 4]}" for vip in self.vips),
            "NETWORK_INTERFACE": INTERFACE,
            "VIRTUAL_ROUTER_ID": str(VIRTUAL_ROUTER_ID),
            "PAIR_KEY_FILE": str(REPOSITORY / "tests/lab/pair-key"),
            "STATE_DIRECTORY": "/run/dnsha-exporter",
            "STAMP_DIRECTORY": "/run/dnsha-stamps",
            "WORLD_NAMES": "",  # the lab has no internet, unless a test makes one (standin_internet.py)
            "SLOW_ANSWER": "1",  # a build machine that is shared has such moments, and they are no finding
            **self._environment,
            **self._node_environment.get(place.name, {}),
        }

    def command_environment(self, place: Place) -> dict[str, str]:
        """The whole environment of a command that is run on a node by hand, the exporter's ``--once`` for instance."""
        return {**BASE_ENVIRONMENT, **self.node_environment(place)}

    def make(self) -> None:
        """Make the network and the hosts and launch every service, without waiting for them.

        Raises:
            IsolationError: this process is not in the sandbox.
            LabError: something could not be made; nothing is left of it.
        """
        if not inside():
            message = "the lab lives in private namespaces: start this with `python -m tests.lab run -- COMMAND`"
            raise IsolationError(message)
        self.keepalived = keepalived_root.choose()
        with contextlib.ExitStack() as undo:
            self.logs = undo.enter_context(log_directory())
            self.lan = Lan()
            undo.callback(self.lan.destroy)
            for place in (*NODES, CLIENT):
                host = self._host(place)
                self.hosts[place.name] = host
                undo.callback(host.crash)
                host.power_on()
                host.launch_services()
            self._exit = undo.pop_all()

    def destroy(self) -> None:
        """Take everything away at once; the logs stay."""
        self._exit.close()

    def _host(self, place: Place) -> Host:
        is_node = place in NODES
        return Host(
            place,
            self.lan,
            logs=self.logs / place.name,
            prepare=self._prepare(place) if is_node else [],
            daemons=self._daemons(place) if is_node else [],
            own_clock=is_node and self._own_clocks,
        )

    def _prepare(self, place: Place) -> list[list[str]]:
        """The commands that lay out a node before anything runs there."""
        folders = ["mkdir", "/run/dnsha", "/run/dnsha-exporter", "/run/dnsha-stamps"]
        return [folders, *self.keepalived.prepare()]

    def _daemons(self, place: Place) -> list[Daemon]:
        environment = self.node_environment(place)
        installed = [
            daemons.unbound(place, self.logs / place.name, self._unbound_lines),
            daemons.dnsmasq(place, self.logs / place.name),
            daemons.keepalived(self.keepalived, environment),
        ]
        if self._guard:
            installed.append(daemons.guard(environment))
        if self._dhcp:
            installed.append(daemons.dhcp(environment, self.logs / place.name))
        if self._exporter:
            installed.append(daemons.exporter(place, environment))
        return installed

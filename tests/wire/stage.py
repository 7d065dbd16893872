"""Two nodes and strangers on one LAN, each with the real keepalived and the real exporter that a test gives it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.lab import daemons, keepalived_root, processes
from tests.lab.errors import NoAnswerError
from tests.lab.host import Host
from tests.lab.http_get import get
from tests.lab.lan import Lan
from tests.lab.plan import ALPHA, BETA, EXPORTER_PORT, INTERFACE, REPOSITORY, VIPS, VIRTUAL_ROUTER_ID, Place
from tests.lab.service import Daemon
from tests.lab.waiting import wait_for
from tests.wire import flood as flood_script
from tests.wire import watch_alone

STRANGER: Final = Place("stranger", 66)
VIP: Final = VIPS["ipv4"]
VIP6: Final = VIPS["ipv6"]
PROMISE_SECONDS: Final = 20.0  # generous: the watch looks twice a second

_NODES: Final = {
    ALPHA: {"NODE_ROLE": "primary", "PEER_IP": BETA.ipv4},
    BETA: {"NODE_ROLE": "secondary", "PEER_IP": ALPHA.ipv4},
    STRANGER: {"NODE_ROLE": "primary", "PEER_IP": ALPHA.ipv4},
}
_NO_MORE_RIGHTS: Final = ("setpriv", "--inh-caps=-all", "--ambient-caps=-all", "--no-new-privs")


class Stage:
    """A LAN and its hosts; a context manager, for use in private namespaces."""

    def __init__(self) -> None:
        self.lan = Lan()
        self.keepalived = keepalived_root.choose()
        self._exit = ExitStack()
        self._exit.callback(self.lan.destroy)
        self._logs = Path(self._exit.enter_context(tempfile.TemporaryDirectory()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            for log in sorted(self._logs.glob("*/*.log")):
                print(f"--- {log.parent.name} {log.stem}", log.read_text(errors="replace")[-3000:], sep="\n")
        self._exit.close()

    def host(self, place: Place) -> Host:
        """Power a host on; nothing runs on it yet."""
        prepare = [["mkdir", "/run/dnsha", "/run/dnsha-exporter"], *self.keepalived.prepare()]
        host = Host(place, self.lan, logs=self._logs / place.name, prepare=prepare)
        self._exit.callback(host.crash)
        host.power_on()
        return host

    def keepalived_on(self, host: Host, **environment: str) -> None:
        """Run keepalived as the stack does, beside a DNS that is healthy; ``environment`` is what is not as usual."""
        logs = self._logs / host.place.name
        for service in (daemons.unbound(host.place, logs), daemons.dnsmasq(host.place, logs)):
            if service.name not in host.services:
                host.install(service).start()
        daemon = daemons.keepalived(self.keepalived, node_environment(host.place, environment))
        host.install(daemon).start()

    def exporter_on(self, host: Host, **environment: str) -> None:
        """Run the exporter, without any capability."""
        settings = {"STATE_DIRECTORY": "/run/dnsha-exporter", **node_environment(host.place, environment)}
        command = (*_NO_MORE_RIGHTS, "--bounding-set=-all", sys.executable, "-m", "exporter")
        host.install(Daemon("exporter", command, _healthy, settings)).start()

    def watch_on(self, host: Host, capability: str = ",+net_raw", /, **environment: str) -> None:
        """Run the wire watch without keepalived, with the one capability that it needs, and the exporter."""
        command = (*_NO_MORE_RIGHTS, f"--bounding-set=-all{capability}", sys.executable, "-m", watch_alone.__name__)
        daemon = Daemon("wire", command, _reports, node_environment(host.place, environment))
        host.install(daemon).start()
        self.exporter_on(host, **environment)

    def second_interface(self, host: Host, name: str = "eth1") -> None:
        """Plug one more interface of a host into the LAN, with a hardware address of the kernel's choice."""
        port = f"{name}-{host.place.name}"
        self.lan._holder.run(
            "ip", "link", "add", port, "type", "veth", "peer", "name", name, "netns", str(host.holder.pid)
        )
        self.lan._holder.run("ip", "link", "set", port, "master", "lan", "up")
        host.run("ip", "link", "set", name, "up")

    def descriptors(self, host: Host) -> int:
        """How many packet sockets the watch on a host has open."""
        links = map(str, processes.open_files(host.service("wire").pid))
        sockets = {link.strip("socket:[]") for link in links if link.startswith("socket:")}
        table = Path(f"/proc/{host.holder.pid}/net/packet").read_text().splitlines()[1:]
        return sum(line.split()[-1] in sockets for line in table)

    def resident_kibibytes(self, host: Host) -> int:
        """How much memory the watch on a host has."""
        lines = Path(f"/proc/{host.service('wire').pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))


def node_environment(place: Place, changes: Mapping[str, str]) -> dict[str, str]:
    """A node's .env file, with changes."""
    return {
        "NODE_NAME": place.name,
        "NODE_IP": f"{place.ipv4}/24",
        "VIP_ADDRESS": f"{VIP}/24",
        "NETWORK_INTERFACE": INTERFACE,
        "VIRTUAL_ROUTER_ID": str(VIRTUAL_ROUTER_ID),
        "WORLD_NAMES": "",
        **_NODES[place],
        **changes,
    }


def _reports(host: Host) -> bool:
    return host.path("/run/dnsha/wire.json").exists()


def _healthy(host: Host) -> bool:
    return get(host, "127.0.0.1", EXPORTER_PORT, "/healthz").status == 200


def status(host: Host) -> dict[str, Any]:
    """What the exporter on a host says of it."""
    document: dict[str, Any] = json.loads(get(host, "127.0.0.1", EXPORTER_PORT, "/api/v1/status").body)
    return document


def conflict(host: Host) -> dict[str, Any]:
    """What the exporter on a host says of the wire.

    Raises:
        NoAnswerError: it says nothing now.
    """
    seen: dict[str, Any] | None = status(host)["conflict"]
    if seen is None:
        message = f"the exporter on {host.place.name} says nothing of the wire"
        raise NoAnswerError(message)
    return seen


def counted(host: Host, reason: str) -> int:
    """How many contradictory advertisements the exporter on a host has counted for a reason."""
    count: int = conflict(host)["advertisements"][reason]
    return count


def sees(host: Host, foreign_owner: str | None, address: str = VIP) -> bool:
    """Whether the exporter on a host says that a strange device with this hardware address has a virtual IP."""
    owners = {entry["address"]: entry["foreign_owner"] for entry in conflict(host)["conflicts"]}
    return bool(owners[address] == foreign_owner)


def split(host: Host, address: str = VIP) -> bool:
    """Whether the exporter on a host says that the other node answers for a virtual IP that this one has."""
    return any(entry["split"] for entry in conflict(host)["conflicts"] if entry["address"] == address)


def heard(host: Host) -> dict[tuple[str, str], list[str]]:
    """What the exporter on a host says of each sender of VRRP that does not fit, by its kind and source."""
    return {(one["kind"], one["source"]): one["seen"] for one in conflict(host)["advertisers"]}


def processor_seconds(host: Host) -> float:
    """How much processor time the watch on a host has taken so far."""
    fields = Path(f"/proc/{host.service('wire').pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def check(host: Host, name: str) -> str | None:
    """The exporter's verdict of one name; None when it has none."""
    verdicts = {entry["id"]: entry["status"] for entry in status(host)["checks"]}
    verdict: str | None = verdicts.get(name)
    return verdict


def missing(host: Host) -> str:
    """Why the exporter on a host has nothing to say of the wire; empty when it has."""
    verdicts: dict[str, str] = {entry["id"]: entry["seen"] for entry in status(host)["checks"]}
    return verdicts.get("conflict.data", "")


def priority(host: Host) -> int | None:
    """The effective priority of keepalived's instance, as the exporter on a host says."""
    instances = (status(host)["vrrp"] or {}).get("instances", [])
    return instances[0]["effective_priority"] if instances else None


def add_vips(host: Host, interface: str = INTERFACE) -> None:
    """Give a host both virtual IPs, as keepalived would."""
    host.run("ip", "address", "add", f"{VIP}/32", "dev", interface)
    host.run("ip", "address", "add", f"{VIP6}/128", "dev", interface, "nodad")


def remove_vips(host: Host) -> None:
    """Take both virtual IPs from a host."""
    for address in (f"{VIP}/32", f"{VIP6}/128"):
        host.run("ip", "address", "del", address, "dev", INTERFACE)


def flood(host: Host, seconds: float) -> None:
    """Let a host send random packets of every kind that the watch listens to, as fast as it can."""
    host.run("env", f"--chdir={REPOSITORY}", sys.executable, "-m", flood_script.__name__, str(seconds))


def listening(host: Host) -> None:
    """Wait until the exporter on a host has listened to the wire."""
    wait_for("the first look at the wire", lambda: conflict(host), timeout=PROMISE_SECONDS, every=0.1)


def owners(*hosts: Host, address: str = VIP) -> list[str]:
    """The hosts whose kernel has a virtual IP."""
    return [host.place.name for host in hosts if f" {address}/" in host.run("ip", "-o", "address", "show")]


def owned_by(owner: str, *hosts: Host) -> bool:
    """Whether one host alone has the virtual IP."""
    return owners(*hosts) == [owner]

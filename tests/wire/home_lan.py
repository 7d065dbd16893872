"""A home's LAN in network namespaces: this host's interface, a router with or without DHCP, and neighbours."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.lab.waiting import wait_for
from tests.unit.network_namespace import ip

INTERFACE = "eth0"
SECONDS = 300


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another host of the LAN."""

    address: str
    hardware: str
    dhcp_range: str = ""  # first,last: it runs a DHCP server
    more: tuple[str, ...] = ()  # addresses


@contextmanager
def home_lan(own: Sequence[str], router: str, neighbours: Sequence[Neighbour]) -> Iterator[list[int]]:
    """Make this namespace a host on a LAN; ``own`` are arguments for ``ip address add``.

    Yields a process in each neighbour's namespace.
    """
    ip("link set lo up", f"link add {INTERFACE} type bridge", f"link set {INTERFACE} up")
    for arguments in own:
        ip(f"address add {arguments} dev {INTERFACE}")
    ip(f"route add default via {router}")
    with ExitStack() as undo:
        yield [undo.enter_context(_host(number, neighbour)) for number, neighbour in enumerate(neighbours)]


@contextmanager
def _host(number: int, neighbour: Neighbour) -> Iterator[int]:
    holder = subprocess.Popen(["unshare", "--net", "sleep", str(SECONDS)])
    inside = ["nsenter", f"--net=/proc/{holder.pid}/ns/net"]
    with ExitStack() as undo:
        undo.callback(_end, holder)
        wait_for("a namespace of its own", lambda: _namespace(holder.pid) != _namespace("self"), timeout=10.0)
        ip(
            f"link add port{number} type veth peer name lan{number} address {neighbour.hardware}",
            f"link set port{number} master {INTERFACE} up",
            f"link set lan{number} netns {holder.pid}",
        )
        subprocess.run(
            [*inside, "ip", "-batch", "-"],
            input=f"link set lo up\nlink set lan{number} up\n"
            + "".join(f"address add {one}/24 dev lan{number}\n" for one in (neighbour.address, *neighbour.more)),
            text=True,
            check=True,
        )
        if neighbour.dhcp_range:
            server = subprocess.Popen(
                [*inside, "dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--leasefile-ro",
                 "--no-ping", f"--interface=lan{number}", f"--dhcp-range={neighbour.dhcp_range},1h"],
                stderr=subprocess.DEVNULL,
            )  # fmt: skip
            undo.callback(_end, server)
            wait_for(
                "the DHCP server",
                lambda: subprocess.run([*inside, "ss", "-lnu"], capture_output=True, text=True, check=True).stdout,
                until=lambda seen: ":67 " in seen,
                timeout=10.0,
            )
        yield holder.pid


def _namespace(pid: int | str) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()

"""A node, and beside it a second network namespace in which its peer and strangers have their addresses.

Everything is made inside the network namespace of the caller, which nothing leads out of.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

NODE: Final = "192.0.2.11"
NODE_V6: Final = "2001:db8::11"
PEER: Final = "192.0.2.12"
STRANGERS: Final = tuple(f"192.0.2.{number}" for number in range(100, 110))
STRANGERS_V6: Final = ("2001:db8::100", "2001:db8::101")
INTERFACE: Final = "eth0"


@dataclass(frozen=True, slots=True)
class Lan:
    """Where the others are."""

    holder: int

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs a program where the peer and the strangers are."""
        return ["nsenter", f"--net=/proc/{self.holder}/ns/net", "--", *argv]


@contextmanager
def others() -> Iterator[Lan]:
    """Connect this namespace with one of the others, which ends with the context."""
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        lan = Lan(holder.pid)
        _wait_for_namespace(holder.pid)
        _ip(
            [],
            "link set lo up",
            f"link add {INTERFACE} type veth peer name {INTERFACE} netns {holder.pid}",
            f"address add {NODE}/24 dev {INTERFACE}",
            f"address add {NODE_V6}/64 dev {INTERFACE} nodad",
            f"link set {INTERFACE} up",
        )
        _ip(
            lan.command([]),
            "link set lo up",
            *(f"address add {address}/24 dev {INTERFACE}" for address in (PEER, *STRANGERS)),
            *(f"address add {address}/64 dev {INTERFACE} nodad" for address in STRANGERS_V6),
            f"link set {INTERFACE} up",
        )
        yield lan
    finally:
        # The kernel takes a namespace's interfaces away some time after its last process has ended.
        subprocess.run(["ip", "link", "delete", INTERFACE], stderr=subprocess.DEVNULL, check=False, timeout=10)
        holder.kill()
        holder.wait()


def _wait_for_namespace(process: int) -> None:
    """Wait until unshare(1) has done it: until then the holder is in the caller's namespace."""
    deadline = time.monotonic() + 10
    own = _namespace("self")
    while _namespace(str(process)) == own:
        if time.monotonic() > deadline:
            msg = "unshare made no network namespace within 10 s"
            raise TimeoutError(msg)
        time.sleep(0.01)


def _namespace(process: str) -> str:
    return subprocess.run(
        ["readlink", f"/proc/{process}/ns/net"], capture_output=True, text=True, check=True, timeout=10
    ).stdout


def _ip(prefix: list[str], *commands: str) -> None:
    subprocess.run([*prefix, "ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True, check=True, timeout=10)

"""An exporter of its own on the lab's client, where addresses can be added and removed without a keepalived."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.lab.daemons import EXPORTER_COMMAND
from tests.lab.http_get import get
from tests.lab.lab import Lab
from tests.lab.plan import EXPORTER_PORT, REPOSITORY
from tests.lab.service import BASE_ENVIRONMENT
from tests.lab.waiting import wait_for

VIP = "192.0.2.200"
OTHER_VIP = "192.0.2.201"


@contextmanager
def exporter_on_client(lab: Lab, environment: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run an exporter for the two addresses of this module on the client; yield its process."""
    settings = {
        "NODE_ROLE": "standalone", "NODE_NAME": "client", "NODE_IP": lab.client.place.ipv4,
        "VIP_ADDRESS": f"{VIP},{OTHER_VIP}", "NETWORK_INTERFACE": "eth0", **(environment or {}),
    }  # fmt: skip
    command = lab.client.command(["env", f"--chdir={REPOSITORY}", *EXPORTER_COMMAND])
    process = subprocess.Popen(command, env={**BASE_ENVIRONMENT, **settings}, stderr=subprocess.DEVNULL)
    try:
        wait_for(
            "the exporter", lambda: get(lab.client, "127.0.0.1", EXPORTER_PORT, "/healthz"), timeout=15, every=0.05
        )
        yield process
    finally:
        process.terminate()
        process.wait(10)


def change_addresses(lab: Lab, lines: list[str]) -> None:
    """Give ip(8) a batch of commands on the client."""
    command = lab.client.command(["ip", "-batch", "-"])
    subprocess.run(command, input="\n".join(lines) + "\n", text=True, check=True, timeout=60)


def pairs(address: str, count: int) -> list[str]:
    """Write ``count`` additions and removals of an address."""
    return [f"address add {address}/32 dev eth0", f"address delete {address}/32 dev eth0"] * count


def client_python(lab: Lab, module: str, *arguments: str) -> list[str]:
    """The command that runs a module of the project on the client."""
    return lab.client.command(["env", f"--chdir={REPOSITORY}", sys.executable, "-m", module, *arguments])

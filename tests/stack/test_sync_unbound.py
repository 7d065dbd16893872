"""Unbound's drop-in files from node to node over SSH, set up by the very commands of compose/sync-keys/README."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.dns_query import query
from tests.lab.errors import CommandError
from tests.lab.plan import ALPHA, BETA
from tests.lab.waiting import wait_for

from .rig import Rig
from .shipped import COMPOSE

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

SSHD = "/usr/sbin/sshd"
# The build machine keeps its users and its home folders: the primary has its own, as long as it is powered on.
PRIVATE = (
    "cp -a /etc /run/etc && mount --bind /run/etc /etc && mount -t tmpfs -o mode=755 tmpfs /home && "
    "mkdir -p /run/sshd /home/pi/dns && mount --bind {clone} /home/pi/dns && chmod 700 /home/pi && ssh-keygen -A"
)
FOLDER = "/home/pi/dns"


def steps() -> list[str]:
    """The commands of each numbered step."""
    text = (COMPOSE / "sync-keys" / "README").read_text()
    return [
        "\n".join(line.removeprefix("     ") for line in step.splitlines() if line.startswith("     "))
        for step in re.split(r"^\d\. ", text, flags=re.MULTILINE)[1:]
    ]


def run(rig: Rig, node: str, commands: str, **values: str) -> str:
    """Run a step's commands as root on a node, in compose/ of its clone, with the words in capitals filled in."""
    for name, value in values.items():
        commands = commands.replace(name.replace("_", "-") if name == "PUBLIC_KEY" else name, value)
    folder = str(rig.node(node).compose_folder)
    return rig.node(node).run("sh", "-ec", f'sudo() {{ "$@"; }}\ncd {shlex.quote(folder)}\n{commands}')


@pytest.fixture
def connected(rig: Rig) -> Iterator[Rig]:
    """The pair after steps 1 to 3 and the chown of step 4."""
    primary = rig.node(ALPHA.name)
    primary.run("sh", "-ec", PRIVATE.format(clone=primary.home / "clone"))
    make_key, allow_it, know_it, try_it = steps()
    key = run(rig, BETA.name, make_key).strip()
    run(rig, ALPHA.name, f"{allow_it}\nchmod o+x /home/pi", FOLDER=FOLDER, PUBLIC_KEY=key)
    options = ["-o", f"ListenAddress={ALPHA.ipv4}", "-o", "PidFile=none"]
    with (primary.home / "sshd.log").open("wb") as log:
        daemon = subprocess.Popen(primary.command([SSHD, "-D", "-e", *options]), stderr=log)
    try:
        wait_for("the primary's SSH server", lambda: "OpenSSH" in banner(rig), timeout=15.0, every=0.2)
        run(rig, BETA.name, know_it, PEER_IP=ALPHA.ipv4)
        run(rig, BETA.name, "\n".join(line for line in try_it.splitlines() if "chown" in line))
        secondary = rig.node(BETA.name)
        secondary.write_env({**rig.env(BETA), "SYNC_UNBOUND": "yes"})
        yield rig
        secondary.write_env(rig.env(BETA))
    finally:
        daemon.terminate()
        daemon.wait(10)
        for node in (ALPHA, BETA):
            (rig.node(node.name).compose_folder / "unbound.d" / "printer.conf").unlink(missing_ok=True)


def banner(rig: Rig) -> str:
    """How the primary's SSH server introduces itself to the secondary."""
    try:
        return rig.node(BETA.name).run("sh", "-c", f"ssh-keyscan -t ed25519 {ALPHA.ipv4} 2>&1")
    except CommandError:
        return ""


def test_a_drop_in_file_of_the_primary_answers_on_the_secondary_after_a_sync(connected: Rig) -> None:
    primary, secondary = connected.node(ALPHA.name), connected.node(BETA.name)
    written = 'server:\n    local-data: "printer.home.example. 60 IN A 192.0.2.98"\n'
    (primary.compose_folder / "unbound.d" / "printer.conf").write_text(written)
    secondary.compose("run", "--rm", "tools", "sync", "now")
    assert (secondary.compose_folder / "unbound.d" / "printer.conf").read_text() == written
    assert query(connected.client, BETA.ipv4, "printer.home.example").records == ("192.0.2.98",)
    # The key is good for nothing else.
    with pytest.raises(CommandError):
        secondary.run(
            *("ssh", "-oBatchMode=yes", f"-oUserKnownHostsFile={secondary.compose_folder}/sync-keys/known_hosts"),
            *("-i", str(secondary.compose_folder / "sync-keys" / "key"), f"dnsha-sync@{ALPHA.ipv4}", "cat /etc/passwd"),
        )
    assert not Path("/home/dnsha-sync").exists()

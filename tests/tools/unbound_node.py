"""Unbound's own scripts with the real Unbound, in namespaces that look like its container: no network but loopback."""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.lab.processes import name_of
from tests.lab.waiting import wait_for

REPOSITORY = Path(__file__).parents[2]
# The root's key-signing keys as IANA publishes them (root-anchors.xml, 20326 and 38696), in the form of Debian's file.
SHIPPED = """\
. IN DNSKEY 257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU= ; keytag 20326
. IN DNSKEY 257 3 8 AwEAAa96jeuknZlaeSrvyAJj6ZHv28hhOKkx3rLGXVaC6rXTsDc449/cidltpkyGwCJNnOAlFNKF2jBosZBU5eeHspaQWOmOElZsjICMQMC3aeHbGiShvZsx4wMYSjH8e7Vrhbu6irwCzVBApESjbUdpWWmEnhathWu1jo+siFUiRAAxm9qyJNg/wOZqqzL/dL/q8PkcRU5oUKEpUge71M3ej2/7CPqpdVwuMoTvoB+ZOT4YeGyxMvHmbrxlFzGOHOijtzN+u1TQNatX2XBuzZNQ1K+s2CXkPIZo7s6JgZyvaBevYtxPvYLw4z9mR7K2vaF18UYH9Z9GNUUeayffKC73PYc= ; keytag 38696
"""  # noqa: E501
# The container's file system, over the machine's own: /etc/unbound, /opt and /usr/share/dns as the image has them.
MOUNTS = """
set -eu
ip link set lo up
for folder in /run /opt /mnt; do mount -t tmpfs tmpfs "$folder"; done
mkdir -p /run/unbound /run/unbound-control /run/unbound-statistics /run/unbound-shared
mkdir -p /opt/dnsha /mnt/etc/unbound/shared /mnt/lib
mount --bind {repository} /opt/dnsha
cp {repository}/stack/unbound/unbound.conf /mnt/etc/unbound/
mount --bind {drop_ins} /mnt/etc/unbound/shared
cp {anchor} /mnt/lib/root.key
mount --rbind /mnt/etc/unbound /etc/unbound
mount --bind /mnt/lib /var/lib/unbound
exec sleep 300
"""


@dataclass(frozen=True, slots=True)
class UnboundNode:
    """A node's Unbound: its owner's folder, and commands inside."""

    pid: int
    drop_ins: Path
    log: Path
    environment: Mapping[str, str]

    def run(self, *command: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run a command in it."""
        return subprocess.run(
            self._inside(command),
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    def reload(self) -> subprocess.CompletedProcess[str]:
        """What the sync and the owner run."""
        return self.run("/opt/dnsha/stack/unbound/reload")

    def ask(self, name: str, kind: str = "A") -> str:
        """The answer of Unbound; empty if there is none."""
        done = self.run("dig", "+short", "+tries=1", "+time=2", "-p", "5335", "@127.0.0.1", name, kind)
        return done.stdout.strip() if done.returncode == 0 else ""

    @contextlib.contextmanager
    def started(self) -> Iterator[subprocess.Popen[bytes]]:
        """Unbound by its start script, from the moment when its canary answers."""
        with self.log.open("wb") as log:
            daemon = subprocess.Popen(self._inside(["/opt/dnsha/stack/unbound/start"]), stdout=log, stderr=log)
        try:
            wait_for(
                "Unbound's canary, or its end",
                lambda: '"alpha"' in self.ask("x.canary.dnsha.example", "TXT") or daemon.poll() is not None,
                timeout=30,
                every=0.1,
            )
            assert daemon.poll() is None, self.log.read_text()
            yield daemon
        finally:
            daemon.terminate()
            daemon.wait(20)

    def _inside(self, command: list[str] | tuple[str, ...]) -> list[str]:
        environment = {
            "NODE_NAME": "alpha", "CANARY_ZONE": "canary.dnsha.example", "PYTHONPATH": "/opt/dnsha",
            "PYTHONDONTWRITEBYTECODE": "1", **self.environment,
            "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        }  # fmt: skip
        variables = [f"{name}={value}" for name, value in environment.items()]
        return ["nsenter", "-t", str(self.pid), "-m", "-n", "--", "env", "-i", *variables, *command]


@contextlib.contextmanager
def unbound_node(folder: Path, **environment: str) -> Iterator[UnboundNode]:
    """Make the namespaces, and take them away; the environment is added to what compose gives."""
    drop_ins, anchor = folder / "unbound.d", folder / "root.key"
    drop_ins.mkdir()
    anchor.write_text(SHIPPED)
    quoted = {name: shlex.quote(str(path)) for name, path in
              {"repository": REPOSITORY, "drop_ins": drop_ins, "anchor": anchor}.items()}  # fmt: skip
    script = MOUNTS.format(**quoted)
    with (folder / "namespaces.log").open("wb") as log:
        holder = subprocess.Popen(
            ["unshare", "--mount", "--net", "--propagation", "private", "sh", "-c", script], stdout=log, stderr=log
        )
    try:
        wait_for(
            "the namespaces, or their holder's end",
            lambda: name_of(holder.pid) == "sleep" or holder.poll() is not None,
            timeout=15,
        )
        assert holder.poll() is None, (folder / "namespaces.log").read_text()
        yield UnboundNode(holder.pid, drop_ins, folder / "unbound.log", environment)
    finally:
        holder.kill()
        holder.wait(10)

"""Where a report looks: every command and file, once. What is not there is said in its place."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COMMAND_SECONDS = 60.0
MAXIMUM_BYTES = 2 << 20  # of each; the end of a log tells more than its beginning
LOG_LINES = "1000"


@dataclass(frozen=True, slots=True)
class Source:
    """One file of the report, and the command that makes it."""

    name: str
    command: tuple[str, ...]


HOST = (
    Source("host/system.txt", ("uname", "-a")),
    Source("host/release.txt", ("cat", "/etc/os-release")),
    Source("host/model.txt", ("cat", "/proc/device-tree/model")),
    Source("host/uptime.txt", ("uptime",)),
    Source("host/memory.txt", ("free", "-m")),
    Source("host/disks.txt", ("df", "-h")),
    Source("host/cmdline.txt", ("cat", "/proc/cmdline")),
    Source("host/clock.txt", ("timedatectl",)),
    Source("host/resolv.conf", ("cat", "/etc/resolv.conf")),
    Source("host/addresses.txt", ("ip", "-details", "address")),
    Source("host/routes.txt", ("ip", "route", "show", "table", "all")),
    Source("host/neighbours.txt", ("ip", "neighbour")),
    Source("host/sockets.txt", ("ss", "-lntup")),
    Source("host/nftables.txt", ("nft", "list", "ruleset")),
    Source("host/kernel.log", ("dmesg", "--time-format", "iso")),
    Source("host/docker.log", ("journalctl", "--unit", "docker", "--no-pager", "--lines", LOG_LINES)),
)
STACK = (
    Source("stack/version.txt", ("git", "log", "-1", "--format=%H %cI")),
    Source("stack/changes.txt", ("git", "status", "--short")),
    Source("stack/deploy-preflight.txt", ("stack/deploy.sh", "--preflight-only", "--offline")),
    Source("stack/compose.yaml", ("docker", "compose", "--project-directory", "compose", "config")),
    Source("docker/version.txt", ("docker", "version")),
    Source("docker/info.txt", ("docker", "info")),
    Source("docker/containers.txt", ("docker", "ps", "--all", "--no-trunc")),
    Source("docker/images.txt", ("docker", "image", "ls", "--digests")),
    Source("docker/volumes.txt", ("docker", "system", "df", "--verbose")),
    Source("pair/once.txt", ("docker", "exec", "exporter", "python3", "-m", "exporter", "--once")),
    Source("pair/once.json", ("docker", "exec", "exporter", "python3", "-m", "exporter", "--once", "--format", "json")),
    Source("pair/keepalived.json", ("docker", "exec", "exporter", "cat", "/run/dnsha/vrrp.json")),
    Source("pair/stamps.txt", ("docker", "exec", "exporter", "sh", "-c", "tail -n +1 /var/lib/dnsha/stamps/*")),
    Source("pair/alerts.json", ("docker", "exec", "alertmanager", "wget", "-qO-", "http://127.0.0.1:9093/api/v2/alerts")),
    Source("pair/silences.json",
           ("docker", "exec", "alertmanager", "wget", "-qO-", "http://127.0.0.1:9093/api/v2/silences")),
)  # fmt: skip


def of_containers(names: tuple[str, ...]) -> Iterator[Source]:
    """Each container's log and state."""
    for name in names:
        yield Source(f"logs/{name}.log", ("docker", "logs", "--timestamps", "--tail", LOG_LINES, name))
        yield Source(f"docker/{name}.json", ("docker", "inspect", name))


def container_names(clone: Path, project: str) -> tuple[str, ...]:
    """The containers of the stack; none where Docker does not answer."""
    label = f"label=com.docker.compose.project={project}"
    text = run(("docker", "ps", "--all", "--format", "{{.Names}}", "--filter", label), clone)[0]
    return tuple(sorted(name for name in text.split() if name.replace("-", "").replace("_", "").isalnum()))


def run(command: tuple[str, ...], clone: Path) -> tuple[str, str | None]:
    """What a command says, its end if that is long, and what was wrong with it."""
    program = str(clone / command[0]) if command[0].startswith("stack/") else command[0]
    try:
        done = subprocess.run(
            [program, *command[1:]],
            cwd=clone,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "", f"{command[0]} did not end within {COMMAND_SECONDS:g} s"
    except OSError as error:
        return "", f"{command[0]} cannot be started: {error.strerror}"
    # Cut between lines: half a secret at the edge would not be known for one.
    output = done.stdout
    if len(output) > MAXIMUM_BYTES:
        output = output[-MAXIMUM_BYTES:].partition(b"\n")[2]
    problem = f"{command[0]} ended with {done.returncode}" if done.returncode else None
    return output.decode(errors="replace"), problem

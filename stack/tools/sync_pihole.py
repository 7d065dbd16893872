"""Copy the primary's Pi-hole to this one: nebula-sync does it, this says when it must not and proves that it did."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from exporter.files import write_atomically
from exporter.settings.values import Settings
from stack.tools import child, pihole_content
from stack.tools.divergence import Entries, Memory, read_memory, refuse_harm, write_memory
from stack.tools.errors import ToolError
from stack.tools.pihole_api import PiholeApi, read_password
from stack.tools.progress import say
from stack.tools.settings import TaskSettings

TASK = "pihole"
# What nebula-sync 0.11 is told; FULL_SYNC fails on a Pi-hole that compose configures (its keys are read-only).
NEBULA_SYNC = {
    "FULL_SYNC": "false",
    "RUN_GRAVITY": "true",
    "SYNC_GRAVITY_GROUP": "true",
    "SYNC_GRAVITY_AD_LIST": "true",
    "SYNC_GRAVITY_AD_LIST_BY_GROUP": "true",
    "SYNC_GRAVITY_DOMAIN_LIST": "true",
    "SYNC_GRAVITY_DOMAIN_LIST_BY_GROUP": "true",
    "SYNC_GRAVITY_CLIENT": "true",
    "SYNC_GRAVITY_CLIENT_BY_GROUP": "true",
    "SYNC_CONFIG_DNS": "true",
    "SYNC_CONFIG_DNS_INCLUDE": "hosts,cnameRecords",
    "SYNC_CONFIG_MISC": "false",
    # Its own time-out for one request; loading the lists anew takes a Pi a while.
    "CLIENT_TIMEOUT_SECONDS": "60",
}


def copy(node: Settings, tasks: TaskSettings, lock: int, *, force: bool) -> None:
    """Copy, unless something would be lost.

    Raises:
        RefusedError: the primary is empty, or this Pi-hole has changes of its own.
        ToolError: it did not work, or the two differ afterwards.
    """
    primary = _api(tasks.peer_pihole_api or _url_of(node), tasks.peer_pihole_password_file, tasks)
    replica = _api(tasks.pihole_api, tasks.pihole_password_file, tasks)
    wanted, held = _entries(primary), _entries(replica)
    memory_file = tasks.task_directory / "sync-pihole.json"
    memory = read_memory(memory_file)
    if not force:
        refuse_harm(held, wanted, memory, "Pi-hole not copied")
    if held == wanted:
        say(f"pihole: the same {len(wanted)} entries on both nodes")
    else:
        write_memory(memory_file, memory.about_to_bring(wanted))
        _nebula_sync(primary, replica, tasks, lock)
        held = _entries(replica)
        if held != wanted:
            differing = sorted(name for name in {*held, *wanted} if held.get(name) != wanted.get(name))
            raise ToolError(f"Pi-hole was copied, but {', '.join(differing[:5])} still differ; run the sync again")
        say(f"pihole: {len(wanted)} entries copied from {primary.url}")
    write_memory(memory_file, Memory(held))
    write_inventory(held, tasks)


def inventory(tasks: TaskSettings) -> None:
    """Write down what this node's Pi-hole holds, so that the exporters can compare the two nodes.

    Raises:
        ToolError: Pi-hole cannot be asked, or the file cannot be written.
    """
    entries = _entries(_api(tasks.pihole_api, tasks.pihole_password_file, tasks))
    write_inventory(entries, tasks)


def write_inventory(entries: Entries, tasks: TaskSettings) -> None:
    """Write the inventory: one entry a line, the same for the same content; an SD card is spared what is the same."""
    path = tasks.task_directory / "shared" / "pihole.txt"
    lines = [f"{name} {value}".rstrip() for name, value in sorted(entries.items())]
    content = "".join(f"{line}\n" for line in lines).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None


def _nebula_sync(primary: PiholeApi, replica: PiholeApi, tasks: TaskSettings, lock: int) -> None:
    passwords = [
        read_password(tasks.peer_pihole_password_file or tasks.pihole_password_file),
        read_password(tasks.pihole_password_file),
    ]
    if any(mark in password for password in passwords for mark in "|,"):
        msg = "nebula-sync cannot take a password with a comma or a | in it; give the Pi-holes another one"
        raise ToolError(msg)
    with tempfile.TemporaryDirectory(prefix="dnsha-sync-") as folder:  # for its owner alone, on tmpfs
        files = {}
        for name, api, password in zip(("PRIMARY", "REPLICAS"), (primary, replica), passwords, strict=True):
            file = Path(folder, name.lower())
            file.write_text(f"{api.url}|{password}\n")
            files[f"{name}_FILE"] = str(file)
        secret = passwords[1] if passwords[0] == passwords[1] else ""
        child.run(tasks.sync_pihole_command, tasks.sync_timeout, lock, {**NEBULA_SYNC, **files}, secret)


def _api(url: str, password_file: Path | None, tasks: TaskSettings) -> PiholeApi:
    return PiholeApi(url, read_password(password_file or tasks.pihole_password_file), tasks.sync_timeout)


def _entries(api: PiholeApi) -> Entries:
    with api.session() as session:
        return pihole_content.fetch(session, api.url)


def _url_of(node: Settings) -> str:
    if node.peer_ip is None:
        msg = "PEER_IP is not set; a standalone node has nothing to copy"
        raise ToolError(msg)
    host = f"[{node.peer_ip}]" if node.peer_ip.version == 6 else str(node.peer_ip)
    return urlsplit(f"http://{host}").geturl()

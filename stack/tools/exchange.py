"""Each node keeps the other one's newest backup: sealed by the pair key, fetched, opened, and kept.

The backup's container serves one file, the newest archive of this node, to PEER_IP alone: a dead SD card takes its own
backups with it. What leaves the node is sealed, so that who listens or pretends to be the other node gets nothing; what
comes is kept only after it was opened and read, under the name and the time that are sealed in it.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from shutil import copyfileobj
from socket import AF_INET, AF_INET6
from typing import Any

from exporter.http.pair_key import key_from
from exporter.model.errors import ExporterError
from exporter.settings.values import Settings
from stack.preflight.port import EXCHANGE_PORT
from stack.tools import node_archive, node_backup, retention, sealed
from stack.tools.errors import RefusedError, ToolError
from stack.tools.progress import say
from stack.tools.runlock import one_run
from stack.tools.settings import TaskSettings
from stack.tools.stamps import stamped

TASK = "copy"
PORT = EXCHANGE_PORT
# Of one wait for the other side; and of a whole fetch, of which a slow card needs some.
WAIT_SECONDS, FETCH_SECONDS = 10.0, 300.0
# After a failure it is tried again as soon as at the start: the other node may have come up meanwhile.
SOON_SECONDS, EVERY_SECONDS = 60.0, 900.0
_CHUNK = 1 << 16
_NAME = re.compile(r"node-[A-Za-z0-9.-]{1,63}-[0-9]{8}T[0-9]{6}Z\.sealed")
_HELD = "X-Dnsha-Held"


def folder(tasks: TaskSettings) -> Path:
    """Where the other node's backups are."""
    return tasks.backup_directory / "peer"


def newest_sealed(node: Settings, tasks: TaskSettings) -> Path:
    """This node's newest archive, sealed for the way out; that of an older one goes.

    Raises:
        RefusedError: there is no pair key, or no archive yet.
        ToolError: it cannot be sealed.
    """
    key = key_from(node.pair_key_file)
    if not key:
        raise RefusedError("there is no PAIR_KEY, by which a backup is sealed before it leaves the node")  # noqa: EM101
    own = node_backup.folder(tasks)
    try:
        found = retention.find(own.iterdir() if own.is_dir() else (), node.node_name, retention.NODE)
        if not found:
            raise RefusedError("there is no backup of the whole node yet; the command backup now makes one")  # noqa: EM101
        target = found[0].path.with_suffix(retention.SEALED.end)
        if not target.exists():
            partial = own / ".sealed.partial"
            partial.unlink(missing_ok=True)
            sealed.seal(found[0].path, partial, key.secret)
            partial.replace(target)
        for other in own.glob(f"*{retention.SEALED.end}"):
            if other != target:
                other.unlink(missing_ok=True)
    except OSError as error:
        raise ToolError(f"{own}: {error.strerror}; is the disk full or read-only?") from None
    return target


def fetch(node: Settings, tasks: TaskSettings, wait: float, port: int = PORT) -> Path | None:
    """Fetch the other node's newest backup, unless it is here already; None then.

    Raises:
        BusyError: another fetch is under way still after ``wait`` seconds.
        RefusedError: there is no other node or no pair key, or what came is of no use.
        ToolError: it cannot be fetched or kept.
    """
    if node.peer_ip is None:
        raise RefusedError("a standalone node has nobody to keep backups for")  # noqa: EM101
    key = key_from(node.pair_key_file)
    if not key:
        raise RefusedError("there is no PAIR_KEY, by which the other node's backup could be opened")  # noqa: EM101
    with one_run(tasks.task_directory / "copy.lock", wait), stamped(node.stamp_directory, TASK):
        held = folder(tasks)
        try:
            held.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=".incoming-", dir=held) as scratch:
                incoming = Path(scratch) / "sealed"
                if not _download(str(node.peer_ip), port, _newest_name(held), incoming):
                    return None
                return _keep(incoming, Path(scratch), held, key.secret, tasks)
        except OSError as error:
            raise ToolError(f"{held}: {error.strerror or error}; is the disk full or read-only?") from None


def start(node: Settings, tasks: TaskSettings) -> None:
    """Serve and fetch beside the backup's own loop, as long as this process lives; nothing without another node."""
    if node.peer_ip is None:
        return
    for name, loop in (("serve", _serve), ("fetch", _fetch_for_ever)):
        threading.Thread(target=loop, args=(node, tasks), name=f"exchange-{name}", daemon=True).start()


def serve(node: Settings, tasks: TaskSettings, port: int = PORT) -> HTTPServer:
    """A server of this node's newest sealed archive, for PEER_IP alone; not yet running.

    Raises:
        OSError: this node does not have its address, or the port is taken.
    """
    own = node.node_ip.address

    class ArchiveServer(HTTPServer):
        address_family = AF_INET if own.version == 4 else AF_INET6

        def verify_request(self, request: Any, client_address: Any) -> bool:  # noqa: ANN401, ARG002
            return bool(ipaddress.ip_address(str(client_address[0]).partition("%")[0]) == node.peer_ip)

        def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
            """Somebody hung up."""

    class ArchiveHandler(BaseHTTPRequestHandler):
        timeout = WAIT_SECONDS

        def do_GET(self) -> None:
            try:
                path = newest_sealed(node, tasks)
                if self.headers.get(_HELD) == path.name:
                    self.send_response_only(http.client.NOT_MODIFIED)
                    self.end_headers()
                    return
                with path.open("rb") as file:
                    self.send_response_only(http.client.OK)
                    self.send_header("Content-Length", str(path.stat().st_size))
                    self.end_headers()
                    copyfileobj(file, self.wfile)
            except (ExporterError, FileNotFoundError) as error:
                self.send_error(http.client.NOT_FOUND, str(error).encode("ascii", "replace").decode())

        def log_message(self, *_: object) -> None:
            """Nobody reads a line every quarter of an hour."""

    return ArchiveServer((str(own), port), ArchiveHandler)


def _serve(node: Settings, tasks: TaskSettings) -> None:
    def run() -> None:
        with serve(node, tasks) as server:
            server.serve_forever()

    _keep_trying("serving the newest backup to the other node", run, WAIT_SECONDS, WAIT_SECONDS)


def _fetch_for_ever(node: Settings, tasks: TaskSettings) -> None:
    time.sleep(SOON_SECONDS)

    def run() -> None:
        kept = fetch(node, tasks, 0)
        if kept is not None:
            say(f"copy: {kept} is the other node's newest backup, and opens")

    _keep_trying("fetching the other node's newest backup", run, EVERY_SECONDS, SOON_SECONDS)


def _keep_trying(what: str, run: Callable[[], None], seconds: float, after_problem: float) -> None:
    """Do it again and again, so many seconds apart; say what is wrong when it changes."""
    told = ""
    while True:
        problem = ""
        try:
            run()
        except (ExporterError, OSError) as error:
            problem = str(error)
        if problem and problem != told:
            say(f"copy: {what}: {problem}")
        told = problem
        time.sleep(after_problem if problem else seconds)


def _download(host: str, port: int, held: str, target: Path) -> bool:
    """Take the file; False where the other node has none newer than the one held."""
    end = time.monotonic() + FETCH_SECONDS
    connection = http.client.HTTPConnection(host, port, timeout=WAIT_SECONDS)
    try:
        connection.request("GET", "/", headers={_HELD: held})
        answer = connection.getresponse()
        if answer.status == http.client.NOT_MODIFIED:
            return False
        if answer.status != http.client.OK:
            raise ToolError(f"the other node, {host}, has no backup to give: {answer.reason[:200]}")
        size = 0
        with target.open("xb") as file:
            while chunk := answer.read(_CHUNK):
                size += len(chunk)
                if size > node_archive.MAXIMUM_BYTES or time.monotonic() > end:
                    raise ToolError(f"the other node, {host}, sends more than a backup, or too slowly")
                file.write(chunk)
    except (OSError, http.client.HTTPException) as error:
        raise ToolError(f"the other node, {host}, gives no backup: {error}; does its backup container run?") from None
    finally:
        connection.close()
    return True


def _keep(incoming: Path, scratch: Path, held: Path, key: bytes, tasks: TaskSettings) -> Path:
    sealed.unseal(incoming, scratch / "archive", key)
    archive = node_archive.read(scratch / "archive", scratch / "files")
    target = held / retention.name_at(archive.node, archive.made, retention.SEALED)
    if not _NAME.fullmatch(target.name):
        raise RefusedError(f"the other node calls itself {archive.node!r}, which is no name")
    newest = _newest_name(held)
    if newest and newest.rpartition("-")[2] >= target.name.rpartition("-")[2]:
        raise RefusedError(f"the other node's backup is no newer than {newest}, which is here; is its clock right?")
    incoming.chmod(0o640)
    incoming.replace(target)
    backups = retention.find(held.iterdir(), archive.node, retention.SEALED)
    for old in retention.expired(backups, time.time(), tasks.backup_retention_days):
        old.path.unlink(missing_ok=True)
    return target


def _newest_name(held: Path) -> str:
    names = [path.name for path in held.iterdir() if _NAME.fullmatch(path.name)]
    return max(names, key=lambda name: name.rpartition("-")[2], default="")

"""The exporters as a client sees them: asked once, or watched for every change of what they report."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from .daemons import EXPORTER_COMMAND
from .errors import CommandError, LabTimeoutError, NoAnswerError
from .helper_process import HelperProcess
from .http_get import Response, get
from .lab import Lab
from .plan import ALPHA, EXPORTER_PORT, REPOSITORY
from .waiting import wait_for

_ONCE_SECONDS = 15.0
_CHECK_SECONDS = 2.0
"""A DNS check that began while a service was still down has ended by then, and keepalived has acted on it."""

Verdicts = dict[str, tuple[list[str], list[str]]]
"""By node: its exporter's verdict, the VIPs it owns, and every check that is not ok."""


def fetch(lab: Lab, node: str, path: str, *, place: str = "client") -> Response:
    """GET a path from a node's exporter, as ``place`` sees it.

    Raises:
        OSError, http.client.HTTPException: there was no answer.
    """
    return get(lab.hosts[place], lab.hosts[node].place.ipv4, EXPORTER_PORT, path)


def status(lab: Lab, node: str, *, place: str = "client") -> dict[str, Any]:
    """A node's JSON status, as ``place`` sees it.

    Raises:
        NoAnswerError: the exporter gave none; fit for ``wait_for``.
    """
    try:
        response = fetch(lab, node, "/api/v1/status", place=place)
    except (OSError, http.client.HTTPException) as error:
        message = f"the exporter of {node} gives no status: {error}"
        raise NoAnswerError(message) from error
    if response.status != http.client.OK:
        message = f"the exporter of {node} answers {response.status}: {response.body[:200]}"
        raise NoAnswerError(message)
    document: dict[str, Any] = json.loads(response.body)
    return document


def wait_settled(lab: Lab, timeout: float = 15.0) -> None:
    """Wait until both exporters find everything well and know that the primary alone owns the VIPs, for two seconds.

    What they remember of earlier moves is no trouble of now.

    Raises:
        LabTimeoutError: they do not in ``timeout`` seconds; the message has what they said last.
    """

    def look() -> Verdicts:
        documents = {host.place.name: status(lab, host.place.name) for host in lab.nodes}
        return {
            node: (
                [vip["address"] for vip in document["vips"] or () if vip["owned"]],
                [
                    f"{check['id']}: {check['seen']}"
                    for check in document["checks"]
                    if check["status"] != "ok" and check["id"] != "vrrp.flapping"
                ],
            )
            for node, document in documents.items()
        }

    wanted: Verdicts = {host.place.name: (list(lab.vips) if host.place == ALPHA else [], []) for host in lab.nodes}
    wait_for(
        "both exporters to report a healthy pair",
        look,
        until=lambda seen: seen == wanted,
        timeout=timeout,
        every=0.1,
        steady=_CHECK_SECONDS,
    )


@dataclass(frozen=True, slots=True)
class Run:
    """How one run of the exporter's command ended, and what it printed."""

    exit_code: int
    output: str
    complaint: str


def run_exporter(lab: Lab, node: str, *arguments: str) -> Run:
    """Run the exporter's command on a node with the node's environment, ``--once`` for instance.

    Raises:
        CommandError: it took longer than 15 s.
    """
    host = lab.hosts[node]
    command = ["env", f"--chdir={REPOSITORY}", *EXPORTER_COMMAND, *arguments]
    try:
        done = subprocess.run(
            host.command(command),
            capture_output=True,
            text=True,
            timeout=_ONCE_SECONDS,
            env=lab.command_environment(host.place),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        message = f"exporter {' '.join(arguments)} on {node} took longer than {_ONCE_SECONDS:g} s"
        raise CommandError(message) from error
    return Run(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True, slots=True)
class Trouble:
    """A check that is not ok in an exporter's report."""

    id: str
    node: str
    subject: str
    status: str


@dataclass(frozen=True, slots=True)
class Report:
    """What an exporter reported from ``time`` (CLOCK_MONOTONIC seconds) on; ``silent`` when it gave no answer."""

    time: float
    silent: bool
    status: str | None
    owned: frozenset[str]
    troubles: frozenset[Trouble]


class Watch:
    """Every change of what one node's exporter reports, while the context lasts."""

    def __init__(self, lab: Lab, node: str, *, interval: float = 0.02) -> None:
        """Ask every ``interval`` seconds, from the client."""
        address = lab.hosts[node].place.ipv4
        self.node = node
        self._changes: list[Report] = []
        self._process = HelperProcess(lab.client.command, "status_sampler", address, str(EXPORTER_PORT), str(interval))
        self._reader = threading.Thread(target=self._read, name=f"watch {node}", daemon=True)

    def __enter__(self) -> Self:
        self._process.wait_started()
        self._reader.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.end_input()
        self._reader.join(timeout=5.0)
        self._process.close()

    def _read(self) -> None:
        for line in self._process.lines():
            seen = json.loads(line)
            troubles = frozenset(Trouble(**trouble) for trouble in seen["troubles"])
            self._changes.append(
                Report(seen["time"], seen["silent"], seen["status"], frozenset(seen["owned"]), troubles)
            )

    @property
    def reports(self) -> tuple[Report, ...]:
        """Every change so far, oldest first."""
        return tuple(self._changes)

    def first_since(self, event: float, wanted: Callable[[Report], bool]) -> Report | None:
        """The first report from ``event`` (CLOCK_MONOTONIC seconds) on that is as wanted; None if none is yet."""
        return next((report for report in self.reports if report.time >= event and wanted(report)), None)


def wait_reported(
    watches: tuple[Watch, ...], event: float, wanted: Callable[[Report], bool], what: str, timeout: float = 10.0
) -> Report:
    """Wait until one of the exporters reports what is wanted, from ``event`` on.

    Raises:
        LabTimeoutError: none does in ``timeout`` seconds; the message has their last reports.
    """
    deadline = time.monotonic() + timeout
    while True:
        found = [report for watch in watches if (report := watch.first_since(event, wanted))]
        if found:
            return min(found, key=lambda report: report.time)
        if time.monotonic() > deadline:
            last = {watch.node: watch.reports[-1:] for watch in watches}
            message = f"no exporter reported {what} in {timeout:g} s; their last reports: {last}"
            raise LabTimeoutError(message)
        time.sleep(0.01)

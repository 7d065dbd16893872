"""Wait until this node's exporter finds everything well: the gate at the end of an update and before a drill."""

from __future__ import annotations

import time

from exporter.http.client import http_get
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ExporterError
from exporter.model.observations import Check, Status
from exporter.parsers.status_document import STATUS_PATH, parse_checks, parse_document, parse_identity
from exporter.settings.values import Settings
from stack.tools.progress import say, wait_until

DRAINED_CHECK = "node.drained"
TASK_CHECK = "sync.task"
# An update of a pair that has none must not wait for it.
PAIR_KEY_CHECK = "peer.pair_key"
POLL_SECONDS = 0.5
ONLY_OK = frozenset({Status.OK})
# Where nothing has run for long: no backup yet, maybe no second node.
NOTHING_CRITICAL = frozenset({Status.OK, Status.WARNING})


def complaints(
    settings: Settings, *, drained: bool, accept: frozenset[Status] = ONLY_OK, but_for: str = ""
) -> list[str]:
    """Say what this node's running exporter finds wrong; ``drained``: that this node is drained is well.

    What is over does not count: that it is told for a while is no reason to wait.
    ``but_for`` is the task that asks: that it has never run, or failed the last time, is why it is run again.

    A verdict counts only when the running exporter gives it: that it runs is part of what is asked.
    """
    host = str(settings.exporter_address or "127.0.0.1")
    try:
        tls = speaks_tls(settings.web_config_file)
        answer = http_get(host, settings.exporter_port, STATUS_PATH, 2 * settings.peer_timeout, tls=tls)
        document = parse_document(answer)
        if parse_identity(document).name != settings.node_name:
            return [f"the exporter on {host} is another node's"]
        checks = parse_checks(document)
    except ExporterError as error:
        return [str(error)]
    return complaints_of(checks, settings.node_name, drained=drained, accept=accept, but_for=but_for)


def complaints_of(
    checks: tuple[Check, ...],
    node: str,
    *,
    drained: bool,
    accept: frozenset[Status] = ONLY_OK,
    but_for: str = "",
) -> list[str]:
    """Say which checks have no verdict that is accepted, as ``complaints`` does."""
    if not checks:
        return ["nothing was checked"]
    meant = {(DRAINED_CHECK, node, "")} if drained else set()
    meant |= {(TASK_CHECK, node, but_for)}
    return [
        f"{check.node}: {check.id}{f' [{check.subject}]' if check.subject else ''}: {check.seen}"
        for check in checks
        if check.status not in accept
        and not check.over
        and (check.id, check.node, check.subject) not in meant
        and check.id != PAIR_KEY_CHECK
    ]


def verify(
    settings: Settings, timeout: float, steady: float, *, drained: bool, accept: frozenset[Status] = ONLY_OK
) -> None:
    """Wait until the exporter has found everything well for ``steady`` seconds without a break.

    Raises:
        DeadlineError: it has not within ``timeout`` seconds; the message says what is wrong.
    """
    well_since: float | None = None

    def missing(found: list[str]) -> list[str]:
        nonlocal well_since
        if found:
            well_since = None
            return found
        well_since = well_since or time.monotonic()
        kept = time.monotonic() - well_since
        return [] if kept >= steady else [f"well for {kept:.0f} s of {steady:g} s"]

    wait_until(
        "a good verdict",
        lambda: complaints(settings, drained=drained, accept=accept),
        missing,
        timeout,
        every=POLL_SECONDS,
    )
    left = complaints(settings, drained=drained)
    for complaint in left:
        say(f"still to be looked at: {complaint}")
    say(f"{settings.node_name}: the exporter finds {'nothing critical' if left else 'everything well'}")

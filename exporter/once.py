"""``--once``: a verdict for scripts, from the running exporter or, without one, from a snapshot of its own."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

from exporter.app import Application, Snapshot
from exporter.checks import worst
from exporter.checks.exporter import evaluate_missing
from exporter.http.client import http_get
from exporter.http.web_config import speaks_tls
from exporter.model.errors import ExporterError
from exporter.model.observations import Status
from exporter.parsers.status_document import STATUS_PATH, parse_checks, parse_document, parse_identity, parse_time
from exporter.settings.values import Settings
from exporter.views import report, status_document
from exporter.views.report import Verdict

# Kept back from the time to wait, for evaluating and printing.
RESERVE_SECONDS = 0.2
FORMATS = ("text", "json", "prometheus", "nagios")


def run(settings: Settings, output: str, only: Sequence[str], timeout: float) -> tuple[str, int]:
    """Return what to print and the exit code: 0 ok, 1 warning, 2 critical, 3 unknown.

    ``timeout`` bounds the whole run, in seconds.
    """
    deadline = time.monotonic() + timeout
    verdict, text = _from_running(settings, output, only, timeout) or _alone(settings, output, only, deadline)
    return text, verdict.value


def _from_running(settings: Settings, output: str, only: Sequence[str], timeout: float) -> tuple[Status, str] | None:
    """Ask the exporter that runs on this node; None when there is none, or it is another node's."""
    host = str(settings.exporter_address or "127.0.0.1")
    tls = speaks_tls(settings.web_config_file)
    patience = min(timeout, settings.peer_timeout)
    try:
        document = parse_document(http_get(host, settings.exporter_port, STATUS_PATH, patience, tls=tls))
        node = parse_identity(document)
        when = parse_time(document)
        checks = report.restrict(parse_checks(document), only)
        if node.name != settings.node_name:
            return None
        if output == "prometheus":
            metrics = http_get(host, settings.exporter_port, "/metrics", patience, tls=tls).decode()
            return worst(checks), metrics
    except (ExporterError, UnicodeDecodeError):
        return None
    status = worst(checks)
    if output == "json":
        frame = dict(document.values)
        frame["status"] = status.word
        frame["checks"] = [check for check in frame["checks"] if not only or check["collector"] in only]
        return status, json.dumps(frame, indent=2) + "\n"
    source = f"from the running exporter, port {settings.exporter_port}"
    return status, _format(Verdict(node, when, status, checks, source), output)


def _alone(settings: Settings, output: str, only: Sequence[str], deadline: float) -> tuple[Status, str]:
    """Start the collectors, wait for their first results, and evaluate the checks."""
    needed = (*only, "peer") if only else ()
    application = Application(settings, persistent=False, only=needed)
    application.runner.start()  # never stopped: the process ends here, and its threads with it
    application.runner.wait_until_ready(max(0.0, deadline - time.monotonic() - RESERVE_SECONDS))
    snapshot = application.collect()
    checks = report.restrict((*snapshot.checks, *evaluate_missing(snapshot.status, settings)), only)
    snapshot = Snapshot(snapshot.status, checks, worst(checks))
    if output == "json":
        document = json.loads(status_document.build(snapshot.status, snapshot.checks, snapshot.verdict))
        return snapshot.verdict, json.dumps(document, indent=2) + "\n"
    if output == "prometheus":
        from exporter.views import exposition

        families = exposition.families(snapshot.status, snapshot.checks, snapshot.verdict)
        return snapshot.verdict, exposition.encode(families, "text/plain")[0].decode()
    source = "collected for this answer: no exporter runs on this node"
    return snapshot.verdict, _format(
        Verdict(snapshot.status.node, snapshot.status.time, snapshot.verdict, checks, source), output
    )


def _format(verdict: Verdict, output: str) -> str:
    return report.format_nagios(verdict) if output == "nagios" else report.format_text(verdict)

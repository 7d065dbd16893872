"""The status page: one look for a person, on a phone too, without JavaScript.

It shows and decides nothing: a row's mark is the worst of the checks about what the row names, and a row that no check
is about has none.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Sequence
from html import escape

from exporter.checks import health, resolve, worst, wrong
from exporter.checks.build import age
from exporter.model import pair
from exporter.model.observations import (
    Check,
    ContainersObservation,
    HealthObservation,
    NodeStatus,
    PeerObservation,
    ResolveObservation,
    Status,
    SyncObservation,
    VipObservation,
    VrrpObservation,
)
from exporter.views import layout
from exporter.views.runbooks import of_check

REFRESH_SECONDS = 10
# A shape beside the colour, for those who see no colours.
_MARKS = {Status.OK: "✓", Status.WARNING: "▲", Status.CRITICAL: "✖", Status.UNKNOWN: "?"}
_HEADLINES = {
    Status.OK: "All is well",
    Status.WARNING: "DNS works, but something needs you",
    Status.CRITICAL: "DNS is down or at risk",
    Status.UNKNOWN: "Not everything can be seen",
}


def render(status: NodeStatus, checks: Sequence[Check], overall: Status, runbooks: Collection[str] = ()) -> str:
    """Render the page; what is wrong leads to its runbook if that is among those named."""
    node = status.node
    moment = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(status.time))
    own = [check for check in checks if check.node == node.name]
    sections = [
        _section("What to look at", (_problem(check, node.name, runbooks) for check in wrong(checks))),
        _section("Virtual IP", _vip_rows(status, own)),
        _section("Keepalived", _vrrp_rows(status, own)),
        _section("Health check", _health_rows(status, own)),
        _section("DNS", _probe_rows(status, own)),
        _section("Other node", _peer_rows(status, checks)),
        _section("Containers", _container_rows(status, own)),
        _section("Sync and backup", _sync_rows(status, own)),
    ]
    title = f"{_MARKS[overall]} {node.name}: {_HEADLINES[overall]}"
    body = f"""<header class="{overall.word}">
<p class="mark" aria-hidden="true">{_MARKS[overall]}</p>
<div><h1>{_HEADLINES[overall]}</h1>
<p>Seen from {escape(node.name)}, the {escape(node.role)} node, {moment}</p></div>
</header>
<main>
{"".join(sections)}
</main>
<footer><a href="metrics">metrics</a> <a href="api/v1/status">JSON</a> <a href="runbooks/">runbooks</a>
version {escape(node.version)}</footer>"""
    return layout.document(title, body, refresh=REFRESH_SECONDS)


def _section(title: str, rows: Iterable[str]) -> str:
    content = "".join(rows)
    return f"<section><h2>{title}</h2>{content}</section>\n" if content else ""


def _problem(check: Check, here: str, runbooks: Collection[str]) -> str:
    where = "" if check.node == here else f"{escape(check.node)}: "
    subject = f" {escape(check.subject)}" if check.subject else ""
    runbook = of_check(check.id)
    link = f' <a href="runbooks/{runbook}">what to do</a>' if runbook in runbooks else ""
    return (
        f'<article class="{check.status.word}"><h3><span aria-hidden="true">{_MARKS[check.status]}</span> '
        f"{where}{escape(check.seen)}</h3>"
        f"<p>Expected: {escape(check.expected)}.</p><p>Try: {escape(check.advice)}.</p>"
        f'<p class="id">{check.status.word} {escape(check.id)}{subject}{link}</p></article>'
    )


def _row(about: Iterable[Check], name: str, *facts: str | None) -> str:
    """Write a row; its mark is the worst verdict of the checks that are about it."""
    found = tuple(about)
    verdict = worst(found)
    mark = f'<span class="{verdict.word}" title="{verdict.word}">{_MARKS[verdict]}</span> ' if found else ""
    said = ", ".join(escape(fact) for fact in facts if fact)
    return f'<div class="row"><b>{mark}{escape(name)}</b><span>{said}</span></div>'


def _named(checks: Iterable[Check], subject: str, *names: str) -> Iterable[Check]:
    """The checks of these names about one subject; ``vip.*`` stands for all that begin so."""
    pattern = re.compile("|".join(re.escape(name).replace(r"\*", ".*") for name in names))
    return (check for check in checks if check.subject == subject and pattern.fullmatch(check.id))


def _since(status: NodeStatus, moment: float | None, form: str) -> str | None:
    return None if moment is None else form.format(age(max(0.0, status.time - moment)))


def _vip_rows(status: NodeStatus, checks: Sequence[Check]) -> Iterable[str]:
    seen = pair.find(status, VipObservation)
    for vip in seen.vips if seen else ():
        owners = pair.owners(status, vip)
        if owners is None:
            owner = f"owned by {status.node.name}" if vip.owned else "not owned by this node"
        else:
            owner = f"owned by {' and '.join(owners)}" if owners else "owned by nobody"
        moves = f"{vip.acquisitions} acquired and {vip.releases} released here"
        changed = _since(status, vip.last_transition, "changed here {} ago")
        yield _row(_named(checks, vip.address, "vip.*"), vip.address, owner, changed, moves)


def _vrrp_rows(status: NodeStatus, checks: Sequence[Check]) -> Iterable[str]:
    seen = pair.find(status, VrrpObservation)
    if seen is None:
        return
    alive = f"version {seen.keepalived_version}" if seen.keepalived_up else "does not run"
    about = _named(checks, "", "keepalived.running", "node.drained")
    yield _row(about, "keepalived", alive, "drained" if seen.drained else None)
    for instance in seen.instances:
        priority = None if instance.effective_priority is None else f"priority {instance.effective_priority}"
        known = instance.state is not None
        lasts = _since(status, instance.last_transition, "for {}") if known else None
        state = instance.state.value if instance.state is not None else "not known: nobody records it now"
        yield _row(_named(checks, instance.name, "vrrp.*"), instance.name, state, lasts, priority)


def _health_rows(status: NodeStatus, checks: Sequence[Check]) -> Iterable[str]:
    seen = pair.find(status, HealthObservation)
    if seen is None or not seen.keepalived_up:
        return
    for question in seen.questions:
        said = question.problem or ("well" if question.verdict.value == "ok" else question.verdict.value)
        about = _named(checks, "", health.check_of_question(question.name))
        yield _row(about, question.name, said, _since(status, question.since, "for {}"))
    if not seen.questions:
        about = _named(checks, "", health.check_of_process(health.CHECK))
        yield _row(about, "report", _since(status, seen.report_time, "the last one is {} old") or "none")
    for process in seen.processes:
        works = health.works(seen, process)
        again = f"started {process.starts} times since keepalived was" if process.starts > 1 else None
        end = f"the last one {process.last_end}" if process.last_end else None
        state = "runs" if works else "does not report" if process.running else "does not run"
        since = _since(status, process.last_start, "for {}") if process.running else None
        about = _named(checks, "", health.check_of_process(process.name))
        yield _row(about, f"process {process.name}", state, since, again, end)
    if not seen.processes:
        said = _since(status, seen.processes_time, "the supervisor was silent for {}") or "the supervisor says nothing"
        about = _named(checks, "", *map(health.check_of_process, health.EXPECTED_PROCESSES))
        yield _row(about, "processes", said)


def _probe_rows(status: NodeStatus, checks: Sequence[Check]) -> Iterable[str]:
    seen = pair.find(status, ResolveObservation)
    for probe in seen.probes if seen else ():
        subject = resolve.subject(probe)
        latency = f"{probe.last_latency * 1000:.1f} ms" if probe.last_ok and probe.last_latency is not None else None
        answered = f"{resolve.answered(probe)}{resolve.when(status, probe)}" if probe.last_ok else probe.last_error
        outages = f"{probe.outages} outages" if probe.outages else None
        last = f"last {probe.last_outage:.2f} s" if probe.last_outage is not None else None
        about = _named(checks, subject, f"resolve.{probe.target}", "resolve.answered_by")
        yield _row(about, f"{probe.target} {subject}", answered, latency, outages, last)


def _peer_rows(status: NodeStatus, checks: Sequence[Check]) -> Iterable[str]:
    """Show the other node with what is wrong about it, what it says of itself too."""
    seen = pair.find(status, PeerObservation)
    if seen is None:
        return
    about = [check for check in checks if check.id.startswith("peer.") or check.node != status.node.name]
    if seen.peer is None:
        yield _row(about, seen.address, seen.error)
        return
    alive = {True: "keepalived runs", False: "keepalived does not run", None: "keepalived unknown"}
    clock = f"clock {seen.peer.clock_offset * 1000:+.0f} ms"
    yield _row(about, seen.peer.name, seen.peer.role, alive[seen.peer.keepalived_up], clock)


def _container_rows(status: NodeStatus, checks: Sequence[Check]) -> Iterable[str]:
    seen = pair.find(status, ContainersObservation)
    for container in seen.containers if seen else ():
        since = _since(status, container.started_at, "for {}") if container.running else None
        restarts = f"{container.restarts} restarts" if container.restarts else None
        about = _named(checks, container.name, "container.running")
        yield _row(about, container.name, container.state, since, container.health, restarts)


def _sync_rows(status: NodeStatus, checks: Sequence[Check]) -> Iterable[str]:
    seen = pair.find(status, SyncObservation)
    for task in seen.tasks if seen else ():
        success = _since(status, task.last_success, "last success {} ago") or "never succeeded"
        yield _row(_named(checks, task.name, "sync.task"), task.name, success, task.error)
    for name, drifted in pair.drift(status).items():
        said = "differs between the nodes" if drifted else "in sync"
        yield _row(_named(checks, name, "sync.drift"), name, said)

"""Page, ``--once``, JSON and metrics must say the same of one state; each is read here as its reader reads it."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import unescape
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from exporter import checks
from exporter.model.observations import Check, NodeStatus
from exporter.views import exposition, page, report, status_document

# As the monitoring plugins' max_state_alt has it.
SEVERITY = ("ok", "unknown", "warning", "critical")
EXIT_CODES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}

Verdicts = Counter[tuple[str, str]]  # a verdict, and the id and subject of its check
Row = tuple[str, str]  # a section of the page and what is named there


def assert_views_agree(status: NodeStatus, found: Sequence[Check]) -> None:
    """Hold the four views of one evaluated state against each other."""
    overall = checks.worst(found)
    html = page.render(status, found, overall)
    document = json.loads(status_document.build(status, found, overall))
    said: list[dict[str, Any]] = document["checks"]
    here = document["node"]["name"]
    verdict = report.Verdict(status.node, status.time, overall, tuple(found), "")
    text = report.format_text(verdict)
    samples = metrics(exposition.encode(exposition.families(status, found, overall), "text/plain")[0].decode())

    (header,) = re.findall(r'<header class="(\w+)">', html)
    assert (
        document["status"]
        == header
        == text.partition(":")[0].lower()
        == (worst(check["status"] for check in said) or "unknown")
    )
    assert samples["dnsha_status", ""] == EXIT_CODES[header]

    assert Counter(lines(text)) == Counter(line(check, here) for check in said)
    assert articles(html) == Counter(
        (check["status"], printable(f"{check['id']} {check['subject']}".strip()))
        for check in said
        if check["status"] != "ok"
    )
    own: dict[str, list[str]] = {}
    for check in said:
        if check["node"] == here:
            own.setdefault(check["id"], []).append(check["status"])
    exposed = {name: value for (metric, name), value in samples.items() if metric == "dnsha_check_status"}
    assert exposed == {name: EXIT_CODES[str(worst(statuses))] for name, statuses in own.items()}
    assert_rows_show_the_checks(html, document)


def assert_rows_show_the_checks(html: str, document: dict[str, Any]) -> None:
    """A row's mark is the worst verdict about what it names, and no row has a mark of its own."""
    about: dict[Row, list[str]] = {}
    for check in document["checks"]:
        for row in rows_of(check, document):
            about.setdefault(row, []).append(check["status"])
    for row, mark in rows(html):
        assert mark == worst(about.get(row, ())), (row, mark, about.get(row))


def worst(statuses: Iterable[str]) -> str | None:
    return max(statuses, key=SEVERITY.index, default=None)


def rows_of(check: dict[str, Any], document: dict[str, Any]) -> Iterator[Row]:
    """Where a person who reads the page looks for a check."""
    name, subject = check["id"], check["subject"]
    area, _, word = name.partition(".")
    peer = document["peer"] or {}
    if check["node"] != document["node"]["name"] or area == "peer":
        yield "Other node", (peer.get("peer") or {}).get("name") or peer.get("address", "")
    elif name in ("keepalived.running", "node.drained"):
        yield "Keepalived", "keepalived"
    elif name == "resolve.world":
        yield "Health check", "world"
    elif word == "running" and check["collector"] == "health":
        process = "check" if area == "health" else area
        yield "Health check", f"process {process}"
        yield "Health check", "processes"
        if process == "check":
            yield "Health check", "report"
    elif area == "health":
        yield "Health check", word
    elif name == "resolve.answered_by":
        for target in ("vip", "pihole", "unbound", "peer"):
            yield "DNS", f"{target} {subject}"
    else:
        sections = {"vip": "Virtual IP", "vrrp": "Keepalived", "container": "Containers", "sync": "Sync and backup"}
        if area == "resolve":
            yield "DNS", f"{word} {subject}"
        elif area in sections and subject:
            kind = " (both nodes)" if name == "sync.drift" else ""
            yield sections[area], subject + kind


def rows(html: str) -> Iterator[tuple[Row, str | None]]:
    """The rows of the page and their marks."""
    row = re.compile(
        r'<div class="row"><b>(?:<span class="(\w+)" title="\1">.</span> )?(.*?)</b><span>(.*?)</span>', re.DOTALL
    )
    for section in html.split("<section>")[1:]:
        heading = section.partition("<h2>")[2].partition("</h2>")[0]
        for mark, name, said in row.findall(section):
            kind = " (both nodes)" if said in ("in sync", "differs between the nodes") else ""
            yield (heading, unescape(name) + kind), mark or None


def articles(html: str) -> Verdicts:
    """What stands under "What to look at"."""
    found = re.findall(r'<article class="(\w+)">.*?<p class="id">\1 (.*?)(?: <a [^>]*>[^<]*</a>)?</p>', html, re.DOTALL)
    return Counter((status, printable(unescape(said)).strip()) for status, said in found)


def lines(text: str) -> Iterator[str]:
    """The lines of ``--once`` that name a check, without what was seen of those that are well."""
    for one in text.split("\n")[2:]:
        if re.match(r"(UNKNOWN|WARNING|CRITICAL|ok) ", one):
            yield re.sub(r"^(ok {8}\S+(?: \S+)?(?: \[.*?\])?)  .*", r"\1", one) if one.startswith("ok") else one


def line(check: dict[str, Any], here: str) -> str:
    """How ``--once`` names a check."""
    word = check["status"] if check["status"] == "ok" else check["status"].upper()
    where = "" if check["node"] == here else f"{check['node']}: "
    subject = f" [{check['subject']}]" if check["subject"] else ""
    return printable(f"{word:<8}  {where}{check['id']}{subject}")


def printable(text: str) -> str:
    """Text as a terminal gets it."""
    return "".join(c if c.isprintable() else " " for c in text)


def metrics(text: str) -> dict[tuple[str, str], float]:
    """Samples by name and the label ``check``."""
    return {
        (sample.name, sample.labels.get("check", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }

"""The status page: readable on a phone, without a script, whatever names and errors are in it."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from exporter import checks
from exporter.model.observations import Check, HealthVerdict, NodeIdentity, NodeStatus, Status
from exporter.views import layout, page
from tests.unit import samples
from tests.unit.samples import NOW, absent_vip, beta, check, container, instance, probe, process, question, task, vip

HOSTILE = "<script>alert('x')</script>\"&'\x1b"
VOID = {"meta", "link", "br", "img", "hr", "input"}


class Reader(HTMLParser):
    """Reads a page as a strict browser would: every element that is opened is closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words: list[str] = []
        self.classes: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self.classes += [str(value) for name, value in attrs if name == "class"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open and data.strip():
            self.words.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(status: NodeStatus, found: tuple[Check, ...] | None = None) -> Reader:
    found = checks.evaluate(status, samples.settings()) if found is None else found
    return Reader(page.render(status, found, checks.worst(found)))


def test_a_healthy_pair_is_seen_at_a_glance() -> None:
    text = read(samples.healthy()).text
    assert text.startswith("✓ alpha: All is well ✓ All is well Seen from alpha, the primary node, ")
    assert "What to look at" not in text
    for words in (
        "192.0.2.53 owned by alpha",
        "3 acquired and 2 released here",
        "keepalived version 2.3.3",
        "VI_1 master",
        "priority 250",
        "Health check ✓ chain well, for 60 min ✓ address well",
        "✓ process check runs, for 2.0 h ✓ process recorder runs",
        "vip 192.0.2.53 udp answered by alpha, 1.2 ms",
        "beta secondary, keepalived runs, clock +2 ms",
        "pihole running",
        "unbound in sync",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("status", "headline", "mark"),
    [
        (Status.OK, "All is well", "✓"),
        (Status.WARNING, "DNS works, but something needs you", "▲"),
        (Status.CRITICAL, "DNS is down or at risk", "✖"),
        (Status.UNKNOWN, "Not everything can be seen", "?"),
    ],
)
def test_each_verdict_has_a_word_a_shape_and_a_colour(status: Status, headline: str, mark: str) -> None:
    seen = read(samples.healthy(), (check(status=status, advice="do something"),))
    assert seen.text.startswith(f"{mark} alpha: {headline} {mark} {headline} ")
    assert status.word in seen.classes
    assert f".{status.word}" in layout.STYLE


def test_what_is_wrong_stands_on_top_with_what_to_try() -> None:
    bad = check(status=Status.CRITICAL, seen="alpha and beta own it", expected="one owner", advice="look at the link")
    theirs = check(node="beta", status=Status.WARNING, seen="pihole is exited", advice="start it")
    text = read(samples.healthy(), (check(), bad, theirs)).text
    assert (
        "What to look at ✖ alpha and beta own it Expected: one owner. Try: look at the link. critical vrrp.state VI_1 "
        "▲ beta: pihole is exited Expected: master or backup. Try: start it. warning vrrp.state VI_1 Virtual IP"
    ) in text


def test_of_what_is_wrong_the_worst_comes_first() -> None:
    found = tuple(check(status=status, seen=f"{status.word} seen") for status in Status)
    text = read(samples.healthy(), found).text
    words = ("critical seen", "warning seen", "unknown seen", "Virtual IP")
    assert sorted(words, key=text.index) == list(words)
    assert "ok seen" not in text


def test_what_the_health_check_finds_and_how_it_lives_is_shown() -> None:
    failing = samples.health(
        question(verdict=HealthVerdict.SOFT, problem="Pi-hole answered SERVFAIL", since=NOW - 30),
        question("address", problem="the kernel does not say"),
        question("world", verdict=HealthVerdict.UNPROVED),
        processes=(
            process(starts=3, last_start=NOW - 12, last_end="was killed by SIGKILL"),
            process("recorder", running=False),
        ),
    )
    text = read(samples.status(failing)).text
    for words in (
        "▲ chain Pi-hole answered SERVFAIL, for 30 s",
        "▲ address the kernel does not say",
        "? world unproved",
        "▲ process recorder does not run",
        "process check runs, for 12 s, started 3 times since keepalived was, the last one was killed by SIGKILL",
    ):
        assert words in text


def test_a_silent_health_check_is_shown_with_the_age_of_its_last_word() -> None:
    silent = samples.health(report_time=NOW - 12, questions=(), processes_time=NOW - 40, processes=())
    text = read(samples.status(silent)).text
    assert "▲ report the last one is 12 s old" in text
    assert "▲ processes the supervisor was silent for 40 s" in text
    never = read(samples.status(samples.health(report_time=None, questions=(), processes_time=None, processes=()))).text
    assert "▲ report none ▲ processes the supervisor says nothing" in never


def test_a_state_that_nobody_records_is_shown_as_unknown() -> None:
    text = read(samples.status(samples.vrrp(instance(state=None, effective_priority=None)))).text
    assert "? VI_1 not known: nobody records it now" in text
    assert "master" not in text.partition("Keepalived")[2]


def test_what_is_wrong_leads_to_its_runbook_where_there_is_one() -> None:
    found = (check(id="vip.split_brain", status=Status.CRITICAL), check(id="vip.device", status=Status.WARNING))
    html = page.render(samples.healthy(), found, Status.CRITICAL, {"DnsHaSplitBrain"})
    links = [value for name, value in Reader(html).attributes if name == "href"]
    assert links == ["runbooks/DnsHaSplitBrain", "metrics", "api/v1/status", "runbooks/"]


def test_nothing_that_anybody_says_becomes_markup_or_a_script() -> None:
    status = NodeStatus(
        NodeIdentity(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        NOW,
        samples.status(
            samples.vips(vip(HOSTILE)),
            samples.vrrp(instance(name=HOSTILE), keepalived_version=HOSTILE),
            samples.health(
                question(HOSTILE, verdict=HealthVerdict.HARD, problem=HOSTILE), processes=(process(last_end=HOSTILE),)
            ),
            samples.resolve(
                probe(server=HOSTILE, answered_by=HOSTILE), probe("pihole", last_ok=False, last_error=HOSTILE)
            ),
            samples.containers(container(HOSTILE, state=HOSTILE, health=HOSTILE)),
            samples.sync(task(HOSTILE, exit_status=1, error=HOSTILE)),
            samples.peer(beta(name=HOSTILE, role=HOSTILE)),
        ).results,
    )
    bad = check(
        id=HOSTILE,
        node=HOSTILE,
        subject=HOSTILE,
        status=Status.WARNING,
        seen=HOSTILE,
        expected=HOSTILE,
        advice=HOSTILE,
    )
    seen = read(status, (bad,))
    assert "script" not in seen.tags
    assert not [name for name, _ in seen.attributes if name.startswith("on")]
    assert seen.text.count("<script>alert('x')</script>\"&'") >= 15


def test_the_page_needs_no_script_and_nothing_from_elsewhere() -> None:
    seen = read(samples.healthy())
    assert not {"script", "link", "img", "iframe"} & set(seen.tags)
    links = [value for name, value in seen.attributes if name in ("href", "src")]
    assert links == ["metrics", "api/v1/status", "runbooks/"]
    assert "url(" not in layout.STYLE
    assert "@import" not in layout.STYLE
    assert "</" not in layout.STYLE


def test_it_fits_a_phone_and_looks_again_by_itself() -> None:
    attributes = read(samples.healthy()).attributes
    assert ("content", "width=device-width, initial-scale=1") in attributes
    assert ("http-equiv", "refresh") in attributes
    assert ("lang", "en") in attributes


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (samples.status(samples.vips(absent_vip())), "192.0.2.53 not owned by this node"),
        (samples.status(samples.vips(vip())), "192.0.2.53 owned by alpha"),
        (
            samples.status(samples.vips(absent_vip()), samples.peer()),
            "✖ 192.0.2.53 owned by nobody",
        ),
        (samples.status(samples.vrrp(keepalived_up=False)), "▲ keepalived does not run"),
        (samples.status(samples.vrrp(drained=True)), "keepalived version 2.3.3, drained"),
        (
            samples.status(samples.resolve(probe(last_ok=False, last_error="no answer", outages=2, last_outage=1.5))),
            "✖ vip 192.0.2.53 udp no answer, 2 outages, last 1.50 s",
        ),
        (samples.status(samples.resolve(probe(last_ok=None, last_latency=None))), "vip 192.0.2.53 udp"),
        (samples.status(samples.silent_peer("nobody listens")), "▲ 192.0.2.12 nobody listens"),
        (samples.status(samples.peer(beta(keepalived_up=None))), "beta secondary, keepalived unknown"),
        (samples.status(samples.containers(container(state="exited"))), "▲ pihole exited"),
        (samples.status(samples.containers(container(health="unhealthy", restarts=3))), "unhealthy, 3 restarts"),
        (samples.status(samples.sync(task(last_success=None))), "▲ pihole never succeeded"),
        (
            samples.status(samples.sync(digest="cd" * 32), samples.peer()),
            "▲ unbound differs between the nodes",
        ),
    ],
)
def test_each_part_is_told_in_words_and_what_is_not_well_is_marked(status: NodeStatus, words: str) -> None:
    assert words in read(status).text


def test_a_node_that_sees_nothing_has_a_page_too() -> None:
    text = read(samples.status(failed={"vip": "no netlink"})).text
    assert "no netlink" in text
    assert "Virtual IP" not in text

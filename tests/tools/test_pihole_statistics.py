"""The exporter asks Pi-hole for its statistics: in one session, which it gives back, with no word of its password.

Pi-hole is a stand-in that answers as FTL v6.4.1 was seen to answer.
"""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from exporter.collectors.pihole import PiholeCollector
from exporter.model.errors import CollectorError, NotReadyError
from exporter.model.observations import PiholeObservation, Status, TopEntry
from exporter.views import exposition
from tests.lab.waiting import wait_for
from tests.unit import samples

from .standin_pihole_api import MAXIMUM_SESSIONS, Session, StandinPihole
from .standin_pihole_content import content
from .standin_pihole_server import made_certificate, standin_pihole

PASSWORD = "an application password"
NOW = 1_700_000_000.0


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    file = tmp_path / "app_password"
    file.write_text(PASSWORD + "\n")
    return file


@contextmanager
def serving(tls: ssl.SSLContext | None = None, **more: Any) -> Iterator[StandinPihole]:
    with standin_pihole(content("https://lists.example/one"), tls, app_password=PASSWORD, **more) as pihole:
        pihole.statistics["queries"] |= {"total": 50, "blocked": 9, "cached": 21, "forwarded": 20}
        pihole.statistics["clients"] = {"active": 3, "total": 4}
        yield pihole


@contextmanager
def collecting(pihole: StandinPihole, password_file: Path, **more: Any) -> Iterator[PiholeCollector]:
    collector = PiholeCollector(pihole.url, password_file, **{"interval": 0.05, "clock": lambda: NOW, **more})
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def told(collector: PiholeCollector) -> PiholeObservation | str:
    try:
        return collector.collect()
    except CollectorError as error:
        return str(error)


def seen(collector: PiholeCollector) -> PiholeObservation:
    found = wait_for("an observation", lambda: told(collector), until=lambda found: not isinstance(found, str))
    assert isinstance(found, PiholeObservation)
    return found


def problem(collector: PiholeCollector) -> str:
    def refused() -> str:
        try:
            collector.collect()
        except NotReadyError:
            return ""
        except CollectorError as error:
            return str(error)
        return ""

    return wait_for("a problem", refused, until=bool)


def test_what_pihole_counts_is_told(password_file: Path) -> None:
    with serving() as pihole, collecting(pihole, password_file) as collector:
        found = seen(collector)
    assert (found.queries, found.blocked, found.cached, found.forwarded) == (50, 9, 21, 20)
    assert (found.active_clients, found.known_clients) == (3, 4)
    assert (found.blocking, found.blocking_change) == (True, None)
    assert (found.gravity_domains, found.gravity_time) == (1000, 1_700_000_000.0)


def test_blocking_that_is_paused_has_an_end(password_file: Path) -> None:
    with serving() as pihole:
        pihole.pause(300.0)
        with collecting(pihole, password_file) as collector:
            found = seen(collector)
    assert found.blocking is False
    assert found.blocking_change is not None
    assert NOW + 290 < found.blocking_change <= NOW + 300


def test_it_is_one_session_for_many_looks_and_none_at_the_end(password_file: Path) -> None:
    with serving() as pihole:
        with collecting(pihole, password_file):
            wait_for("ten looks", lambda: pihole.requests.count("GET /api/stats/summary 200"), until=lambda n: n >= 10)
            assert [session.app for session in pihole.sessions.values()] == [True]
        assert pihole.opened == 1
        assert pihole.sessions == {}


def test_a_session_that_pihole_has_forgotten_is_replaced_at_once(password_file: Path) -> None:
    # Two log-ins within a second are one too many for FTL.
    with serving(attempts_per_second=100) as pihole, collecting(pihole, password_file) as collector:
        seen(collector)
        with pihole.lock:
            pihole.sessions.clear()
        wait_for("another session", lambda: pihole.opened, until=lambda opened: opened == 2)
        assert isinstance(told(collector), PiholeObservation)


def test_a_process_that_is_never_stopped_keeps_no_session(password_file: Path) -> None:
    """As ``exporter --once`` without an exporter, which ends without stopping its collectors."""
    with serving() as pihole, collecting(pihole, password_file, interval=60.0, keep_session=False) as collector:
        seen(collector)
        assert pihole.opened == 1
        assert pihole.sessions == {}


def test_a_wrong_password_is_told_and_not_tried_again_and_again(
    password_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with serving() as pihole:
        password_file.write_text("another one, and secret")
        with collecting(pihole, password_file) as collector:
            said = problem(collector)
            time.sleep(0.5)  # ten intervals
            assert pihole.requests.count("POST /api/auth 401") == 1
    assert "refused to log in (401): its password is another one: write" in said
    assert "secret" not in said + caplog.text


def test_seats_that_are_all_taken_are_told(password_file: Path) -> None:
    with serving() as pihole:
        pihole.sessions = {str(number): Session(number) for number in range(MAXIMUM_SESSIONS)}
        with collecting(pihole, password_file) as collector:
            assert "refused to log in (429): it has no free session" in problem(collector)


def test_a_file_without_a_password_is_told(password_file: Path) -> None:
    password_file.write_text("")
    with serving() as pihole, collecting(pihole, password_file) as collector:
        assert problem(collector).endswith("is empty: write PIHOLE_APP_PASSWORD into .env")
        assert pihole.requests == []


def test_the_password_goes_to_no_other_host(password_file: Path) -> None:
    with serving() as pihole:
        pihole.url = pihole.url.replace("127.0.0.1", "192.0.2.77")
        with collecting(pihole, password_file, own="192.0.2.11") as collector:
            assert "is not on this node: its password is sent nowhere else" in problem(collector)


def test_a_pihole_that_hangs_costs_nobody_else_and_says_so_once_it_is_late(
    password_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.collectors.pihole.TIMEOUT_SECONDS", 0.3)
    with serving() as pihole, pihole.lock, collecting(pihole, password_file) as collector:
        began = time.monotonic()
        with pytest.raises(NotReadyError):
            collector.collect()
        assert time.monotonic() - began < 0.1
        assert "did not answer within 0.3 s" in problem(collector)


def test_garbage_is_told_and_good_answers_count_again(password_file: Path) -> None:
    with serving() as pihole, collecting(pihole, password_file) as collector:
        pihole.fault = "garbage"
        assert "is not JSON" in problem(collector)
        pihole.fault = ""
        assert seen(collector).queries == 50


def test_it_speaks_tls_with_pihole(password_file: Path, tmp_path: Path) -> None:
    with serving(made_certificate(tmp_path)) as pihole, collecting(pihole, password_file) as collector:
        assert pihole.url.startswith("https://")
        assert seen(collector).queries == 50


def test_no_name_is_asked_for_or_shown_unless_somebody_wants_it(password_file: Path) -> None:
    top = {
        "domains": [{"domain": "www.example.org", "count": 30}],
        "blocked": [{"domain": "ads.example", "count": 9}],
        "clients": [{"name": "tv.lan", "ip": "192.0.2.20", "count": 39}],
    }
    with serving(top=top) as pihole:
        with collecting(pihole, password_file) as collector:
            private = seen(collector)
        assert not any("top" in request for request in pihole.requests)
        with collecting(pihole, password_file, top=True) as collector:
            public = seen(collector)
    assert private.top == ()
    assert public.top == (
        TopEntry("domain", "www.example.org", 30),
        TopEntry("blocked", "ads.example", 9),
        TopEntry("client", "tv.lan", 39),
    )
    body, _ = exposition.encode(exposition.families(samples.status(private), (), Status.OK), "text/plain")
    assert not any(name in body for name in (b"example", b"tv.lan", b"192.0.2.20"))


def test_nothing_of_it_is_left_behind(password_file: Path) -> None:
    before = threading.active_count()
    with serving() as pihole:
        with collecting(pihole, password_file) as collector:
            seen(collector)
        assert "pihole" not in {thread.name for thread in threading.enumerate()}
    wait_for("the stand-in's threads to end", threading.active_count, until=lambda count: count <= before)

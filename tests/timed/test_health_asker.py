"""Asking a DNS service on loopback: a good one, one that is gone, one that is silent, slow or wrong."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from exporter.model.observations import HealthVerdict
from stack.health.asker import ASK_SECONDS, Asker
from stack.health.dns_question import DnsQuestion
from stack.health.verdict import Service
from tests.unit.standin_dns_server import (
    SERVFAIL,
    Pause,
    Send,
    StandinDnsServer,
    Step,
    good,
    port_without_server,
    reply,
    sends,
    silent,
)

QUESTION = DnsQuestion("canary.dnsha.example", "node-a")


@contextlib.contextmanager
def asking(port: int, verdict: HealthVerdict = HealthVerdict.OK, host: str = "127.0.0.1") -> Iterator[Asker[Service]]:
    with contextlib.closing(Asker(Service("Pi-hole", 0.45, verdict), (host, port), QUESTION)) as one:
        yield one


def drive(one: Asker[Service], until: Callable[[], bool], seconds: float = 10.0) -> float:
    """Ask as the check does until something is so; return how long that took."""
    began = time.monotonic()
    while not until():
        now = time.monotonic()
        assert now - began < seconds, (one.service, one.unable)
        if now >= one.due:
            one.ask(now)
        one.receive(time.monotonic)
        one.expire(time.monotonic())
        time.sleep(0.002)
    return time.monotonic() - began


def test_a_service_that_answers_well_is_proved() -> None:
    with StandinDnsServer(sends(good)) as server, asking(server.port, HealthVerdict.UNPROVED) as one:
        drive(one, lambda: one.service.verdict is HealthVerdict.OK)
    assert one.service.problem == ""


def test_where_nothing_listens_two_refusals_come_sooner_than_two_questions_are_due() -> None:
    took = []
    for _ in range(3):
        with asking(port_without_server()) as one:
            took.append(drive(one, lambda: one.service.verdict is HealthVerdict.HARD))
    assert min(took) < ASK_SECONDS


def test_a_service_that_answers_nothing_is_soft_and_not_hard() -> None:
    with StandinDnsServer(silent) as server, asking(server.port) as one:
        drive(one, lambda: one.service.verdict is not HealthVerdict.OK)
    assert (one.service.verdict, one.service.problem) == (HealthVerdict.SOFT, "does not answer")


def test_a_service_that_answers_errors_is_soft() -> None:
    with StandinDnsServer(sends(lambda query: reply(query, rcode=SERVFAIL))) as server, asking(server.port) as one:
        drive(one, lambda: one.service.verdict is not HealthVerdict.OK)
    assert (one.service.verdict, one.service.problem) == (HealthVerdict.SOFT, "answered SERVFAIL")


def test_a_service_that_comes_back_is_well_again() -> None:
    port = port_without_server()
    with asking(port) as one:
        drive(one, lambda: one.service.verdict is HealthVerdict.HARD)
        with StandinDnsServer(sends(good), port=port):
            drive(one, lambda: one.service.verdict is HealthVerdict.OK)


def test_answers_that_wait_to_be_read_are_no_failures() -> None:
    """The check was stopped for a second; the service was not."""
    with StandinDnsServer(sends(good)) as server, asking(server.port) as one:
        drive(one, lambda: len(server.queries) >= 3)
        one.ask(time.monotonic())
        time.sleep(1.0)
        one.receive(time.monotonic)
        one.expire(time.monotonic())
    assert not one.service.in_doubt


def test_what_this_host_cannot_ask_changes_no_verdict() -> None:
    with asking(53, host="255.255.255.255") as one:  # EACCES without SO_BROADCAST
        for _ in range(10):
            one.ask(time.monotonic())
        assert one.service.verdict is HealthVerdict.OK
        assert one.unable == "Pi-hole could not be asked: Permission denied"


def test_a_flood_of_garbage_is_bounded_and_no_answer() -> None:
    def garbage(query: bytes) -> Sequence[Step]:
        return [*(Send(b"\xff" * 40) for _ in range(50)), Pause(0.01), Send(good(query))]

    with StandinDnsServer(garbage) as server, asking(server.port, HealthVerdict.UNPROVED) as one:
        drive(one, lambda: one.service.verdict is HealthVerdict.OK)

"""The drill's client sees who answers through a VIP, and what is lost."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import dns.message
import dns.rrset
import pytest

from stack.tools import vip_watch
from stack.tools.vip_watch import VipWatch
from tests.lab.waiting import wait_for

from .conftest import MakeNode


@contextmanager
def standin_dns(server: socket.socket, names: list[str | None]) -> Iterator[None]:
    """Answer canary questions with one name after the other, the last for ever; None: say nothing."""
    server.settimeout(0.05)
    ending = threading.Event()

    def serve() -> None:
        count = 0
        while not ending.is_set():
            try:
                data, client = server.recvfrom(512)
            except TimeoutError:
                continue
            name = names[min(count, len(names) - 1)]
            count += 1
            if name is None:
                continue
            answer = dns.message.make_response(dns.message.from_wire(data))
            answer.answer.append(dns.rrset.from_text(answer.question[0].name, 0, "IN", "TXT", f'"{name}"'))
            server.sendto(b"xx" + answer.to_wire()[2:], client)  # somebody else's answer
            server.sendto(answer.to_wire(), client)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def test_answers_and_losses_are_told_in_order(make_node: MakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    node = make_node(VIP_ADDRESS="192.0.2.53/24", NODE_IP="192.0.2.12/24").settings
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        monkeypatch.setattr(vip_watch, "DNS_PORT", server.getsockname()[1])
        monkeypatch.setattr(vip_watch, "_own_address", lambda *_: None)
        watch = VipWatch(node)
        watch._channels[0].vip = ipaddress.ip_address("127.0.0.1")
        with standin_dns(server, ["alpha", "alpha", None, None, "beta"]), watch:
            # What is lost is known later than what was answered meanwhile.
            wait_for(
                "both losses",
                lambda: sum(asked.answered_by is None for asked in watch.seen()),
                until=lambda lost: lost >= 2,
            )
            wait_for("the next answer", lambda: watch.latest()["127.0.0.1"], until=lambda node: node == "beta")
            seen = watch.stop()
    answered = [asked.answered_by for asked in seen]
    assert answered[:5] == ["alpha", "alpha", None, None, "beta"]
    assert set(answered[5:]) == {"beta"}
    assert sorted(asked.sent for asked in seen) == [asked.sent for asked in seen]


def test_an_address_that_cannot_be_asked_is_a_loss_not_an_error(
    make_node: MakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = make_node(VIP_ADDRESS="2001:db8::53/64", NODE_IP="2001:db8::12/64", PEER_IP="2001:db8::11").settings
    monkeypatch.setattr(vip_watch, "_own_address", lambda *_: None)
    monkeypatch.setattr(vip_watch, "TIMEOUT_SECONDS", 0.1)
    with VipWatch(node) as watch:
        time.sleep(0.1)
        seen = watch.stop()
    assert seen
    assert {asked.answered_by for asked in seen} == {None}

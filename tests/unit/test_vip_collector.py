"""VIP ownership where no real kernel can be made to play along; test_vip_collector_on_kernel.py has the rest."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.collectors.vip import VipCollector
from exporter.model.addressing import parse_virtual_address
from exporter.model.errors import CollectorError, NotReadyError, ParseError
from exporter.model.observations import VipObservation
from exporter.wire.address_message import AddressChange
from tests.lab.waiting import wait_for

VIP = "192.0.2.53"
NOW = 1_700_000_000.0
BOOT_497_DAYS = 2**32 / 100


class FakeKernel:
    """Lists what it is told to, and announces nothing by itself."""

    def __init__(self) -> None:
        self.addresses: list[AddressChange] = []
        self.error: Exception | None = None
        self.looks = 0

    def all_addresses(self) -> list[AddressChange]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        return self.addresses


class FakeSubscription:
    def __init__(self) -> None:
        self._ends = socket.socketpair()

    def fileno(self) -> int:
        return self._ends[0].fileno()

    def read(self) -> tuple[list[AddressChange], bool]:
        return [], False

    def close(self) -> None:
        for end in self._ends:
            end.close()


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> FakeKernel:
    one = FakeKernel()
    monkeypatch.setattr("exporter.sources.addresses.all_addresses", one.all_addresses)
    monkeypatch.setattr("exporter.sources.addresses.AddressSubscription", FakeSubscription)
    return one


@pytest.fixture
def collector(kernel: FakeKernel) -> Iterator[VipCollector]:
    one = VipCollector([parse_virtual_address(VIP)], clock=lambda: NOW)
    yield one
    one.stop()


def first_result(collector: VipCollector) -> VipObservation | CollectorError:
    collector.start()
    try:
        return wait_for("a first result", collector.collect, timeout=15, every=0.002, not_yet=(NotReadyError,))
    except CollectorError as error:
        return error


def held(created: float | None) -> AddressChange:
    return AddressChange(present=True, address=VIP, interface_index=1, usable=True, created=created, prefix_length=32)


@pytest.mark.parametrize(("made", "up"), [(100.0, 160.0), (BOOT_497_DAYS - 10.0, BOOT_497_DAYS + 50.0)])
def test_the_kernel_s_stamp_tells_when_an_address_came_also_after_497_days(
    kernel: FakeKernel, collector: VipCollector, monkeypatch: pytest.MonkeyPatch, made: float, up: float
) -> None:
    monkeypatch.setattr("exporter.collectors.vip.time.clock_gettime", lambda _: up)
    kernel.addresses = [held(made % BOOT_497_DAYS)]
    seen = first_result(collector)
    assert isinstance(seen, VipObservation)
    assert seen.vips[0].last_transition == pytest.approx(NOW - 60, abs=0.01)


def test_an_address_without_a_stamp_is_owned_since_nobody_knows_when(
    kernel: FakeKernel, collector: VipCollector
) -> None:
    kernel.addresses = [held(None)]
    seen = first_result(collector)
    assert isinstance(seen, VipObservation)
    assert (seen.vips[0].owned, seen.vips[0].last_transition) == (True, None)


def test_an_interface_that_has_gone_meanwhile_has_no_name_but_a_number(
    kernel: FakeKernel, collector: VipCollector
) -> None:
    kernel.addresses = [AddressChange(True, VIP, 2**31 - 1, True, None, 32)]
    seen = first_result(collector)
    assert isinstance(seen, VipObservation)
    assert seen.vips[0].device == "interface 2147483647"


@pytest.mark.parametrize(
    "error", [ParseError("the kernel's addresses changed during every look at them"), TimeoutError("did not list")]
)
def test_a_kernel_that_does_not_list_its_addresses_is_a_failure_with_its_reason(
    kernel: FakeKernel, collector: VipCollector, error: Exception
) -> None:
    kernel.error = error
    seen = first_result(collector)
    assert isinstance(seen, CollectorError)
    assert str(seen) == f"the kernel's addresses cannot be watched: {error}"


def test_before_it_was_started_there_is_nothing_to_say(tmp_path: Path, collector: VipCollector) -> None:
    with pytest.raises(NotReadyError):
        collector.collect()

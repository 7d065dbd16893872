"""A VIP collector in a network namespace, and what it says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from exporter.collectors.vip import VipCollector
from exporter.model.addressing import parse_virtual_address
from exporter.model.errors import CollectorError, NotReadyError
from exporter.model.observations import Vip, VipObservation
from tests.lab.waiting import wait_for

VIP, VIP_6 = "192.0.2.53", "2001:db8::53"


LAN = "link add lan0 type veth peer name lan1", "link set lan0 up"


ADD, REMOVE = f"addr add {VIP}/32 dev lan0", f"addr del {VIP}/32 dev lan0"


ADD_6, REMOVE_6 = f"addr add {VIP_6}/128 dev lan0 nodad", f"addr del {VIP_6}/128 dev lan0"


def collector(state_file: Path | None = None, on_change: Callable[[], None] = lambda: None) -> VipCollector:
    return VipCollector([parse_virtual_address(VIP), parse_virtual_address(VIP_6)], state_file, on_change)


@contextmanager
def collecting(state_file: Path | None = None, on_change: Callable[[], None] = lambda: None) -> Iterator[VipCollector]:
    one = collector(state_file, on_change)
    with started(one):
        yield one


@contextmanager
def started(one: VipCollector) -> Iterator[None]:
    one.start()
    try:
        until(one, lambda seen: True)
        yield
    finally:
        one.stop()


def until(one: VipCollector, condition: Callable[[VipObservation], bool]) -> VipObservation:
    return wait_for("such addresses", one.collect, until=condition, timeout=15, every=0.005, not_yet=(NotReadyError,))


def look(one: VipCollector, address: str = VIP) -> Vip:
    return next(vip for vip in one.collect().vips if vip.address == address)


def counts(one: VipCollector, address: str = VIP) -> tuple[bool, int, int]:
    vip = look(one, address)
    return vip.owned, vip.acquisitions, vip.releases


def problem(one: VipCollector) -> str:
    try:
        one.collect()
    except CollectorError as error:
        return str(error)
    return ""

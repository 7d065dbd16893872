"""VIP ownership from a real kernel, in a network namespace: every change is counted, seen or not."""

from __future__ import annotations

import logging
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from exporter.model.errors import ParseError
from exporter.sources import addresses
from exporter.wire.address_message import parse_address_messages
from tests.lab.waiting import wait_for
from tests.unit.collecting_vips import (
    ADD,
    ADD_6,
    LAN,
    REMOVE,
    REMOVE_6,
    VIP,
    VIP_6,
    collecting,
    collector,
    counts,
    look,
    problem,
    until,
)
from tests.unit.network_namespace import REPOSITORY, in_network_namespace, ip


@in_network_namespace
def test_each_acquisition_and_release_is_counted_and_timed_per_address(tmp_path: Path) -> None:
    ip(*LAN)
    with collecting() as one:
        assert [counts(one), counts(one, VIP_6)] == [(False, 0, 0), (False, 0, 0)]
        vip = look(one)
        assert (vip.last_transition, vip.stable_seconds, vip.device, vip.usable) == (None, None, None, None)
        before = time.time()
        ip(ADD)
        vip = look(one)
        assert counts(one) == (True, 1, 0)
        assert (vip.device, vip.usable, vip.family) == ("lan0", True, "ipv4")
        assert vip.last_transition is not None
        assert before <= vip.last_transition <= time.time()
        assert vip.stable_seconds is not None
        assert 0 <= vip.stable_seconds <= time.time() - before
        ip(ADD_6, REMOVE)
        until(one, lambda seen: seen.vips[1].owned)  # the kernel announces an IPv6 address a little later
        assert [counts(one), counts(one, VIP_6)] == [(False, 1, 1), (True, 1, 0)]


@in_network_namespace
def test_an_address_that_somebody_added_a_second_time_is_owned_until_both_are_gone(tmp_path: Path) -> None:
    """The kernel takes an IPv4 address twice on an interface, with different prefix lengths."""
    ip(*LAN, ADD)
    with collecting() as one:
        ip(f"addr add {VIP}/24 dev lan0", REMOVE)
        assert counts(one) == (True, 0, 0)
        ip(ADD, f"addr del {VIP}/24 dev lan0")
        assert counts(one) == (True, 0, 0)
        ip(REMOVE)
        assert counts(one) == (False, 0, 1)


@in_network_namespace
def test_a_change_is_seen_without_anybody_looking(tmp_path: Path) -> None:
    changes: list[float] = []
    ip(*LAN)
    with collecting(on_change=lambda: changes.append(time.monotonic())) as one:
        ip(ADD)
        assert len(wait_for("the change", lambda: changes, timeout=15, every=0.001)) == 1
        del one


@in_network_namespace
def test_a_thousand_pairs_in_a_burst_are_all_counted(tmp_path: Path) -> None:
    ip(*LAN)
    with collecting() as one:
        ip(*[ADD, REMOVE] * 1000)
        assert counts(one) == (False, 1000, 1000)
        assert one.collect().overruns == 0


@in_network_namespace
def test_a_thousand_pairs_while_the_process_stood_still_are_all_counted(tmp_path: Path) -> None:
    ip(*LAN)
    program = """
import sys, time
from tests.unit.collecting_vips import collecting, counts
with collecting() as one:
    print("ready", flush=True)
    sys.stdin.readline()
    print(*counts(one), one.collect().overruns)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGSTOP)
        ip(*[ADD, REMOVE] * 1000, ADD)
        process.send_signal(signal.SIGCONT)
        output, _ = process.communicate("go\n", timeout=20)
    owned, acquisitions, releases, overruns = output.split()
    assert owned == "True"
    if overruns == "0":
        assert (acquisitions, releases) == ("1001", "1000")
    else:  # the kernel's limit on buffers (net.core.rmem_max) is small here: no count is invented then
        assert 1 <= int(acquisitions) <= 1001
        assert int(releases) == int(acquisitions) - 1


@in_network_namespace
def test_when_the_kernel_drops_messages_a_full_look_follows_and_is_counted(tmp_path: Path) -> None:
    addresses.RECEIVE_BUFFER_BYTES = 1  # the kernel makes the least of it that it allows
    logging.disable()
    ip(*LAN)
    stories = [
        ([ADD, REMOVE] * 500 + [ADD], True),
        ([REMOVE, ADD] * 500 + [REMOVE], False),
        ([ADD_6, REMOVE_6] * 500 + [ADD], True),
    ]
    with collecting() as one:
        for commands, owned in stories:
            overruns = one.collect().overruns
            with one._lock:  # nobody reads meanwhile
                ip(*commands)
            vip = look(one)
            assert vip.owned is owned
            assert vip.acquisitions - vip.releases == int(owned)
            assert one.collect().overruns > overruns
        ip(REMOVE)
        assert not look(one).owned


@in_network_namespace
def test_an_address_that_went_and_came_among_dropped_messages_is_counted(tmp_path: Path) -> None:
    addresses.RECEIVE_BUFFER_BYTES = 1
    logging.disable()
    ip(*LAN, ADD)
    with collecting() as one:
        time.sleep(0.02)  # the kernel's stamps count hundredths of a second
        with one._lock:
            ip(*[ADD_6, REMOVE_6] * 500, REMOVE, ADD)
        assert one.collect().overruns > 0
        vip = look(one)
        assert vip.owned
        assert vip.acquisitions == vip.releases >= 1


@in_network_namespace
def test_another_process_that_poses_as_the_kernel_is_not_believed(tmp_path: Path) -> None:
    """Any process with CAP_NET_ADMIN may send to our socket; only the kernel's messages come from port 0."""
    ip(*LAN)
    forged = bytes.fromhex(
        "20000000140000000000000000000000022080000200000008000100c0000235"
    )  # 192.0.2.53 on the second interface
    assert parse_address_messages(forged).changes[0].address == VIP
    with collecting() as one:
        assert one._subscription is not None
        (port, _) = one._subscription._socket.getsockname()
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as forger:
            forger.sendto(forged, (port, 0))
        ip(ADD_6)
        until(one, lambda seen: seen.vips[1].owned)
        assert counts(one, VIP_6) == (True, 1, 0)
        assert counts(one) == (False, 0, 0)


@in_network_namespace
def test_an_address_on_two_interfaces_is_owned_until_the_last_one_loses_it(tmp_path: Path) -> None:
    ip(*LAN, "link add eth0 type veth peer name eth1")
    with collecting() as one:
        ip(f"addr add {VIP}/32 dev eth0", ADD)
        assert counts(one) == (True, 1, 0)
        assert look(one).device == "lan0"
        ip(REMOVE)
        assert (counts(one), look(one).device) == ((True, 1, 0), "eth0")
        ip("link del eth0")
        assert counts(one) == (False, 1, 1)


@in_network_namespace
def test_an_address_of_the_loopback_interface_is_not_owned(tmp_path: Path) -> None:
    """The guard puts a virtual IP there for a moment, to answer what is still on its way."""
    ip(*LAN, "link set lo up", f"addr add {VIP_6}/128 dev lo")
    with collecting() as one:
        assert counts(one, VIP_6) == (False, 0, 0)
        ip(ADD_6)
        until(one, lambda seen: seen.vips[1].owned)
        ip(REMOVE_6)
        assert counts(one, VIP_6) == (False, 1, 1)
        ip(f"addr del {VIP_6}/128 dev lo", f"addr add {VIP}/32 dev lo")
        assert (counts(one), counts(one, VIP_6)) == ((False, 0, 0), (False, 1, 1))


@in_network_namespace
def test_an_address_that_somebody_else_may_have_is_owned_but_not_usable(tmp_path: Path) -> None:
    """An IPv6 address waits for duplicate address detection, which needs a link (RFC 4862)."""
    ip("link add eth0 type veth peer name eth1", "link set eth0 up")
    with collecting() as one:
        ip(f"addr add {VIP_6}/128 dev eth0")
        vip = look(one, VIP_6)
        assert (vip.owned, vip.usable, vip.acquisitions) == (True, False, 1)
        ip(f"addr del {VIP_6}/128 dev eth0", f"addr add {VIP_6}/128 dev eth0 nodad")
        seen = until(one, lambda seen: seen.vips[1].usable is True)
        assert (seen.vips[1].acquisitions, seen.vips[1].releases) == (2, 1)


@in_network_namespace
def test_it_leaves_no_descriptor_and_no_thread_behind(tmp_path: Path) -> None:
    import threading

    ip(*LAN)
    with collecting():
        pass
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(5):
        with collecting(tmp_path / "vip.json") as one:
            ip(ADD, REMOVE)
            one.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    assert threading.active_count() == 1


@in_network_namespace
def test_a_subscription_that_breaks_while_somebody_looks_is_made_anew(tmp_path: Path) -> None:
    logging.disable()
    ip(*LAN)
    with collecting() as one:
        read = addresses.AddressSubscription.read

        def fail(_: addresses.AddressSubscription) -> object:
            addresses.AddressSubscription.read = read  # type: ignore[method-assign]
            message = "a netlink message is cut off"
            raise ParseError(message)

        with one._lock:  # so that it is this thread that meets it
            addresses.AddressSubscription.read = fail  # type: ignore[assignment, method-assign]
        said = problem(one)
        assert said in ("", "the kernel's addresses cannot be watched: a netlink message is cut off")
        ip(ADD)
        wait_for("no problem", lambda: problem(one), until=lambda seen: not seen, timeout=15, every=0.005)
        assert counts(one) == (True, 1, 0)


@in_network_namespace
def test_a_process_that_may_not_use_netlink_is_told_so(tmp_path: Path) -> None:
    def refuse() -> None:
        raise PermissionError(1, "Operation not permitted")

    addresses._netlink_socket = refuse  # type: ignore[assignment] # as seccomp or RestrictAddressFamilies= would
    one = collector()
    one.start()
    said = wait_for("advice", lambda: problem(one), until=lambda seen: "allow AF_NETLINK" in seen, timeout=15)
    one.stop()
    assert said.startswith("the kernel does not let this process watch addresses: Operation not permitted; ")


@in_network_namespace
def test_a_device_may_be_called_anything(tmp_path: Path) -> None:
    name = b"caf\xe9"  # Latin-1, which is no UTF-8
    subprocess.run([b"ip", b"link", b"add", name, b"type", b"veth"], check=True)
    subprocess.run([b"ip", b"addr", b"add", b"192.0.2.53/32", b"dev", name], check=True)
    with collecting() as one:
        device = look(one).device
    assert device == "caf\N{REPLACEMENT CHARACTER}"

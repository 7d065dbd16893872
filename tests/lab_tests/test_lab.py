"""The lab does what its verbs say: seen in the kernel's tables and by a client, not in what daemons claim."""

from __future__ import annotations

import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import dns.message
import pytest

from tests.lab.daemons import ServiceName
from tests.lab.errors import LabTimeoutError, NoAnswerError, ServiceError
from tests.lab.lab import Lab
from tests.lab.plan import ALPHA, BETA, IPV4_NETWORK, STATIC_ADDRESS, STATIC_NAME
from tests.lab.service import Daemon
from tests.lab.waiting import wait_for

SERVICES: tuple[ServiceName, ...] = ("unbound", "dnsmasq", "keepalived")


def process_states(pids: list[int]) -> set[str]:
    """The states (proc_pid_stat(5)) in which the kernel has these processes."""
    states = subprocess.run(
        ["ps", "-o", "stat=", "-p", ",".join(map(str, pids))], capture_output=True, text=True, check=False
    )
    return {line[0] for line in states.stdout.split()}


def delivers(pair: Lab, source: str, destination: str) -> bool:
    """Whether a frame gets from one host to another, whatever comes back: a broadcast needs no ARP."""
    listener = pair.hosts[destination].socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender = pair.hosts[source].socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listener, sender:
        listener.bind(("", 9999))
        listener.settimeout(0.3)
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        try:
            sender.sendto(b"lab", (str(IPV4_NETWORK.broadcast_address), 9999))
            return listener.recv(16) == b"lab"
        except OSError:
            return False


def connected(pair: Lab, one: str, other: str) -> bool:
    """Whether frames get through both ways."""
    return delivers(pair, one, other) and delivers(pair, other, one)


def test_a_healthy_pair_answers_on_every_vip_over_udp_and_tcp(pair: Lab) -> None:
    for vip in pair.vips:
        assert pair.owners(vip) == ("alpha",)
        for tcp in (False, True):
            assert pair.answering(vip, tcp=tcp) == "alpha"


def test_every_node_answers_for_itself(pair: Lab) -> None:
    for place in (ALPHA, BETA):
        assert pair.answering(place.ipv4) == place.name
        assert pair.answering(place.ipv6) == place.name
        assert pair.answering("127.0.0.1", place=place.name) == place.name


def test_the_local_name_resolves_and_the_internet_does_not(pair: Lab) -> None:
    assert pair.query("client", pair.vips[0], STATIC_NAME).records == (STATIC_ADDRESS,)
    assert pair.query("client", pair.vips[0], "www.example.com").rcode == "SERVFAIL"


def test_no_host_has_a_way_out(pair: Lab) -> None:
    for host in pair.hosts.values():
        for family in ("-4", "-6"):
            assert host.run("ip", family, "route", "show", "default") == ""


def test_hosts_have_their_own_name_and_run_directory(pair: Lab) -> None:
    for host in pair.hosts.values():
        assert host.run("hostname").strip() == host.place.name
    (pair.hosts["alpha"].path("/run/mark")).write_text("alpha's\n")
    assert not pair.hosts["beta"].path("/run/mark").exists()
    assert pair.hosts["alpha"].run("cat", "/run/mark") == "alpha's\n"


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_stops_gracefully_and_starts_again(pair: Lab, service: ServiceName) -> None:
    pair.stop_service("alpha", service)
    assert not pair.hosts["alpha"].service(service).running
    pair.wait_owners("beta")
    pair.start_service("alpha", service)
    pair.wait_healthy()


@pytest.mark.parametrize("service", SERVICES)
def test_a_paused_service_is_frozen_until_it_is_resumed(pair: Lab, service: ServiceName) -> None:
    pid = pair.hosts["alpha"].service(service).pid
    pair.pause_service("alpha", service)
    wait_for("it to be frozen", lambda: process_states([pid]), until=lambda states: states == {"T"})
    pair.resume_service("alpha", service)
    wait_for("it to run on", lambda: process_states([pid]), until=lambda states: states <= {"S", "R"})


def test_a_killed_resolver_answers_no_more(pair: Lab) -> None:
    pair.kill_service("beta", "unbound")
    with pytest.raises(NoAnswerError):
        pair.query("beta", "127.0.0.1", STATIC_NAME, port=5335)
    assert pair.answering("127.0.0.1", place="beta") is None


@pytest.mark.parametrize(
    ("name", "rcode"),
    [
        *((f"printer.{domain}", "NXDOMAIN") for domain in ("internal", "home.arpa", "lan", "test", "invalid", "onion")),
        ("printer", "NXDOMAIN"),
        ("pi.hole", "NOERROR"),
        ("printer.localhost", "NOERROR"),
        # Forwarded, and the lab has no internet.
        ("printer.example", "SERVFAIL"),
    ],
)
def test_the_resolver_keeps_to_itself_what_ftl_keeps(pair: Lab, name: str, rcode: str) -> None:
    assert pair.query("client", pair.vips[0], name).rcode == rcode


def test_a_resolver_that_ends_silently_lets_a_client_wait_and_refuses_nothing(pair: Lab) -> None:
    asker = pair.client.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with asker, ThreadPoolExecutor(1) as other:
        asker.connect((BETA.ipv4, 53))
        asker.settimeout(0.3)
        ending = other.submit(pair.end_resolver_silently, "beta", 1.5)
        wait_for("it to be silent", lambda: _outcome(asker), until=lambda seen: seen == "silence", timeout=1.0)
        assert [_outcome(asker) for _ in range(2)] == ["silence", "silence"]
        ending.result(5.0)
        # Once it has ended, the kernel refuses.
        wait_for("a refusal", lambda: _outcome(asker), until=lambda seen: seen == "refused", timeout=2.0)


def _outcome(asker: socket.socket) -> str:
    """What becomes of one question on a connected socket."""
    try:
        asker.send(dns.message.make_query("pi.hole", "A").to_wire())
        asker.recv(512)
    except TimeoutError:
        return "silence"
    except ConnectionRefusedError:
        return "refused"
    return "answer"


def test_sigkill_of_keepalived_leaves_the_vip_on_both_nodes(pair: Lab) -> None:
    pair.kill9_keepalived("alpha")
    pair.wait_owners("alpha", "beta")
    assert not pair.hosts["alpha"].service("keepalived").running
    pair.start_service("alpha", "keepalived")
    pair.wait_healthy()


def test_a_crashed_node_is_gone_from_the_network_and_boots_empty(pair: Lab) -> None:
    pair.hosts["alpha"].path("/run/mark").touch()
    pair.crash("alpha")
    assert "to-alpha" not in pair.lan.ports()
    pair.wait_owners("beta")
    wait_for("beta to answer", pair.answering, until=lambda node: node == "beta")
    pair.boot("alpha")
    assert not pair.hosts["alpha"].path("/run/mark").exists()
    pair.wait_healthy()


def test_an_unplugged_node_has_no_carrier(pair: Lab) -> None:
    pair.unplug("beta")
    assert "NO-CARRIER" in pair.hosts["beta"].run("ip", "link", "show", "eth0")
    assert not delivers(pair, "client", "beta")
    pair.plug("beta")
    wait_for("beta to be connected", lambda: connected(pair, "client", "beta"))


def test_a_cut_node_keeps_its_carrier(pair: Lab) -> None:
    pair.cut("beta")
    assert "NO-CARRIER" not in pair.hosts["beta"].run("ip", "link", "show", "eth0")
    assert not delivers(pair, "client", "beta")
    assert not delivers(pair, "beta", "alpha")
    pair.mend()
    assert connected(pair, "client", "beta")


def test_a_node_whose_sending_is_cut_still_hears(pair: Lab) -> None:
    pair.cut("beta", "send")
    assert delivers(pair, "client", "beta")
    assert not delivers(pair, "beta", "client")


def test_a_node_whose_hearing_is_cut_still_sends(pair: Lab) -> None:
    pair.cut("beta", "receive")
    assert delivers(pair, "beta", "client")
    assert not delivers(pair, "client", "beta")


def test_one_node_cut_from_hearing_the_other_alone_takes_the_vip_too(pair: Lab) -> None:
    pair.cut_between("alpha", "beta", both_ways=False)
    assert not delivers(pair, "alpha", "beta")
    assert delivers(pair, "beta", "alpha")
    assert connected(pair, "client", "beta")
    pair.wait_owners("alpha", "beta")


def test_nodes_cut_from_each_other_alone_both_serve_the_client(pair: Lab) -> None:
    pair.cut_between("alpha", "beta")
    assert connected(pair, "client", "alpha")
    assert connected(pair, "client", "beta")
    assert not delivers(pair, "alpha", "beta")
    assert not delivers(pair, "beta", "alpha")
    pair.wait_owners("alpha", "beta")
    pair.mend()
    pair.wait_owners("alpha")


def test_drain_hands_the_vip_over_and_undrain_takes_it_back(pair: Lab) -> None:
    with pair.sample() as sampler:
        pair.drain("alpha")
        pair.wait_owners("beta")
        wait_for("beta to answer", pair.answering, until=lambda node: node == "beta")
        pair.undrain("alpha")
        pair.wait_owners("alpha")
        wait_for("alpha to answer", pair.answering, until=lambda node: node == "alpha")
    assert set(sampler.sample.answers_by_node) == {"alpha", "beta"}


def test_the_sampler_measures_an_outage_of_a_length_we_made(pair: Lab) -> None:
    for node in ("alpha", "beta"):
        pair.stop_service(node, "keepalived")
    address = BETA.ipv4
    with pair.sample(address) as sampler:
        time.sleep(0.3)
        pair.pause_service("beta", "dnsmasq")
        time.sleep(1.6)
        pair.kill_service("beta", "dnsmasq")
        pair.start_service("beta", "dnsmasq")
        time.sleep(0.3)
    sample = sampler.sample
    assert set(sample.answers_by_node) == {"beta"}
    assert len(sample.outages) == 1
    assert 1.6 <= sample.longest_outage < 4
    assert sample.lost == pytest.approx(sample.longest_outage / 0.01, rel=0.2)


def test_the_sampler_asks_on_schedule_while_nobody_answers(pair: Lab) -> None:
    pair.unplug("client")
    with pair.sample(interval=0.01) as sampler:
        time.sleep(1.0)
    sample = sampler.sample
    assert 80 <= len(sample.queries) <= 200
    assert sample.lost == len(sample.queries)


def test_the_owner_sampler_sees_a_reboot(pair: Lab) -> None:
    with pair.sample() as sampler:
        pair.crash("alpha")
        pair.wait_owners("beta")
        pair.boot("alpha")
        pair.wait_owners("alpha")
        time.sleep(0.1)
    owners = [change.owners for change in sampler.sample.changes if change.address == pair.vips[0]]
    assert owners[0] == ("alpha",)
    assert ("beta",) in owners
    assert owners[-1] == ("alpha",)


def test_a_daemon_that_ends_at_once_is_reported_with_its_last_words(pair: Lab) -> None:
    command = ("sh", "-c", "echo the disk is on fire >&2; exit 3")
    broken = pair.hosts["beta"].install(Daemon("broken", command, ready=lambda _: False))
    try:
        with pytest.raises(ServiceError, match=r"(?s)broken on beta ended by itself \(status 3\).*the disk is on fire"):
            broken.start()
    finally:
        pair.hosts["beta"].remove("broken")


def test_waiting_in_vain_says_what_was_seen_last(pair: Lab) -> None:
    with pytest.raises(LabTimeoutError, match=r"waited 0.1 s for beta to hold .* last seen: .*alpha"):
        pair.wait_owners("beta", timeout=0.1)

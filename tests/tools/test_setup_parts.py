"""The parts of ``stack/setup.sh``: what it proposes, what it writes, and what it makes of a LAN's packets."""

from __future__ import annotations

import io
import os
import stat
import struct
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.dhcp import discover
from stack.preflight.env_file import parse_env
from stack.setup import cli, docker, env_text, neighbours, proposals, second
from stack.setup.errors import AnswersError, SetupError, SetupRefusedError
from stack.setup.lan import Lan, OwnAddress
from stack.setup.questions import Answers, Question

EXAMPLE = (Path(__file__).parents[2] / "compose/.env.example").read_text()
HOME = Lan(
    "eth0",
    IPv4Network("192.0.2.0/24"),
    IPv4Address("192.0.2.1"),
    (OwnAddress("eth0", IPv4Address("192.0.2.11"), fixed=True),),
)


# A line's text: what a person can type.
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])))
def test_whatever_is_written_into_env_compose_reads_again_or_it_is_refused(value: str) -> None:
    try:
        text = env_text.fill(EXAMPLE, {"NOTIFY_URLS": value})
    except AnswersError:
        assert "'" in value or "\\" in value  # which single quotes cannot always hold
        return
    assert parse_env(text, "").values["NOTIFY_URLS"] == value


def test_a_value_takes_the_place_of_the_line_that_sets_or_explains_it() -> None:
    text = env_text.fill("# words\n#TZ=Europe/Berlin\nA=1\n#A=2\n", {"A": "x y", "TZ": "UTC", "NEW": "1"})
    assert text == "# words\nTZ=UTC\nA='x y'\n#A=2\nNEW=1\n"


def test_the_other_nodes_file_differs_in_the_first_block_alone() -> None:
    own = env_text.fill(EXAMPLE, {"PAIR_KEY": "k" * 64})
    there = env_text.fill(own, env_text.mirrored(env_text.read(own, "")))
    changed = [line for line, other in zip(there.splitlines(), own.splitlines(), strict=True) if line != other]
    assert changed == [
        "NODE_ROLE=secondary", "NODE_NAME=pi-2", "NODE_IP=192.168.8.12", "PEER_IP=192.168.8.11", "PEER_NAME=pi-1",
    ]  # fmt: skip
    assert env_text.fill(there, env_text.mirrored(env_text.read(there, ""))) == own


def test_passwords_are_never_the_same_and_need_no_quotes() -> None:
    many = [env_text.new_passwords() for _ in range(200)]
    assert len({text for one in many for text in one.values()}) == 600
    for one in many:
        assert all(set(text) <= set("abcdefghijklmnopqrstuvwxyz0123456789-") for text in one.values())


def test_a_file_is_private_from_its_first_byte_and_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    assert env_text.write_once(path, "A=1\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not env_text.write_once(path, "A=1\n")
    with pytest.raises(SetupRefusedError, match="is there already and says something else"):
        env_text.write_once(path, "A=2\n")
    assert path.read_text() == "A=1\n"


def test_a_second_file_that_no_longer_fits_is_told_and_kept(tmp_path: Path) -> None:
    path, new = second.make(tmp_path, EXAMPLE)
    assert new
    with pytest.raises(SetupRefusedError, match=r"does not fit compose/\.env; remove it"):
        second.make(tmp_path, EXAMPLE.replace("VIP_ADDRESS=192.168.8.53", "VIP_ADDRESS=192.168.8.54"))
    assert "VIP_ADDRESS=192.168.8.53" in path.read_text()


@pytest.mark.parametrize(
    ("host", "proposed"),
    [
        ("raspberrypi", ("pi-1", "pi-2")),
        ("", ("pi-1", "pi-2")),
        ("dns.example", ("dns", "dns-2")),
        ("pi09", ("pi09", "pi10")),
        ("keller_1", ("pi-1", "pi-2")),
    ],
)
def test_names_follow_the_hosts_own(host: str, proposed: tuple[str, str]) -> None:
    assert proposals.names(host) == proposed


def test_no_address_that_somebody_has_is_proposed_and_each_once() -> None:
    taken = {IPv4Address("192.0.2.5"), IPv4Address("192.0.2.240")}
    found = list(proposals.virtual_addresses(HOME, taken))
    assert found[0] == IPv4Address("192.0.2.53")
    assert len(found) == len(set(found)) == 254 - 2 - 1 - 1
    assert not {*taken, IPv4Address("192.0.2.1"), IPv4Address("192.0.2.11")} & set(found)


def test_of_a_large_lan_only_the_hosts_around_are_looked_for() -> None:
    large = Lan("eth0", IPv4Network("10.0.0.0/8"), None, (OwnAddress("eth0", IPv4Address("10.1.2.3"), fixed=True),))
    assert (large.searched[0], large.searched[-1], len(large.searched)) == (
        IPv4Address("10.1.2.1"), IPv4Address("10.1.2.254"), 254,
    )  # fmt: skip


def neighbour(address: str, state: int, index: int = 2, hardware: bytes = b"\xd8\x3a\xdd\0\0\x12") -> bytes:
    """A neighbour's message, laid out by linux/neighbour.h and rtnetlink(7)."""
    body = struct.pack("=BxxxiHBB", 2, index, state, 0, 1)
    body += struct.pack("=HH4s", 8, 1, IPv4Address(address).packed)
    body += struct.pack("=HH", 4 + len(hardware), 2) + hardware + bytes(-len(hardware) % 4)
    return struct.pack("=IHHII", 16 + len(body), 28, 2, 1, 0) + body


def test_a_neighbour_is_confirmed_when_it_answered_not_when_the_kernel_remembers_it() -> None:
    data = b"".join(
        (
            neighbour("192.0.2.12", 0x02),  # reachable
            neighbour("192.0.2.13", 0x04),  # stale
            neighbour("192.0.2.14", 0x08),  # delay
            neighbour("192.0.2.15", 0x20),  # failed
            neighbour("192.0.2.16", 0x02, index=3),
            neighbour("192.0.2.17", 0x01, hardware=b""),  # incomplete
        )
    )
    found, done = neighbours.parse_neighbours(data, 2)
    assert [(str(one.address), one.hardware, one.confirmed) for one in found] == [
        ("192.0.2.12", "d8:3a:dd:00:00:12", True),
        ("192.0.2.13", "d8:3a:dd:00:00:12", False),
        ("192.0.2.14", "d8:3a:dd:00:00:12", False),
    ]
    assert not done
    assert neighbours.parse_neighbours(struct.pack("=IHHII", 16, 3, 2, 1, 0), 2) == ([], True)
    assert neighbours.parse_neighbours(data[:40], 2)[0] == []


def test_raspberry_pis_are_proposed_and_the_router_is_not() -> None:
    seen = {IPv4Address("192.0.2.1"): "b8:27:eb:00:00:01", IPv4Address("192.0.2.12"): "d8:3a:dd:00:00:12"}
    assert proposals.peers(HOME, {**seen, IPv4Address("192.0.2.9"): "02:00:00:00:00:09"}) == (
        IPv4Address("192.0.2.12"),
    )


@given(st.binary(max_size=200))
def test_no_answer_of_the_kernel_makes_the_reader_stumble(data: bytes) -> None:
    neighbours.parse_neighbours(data, 2)


def offer(transaction: bytes = b"abcd", kind: int = 2, ports: tuple[int, int] = (67, 68)) -> bytes:
    """An answer of a DHCP server by RFC 791, 768 and 2131, with padding and another option before its kind."""
    message = struct.pack("!BBBB4sHH4x4s24x192x", 2, 1, 6, 0, transaction, 0, 0x8000, IPv4Address("192.0.2.77").packed)
    message += b"\x63\x82\x53\x63" + b"\x00\x36\x04\x01\x02\x03\x04\x35\x01" + bytes([kind]) + b"\xff"
    datagram = struct.pack("!HHHH", *ports, 8 + len(message), 0) + message
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, b"\1" * 4, b"\xff" * 4) + datagram


def test_an_offer_is_known_from_every_other_packet() -> None:
    assert discover.parse_offer(offer(), b"abcd") == discover.Offer(IPv4Address("192.0.2.77"), IPv4Address("1.2.3.4"))
    for other in (offer(b"efgh"), offer(kind=6), offer(ports=(68, 67)), offer()[:200]):
        assert discover.parse_offer(other, b"abcd") is None


@given(st.binary(max_size=700))
def test_no_packet_makes_the_reader_of_offers_stumble(data: bytes) -> None:
    discover.parse_offer(data, b"abcd")
    packet = bytearray(offer())
    packet[268 : 268 + len(data)] = data
    discover.parse_offer(bytes(packet), b"abcd")


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ('ID=debian\nVERSION_ID="13"\n', True),
        ('ID=debian\nVERSION_ID="12"\n', False),
        ('ID=raspbian\nID_LIKE=debian\nVERSION_ID="13"\n', True),
        ('ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', False),
        ("ID=debian\n", False),
    ],
)
def test_packages_of_the_system_are_offered_where_they_are_new_enough(text: str, good: bool, tmp_path: Path) -> None:
    (tmp_path / "os-release").write_text(text)
    assert docker.installable(tmp_path / "os-release") is good


def test_the_second_file_goes_by_ssh_from_its_standard_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A stand-in that runs the remote command here.
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\necho "$*" >"{tmp_path}/asked"\nfor last; do :; done\ncd "{tmp_path}" && exec sh -c "$last"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("SUDO_USER", raising=False)
    source = tmp_path / "second.env"
    source.write_text("PIHOLE_PASSWORD=hush\n")
    second.copy(source, "pi@192.0.2.12")
    copied = tmp_path / second.REMOTE_NAME
    assert (copied.read_text(), stat.S_IMODE(copied.stat().st_mode)) == ("PIHOLE_PASSWORD=hush\n", 0o600)
    assert "hush" not in (tmp_path / "asked").read_text()
    with pytest.raises(SetupError, match="remove it first"):  # nothing is overwritten
        second.copy(source, "pi@192.0.2.12")


@pytest.mark.parametrize("text", ["-oProxyCommand=x@y", "pi@", "@host", "pi@host;reboot", "host", ""])
def test_what_is_no_user_and_host_is_never_given_to_ssh(text: str) -> None:
    assert not second.is_target(text)


def test_an_answers_file_with_a_word_that_means_nothing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "answers"
    file.write_text("NODE_IP=192.0.2.11\nVIP=192.0.2.53\n")
    assert cli.main(["--answers", str(file)]) == 3


def test_without_an_answer_and_a_proposal_the_variable_is_named() -> None:
    question = Question(("PEER_IP",), "?", "?", None, lambda text: {"PEER_IP": text})
    with pytest.raises(AnswersError, match="the answers must give PEER_IP"):
        Answers({}, io.StringIO()).ask(question)
    assert Answers({"PEER_IP": "192.0.2.12"}, io.StringIO()).ask(question) == {"PEER_IP": "192.0.2.12"}


def test_only_what_a_file_agrees_to_is_done() -> None:
    assert not Answers({}, io.StringIO()).agree("START", "?", proposal=True)
    assert Answers({"START": "Yes"}, io.StringIO()).agree("START", "?", proposal=False)
    with pytest.raises(AnswersError, match="START must be yes or no"):
        Answers({"START": "perhaps"}, io.StringIO()).agree("START", "?", proposal=False)

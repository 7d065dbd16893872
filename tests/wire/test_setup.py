"""``stack/setup.sh`` at a terminal, on a LAN with a router, another Raspberry Pi and a guest, without more Python
than the system has.

Docker is a stand-in that writes down how it is called; ``tests/stack/test_setup.py`` has the real one.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from stack.preflight.command import run as preflight
from stack.preflight.env_file import parse_env
from stack.setup import neighbours
from tests.unit.network_namespace import REPOSITORY, ip
from tests.wire.conversation import Conversation
from tests.wire.home_lan import Neighbour, home_lan
from tests.wire.sandbox import in_private_namespaces

pytestmark = pytest.mark.timeout(300)  # setup waits for ARP and DHCP, up to ten seconds a run

OWN, PEER, ROUTER, GUEST = "192.0.2.11", "192.0.2.12", "192.0.2.1", "192.0.2.5"
PI = Neighbour(PEER, "d8:3a:dd:00:00:12")
PHONE = Neighbour(GUEST, "02:00:00:00:00:05")
FIXED = [f"{OWN}/24"]
# Most of what can be the VIP: .240 is inside, .53 is not.
ROUTER_WITH_DHCP = Neighbour(ROUTER, "02:00:00:00:00:01", "192.0.2.100,192.0.2.250")
ROUTER_WITHOUT = Neighbour(ROUTER, "02:00:00:00:00:01")


def clone(folder: Path) -> Path:
    """A clone, Python without anything that the system does not have, and Docker as a stand-in."""
    ignore = shutil.ignore_patterns("__pycache__", ".env", "second.env")
    for name in ("stack", "exporter", "compose"):
        shutil.copytree(REPOSITORY / name, folder / "clone" / name, ignore=ignore)
    (folder / "bin").mkdir()
    shutil.copy(REPOSITORY / "tests/tools/standin-docker", folder / "bin/docker")
    # -S: no site-packages.
    (folder / "bin/python3").write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} -S "$@"\n')
    (folder / "bin/python3").chmod(0o755)
    return folder / "clone"


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
        "HOME": str(folder),
        "STANDIN_DOCKER_LOG": str(folder / "docker.log"),
    }


def setup(folder: Path, *arguments: str) -> Conversation:
    return Conversation([folder / "clone/stack/setup.sh", *arguments], environment(folder))


def read(path: Path) -> dict[str, str]:
    return dict(parse_env(path.read_text(), str(path)).values)


@in_private_namespaces
def test_enter_six_times_makes_a_pair_that_preflight_is_content_with(tmp_path: Path) -> None:
    compose = clone(tmp_path) / "compose"
    with home_lan(FIXED, ROUTER, [ROUTER_WITH_DHCP, PI, PHONE]):
        with setup(tmp_path) as talk:
            talk.expect("1. Which interface is on your LAN?")
            talk.expect("interface [eth0]: ")
            talk.type("")
            assert "It is fixed on this host." in talk.expect(f"own address [{OWN}]: ")
            talk.type("")
            assert f"Raspberry Pis that answer on this LAN: {PEER}." in talk.expect(f"other Pi's address [{PEER}]: ")
            talk.type("")
            # .5 is the phone's, .240 the DHCP server would hand out.
            assert "the DHCP server does not hand it out" in talk.expect("virtual IP [192.0.2.53]: ")
            talk.type("")
            talk.expect("5. Names for the two Pis")
            talk.expect("]: ")
            talk.type("attic cellar")
            talk.expect("whom to tell (nothing: nobody): ")
            talk.type("ntfy://ntfy.example/a$topic")
            talk.expect("copy to (nothing: later): ")
            talk.type("")
            assert "7." not in talk.screen
            talk.expect("yes or no [yes]: ")
            talk.type("no")
            assert talk.end() == 0, talk.screen
        first, second = read(compose / ".env"), read(compose / "second.env")
        assert {name: first[name] for name in ("NODE_ROLE", "NODE_NAME", "NODE_IP", "PEER_IP", "PEER_NAME")} == {
            "NODE_ROLE": "primary", "NODE_NAME": "attic", "NODE_IP": OWN, "PEER_IP": PEER, "PEER_NAME": "cellar",
        }  # fmt: skip
        assert {name: second[name] for name, value in first.items() if second[name] != value} == {
            "NODE_ROLE": "secondary", "NODE_NAME": "cellar", "NODE_IP": PEER, "PEER_IP": OWN, "PEER_NAME": "attic",
            "COMPOSE_PROFILES": "secondary",
        }  # fmt: skip
        assert (first["VIP_ADDRESS"], first["NETWORK_INTERFACE"]) == ("192.0.2.53", "eth0")
        assert first["NOTIFY_URLS"] == "ntfy://ntfy.example/a$topic"
        secrets = [first[name] for name in ("PIHOLE_PASSWORD", "GRAFANA_ADMIN_PASSWORD", "PAIR_KEY")]
        assert [len(secret) >= 23 for secret in secrets] == [True] * 3
        assert len(set(secrets)) == 3
        assert not any(secret in talk.screen for secret in secrets)
        for name in (".env", "second.env"):
            assert stat.S_IMODE((compose / name).stat().st_mode) == 0o600
        said, _ = preflight({"PREFLIGHT_CLONE": str(tmp_path / "clone")}, compose / ".env", as_json=True)
        found: dict[str, set[str]] = {}
        for check in json.loads(said)["checks"]:
            found.setdefault(check["id"].removeprefix("preflight."), set()).add(check["status"])
        # A build machine's own clock, disk and resolvers are not setup's; Docker's versions are told by deploy.sh.
        ours = ("settings", "env_file", "readable", "interface", "static_address", "vip_free", "vrid_free", "pair_key",
                "firewall", "passwords")  # fmt: skip
        assert {name: found[name] for name in ours} == {name: {"ok"} for name in ours}


@in_private_namespaces
def test_wrong_answers_are_explained_and_a_doubtful_one_counts_when_given_twice(tmp_path: Path) -> None:
    compose = clone(tmp_path) / "compose"
    with home_lan([f"{OWN}/24 valid_lft 3600 preferred_lft 3600"], ROUTER, [ROUTER_WITH_DHCP, PHONE]):
        with setup(tmp_path) as talk:
            answers(talk, "interface [eth0]: ", ("wlan9", "there is no interface wlan9; this host has eth0"), "eth0")
            assert "It is leased by DHCP: reserve it" in talk.expect(f"own address [{OWN}]: ")
            talk.type("192.0.2.99")
            talk.expect(f"eth0 does not have 192.0.2.99; it has {OWN}")
            talk.type(OWN)
            answers(
                talk,
                "other Pi's address: ",
                ("", "an answer is needed here"),
                ("198.51.100.7", "198.51.100.7 is not on this LAN (192.0.2.0/24)"),
                (OWN, f"{OWN} is this host's own address"),
                ("192.0.2.77", "nobody answers at 192.0.2.77 now"),
                "192.0.2.77",
            )
            answers(
                talk,
                "virtual IP [192.0.2.53]: ",
                (GUEST, f"{GUEST} is in use, a host answers for it"),
                ("192.0.2.255", "192.0.2.255 is the broadcast address of 192.0.2.0/24"),
                ("192.0.2.240", "your DHCP server would hand 192.0.2.240 out to a device"),
                "192.0.2.240",
            )
            answers(talk, "names [", ("one", "two names with a space between"), ("a a", "need different names"), "a b")
            answers(talk, "whom to tell", ("me", "write Apprise URLs"), "")
            talk.expect("copy to (nothing: later): ")
            talk.press(b"\x03")
            assert talk.end() == 130
        values = read(compose / ".env")
        assert (values["PEER_IP"], values["VIP_ADDRESS"], values["NOTIFY_URLS"]) == ("192.0.2.77", "192.0.2.240", "")
        before = {path.name: path.read_bytes() for path in compose.iterdir() if path.is_file()}
        with setup(tmp_path) as talk:  # again: no question, nothing made anew
            talk.expect("is there already and stays as it is")
            talk.expect("second.env, b's file, is there already and fits.")
            talk.expect("yes or no [yes]: ")
            talk.type("maybe")
            talk.expect("yes or no [yes]: ")
            talk.type("yes")
            talk.expect("a runs. Now b, as said above.")
            assert talk.end() == 0
            assert "1." not in talk.screen
        assert {path.name: path.read_bytes() for path in compose.iterdir() if path.is_file()} == before


@in_private_namespaces
def test_stopped_before_the_last_answer_nothing_is_written(tmp_path: Path) -> None:
    compose = clone(tmp_path) / "compose"
    with home_lan(FIXED, ROUTER, []), setup(tmp_path) as talk:
        talk.expect("interface [eth0]: ")
        talk.type("")
        talk.expect("own address")
        talk.press(b"\x03")
        assert talk.end() == 130
        assert "setup: stopped" in talk.screen
        assert not {".env", "second.env"} & {path.name for path in compose.iterdir()}


@in_private_namespaces
def test_the_second_node_takes_the_first_one_s_file_and_refuses_any_other(tmp_path: Path) -> None:
    compose = clone(tmp_path) / "compose"
    answers_file = tmp_path / "answers"
    answers_file.write_text(f"PEER_IP={PEER}\nVIP_ADDRESS=192.0.2.53\nTZ=Europe/Paris\nSTART=no\n")
    with home_lan(FIXED, ROUTER, [ROUTER_WITHOUT, PI]):
        done = unattended(tmp_path, "--answers", str(answers_file))
        assert done.returncode == 0, done.stdout + done.stderr
        assert read(compose / ".env")["TZ"] == "Europe/Paris"
        carried = tmp_path / "carried"
        nothing = tmp_path / "nothing"
        nothing.touch()
        carried.write_bytes((compose / "second.env").read_bytes())
        # On the first node: not its own.
        done = unattended(tmp_path, "--answers", str(nothing), str(carried))
        assert done.returncode == 2
        assert f"is for {read(carried)['NODE_NAME']} with {PEER}, and this host has {OWN} (eth0)" in done.stderr
        # The second one, whose interface has another name.
        first = (compose / ".env").read_bytes()
        (compose / ".env").unlink()
        ip("link set eth0 down", "link set eth0 name end0", "address flush dev end0", "link set end0 up",
           f"address add {PEER}/24 dev end0")  # fmt: skip
        done = unattended(tmp_path, "--answers", str(nothing), str(carried))
        assert done.returncode == 0, done.stdout + done.stderr
        second = read(compose / ".env")
        assert {name for name, value in second.items() if read(carried)[name] != value} == {"NETWORK_INTERFACE"}
        assert second["NETWORK_INTERFACE"] == "end0"
        assert stat.S_IMODE((compose / ".env").stat().st_mode) == 0o600
        assert unattended(tmp_path, "--answers", str(nothing), str(carried)).returncode == 0  # again
        (compose / ".env").write_bytes(first)
        done = unattended(tmp_path, "--answers", str(nothing), str(carried))
        assert (done.returncode, (compose / ".env").read_bytes()) == (2, first)
        assert "is there already and says something else; nothing was changed" in done.stderr


@in_private_namespaces
def test_an_address_that_a_host_left_is_free_and_the_other_node_s_is_the_pair_s(tmp_path: Path) -> None:
    lan = [Neighbour(PEER, PI.hardware, more=("192.0.2.53", "192.0.2.54"))]
    with home_lan(FIXED, ROUTER, lan) as namespaces:
        free, held = IPv4Address("192.0.2.53"), IPv4Address("192.0.2.54")
        assert neighbours.ask("eth0", [free], 1.5) == {free: PI.hardware}
        inside = ["nsenter", f"--net=/proc/{namespaces[0]}/ns/net"]
        subprocess.run([*inside, "ip", "address", "del", "192.0.2.53/24", "dev", "lan0"], check=True)
        # The kernel remembers for half a minute what answered, as a node does to whose pair this address belonged.
        subprocess.run(["ip", "neigh", "change", "192.0.2.53", "dev", "eth0", "nud", "stale"], check=True)
        assert neighbours.ask("eth0", [free], 1.5) == {}
        assert neighbours.ask("eth0", [held], 1.5) == {held: PI.hardware}
        clone(tmp_path)
        answers_file = tmp_path / "answers"
        answers_file.write_text(f"PEER_IP={PEER}\nVIP_ADDRESS=192.0.2.54\n")
        done = unattended(tmp_path, "--answers", str(answers_file))
        assert done.returncode == 0, done.stdout + done.stderr


@in_private_namespaces
def test_docker_is_installed_only_when_the_owner_agrees_to_what_is_shown(tmp_path: Path) -> None:
    setup_docker = clone(tmp_path) / "stack/setup/docker.py"
    (tmp_path / "os-release").write_text('ID=debian\nVERSION_ID="13"\n')
    setup_docker.write_text(setup_docker.read_text().replace("/etc/os-release", str(tmp_path / "os-release")))
    # Everything that the system has, but for Docker; stand-ins for what would install it.
    tools = tmp_path / "bin"
    installed = (tools / "docker").rename(tmp_path / "docker")
    for folder in ("/usr/bin", "/usr/sbin"):
        for program in Path(folder).iterdir():
            if program.name not in ("docker", "apt-get", "usermod") and not (tools / program.name).exists():
                (tools / program.name).symlink_to(program)
    for name in ("apt-get", "usermod"):
        (tools / name).write_text(
            f'#!/bin/sh\necho "{name} $*" >>"{tmp_path}/log"\n'
            f'[ "$1" != install ] || cp "{installed}" "{tools}/docker"\n'
        )
        (tools / name).chmod(0o755)
    alone = {**environment(tmp_path), "PATH": str(tools), "SUDO_USER": "pat"}
    with home_lan(FIXED, ROUTER, []):
        for agreed in ("no", "yes"):
            with Conversation([tmp_path / "clone/stack/setup.sh"], alone) as talk:
                if agreed == "no":
                    for prompt, answer in (
                        ("interface [", ""), ("own address [", ""), ("other Pi's address: ", "none"),
                        ("virtual IP [", ""), ("name [", ""), ("nobody): ", ""),
                    ):  # fmt: skip
                        talk.expect(prompt)
                        talk.type(answer)
                asked = talk.expect("yes or no [yes]: ")
                assert "apt-get install --yes --no-install-recommends docker.io" in asked
                assert "usermod --append --groups docker pat" in asked
                assert not (tmp_path / "log").exists()
                talk.type(agreed)
                if agreed == "no":
                    talk.expect("Install Docker Engine with the Compose plugin: https://docs.docker.com")
                    assert talk.end() == 1
                else:
                    talk.expect("look for what would break")
                    talk.expect("]: ")
                    talk.type("no")
                    assert talk.end() == 0
        done = (tmp_path / "log").read_text().splitlines()
    assert [line.split()[:2] for line in done] == [
        ["apt-get", "update"], ["apt-get", "install"], ["usermod", "--append"],
    ]  # fmt: skip


@in_private_namespaces
def test_without_a_dhcp_server_it_says_that_nobody_knows_the_range(tmp_path: Path) -> None:
    clone(tmp_path)
    with home_lan(FIXED, ROUTER, [PHONE, PI]), setup(tmp_path) as talk:
        for _ in range(3):
            talk.expect("]: ")
            talk.type("")
        assert "only the router's own page tells whether it is outside its DHCP range" in talk.expect("[192.0.2.240]: ")


def answers(talk: Conversation, prompt: str, *given: tuple[str, str] | str) -> None:
    """Give answers that are refused with these words, and one that is taken."""
    for answer in given:
        talk.expect(prompt)
        talk.type(answer if isinstance(answer, str) else answer[0])
        if not isinstance(answer, str):
            talk.expect(answer[1])


def unattended(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [folder / "clone/stack/setup.sh", *arguments], env=environment(folder), stdin=subprocess.DEVNULL,
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip

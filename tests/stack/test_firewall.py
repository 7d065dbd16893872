"""The firewall file on a real node: the pair goes on, and the rest of the LAN is kept out."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from tests.lab.dns_query import canary
from tests.lab.http_get import get
from tests.lab.plan import ALPHA, BETA, CLIENT, EXPORTER_PORT, REPOSITORY

from .rig import Rig

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

FILE = REPOSITORY / "stack" / "firewall" / "dnsha.nft"
# RFC 5798: version 3, type advertisement; a router of the pair's number with the highest priority.
FORGED_ADVERTISEMENT = bytes([0x31, 53, 255, 1, 0, 5, 0, 0]) + socket.inet_aton("192.0.2.53")


def filled_in(admins: str) -> str:
    """The file as the owner of alpha fills it in."""
    text = FILE.read_text()
    text = re.sub(r"define peer = .*", f"define peer = {{ {BETA.ipv4} }}", text)
    return re.sub(r"define admins = .*", f"define admins = {{ {admins} }}", text)


def load(rig: Rig, text: str) -> None:
    """Load it on alpha."""
    file = rig.node(ALPHA.name).home / "dnsha.nft"
    file.write_text(text)
    rig.node(ALPHA.name).run("nft", "--file", str(file))


@pytest.fixture
def guarded(rig: Rig) -> Iterator[Rig]:
    """The pair, with alpha behind the firewall; no admin is on the LAN."""
    load(rig, filled_in("192.0.2.200"))
    yield rig
    rig.node(ALPHA.name).run("nft", "delete", "table", "inet", "dnsha")
    rig.forget_dropped_adverts()


def test_everybody_gets_answers_and_only_the_peer_gets_the_rest(guarded: Rig) -> None:
    assert canary(guarded.client, guarded.vips[0]) == ALPHA.name
    assert get(guarded.hosts[BETA.name], ALPHA.ipv4, EXPORTER_PORT, "/healthz").status == 200
    for port in (EXPORTER_PORT, 9754, 9100, 9090, 9093, 9094, 3000, 80):
        with pytest.raises(OSError, match="timed out"):
            get(guarded.client, ALPHA.ipv4, port, "/", timeout=0.5)


def test_an_admin_gets_metrics(guarded: Rig) -> None:
    load(guarded, filled_in(CLIENT.ipv4))  # a second load replaces the first
    assert get(guarded.client, ALPHA.ipv4, EXPORTER_PORT, "/healthz").status == 200


def test_the_pair_still_fails_over_and_back(guarded: Rig) -> None:
    guarded.drain(ALPHA.name)
    guarded.wait_owners(BETA.name)
    guarded.undrain(ALPHA.name)
    guarded.wait_owners(ALPHA.name, timeout=15.0)


def dropped(rig: Rig) -> int:
    """How many adverts of another address alpha has dropped."""
    told = rig.node(ALPHA.name).run("nft", "list", "counter", "inet", "dnsha_vrrp", "dropped_foreign_source")
    packets = re.search(r"packets (\d+)", told)
    assert packets is not None, told
    return int(packets[1])


def test_a_forged_advertisement_is_dropped(guarded: Rig) -> None:
    before = dropped(guarded)
    guarded.client.run(
        "python3",
        "-c",
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 112);"
        "s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 255);"
        f"[s.sendto({FORGED_ADVERTISEMENT!r}, ({ALPHA.ipv4!r}, 0)) for _ in range(5)]",
    )
    # By keepalived's own table, which comes first and knows every field.
    assert dropped(guarded) == before + 5
    assert guarded.owners() == (ALPHA.name,)

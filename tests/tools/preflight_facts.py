"""A node of which preflight knows everything, and nothing is wrong with it."""

from __future__ import annotations

from exporter.model.observations import Check, PeerStatus, PeerVip, Status
from exporter.settings.load import load
from stack.preflight import checks
from stack.preflight.env_file import parse_env
from stack.preflight.facts import Facts, InterfaceAddress, NeededPort, WireFacts

ENVIRONMENT = {
    "NODE_ROLE": "primary",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11/24",
    "PEER_IP": "192.0.2.12",
    "VIP_ADDRESS": "192.0.2.53/24",
    "NETWORK_INTERFACE": "eth0",
}


# Nobody to ask and no LAN to listen to.
ALONE = {
    **ENVIRONMENT,
    "NODE_ROLE": "standalone",
    "NODE_IP": "192.0.2.11",
    "PEER_IP": "",
    "NETWORK_INTERFACE": "no-such-one",
}


SETTINGS = load(None, ENVIRONMENT, {}, lambda _: [])


PEER = PeerStatus(
    "beta",
    "secondary",
    "1",
    {"192.0.2.53": PeerVip(owned=True, stable_seconds=9.0)},
    True,
    {"VI_1": 53},
    {"VI_1": 3},
    False,
    {},
    0.0,
    (),
)


UNGUARDED = Check("firewall.loaded", "beta", "", "firewall", Status.WARNING, "not loaded: nft: no", "x", "modprobe x")


BETA, STRANGER = "02:00:00:00:00:0c", "02:00:00:00:00:99"


CONTAINER, STRANGE_CONTAINER = "4f" * 32, "e1" * 32


KEY = {"PAIR_KEY": "k" * 32}


GOOD = Facts(
    settings=SETTINGS,
    docker_version="26.1.5",
    compose_version="2.26.1",
    cgroup_memory=True,
    raspberry_pi=True,
    listeners=(),
    ports={5335: NeededPort("unbound"), 9753: NeededPort("exporter"), 9100: NeededPort("x", "NODE_EXPORTER_PORT")},
    interfaces=("eth0", "lo"),
    addresses=(InterfaceAddress("eth0", "192.0.2.11", permanent=True),),
    wire=WireFacts({"192.0.2.12": frozenset({BETA}), "192.0.2.53": frozenset({BETA})}, (), 3.5),
    peer=PEER,
    passwords={"PIHOLE_PASSWORD": "correct horse", **KEY},
    clock_synchronised=True,
    resolvers=("192.0.2.1",),
    free_bytes=20 << 30,
    expected_peer_name="beta",
    env_file=parse_env("NODE_ROLE=primary\nCOMPOSE_PROFILES=${NODE_ROLE}${SIGNAL:+,signal}\n", ".env"),
)


def wrong(facts: Facts) -> list[tuple[str, Status]]:
    return [(check.id.removeprefix("preflight."), check.status) for check in evaluated(facts)]


def evaluated(facts: Facts) -> list[Check]:
    return [check for check in checks.run(facts) if check.status is not Status.OK]

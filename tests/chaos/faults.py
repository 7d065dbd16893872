"""Every fault of the lab: how it is done to a node, and how it is undone.

A fault that finds nothing to do (a process that is dead already, a node without power) is left out; so is an undo.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tests.lab import processes
from tests.lab.advert_sender import Advert, to_node
from tests.lab.errors import CommandError
from tests.lab.helper_process import HelperProcess
from tests.lab.lab import DRAIN_FILE
from tests.lab.plan import ALPHA, BETA, CLIENT, INTERFACE, IPV4_NETWORK, NODES, VIPS, Place, peer_of

from .plan import Draw
from .stage import BESIDE, FULL, STRANGER, Stage, route

Undo = Callable[[], None]
Strike = Callable[[Stage, str, float], Undo]

PLACES: Final = {place.name: place for place in (*NODES, CLIENT)}
SHORT: Final = (0.3, 6.0)
LONG: Final = (2.0, 24.0)
FLAP_SECONDS: Final = 0.12


class NothingToDoError(Exception):
    """The fault finds nothing that it could be done to."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: what it is, how it is done, and what may be drawn for it."""

    text: str
    strike: Strike
    draw: Draw


def _found(stage: Stage, node: str, program: str) -> list[int]:
    pids = stage.pids(node, program)
    if not pids:
        raise NothingToDoError
    return pids


def freeze(program: str) -> Strike:
    """SIGSTOP; SIGCONT undoes it."""

    def strike(stage: Stage, node: str, _: float) -> Undo:
        pids = _found(stage, node, program)
        for pid in pids:
            processes.send(pid, signal.SIGSTOP)

        def undo() -> None:
            for pid in reversed(pids):
                processes.send(pid, signal.SIGCONT)

        return undo

    return strike


def kill(program: str) -> Strike:
    """SIGKILL; a start undoes it, where the supervisor has not done so long since."""

    def strike(stage: Stage, node: str, _: float) -> Undo:
        pids = _found(stage, node, program)
        if program in _CONTAINERS:  # with what it forks meanwhile: a child of dnsmasq's would keep port 53
            stage.service_of(node, program).kill()
        else:
            for pid in pids:
                processes.send(pid, signal.SIGKILL)
        return lambda: start(stage, node, program)

    return strike


def start(stage: Stage, node: str, program: str) -> None:
    """Start a program that is dead."""
    if stage.hosts[node].on:
        stage.end_orphans()
        stage.service_of(node, program).launch()


def stop(program: str) -> Strike:
    """SIGTERM, as ``docker stop``; SIGKILL where that was not enough, and a start, undo it."""

    def strike(stage: Stage, node: str, _: float) -> Undo:
        _found(stage, node, program)
        service = stage.service_of(node, program)
        service.terminate()

        def undo() -> None:
            service.kill()
            start(stage, node, program)

        return undo

    return strike


def hang(stage: Stage, node: str, _: float) -> Undo:
    """Pi-hole ends as FTL does: its sockets stay open for a while, and nothing is answered."""
    thaw = freeze("dnsmasq")(stage, node, 0.0)

    def undo() -> None:
        thaw()
        stop("dnsmasq")(stage, node, 0.0)()

    return undo


def cut(*ways: str, vrrp_alone: bool = False) -> Strike:
    """Frames vanish; each way is ``FROM>TO``, of ``node``, ``peer`` and ``*``."""

    def strike(stage: Stage, node: str, _: float) -> Undo:
        names: dict[str, Place | None] = {"node": PLACES[node], "peer": peer_of(node), "*": None}
        ends = [(names[source], names[to]) for source, to in (way.split(">") for way in ways)]
        for source, to in ends:
            stage.lan.drop(source, to, vrrp_alone=vrrp_alone)
        return lambda: stage.lan.forward(*ends, vrrp_alone=vrrp_alone)

    return strike


def unplug(stage: Stage, node: str, flaps: float) -> Undo:
    """The cable is pulled, after so many times in and out again."""
    if not stage.hosts[node].on:
        raise NothingToDoError
    for _ in range(int(flaps)):
        stage.unplug(node)
        time.sleep(FLAP_SECONDS)
        stage.plug(node)
        time.sleep(FLAP_SECONDS)
    stage.unplug(node)
    return lambda: stage.plug(node) if stage.hosts[node].on else None


def delete_vip(stage: Stage, node: str, family: float) -> Undo:
    """Somebody deletes a virtual IP by hand; nobody puts it back but keepalived."""
    _ip(stage, node, "delete", f"{VIPS['ipv6'] if family else VIPS['ipv4']}/{128 if family else 32}")
    return lambda: None


def add_vip(stage: Stage, node: str, family: float) -> Undo:
    """Somebody adds a virtual IP by hand, and deletes it again."""
    address = f"{VIPS['ipv6']}/128" if family else f"{VIPS['ipv4']}/32"
    _ip(stage, node, "add", address)
    return lambda: _ip(stage, node, "delete", address)


def delete_address(stage: Stage, node: str, _: float) -> Undo:
    """The node loses its own address."""
    address = f"{PLACES[node].ipv4}/{IPV4_NETWORK.prefixlen}"
    _ip(stage, node, "delete", address)

    def undo() -> None:
        _ip(stage, node, "add", address)
        route(stage.hosts[node])

    return undo


def _ip(stage: Stage, node: str, verb: str, address: str) -> None:
    if not stage.hosts[node].on:
        raise NothingToDoError
    try:
        stage.hosts[node].run("ip", "address", verb, address, "dev", INTERFACE)
    except CommandError as error:  # it is there, or gone, already
        raise NothingToDoError from error


def _send(stage: Stage, *adverts: Advert) -> Undo:
    senders = [HelperProcess(stage.stranger.command, "advert_sender", advert.arguments) for advert in adverts]
    stage.senders += senders

    def undo() -> None:
        for sender in senders:
            if sender in stage.senders:
                stage.senders.remove(sender)
                sender.close()

    return undo


def third_router(stage: Stage, _: str, priority: float) -> Undo:
    """Another VRRP router on the LAN has our VRID and sends honest adverts to both nodes."""
    own = (Advert(STRANGER.ipv4, node.ipv4, node.mac, priority=int(priority)) for node in NODES)
    return _send(stage, *own)


_FORGERIES: Final = (
    {"priority": 254, "interval": 4095},
    {"priority": 255},
    {"interval": 1},
    {"priority": 0, "hop_limit": 254},
    {"priority": 254, "version": 2, "interval": 1},
)


def forge(stage: Stage, _: str, which: float) -> Undo:
    """A stranger sends adverts in each node's name that a node of the pair cannot have sent."""
    fields = _FORGERIES[int(which)]
    return _send(stage, *(to_node(to, of).changed(**fields) for to, of in ((ALPHA, BETA), (BETA, ALPHA))))


def foreign_vip(stage: Stage, _: str, __: float) -> Undo:
    """A host with a wrong static address has the virtual IP, and tells so when it comes up."""
    address = f"{VIPS['ipv4']}/{IPV4_NETWORK.prefixlen}"
    try:
        stage.stranger.run("ip", "address", "add", address, "dev", INTERFACE)
    except CommandError as error:
        raise NothingToDoError from error
    stage.claim(VIPS["ipv4"])

    def undo() -> None:
        with contextlib.suppress(CommandError):
            stage.stranger.run("ip", "address", "delete", address, "dev", INTERFACE)

    return undo


def step_clock(stage: Stage, node: str, seconds: float) -> Undo:
    """The clock steps, and steps back."""
    stage.step_clock(node, seconds)
    return lambda: stage.step_clock(node, 0.0)


def fill(stage: Stage, node: str, _: float) -> Undo:
    """The runtime directory gets full."""
    if not stage.hosts[node].on:
        raise NothingToDoError
    full = stage.hosts[node].path(FULL)
    with contextlib.suppress(OSError), full.open("ab", buffering=0) as file:
        for size in (1 << 16, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size):
                    pass
    return lambda: full.unlink(missing_ok=True) if stage.hosts[node].on else None


def load(stage: Stage, _: str, busy: float) -> Undo:
    """So many processes work as hard as they can, for both nodes are on this machine."""
    stage.burn(int(busy))
    return stage.calm_load


def drain(stage: Stage, node: str, _: float) -> Undo:
    """The node is asked to hand the virtual IP over, and to take part again."""
    if not stage.hosts[node].on:
        raise NothingToDoError
    ask(stage, node, b"1\n")
    return lambda: ask(stage, node, b"0\n") if stage.hosts[node].on else None


def ask(stage: Stage, node: str, what: bytes) -> None:
    """Write into the drain file in place, and never make it shorter: a full directory gives nothing back."""
    with contextlib.suppress(FileNotFoundError):
        descriptor = os.open(stage.hosts[node].path(DRAIN_FILE), os.O_WRONLY)
        try:
            os.write(descriptor, what)
        finally:
            os.close(descriptor)


def crash(stage: Stage, node: str, _: float) -> Undo:
    """The node loses its power, and boots."""
    if not stage.hosts[node].on:
        raise NothingToDoError
    stage.crash(node)

    def undo() -> None:
        stage.hosts[node].power_on()
        route(stage.hosts[node])
        stage.hosts[node].launch_services()

    return undo


_PROGRAMS: Final = ("unbound", "dnsmasq", "exporter", "guard")
_CONTAINERS: Final = (*_PROGRAMS, "container")
_KEEPALIVED: Final = ("keepalived", "vrrp", *BESIDE)
_CLOCKS: Final = (-86400.0, -120.0, -3.0, 3.0, 60.0, 3600.0)

FAULTS: Final[dict[str, Fault]] = {
    **{
        f"freeze-{name}": Fault(f"{name} is stopped (SIGSTOP), and runs on", freeze(name), Draw(SHORT))
        for name in (*_PROGRAMS, *_KEEPALIVED, "supervisor", "container")
    },
    **{
        f"kill-{name}": Fault(f"{name} is killed, and started again", kill(name), Draw(SHORT))
        for name in (*_PROGRAMS, *_KEEPALIVED, "container")
    },
    **{
        f"stop-{name}": Fault(f"{name} is stopped (SIGTERM), and started again", stop(name), Draw(SHORT))
        for name in (*_PROGRAMS, "supervisor")
    },
    "hang-dnsmasq": Fault("Pi-hole ends as FTL does", hang, Draw(SHORT)),
    "cut": Fault("what the node sends and is sent vanishes", cut("node>*", "*>node"), Draw(SHORT)),
    "cut-send": Fault("what the node sends vanishes", cut("node>*"), Draw(SHORT)),
    "cut-receive": Fault("what the node is sent vanishes", cut("*>node"), Draw(SHORT)),
    "cut-peer": Fault("the nodes are cut from each other", cut("node>peer", "peer>node"), Draw(SHORT)),
    "cut-vrrp": Fault(
        "their adverts vanish, and nothing else", cut("node>peer", "peer>node", vrrp_alone=True), Draw(SHORT)
    ),
    "cut-vrrp-send": Fault("the node's adverts vanish", cut("node>peer", vrrp_alone=True), Draw(SHORT)),
    "unplug": Fault("the cable is pulled, at once or after some flaps", unplug, Draw(SHORT, (0.0, 2.0, 4.0))),
    "vip-delete": Fault("a virtual IP is deleted by hand", delete_vip, Draw((0.3, 1.0), (0.0, 1.0))),
    "vip-add": Fault("a virtual IP is added by hand", add_vip, Draw(SHORT, (0.0, 1.0))),
    "address-delete": Fault("the node loses its own address", delete_address, Draw(SHORT)),
    "third-router": Fault("another router has our VRID", third_router, Draw(LONG, (200.0, 254.0))),
    "forged-adverts": Fault(
        "adverts in the nodes' names", forge, Draw(LONG, tuple(map(float, range(len(_FORGERIES)))))
    ),
    "foreign-vip": Fault("another host has the virtual IP", foreign_vip, Draw(LONG)),
    "clock-step": Fault("the clock steps", step_clock, Draw(SHORT, _CLOCKS)),
    "full-runtime": Fault("the runtime directory is full", fill, Draw(LONG)),
    "load": Fault("busy processes", load, Draw(SHORT, (2.0, 6.0, 10.0))),
    "drain": Fault("the node is drained", drain, Draw(SHORT)),
    "crash": Fault("the node loses its power", crash, Draw(SHORT)),
}

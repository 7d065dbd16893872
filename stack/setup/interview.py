"""The six questions, each with what was seen on the LAN as its proposed answer."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import islice

from exporter.model.addressing import parse_address, parse_virtual_address, virtual_address_problem
from exporter.settings import parse
from stack.dhcp import discover
from stack.setup import lan, neighbours, proposals
from stack.setup.errors import SetupRefusedError
from stack.setup.lan import Lan
from stack.setup.questions import Asker, Question, Values

STANDALONE = "none"
# Each costs some seconds where a DHCP server pings before it offers.
_DHCP_TRIES = 4
_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class World:
    """What the questions look at; a test gives another one."""

    neighbours: Callable[[str, tuple[IPv4Address, ...], float], Mapping[IPv4Address, str]] = neighbours.ask
    offered: Callable[[str, IPv4Address], IPv4Address | None] = discover.offered
    host_name: Callable[[], str] = socket.gethostname
    say: Callable[[str], None] = print


def interview(asker: Asker, world: World) -> dict[str, str]:
    """Ask everything; return what it gives for ``.env``.

    Raises:
        SetupRefusedError: this host is on no LAN.
        AnswersError: an answer cannot be used.
    """
    route = lan.default_route()
    there = lan.interfaces()
    values = dict(asker.ask(_interface(there, route[0] if route else next(iter(there), None))))
    here = lan.look_at(values["NETWORK_INTERFACE"], route)
    if here is None:
        raise SetupRefusedError(
            f"{values['NETWORK_INTERFACE']} has no IPv4 address; give it a fixed one (sudo nmtui), and run this again"
        )
    world.say("   looking who is on this LAN, some seconds …")
    seen = world.neighbours(here.interface, here.searched, neighbours.ALL_SECONDS)
    values |= asker.ask(_own_address(here))
    values |= asker.ask(_peer(here, values["NODE_IP"], seen, world))
    values |= asker.ask(_virtual_ip(here, values, seen, world))
    values |= asker.ask(_names(values, world))
    values |= asker.ask(_whom_to_tell())
    return values


def _interface(there: tuple[str, ...], proposal: str | None) -> Question:
    def read(text: str) -> Values:
        if text not in there:
            raise ValueError(f"there is no interface {text}; this host has {', '.join(there) or 'none'}")
        return {"NETWORK_INTERFACE": text}

    text = "Which interface is on your LAN? A cable: Wi-Fi loses the packets that failover is made of."
    return Question(("NETWORK_INTERFACE",), text, "interface", proposal, read)


def _own_address(here: Lan) -> Question:
    fixed = {str(one.address): one.fixed for one in here.own}

    def read(text: str) -> Values:
        if text not in fixed:
            raise ValueError(f"{here.interface} does not have {text}; it has {', '.join(fixed)}")
        return {"NODE_IP": text}

    def doubt(values: Values) -> str | None:
        return None if fixed[values["NODE_IP"]] else f"{values['NODE_IP']} is leased by DHCP; {_STAY}"

    first = here.own[0]
    how = "It is fixed on this host." if first.fixed else f"It is leased by DHCP: {_STAY}."
    text = f"This host's own address. {how}"
    # Whoever reads this line has read what speaks against a leased one.
    return Question(("NODE_IP",), text, "own address", str(first.address), read, _only_for_others(doubt, first.address))


_STAY = (
    "reserve it for this host in the router, for ever, or set it here (sudo nmtui), or the pair breaks when it changes"
)


def _only_for_others(doubt: Callable[[Values], str | None], told: IPv4Address) -> Callable[[Values], str | None]:
    return lambda values: None if values["NODE_IP"] == str(told) else doubt(values)


def _peer(here: Lan, own: str, seen: Mapping[IPv4Address, str], world: World) -> Question:
    pis = proposals.peers(here, seen)

    def read(text: str) -> Values:
        if text.lower() == STANDALONE:
            return {"NODE_ROLE": "standalone", "PEER_IP": ""}
        address = parse_address(text)
        if str(address) == own:
            raise ValueError(f"{address} is this host's own address; the other Pi's is needed, or {STANDALONE}")
        if address not in here.network:
            raise ValueError(f"{address} is not on this LAN ({here.network}); both Pis must be on the same one")
        if address in (here.router, here.network.network_address, here.network.broadcast_address):
            raise ValueError(f"{address} is no host that could be the other Pi")
        return {"NODE_ROLE": "primary", "PEER_IP": str(address)}

    def doubt(values: Values) -> str | None:
        address = values["PEER_IP"]
        if not address or _holder(here, IPv4Address(address), world):
            return None
        return f"nobody answers at {address} now, which is right only if that Pi is off or not yet there"

    if pis:
        found = f"Raspberry Pis that answer on this LAN: {', '.join(map(str, pis))}."
    else:
        found = "No other Raspberry Pi answers on this LAN."
    text = f"The other Pi's address (on it: hostname -I). {found} `{STANDALONE}` for a single node without a peer."
    return Question(("PEER_IP",), text, "other Pi's address", str(pis[0]) if pis else None, read, doubt)


def _virtual_ip(here: Lan, values: Values, seen: Mapping[IPv4Address, str], world: World) -> Question:
    nodes = [IPv4Address(values[name]) for name in ("NODE_IP", "PEER_IP") if values[name]]
    proposal, why = _free_address(here, {*seen, *nodes}, world)

    def read(text: str) -> Values:
        virtuals = parse.virtual_addresses(text)
        for virtual in virtuals:
            problem = virtual_address_problem(virtual, [here.network], nodes)
            if problem:
                raise ValueError(problem)
            holder = _holder(here, virtual.address, world) if isinstance(virtual.address, IPv4Address) else None
            # The other node may run already, and own it.
            if holder and not (values["PEER_IP"] and holder == _holder(here, nodes[-1], world)):
                raise ValueError(f"{virtual} is in use, a host answers for it; the VIP must be one that no host has")
        return {"VIP_ADDRESS": text.replace(" ", "")}

    def doubt(found: Values) -> str | None:
        for text in found["VIP_ADDRESS"].split(","):
            address = parse_virtual_address(text).address
            if isinstance(address, IPv4Address) and address != proposal and _hands_out(here, address, world):
                return (
                    f"your DHCP server would hand {address} out to a device; choose another, or narrow its range first"
                )
        return None

    text = f"The virtual IP (VIP), which your devices will use as their DNS server. {why}"
    return Question(("VIP_ADDRESS",), text, "virtual IP", str(proposal) if proposal else None, read, doubt)


def _free_address(here: Lan, taken: set[IPv4Address], world: World) -> tuple[IPv4Address | None, str]:
    """An address for the pair, and what is known of it in a sentence."""
    candidates = list(islice(proposals.virtual_addresses(here, taken), _DHCP_TRIES))
    if not candidates:
        return None, "Every address of this LAN is taken."
    for candidate in candidates:
        try:
            offer = world.offered(here.interface, candidate)
        except OSError:
            offer = None
        if offer is None:
            return candidates[0], (
                f"Nobody has {candidates[0]}; only the router's own page tells whether it is outside its DHCP range."
            )
        if offer != candidate:
            return candidate, f"Nobody has {candidate}, and the DHCP server does not hand it out."
    return candidates[0], (
        f"Nobody has {candidates[0]} now, but the DHCP server hands out all that were tried: narrow its range in the "
        "router so that the VIP is outside."
    )


def _hands_out(here: Lan, address: IPv4Address, world: World) -> bool:
    try:
        return world.offered(here.interface, address) == address
    except OSError:
        return False


def _holder(here: Lan, address: IPv4Address, world: World) -> str | None:
    """The hardware address that answers for an address now."""
    return world.neighbours(here.interface, (address,), neighbours.ONE_SECONDS).get(address)


def _names(values: Values, world: World) -> Question:
    alone = values["NODE_ROLE"] == "standalone"
    first, second = proposals.names(world.host_name())

    def read(text: str) -> Values:
        words = text.replace(",", " ").split()
        if len(words) != (1 if alone else 2):
            raise ValueError("one name" if alone else "two names with a space between: this Pi's and the other's")
        for word in words:
            parse.node_name(word)
        if len(set(words)) < len(words):
            msg = "the two need different names"
            raise ValueError(msg)
        return {"NODE_NAME": words[0], "PEER_NAME": "" if alone else words[1]}

    if alone:
        return Question(("NODE_NAME",), "A name for this node.", "name", first, read)
    text = "Names for the two Pis, this one first. Messages and dashboards call them so."
    return Question(("NODE_NAME", "PEER_NAME"), text, "names", f"{first} {second}", read)


def _whom_to_tell() -> Question:
    def read(text: str) -> Values:
        for part in filter(None, text.split(",")):
            if not _URL.fullmatch(part.strip()):
                msg = "write Apprise URLs, such as ntfy://ntfy.sh/a-topic-that-nobody-guesses; or nothing"
                raise ValueError(msg)
        return {"NOTIFY_URLS": text}

    text = (
        "Who is told when something breaks? Apprise URLs, several by commas; compose/.env.example has examples.\n"
        "   Nothing for nobody; it can be written into compose/.env later."
    )
    return Question(("NOTIFY_URLS",), text, "whom to tell (nothing: nobody)", "", read)

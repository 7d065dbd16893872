"""Is this host fit to be a node? Each check is pure and says what to do."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from exporter.model.observations import Check, Status
from exporter.settings.passwords import problem, shortest_of
from stack.preflight.build import check, unknown
from stack.preflight.facts import Facts
from stack.preflight.port import DNS_PORT

MINIMUM_DOCKER = (24, 0)
MINIMUM_COMPOSE = (2, 24)
# Pi-hole's image and lists, Prometheus' data and two generations of images during an update.
CRITICAL_FREE_BYTES = 2 << 30
WARNING_FREE_BYTES = 5 << 30
# Without these a node does not answer, or nobody can say how it is; without others it lacks something.
NEEDED_CONTAINERS = frozenset({"exporter", "pihole-b", "unbound", "unbound-b"})
OWN_DNS = frozenset({"pihole-FTL", "dnsdist"})
RESOLVED_ADDRESSES = frozenset({"127.0.0.53", "127.0.0.54"})


def docker(facts: Facts) -> Iterator[Check]:
    """Docker Engine is there and new enough."""
    yield _version(facts, "docker", "Docker Engine", facts.docker_version, MINIMUM_DOCKER)


def compose(facts: Facts) -> Iterator[Check]:
    """Compose is there and new enough."""
    yield _version(facts, "compose", "Docker Compose", facts.compose_version, MINIMUM_COMPOSE)


def cgroup_memory(facts: Facts) -> Iterator[Check]:
    """Memory limits work: Raspberry Pi OS starts with them off."""
    if facts.cgroup_memory is None:
        yield unknown(facts, "cgroup_memory", "the kernel does not say whether it limits memory")
    elif facts.cgroup_memory:
        yield check(facts, "cgroup_memory", Status.OK, "the kernel can limit a container's memory")
    else:
        where = (
            " to the one line of /boot/firmware/cmdline.txt" if facts.raspberry_pi else " to the kernel's command line"
        )
        yield check(
            facts, "cgroup_memory", Status.WARNING, "the kernel does not limit memory: one container can take it all",
            "memory limits", f"add cgroup_enable=memory cgroup_memory=1{where} and reboot",
        )  # fmt: skip


def port_53(facts: Facts) -> Iterator[Check]:
    """Nothing but the stack's own DNS listens on port 53."""
    if facts.listeners is None:
        yield unknown(facts, "port_53", "the sockets of this host cannot be listed")
        return
    others = [
        listener
        for listener in facts.listeners
        if listener.port == DNS_PORT and not listener.ours and listener.process not in OWN_DNS
    ]
    if not others:
        yield check(facts, "port_53", Status.OK, "port 53 is free for Pi-hole")
        return
    where = ", ".join(sorted({f"{listener.address} ({listener.protocol})" for listener in others}))
    names = sorted({listener.process for listener in others if listener.process})
    resolved = "systemd-resolve" in names or any(listener.address in RESOLVED_ADDRESSES for listener in others)
    if resolved:
        advice = (
            "write DNSStubListener=no below [Resolve] in /etc/systemd/resolved.conf.d/dnsha.conf, "
            "ln -sf /run/systemd/resolve/resolv.conf /etc/resolv.conf, systemctl restart systemd-resolved"
        )
    elif names:
        advice = f"stop {' and '.join(names)} and keep it from starting (systemctl disable --now …)"
    else:
        advice = "see which process it is: sudo ss -lnp 'sport = :53'; if it is this stack's Pi-hole, all is well"
    status = Status.CRITICAL if resolved or names else Status.WARNING
    who = "systemd-resolved" if resolved else " and ".join(names) or "a process"
    yield check(facts, "port_53", status, f"{who} listens on {where}", "port 53 free for Pi-hole", advice)


def other_ports(facts: Facts) -> Iterator[Check]:
    """Nothing but the stack's own services listens on the other ports that it needs."""
    if facts.listeners is None:  # which the check of port 53 says
        return
    taken = {
        listener.port: listener.process
        for listener in facts.listeners
        if listener.port in facts.ports and listener.protocol == "tcp" and not listener.ours
    }
    for port, process in sorted(taken.items()):
        container, variable = facts.ports[port]
        status = Status.CRITICAL if container in NEEDED_CONTAINERS and process else Status.WARNING
        advice = (
            f"stop it (sudo ss -ltnp 'sport = :{port}' shows it){f', or set {variable} in .env' if variable else ''}"
        )
        seen = f"{process or 'a process'} listens on port {port}"
        yield check(facts, "ports", status, seen, f"port {port} free for {container}", advice, str(port))
    if not taken:
        numbers = ", ".join(str(port) for port in sorted(facts.ports))
        yield check(facts, "ports", Status.OK, f"the other ports are free: {numbers}")


def interface(facts: Facts) -> Iterator[Check]:
    """The interface exists."""
    if facts.settings is None:
        return
    name = facts.settings.network_interface
    if name in facts.interfaces:
        yield check(facts, "interface", Status.OK, f"{name} is there")
        return
    others = ", ".join(other for other in facts.interfaces if other != "lo") or "none"
    yield check(
        facts, "interface", Status.CRITICAL, f"there is no interface {name}, but {others}", "the interface on the LAN",
        "write its name into NETWORK_INTERFACE; ip route show default tells it",
    )  # fmt: skip


def wireless(facts: Facts) -> Iterator[Check]:
    """The interface is no Wi-Fi: a virtual IP and its adverts want a link that hears everything at once."""
    if facts.settings is None or facts.settings.network_interface not in facts.interfaces:
        return
    name = facts.settings.network_interface
    if name not in facts.wireless:
        yield check(facts, "wireless", Status.OK, f"{name} is no Wi-Fi")
        return
    yield check(
        facts, "wireless", Status.WARNING,
        f"{name} is Wi-Fi: it sleeps between beacons and roams, so adverts come late and the virtual IP may move for "
        "nothing; some access points answer ARP themselves or drop multicast, so that clients miss that it has moved",
        "a cable", "connect the node by cable; or try VRRP_ADVERT_INTERVAL=1, iw dev NAME set power_save off, and an "
        "access point without proxy ARP and client isolation", name,
    )  # fmt: skip


def static_address(facts: Facts) -> Iterator[Check]:
    """The node's address is on the interface, and for good."""
    if facts.settings is None or facts.addresses is None:
        yield unknown(facts, "static_address", "the addresses of this host cannot be listed")
        return
    wanted, name = str(facts.settings.node_ip.address), facts.settings.network_interface
    here = [address for address in facts.addresses if address.address == wanted]
    if not any(address.interface == name for address in here):
        seen = f"{wanted} is on {here[0].interface}, not on {name}" if here else f"this host does not have {wanted}"
        yield check(
            facts,
            "static_address",
            Status.CRITICAL,
            seen,
            f"{wanted} on {name}",
            "correct NODE_IP or NETWORK_INTERFACE",
        )
    elif not all(address.permanent for address in here):
        yield check(
            facts, "static_address", Status.WARNING, f"{wanted} is leased by DHCP and may change",
            "an address that stays", "set it in nmtui, dhcpcd.conf or netplan, or reserve it in the router for ever",
        )  # fmt: skip
    else:
        yield check(facts, "static_address", Status.OK, f"{wanted} is on {name} and stays")


def passwords(facts: Facts) -> Iterator[Check]:
    """No password that is short, that everybody tries first, or that the sync cannot use."""
    unfit = False
    for name, text in facts.passwords.items():
        wrong = problem(name, text, synced=facts.synced)
        if wrong:
            unfit = True
            shortest = shortest_of(name)
            advice = f"choose {shortest} characters or more, such as: openssl rand -hex {max(12, shortest // 2)}"
            expected = "a password that nobody guesses and every service takes"
            yield check(facts, "passwords", Status.CRITICAL, wrong, expected, advice, name)
    if facts.passwords and not unfit:
        yield check(facts, "passwords", Status.OK, f"{len(facts.passwords)} passwords are neither short nor known")


def clock(facts: Facts) -> Iterator[Check]:
    """The clock is right: DNSSEC and certificates need it, and the pair's times are compared."""
    if facts.clock_synchronised is None:
        yield unknown(facts, "clock", "the kernel does not say whether its clock is synchronised")
    elif facts.clock_synchronised:
        yield check(facts, "clock", Status.OK, "the clock is synchronised")
    else:
        yield check(
            facts, "clock", Status.WARNING, "the clock is not synchronised", "a synchronised clock",
            "timedatectl set-ntp true; name NTP servers by address, or they need this very DNS",
        )  # fmt: skip


def resolvers(facts: Facts) -> Iterator[Check]:
    """The node can find its time server, images and updates while the pair's DNS is broken, or it cannot heal."""
    if facts.resolvers is None:
        yield unknown(facts, "resolvers", "this host's /etc/resolv.conf cannot be read")
        return
    pair = _pair_addresses(facts)
    depend = [one for one in facts.resolvers if one in pair or ipaddress.ip_address(one).is_loopback]
    if not depend:
        yield check(facts, "resolvers", Status.OK, f"this host asks {', '.join(facts.resolvers)} for names")
        return
    who = ", ".join(f"{one} ({pair.get(one, 'this host itself')})" for one in depend)
    alone = len(depend) == len(facts.resolvers)
    yield check(
        facts, "resolvers", Status.CRITICAL if alone else Status.WARNING,
        f"this host asks {'nobody but ' if alone else 'also '}{who} for names: with a wrong clock it resolves nothing, "
        "not even the time server that would set it",
        "resolvers that do not depend on this pair",
        "name the router or a public resolver, such as 9.9.9.9, as DNS server in nmtui, dhcpcd.conf or netplan",
    )  # fmt: skip


def _pair_addresses(facts: Facts) -> dict[str, str]:
    """The pair's own addresses, and what each is."""
    if facts.settings is None:
        return {}
    found = {str(virtual.address): "the virtual IP" for virtual in facts.settings.vip_address}
    if facts.settings.peer_ip is not None:
        found[str(facts.settings.peer_ip)] = "the other node"
    here = {str(facts.settings.node_ip.address), *(one.address for one in facts.addresses or ())} - found.keys()
    return found | dict.fromkeys(here, "this node")


def disk(facts: Facts) -> Iterator[Check]:
    """There is room for images, lists and data."""
    if facts.free_bytes is None:
        yield unknown(facts, "disk", "the free space cannot be told")
        return
    seen = f"{facts.free_bytes / (1 << 30):.1f} GiB are free"
    if facts.free_bytes >= WARNING_FREE_BYTES:
        yield check(facts, "disk", Status.OK, seen)
        return
    status = Status.CRITICAL if facts.free_bytes < CRITICAL_FREE_BYTES else Status.WARNING
    advice = "docker image prune, journalctl --vacuum-size=100M, or a larger card"
    yield check(facts, "disk", status, seen, f"{WARNING_FREE_BYTES >> 30} GiB", advice)


def _version(facts: Facts, name: str, what: str, version: str | None, minimum: tuple[int, int]) -> Check:
    match = re.search(r"([0-9]+)\.([0-9]+)", version or "")
    needed = ".".join(map(str, minimum))
    if match is None:
        return unknown(facts, name, f"the version of {what} is not known; stack/deploy.sh tells it")
    if (int(match[1]), int(match[2])) < minimum:
        advice = "install it from Docker's own repository: https://docs.docker.com/engine/install/debian/"
        return check(facts, name, Status.CRITICAL, f"{what} {version}", f"{needed} or newer", advice)
    return check(facts, name, Status.OK, f"{what} {version}")

"""Do the settings fit the LAN and the other node? Each check is pure and says what to do."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.model.observations import Check, Status
from stack.preflight.build import check, listed, unknown
from stack.preflight.facts import Facts


def settings(facts: Facts) -> Iterator[Check]:
    """Every mistake in ``.env``, the rules for virtual IPs among them."""
    for mistake in facts.mistakes:
        yield check(
            facts, "settings", Status.CRITICAL, mistake.sentence, "good settings", "correct it in .env",
            mistake.key.upper(),
        )  # fmt: skip
    for old in facts.retired:
        yield check(facts, "settings", Status.WARNING, old, "settings of this version", "delete it in .env")
    if not facts.mistakes and not facts.retired:
        yield check(facts, "settings", Status.OK, "the settings make sense")


def foreign_owner(facts: Facts) -> Iterator[Check]:
    """No host that is not of the pair answers for a virtual IP, and none for this node's address."""
    if facts.settings is None:
        return
    if facts.wire is None:
        yield unknown(facts, "vip_free", facts.wire_problem or "the LAN was not listened to")
        return
    own = str(facts.settings.node_ip.address)
    peer = facts.wire.claims.get(str(facts.settings.peer_ip), frozenset())
    for address in (*map(str, facts.settings.vip_address), own):
        strangers = facts.wire.claims.get(address, frozenset()) - (frozenset() if address == own else peer)
        if strangers:
            yield check(
                facts, "vip_free", Status.CRITICAL, f"{address} is in use: {listed(strangers)} answers",
                "an address that no other host has",
                "choose another one outside the router's DHCP range, or find the host with that hardware address",
                subject=address,
            )  # fmt: skip
        else:
            holder = "this node" if address in facts.owned_vips or address == own else "nobody"
            holder = "the other node" if facts.wire.claims.get(address) and address != own else holder
            yield check(facts, "vip_free", Status.OK, f"{holder} answers for {address}", subject=address)


def foreign_router(facts: Facts) -> Iterator[Check]:
    """Nobody else's VRRP uses this virtual router ID or these virtual IPs."""
    if facts.settings is None:
        return
    if facts.wire is None:
        yield unknown(facts, "vrid_free", facts.wire_problem or "the LAN was not listened to")
        return
    for mismatch in facts.wire.mismatches:
        yield check(
            facts, "vrid_free", Status.CRITICAL, mismatch,
            f"virtual router {facts.settings.virtual_router_id} is this pair's alone",
            "choose another VIRTUAL_ROUTER_ID on both nodes, or correct the other device",
        )  # fmt: skip
    if not facts.wire.mismatches:
        seen = f"no VRRP that contradicts the settings in {facts.wire.seconds:.0f} s"
        yield check(facts, "vrid_free", Status.OK, seen)


def peer(facts: Facts) -> Iterator[Check]:
    """The other node is there and its settings fit."""
    if facts.settings is None or facts.settings.peer_ip is None:
        return
    address = str(facts.settings.peer_ip)
    if facts.peer is None:
        yield check(
            facts, "peer", Status.WARNING, facts.peer_problem or f"{address} is silent", "the other node's exporter",
            "all is well if this is the first node; else see whether it runs and its firewall lets this node in",
            subject=address,
        )  # fmt: skip
        return
    differences = list(_differences(facts))
    for difference in differences:
        yield check(
            facts, "peer", Status.CRITICAL, difference, "settings that fit together", "compare both nodes' .env",
            subject=facts.peer.name,
        )  # fmt: skip
    if not differences:
        yield check(facts, "peer", Status.OK, f"{facts.peer.name}'s settings fit", subject=facts.peer.name)


def pair_key(facts: Facts) -> Iterator[Check]:
    """There is a key by which the nodes know each other; the other node's answers are evaluated with it above."""
    if facts.settings is None or facts.settings.peer_ip is None:
        return
    if facts.passwords.get("PAIR_KEY"):
        yield check(facts, "pair_key", Status.OK, "PAIR_KEY is set")
        return
    advice = "stack/deploy.sh on the primary makes one"
    if facts.settings.node_role == "secondary":
        advice = "copy the line PAIR_KEY=… from the primary's .env, where stack/deploy.sh makes it"
    yield check(
        facts, "pair_key", Status.WARNING,
        f"there is no PAIR_KEY: whoever answers at {facts.settings.peer_ip} is taken for the other node",
        "the same PAIR_KEY on both nodes", advice,
    )  # fmt: skip


def sync(facts: Facts) -> Iterator[Check]:
    """The secondary can copy from the primary's Pi-hole by TLS, which is the only way that it does."""
    if facts.settings is None or facts.settings.peer_ip is None or not facts.synced:
        return
    if facts.encrypted:
        yield check(facts, "sync", Status.OK, "the secondary copies from the primary's Pi-hole by TLS")
        return
    primary = facts.settings.node_role == "primary"
    yield check(
        facts, "sync", Status.WARNING,
        f"{'this' if primary else 'the other'} Pi-hole has no encrypted port, so that the secondary copies nothing "
        "from it: Pi-hole's password is never sent in clear",
        "an encrypted port in PIHOLE_WEB_PORT, on both nodes",
        "leave PIHOLE_WEB_PORT as it was, or give it one, such as 443os or 8443s; where the nodes' ports differ, "
        "name the primary's to the secondary by PEER_PIHOLE_API=https://…",
    )  # fmt: skip


def firewall(facts: Facts) -> Iterator[Check]:
    """What strangers reach of the other node; of this one nobody can say before it runs, and then its exporter does."""
    if facts.settings is None:
        return
    expected = "a firewall that lets the other node in and keeps strangers out"
    told = next((one for one in facts.peer.checks if one.id == "firewall.loaded"), None) if facts.peer else None
    tried, address = facts.stranger, str(facts.settings.peer_ip)
    if tried and tried.opened:
        ports = ", ".join(map(str, tried.opened))
        yield check(
            facts, "firewall", Status.WARNING, f"{address} lets {tried.source}, a stranger to it, reach {ports}",
            expected,
            "see exporter --once there; with FIREWALL=off let your own firewall admit the other node alone",
            subject=address,
        )  # fmt: skip
    elif told and told.status is not Status.OK:
        yield check(
            facts, "firewall", Status.WARNING, f"{told.node}: {told.seen}", expected, told.advice, subject=address
        )
    else:
        here = "the stack loads its own" if facts.firewall else "FIREWALL=off, so this node has what you gave it"
        there = f"; {address} keeps {tried.source}, a stranger to it, out" if tried else ""
        yield check(facts, "firewall", Status.OK, here + there)


def _differences(facts: Facts) -> Iterator[str]:
    if facts.settings is None or facts.peer is None:
        return
    theirs, ours = facts.peer, facts.settings
    if theirs.role == ours.node_role:
        yield f"both nodes are {ours.node_role}"
    if theirs.name == ours.node_name:
        yield f"both nodes are called {ours.node_name}"
    elif facts.expected_peer_name and facts.expected_peer_name != theirs.name:
        yield f"PEER_NAME is {facts.expected_peer_name} here, and NODE_NAME {theirs.name} there"
    vips = {str(virtual) for virtual in ours.vip_address}
    if theirs.vips and set(theirs.vips) != vips:
        yield f"VIP_ADDRESS is {listed(vips)} here and {listed(set(theirs.vips))} there"
    routers = set(theirs.virtual_router_ids.values())
    if routers and routers != {ours.virtual_router_id}:
        theirs_listed = listed({str(router) for router in routers})
        yield f"VIRTUAL_ROUTER_ID is {ours.virtual_router_id} here and {theirs_listed} there"
    spoken = set(theirs.vrrp_versions.values())
    if spoken and spoken != {facts.vrrp_version}:
        versions = listed({str(version) for version in spoken})
        yield f"VRRP version is {facts.vrrp_version} here, {versions} there: set VRRP_PASSWORD on both nodes or on none"

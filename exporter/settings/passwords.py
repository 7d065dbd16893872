"""What no password may be: one place for preflight, the start of the settings and the sync. Standard library alone."""

from __future__ import annotations

from collections.abc import Mapping

SHORTEST = 8
# Where the field is shorter: VRRPv2 has room for eight characters.
# And longer where whoever is on the LAN gets what is signed with it, and may try keys at home.
SHORTEST_OF = {"VRRP_PASSWORD": 6, "PAIR_KEY": 32}
# Without one its service would be open to everybody.
_REQUIRED = frozenset({"PIHOLE_PASSWORD", "GRAFANA_ADMIN_PASSWORD"})
_OF_EVERY_NODE = ("PIHOLE_PASSWORD", "PIHOLE_APP_PASSWORD", "PEER_PIHOLE_APP_PASSWORD", "PAIR_KEY", "VRRP_PASSWORD")
# What people find in examples, and what everybody tries first.
KNOWN = frozenset(
    [
        "12345678",
        "admin",
        "adminadmin",
        "change-me",
        "changeme",
        "default",
        "dnsha",
        "grafana",
        "homelab",
        "letmein",
        "password",
        "pihole",
        "pihole123",
        "qwertyui",
        "raspberry",
        "secret",
        "vrrp-pass",
    ]
)
# Those that nebula-sync is given, as ADDRESS|PASSWORD,ADDRESS|PASSWORD (its internal/pihole/model/pihole.go).
_SYNCED = frozenset({"PIHOLE_PASSWORD", "PIHOLE_APP_PASSWORD", "PEER_PIHOLE_APP_PASSWORD"})
_PUNCTUATION = "|,"


def names_of(role: str | None, *, observed: bool) -> tuple[str, ...]:
    """Name the passwords that a node's services read; ``observed``: observability.yaml is part of the stack."""
    return (*_OF_EVERY_NODE, "GRAFANA_ADMIN_PASSWORD") if observed and role != "secondary" else _OF_EVERY_NODE


def problem(name: str, text: str, *, synced: bool) -> str | None:
    """Say why a password is refused, by preflight and at every start, or None; ``synced``: see :func:`is_synced`."""
    if not text:
        return f"{name} is not set" if name in _REQUIRED else None
    return weakness(name, text) or (unfit_for_sync(name, text) if synced else None)


def weakness(name: str, text: str) -> str | None:
    """Say that a password is short or known; Pi-hole makes application passwords itself, and the broker has its own."""
    shortest = shortest_of(name)
    if name.endswith(("_APP_PASSWORD", "MQTT_PASSWORD")):
        return None
    if text.lower() in KNOWN:
        return f"{name} is one that everybody tries first"
    return f"{name} has {len(text)} characters; use {shortest} at least" if len(text) < shortest else None


def shortest_of(name: str) -> int:
    """How many characters a password needs."""
    return SHORTEST_OF.get(name, SHORTEST)


def unfit_for_sync(name: str, text: str) -> str | None:
    """Say that nebula-sync would take a part of this password for its own punctuation."""
    if name not in _SYNCED or not any(mark in text for mark in _PUNCTUATION):
        return None
    return (
        f"{name} has a comma or a | in it, with which nebula-sync, which copies Pi-hole's settings, separates "
        "addresses and passwords; choose one without, on both nodes"
    )


def is_synced(environment: Mapping[str, str]) -> bool:
    """Whether a Pi-hole of this node is copied from or to another one: layout B has two on a standalone node too."""
    layout_b = "layout-b" in environment.get("COMPOSE_FILE", "") or "sync-b" in environment.get(
        "EXPECTED_CONTAINERS", ""
    )
    return layout_b or environment.get("NODE_ROLE") != "standalone"

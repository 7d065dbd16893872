"""Pi-hole's settings for the stand-in of its API: keys, defaults and whether FTL restarts when one changes.

From the answer of FTL v6.4.1 to ``GET /api/config?detailed=true`` (its topics dns, dhcp and misc), and how it takes
``PATCH /api/config`` (src/api/config.c). The standard library alone.
"""

from __future__ import annotations

from typing import Any

# fmt: off
KEYS: dict[str, tuple[Any, bool]] = {
    "dns.upstreams": ([], True),
    "dns.CNAMEdeepInspect": (True, False),
    "dns.blockESNI": (True, False),
    "dns.EDNS0ECS": (True, False),
    "dns.ignoreLocalhost": (False, False),
    "dns.showDNSSEC": (True, False),
    "dns.analyzeOnlyAandAAAA": (False, False),
    "dns.piholePTR": ("PI.HOLE", True),
    "dns.replyWhenBusy": ("ALLOW", False),
    "dns.blockTTL": (2, False),
    "dns.hosts": ([], False),
    "dns.domainNeeded": (False, True),
    "dns.expandHosts": (False, True),
    "dns.bogusPriv": (True, True),
    "dns.dnssec": (False, True),
    "dns.interface": ("", True),
    "dns.hostRecord": ("", True),
    "dns.listeningMode": ("LOCAL", True),
    "dns.queryLogging": (True, True),
    "dns.cnameRecords": ([], True),
    "dns.port": (53, True),
    "dns.localise": (True, True),
    "dns.revServers": ([], True),
    "dns.domain.name": ("lan", True),
    "dns.domain.local": (True, True),
    "dns.cache.size": (10000, True),
    "dns.cache.optimizer": (3600, True),
    "dns.cache.upstreamBlockedTTL": (86400, False),
    "dns.blocking.active": (True, False),
    "dns.blocking.mode": ("NULL", False),
    "dns.blocking.edns": ("TEXT", False),
    "dns.specialDomains.mozillaCanary": (True, False),
    "dns.specialDomains.iCloudPrivateRelay": (True, False),
    "dns.specialDomains.designatedResolver": (True, False),
    "dns.reply.host.force4": (False, False),
    "dns.reply.host.IPv4": ("", False),
    "dns.reply.host.force6": (False, False),
    "dns.reply.host.IPv6": ("", False),
    "dns.reply.blocking.force4": (False, False),
    "dns.reply.blocking.IPv4": ("", False),
    "dns.reply.blocking.force6": (False, False),
    "dns.reply.blocking.IPv6": ("", False),
    "dns.rateLimit.count": (1000, False),
    "dns.rateLimit.interval": (60, False),
    "dhcp.active": (False, True),
    "dhcp.start": ("", True),
    "dhcp.end": ("", True),
    "dhcp.router": ("", True),
    "dhcp.netmask": ("", True),
    "dhcp.leaseTime": ("", True),
    "dhcp.ipv6": (False, True),
    "dhcp.rapidCommit": (False, True),
    "dhcp.multiDNS": (False, True),
    "dhcp.logging": (False, True),
    "dhcp.ignoreUnknownClients": (False, True),
    "dhcp.hosts": ([], True),
    "misc.privacylevel": (0, False),
    "misc.delay_startup": (0, False),
    "misc.nice": (-10, True),
    "misc.addr2line": (True, False),
    "misc.etc_dnsmasq_d": (False, True),
    "misc.dnsmasq_lines": ([], True),
    "misc.extraLogging": (False, True),
    "misc.readOnly": (False, False),
    "misc.normalizeCPU": (True, False),
    "misc.hide_dnsmasq_warn": (False, False),
    "misc.check.load": (True, False),
    "misc.check.shmem": (90, False),
    "misc.check.disk": (90, False),
}
# fmt: on


def nested(values: dict[str, Any]) -> dict[str, Any]:
    """``{"dns.cache.size": 1}`` as ``{"dns": {"cache": {"size": 1}}}``."""
    made: dict[str, Any] = {}
    for key, value in values.items():
        *folders, name = key.split(".")
        place = made
        for folder in folders:
            place = place.setdefault(folder, {})
        place[name] = value
    return made


def flat(config: dict[str, Any]) -> dict[str, Any]:
    """The values of the keys that FTL knows; it looks for each of them and passes over everything else."""
    found = {}
    for key in KEYS:
        item: Any = config
        for part in key.split("."):
            item = item.get(part) if isinstance(item, dict) else None
        if item is not None:
            found[key] = item
    return found


def problem(key: str, value: Any) -> str | None:
    """Why FTL would not take a value, in its words; the types alone, and one of its validators."""
    default = KEYS[key][0]
    fits = type(value) is type(default)
    if isinstance(default, list) and fits:
        fits = all(isinstance(entry, str) for entry in value)
    if not fits:
        return f"{key}: not of the right type"
    if key == "dns.blocking.mode" and value not in ("NULL", "IP_NODATA_AAAA", "IP", "NX", "NODATA"):
        return f"{key}: invalid option"
    return None


def detailed(key: str, value: Any, *, forced: bool) -> dict[str, Any]:
    """One setting as ``?detailed=true`` shows it, its descriptions left out."""
    default, restarts = KEYS[key]
    flags = {"restart_dnsmasq": restarts, "session_reset": False, "env_var": forced}
    return {"value": value, "default": default, "modified": value != default, "flags": flags}

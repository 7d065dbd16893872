"""Pi-hole's settings that make answers differ: which they are, what a Pi-hole has, and what makes one as the other.

The keys are those of ``pihole.toml`` (FTL v6.4.1, src/config/config.c). A sync writes these and no others; what is not
here is each node's own, and docs/what-is-synchronised.md says why.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.model.errors import ParseError

# Lists of records, each an entry of its own, and the word that its entries begin with.
RECORDS = {
    "dns.hosts": "host",
    "dns.cnameRecords": "cname",
    "dns.revServers": "reverse-server",
    "dhcp.hosts": "static-lease",
    "misc.dnsmasq_lines": "dnsmasq-line",
}
# A Pi-hole without them is none that we know.
REQUIRED = ("dns.hosts", "dns.cnameRecords")
BLOCKING = "dns.blocking.active"
SINGLE = (
    BLOCKING,
    "dns.blocking.mode",
    "dns.blocking.edns",
    "dns.blockTTL",
    "dns.blockESNI",
    "dns.CNAMEdeepInspect",
    "dns.analyzeOnlyAandAAAA",
    "dns.ignoreLocalhost",
    "dns.EDNS0ECS",
    "dns.specialDomains.mozillaCanary",
    "dns.specialDomains.iCloudPrivateRelay",
    "dns.specialDomains.designatedResolver",
    "dns.reply.blocking.force4",
    "dns.reply.blocking.IPv4",
    "dns.reply.blocking.force6",
    "dns.reply.blocking.IPv6",
    "dns.replyWhenBusy",
    "dns.rateLimit.count",
    "dns.rateLimit.interval",
    "dns.domain.name",
    "dns.domain.local",
    "dns.domainNeeded",
    "dns.expandHosts",
    "dns.bogusPriv",
    "dns.hostRecord",
    "dns.localise",
    "dns.piholePTR",
    "dns.listeningMode",
    "dns.dnssec",
    "dns.cache.size",
    "dns.cache.optimizer",
    "dns.cache.upstreamBlockedTTL",
)
# What a sync writes and compares.
SYNCHRONISED = (*RECORDS, *SINGLE)


@dataclass(frozen=True, slots=True)
class PiholeSetting:
    """One setting of one Pi-hole."""

    key: str
    value: Any
    default: Any
    forced: bool  # by the environment of its container: nobody else may set it
    restarts: bool  # FTL, when it is changed

    @property
    def entries(self) -> dict[str, str]:
        """Its entries for the comparison: each record, or the value where it is not the default."""
        if self.key in RECORDS:
            return {f"{RECORDS[self.key]} {record}": "" for record in self.value}
        if self.value == self.default:
            return {}
        return {f"setting {self.key}": json.dumps(self.value)}


Held = Mapping[str, PiholeSetting]


def parse(document: Any, *, paused: bool) -> Held:  # noqa: ANN401
    """Read the answer to ``/api/config?detailed=true`` (src/api/config.c: get_json_config).

    A pause that ends by itself is no setting: with ``paused`` blocking counts as on.

    Raises:
        ParseError: it makes no sense.
    """
    config = document.get("config") if isinstance(document, dict) else None
    found = {key: setting for key in SYNCHRONISED if (setting := _setting(config, key)) is not None}
    for key in REQUIRED:
        if key not in found:
            raise _wrong(key)
    if paused and BLOCKING in found:
        held = found[BLOCKING]
        found[BLOCKING] = PiholeSetting(BLOCKING, held.default, held.default, held.forced, held.restarts)
    return found


def _setting(config: Any, key: str) -> PiholeSetting | None:  # noqa: ANN401
    """One setting; None where this version of FTL has none of that name."""
    item = config
    for part in key.split("."):
        item = item.get(part) if isinstance(item, dict) else None
    if item is None:
        return None
    flags = item.get("flags") if isinstance(item, dict) else None
    if not isinstance(flags, dict) or not {"value", "default"} <= item.keys():
        raise _wrong(key)
    value, default = item["value"], item["default"]
    records = isinstance(value, list) and all(isinstance(record, str) for record in value)
    if records != (key in RECORDS) or isinstance(value, dict):
        raise _wrong(key)
    return PiholeSetting(key, value, default, flags.get("env_var") is True, flags.get("restart_dnsmasq") is True)


def entries(held: Held) -> dict[str, str]:
    """All entries of a Pi-hole's settings."""
    return {name: value for setting in held.values() for name, value in setting.entries.items()}


@dataclass(frozen=True, slots=True)
class Change:
    """What makes a Pi-hole's settings as wanted: the keys with their values, and whether FTL restarts by it."""

    values: Mapping[str, Any]
    restarts: bool

    @property
    def body(self) -> dict[str, Any]:
        """The body of PATCH /api/config."""
        config: dict[str, Any] = {}
        for key, value in self.values.items():
            *folders, name = key.split(".")
            place = config
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = value
        return {"config": config}


def change(held: Held, wanted: Mapping[str, Any]) -> Change:
    """What is to be written for some values; a key that is forced or unknown here is left out.

    One forced key of another value would make FTL refuse the whole request (v6.4.1, src/api/config.c).
    """
    values = {
        key: value for key, value in wanted.items() if key in held and not held[key].forced and held[key].value != value
    }
    return Change(values, any(held[key].restarts for key in values))


def values(held: Held) -> dict[str, Any]:
    """The value of each setting."""
    return {key: setting.value for key, setting in held.items()}


def forced_differences(held: Held, wanted: Held) -> list[str]:
    """Name the settings that differ because the environment of ``held`` sets them."""
    return [
        key
        for key, setting in held.items()
        if setting.forced and key in wanted and wanted[key].entries != setting.entries
    ]


def _wrong(what: str) -> ParseError:
    return ParseError(f"gives no {what} that make sense")

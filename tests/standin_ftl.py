"""What Pi-hole's FTL makes of its environment, for the stand-ins that run Debian's dnsmasq in FTL's place.

Sources: FTL v6.4.1, ``src/config/dnsmasq_config.c`` (what is written, in this order), ``src/config/config.c`` (the
defaults), ``src/config/env.c`` (how the environment is read and makes keys read-only). The standard library alone,
because it runs inside the stand-in's image too.

What FTL does in its own code, and no option of dnsmasq does, is not here: blocking, the rate limit, the query database,
and the address in the answer for ``pi.hole``, which FTL replaces by the one that was asked
(``src/dnsmasq_interface.c``). That hostname.bind and id.server are NOTIMP is dnsmasq's own doing.
"""

# ruff: noqa: N815 (the settings have FTL's names)

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

HOSTS_DIRECTORY: Final = Path("/etc/pihole/hosts")
"""Where FTL keeps the records of ``dns.hosts``, in ``custom.list`` (src/config/dnsmasq_config.h)."""

_LISTENING_MODES: Final = ("LOCAL", "ALL", "SINGLE", "BIND", "NONE")
# The trust anchors of IANA, 2017 and 2024: https://data.iana.org/root-anchors/root-anchors.xml
_TRUST_ANCHORS: Final = (
    ".,20326,8,2,E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
    ".,38696,8,2,683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
)


WEB_PORTS: Final = "80o,443os,[::]:80o,[::]:443os"
"""The default of ``webserver.port`` (src/config/config.c)."""

# The keys with an underscore in a part of their name, among those that anybody here sets.
_UNDERSCORES: Final = ("app_sudo", "app_pwhash", "dnsmasq_lines", "etc_dnsmasq_d", "max_sessions")


@dataclass(frozen=True, slots=True)
class WebPort:
    """One address that FTL's web server listens on; where it cannot, an optional one is no failure."""

    address: str
    port: int
    encrypted: bool
    optional: bool


def web_ports(setting: str = WEB_PORTS) -> tuple[WebPort, ...]:
    """Read ``webserver.port`` (its help in src/config/config.c): ``[address:]port`` and the letters o, r and s.

    Raises:
        ValueError: an entry is none.
    """
    found: list[WebPort] = []
    for entry in filter(None, setting.split(",")):
        place, flags = entry.rstrip("ors"), entry[len(entry.rstrip("ors")) :]
        address, _, port = place.removeprefix("+").rpartition(":")
        addresses = ("0.0.0.0", "::") if place.startswith("+") else (address.strip("[]") or "0.0.0.0",)
        found.extend(WebPort(one, int(port), "s" in flags, "o" in flags) for one in addresses)
    return tuple(found)


def read_only_keys(environment: Mapping[str, str]) -> frozenset[str]:
    """The keys, such as ``dns.upstreams``, that the environment sets and that nobody else may set any more."""
    keys = set()
    for name in environment:
        if name.startswith("FTLCONF_"):
            key = name.removeprefix("FTLCONF_").replace("_", ".")
            for part in _UNDERSCORES:
                key = key.replace(part.replace("_", "."), part)
            keys.add(key)
    return frozenset(keys)


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of pihole.toml that the configuration depends on, with FTL's defaults (src/config/config.c).

    ``dns_cache_optimizer`` is written for ``dns.cache.optimizer``; what is in seconds there is in seconds here.
    """

    dns_upstreams: tuple[str, ...] = ()
    dns_port: int = 53
    dns_cache_size: int = 10000
    dns_localise: bool = True
    dns_queryLogging: bool = True
    files_log_dnsmasq: str = "/var/log/pihole/pihole.log"
    dns_bogusPriv: bool = True
    dns_domainNeeded: bool = False
    dns_expandHosts: bool = False
    dns_dnssec: bool = False
    dns_hostRecord: str = ""
    dns_cache_optimizer: int = 3600
    dns_interface: str = ""
    dns_listeningMode: str = "LOCAL"
    dns_revServers: tuple[str, ...] = ()
    dns_domain_name: str = "lan"
    dns_domain_local: bool = True
    dns_cnameRecords: tuple[str, ...] = ()
    misc_dnsmasq_lines: tuple[str, ...] = ()

    @classmethod
    def read(cls, environment: Mapping[str, str]) -> Settings:
        """Read the ``FTLCONF_`` variables; their names are compared without regard to case (src/config/env.c).

        Raises:
            ValueError: a value that FTL would not take. FTL itself goes on with its default; a test should not.
        """
        given = {name.upper(): value for name, value in environment.items()}
        return cls(
            **{
                field.name: _value(variable, given[variable], field.default)
                for field in dataclasses.fields(cls)
                if (variable := f"FTLCONF_{field.name.upper()}") in given
            }
        )


def _value(variable: str, text: str, default: Any) -> Any:
    """One value, of its default's type."""
    known = {"true": True, "yes": True, "false": False, "no": False}
    if isinstance(default, bool) and text.lower() in known:
        return known[text.lower()]
    if isinstance(default, int) and not isinstance(default, bool):
        return int(text)
    if isinstance(default, tuple):
        return tuple(filter(None, text.replace("\n", ";").split(";")))
    if isinstance(default, str) and (variable != "FTLCONF_DNS_LISTENINGMODE" or text.upper() in _LISTENING_MODES):
        return text
    message = f"{variable}={text}: FTL v6.4.1 does not take this value"
    raise ValueError(message)


def dnsmasq_configuration(settings: Settings, *, hosts: Path = HOSTS_DIRECTORY, gateway_interface: str = "") -> str:
    """The text of /etc/pihole/dnsmasq.conf, without its comments.

    Args:
        settings: what is set, or FTL's default.
        hosts: the folder of the local records; dnsmasq wants it to exist.
        gateway_interface: what FTL takes for ``dns.interface`` where none is set.
    """
    lines = _lines(settings, hosts, settings.dns_interface or gateway_interface)
    return "".join(f"{line}\n" for line in lines)


def _lines(settings: Settings, hosts: Path, interface: str) -> Iterator[str]:
    yield f"hostsdir={hosts}"
    yield "no-resolv"
    yield f"port={settings.dns_port}"
    yield from (f"server={server}" for server in settings.dns_upstreams)
    yield f"cache-size={settings.dns_cache_size}"
    if settings.dns_localise:
        yield "localise-queries"
    if settings.dns_queryLogging:
        yield from ("log-queries", "log-async")
    if settings.files_log_dnsmasq:
        yield f"log-facility={settings.files_log_dnsmasq}"
    if settings.dns_bogusPriv:
        yield "bogus-priv"
    if settings.dns_domainNeeded:
        yield "domain-needed"
    if settings.dns_expandHosts:
        yield "expand-hosts"
    if settings.dns_dnssec:
        yield "dnssec"
        yield from (f"trust-anchor={anchor}" for anchor in _TRUST_ANCHORS)
    if settings.dns_hostRecord:
        yield f"host-record={settings.dns_hostRecord}"
    if settings.dns_cache_optimizer > -1:
        yield f"use-stale-cache={settings.dns_cache_optimizer}"
    yield from _listening(settings.dns_listeningMode.upper(), interface)
    yield from _local_domains(settings)
    yield from (f"cname={record}" for record in settings.dns_cnameRecords)
    # RFC 6761, and what OpenWrt keeps from the root servers besides.
    yield from ("server=/test/", "server=/invalid/", "address=/localhost/127.0.0.1", "address=/localhost/::1")
    yield from ("server=/bind/", "server=/onion/")
    yield "cache-rr=ANY"
    yield "filter-rr=ANY"  # RFC 8482
    yield from settings.misc_dnsmasq_lines


def _listening(mode: str, interface: str) -> Iterator[str]:
    """Which interfaces it listens on, and whom it answers."""
    if mode == "LOCAL":
        yield "local-service"
    elif mode == "ALL":
        yield "except-interface=nonexisting"
    elif mode in ("SINGLE", "BIND"):
        yield f"interface={interface}"
        if mode == "BIND":
            yield "bind-interfaces"


def _local_domains(settings: Settings) -> Iterator[str]:
    """The domains that are never forwarded, but for those that a reverse server was given."""
    given = set()
    for setting in settings.dns_revServers:
        active, network, target, domain = (*setting.split(","), "")[:4]
        if active not in ("true", "1"):
            continue
        yield f"rev-server={network},{target}"
        if domain:
            yield f"server=/{domain}/{target}"
            given.add(domain)
        if not settings.dns_domainNeeded:
            yield f"server=//{target}"
    if settings.dns_domainNeeded:
        yield "local=//"
    # From v6.3 on: RFC 8375, and ICANN's private-use domain.
    yield from (f"local=/{domain}/" for domain in ("home.arpa", "internal") if domain not in given)
    if settings.dns_domain_name:
        yield f"domain={settings.dns_domain_name}"
        if settings.dns_domain_local and settings.dns_domain_name.lower() not in {one.lower() for one in given}:
            yield f"local=/{settings.dns_domain_name}/"
    yield from ("local=/pi.hole/", "host-record=pi.hole,0.0.0.0,::")


def read_env_file(file: Path) -> dict[str, str]:
    """The variables of an ``env_file`` of compose, such as stack/pihole/settings.env."""
    lines = (line.strip() for line in file.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value.strip("'\"") for name, _, value in pairs}

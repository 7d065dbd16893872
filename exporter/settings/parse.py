"""One function for each form a setting can have; each raises ValueError with the reason."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from exporter.model.addressing import (
    Address,
    AddressError,
    Network,
    VirtualAddress,
    parse_address,
    parse_virtual_address,
)
from exporter.model.observations import NODE_NAME, ROLES


@dataclass(frozen=True, slots=True)
class NodeAddress:
    """A node's address and, where it was given, its subnet."""

    address: Address
    network: Network | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address and a port."""

    address: Address
    port: int


@dataclass(frozen=True, slots=True)
class ExpectedContainer:
    """A container that should run on every node, or on those of one role."""

    name: str
    role: str | None


_Value = TypeVar("_Value")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def optional(form: Callable[[str], _Value]) -> Callable[[str], _Value | None]:
    """A form, or nothing."""
    return lambda text: form(text) if text else None


def choice(*words: str) -> Callable[[str], str]:
    """One of the words."""

    def parse(text: str) -> str:
        if text not in words:
            msg = f"{text!r} is not one of {', '.join(words)}"
            raise ValueError(msg)
        return text

    return parse


def _matching(pattern: str, hint: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text, re.ASCII):
            msg = f"{text!r} {hint}"
            raise ValueError(msg)
        return text

    return parse


node_name = _matching(NODE_NAME.pattern, "is no name: use letters, digits, dots and hyphens, 63 at most")
# The kernel takes more, but keepalived's configuration and nftables have meanings for some of it.
interface = _matching(
    r"[A-Za-z0-9_.:@+-]{1,15}",
    "is no interface's name: use letters, digits and _ . : @ + - (15 characters at most, no slash)",
)
_container = _matching(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{0,127}", "is no container's name")
_domain = _matching(r"[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*", "is no domain name")
# A name takes 255 octets at most (RFC 1035, 3.1); a random label of 16 characters comes before it.
MAXIMUM_ZONE_LENGTH = 236
MAXIMUM_NAME_LENGTH = 253
# RFC 3768, 5.3.10, and the older RFC 2338.
VRRP_PASSWORD_LENGTH = 8
# As Prometheus writes them on its command line.
retention = _matching(r"([0-9]+(y|w|d|h|m|s))+", "is not of the form 30d or 2w")
retention_size = _matching(r"[0-9]+(KB|MB|GB|TB)", "is not of the form 512MB or 2GB")


def domain(text: str) -> str:
    """A domain name with room for a random label below it."""
    if len(text) > MAXIMUM_ZONE_LENGTH:
        msg = f"the name has {len(text)} characters; {MAXIMUM_ZONE_LENGTH} leave room for a label below it"
        raise ValueError(msg)
    return _domain(text)


def optional_domain(text: str) -> str:
    """A domain name, or nothing."""
    return domain(text) if text else ""


def host(text: str) -> str:
    """An address, without a zone, or a name."""
    with contextlib.suppress(ValueError):
        return str(ipaddress.ip_address(text))
    # What has digits in its last label alone is an address that somebody has mistyped.
    if len(text) > MAXIMUM_NAME_LENGTH or re.search(r"(^|\.)[0-9]+$", text):
        msg = f"{text!r} is neither an address nor a name"
        raise ValueError(msg)
    return _domain(text)


def topic(text: str) -> str:
    """A topic of MQTT below which others are made; a wildcard or a first slash would lead elsewhere."""
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,8}", text):
        msg = f"{text!r} is no topic: use letters, digits, _ and -, and / between them"
        raise ValueError(msg)
    return text


def domains(text: str) -> tuple[str, ...]:
    """Domain names, by commas, or none."""
    return tuple(domain(part) for part in _parts(text))


def vrrp_password(text: str) -> str:
    """A password that keepalived's configuration and VRRPv2 can hold, or none; its text is in no message."""
    if text and not re.fullmatch(rf"[A-Za-z0-9_.-]{{1,{VRRP_PASSWORD_LENGTH}}}", text):
        msg = (
            f"it must be 1 to {VRRP_PASSWORD_LENGTH} letters, digits, dots, hyphens or underscores: "
            "VRRPv2 has room for no more"
        )
        raise ValueError(msg)
    return text


def on_off(text: str) -> bool:
    """On or off."""
    return choice("on", "off")(text.lower()) == "on"


def yes_no(text: str) -> bool:
    """Yes or no."""
    return choice("yes", "no")(text.lower()) == "yes"


def true_false(text: str) -> bool:
    """True or false."""
    return choice("true", "false")(text.lower()) == "true"


def integer(low: int, high: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            msg = f"{text!r} is not a whole number from {low} to {high}"
            raise ValueError(msg)
        return int(text)

    return parse


def seconds(low: float, high: float) -> Callable[[str], float]:
    """A number of seconds in a range."""

    def parse(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text) or not low <= float(text) <= high:
            msg = f"{text!r} is not a number of seconds from {low:g} to {high:g}"
            raise ValueError(msg)
        return float(text)

    return parse


def period(low: float, high: float) -> Callable[[str], float]:
    """A time in a range of seconds, written as seconds or with s, m, h or d."""

    def parse(text: str) -> float:
        match = re.fullmatch(r"([0-9]{1,7})([smhd]?)", text)
        seconds = int(match[1]) * UNITS[match[2] or "s"] if match else 0
        if not low <= seconds <= high:
            msg = f"{text!r} is no time from {low:g} seconds to {high / UNITS['d']:g} days, such as 900, 15m or 6h"
            raise ValueError(msg)
        return float(seconds)

    return parse


def command(text: str) -> tuple[str, ...]:
    """A command and its arguments, or none, by a shell's rules of quoting."""
    return tuple(shlex.split(text))


def url(text: str) -> str:
    """The URL of a host, without a path's last slash, or nothing."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and not parts.username
    except ValueError:
        good = False
    if text and (not good or re.search(r"[\s|,]", text)):
        msg = f"{text!r} is not http://HOST or http://HOST:PORT"
        raise ValueError(msg)
    return text.rstrip("/")


def page(text: str) -> str:
    """A URL to which the name of a page is added, or nothing; no braces, which mean something to Prometheus."""
    if set(text) & set('{}"<>'):
        msg = f"{text!r} is not http://HOST/PATH"
        raise ValueError(msg)
    return url(text)


def node_address(text: str) -> NodeAddress:
    """An address, with its subnet's length or without."""
    address = parse_address(text.partition("/")[0])
    if "/" not in text:
        return NodeAddress(address, None)
    try:
        return NodeAddress(address, ipaddress.ip_network(text, strict=False))
    except ValueError:
        msg = f"{text!r} has no valid prefix length: 1 to {address.max_prefixlen}"
        raise AddressError(msg) from None


def networks(text: str) -> tuple[Network, ...]:
    """Networks and single addresses, by commas; an address with a length stands for its network."""

    def one(text: str) -> Network:
        address = parse_address(text.partition("/")[0])
        try:
            return ipaddress.ip_network(text, strict=False)
        except ValueError:
            msg = f"{text!r} has no valid prefix length: 0 to {address.max_prefixlen}"
            raise AddressError(msg) from None

    return tuple(one(part) for part in _parts(text))


def virtual_addresses(text: str) -> tuple[VirtualAddress, ...]:
    """One or more virtual IPs."""
    found = tuple(parse_virtual_address(part) for part in _parts(text))
    if not found:
        msg = "names no address"
        raise ValueError(msg)
    doubled = {str(v) for v in found if [str(w) for w in found].count(str(v)) > 1}
    if doubled:
        msg = f"names {', '.join(sorted(doubled))} more than once"
        raise ValueError(msg)
    return found


def endpoints(default_port: int) -> Callable[[str], tuple[Endpoint, ...]]:
    """``ADDRESS``, ``ADDRESS:PORT`` or ``[IPV6]:PORT``, several by commas."""

    def one(text: str) -> Endpoint:
        match = re.fullmatch(r"\[([^\]]+)\](?::([0-9]{1,5}))?|([^:]+):([0-9]{1,5})|(.+)", text)
        host = (match and (match[1] or match[3] or match[5])) or ""
        port = (match and (match[2] or match[4])) or str(default_port)
        return Endpoint(parse_address(host), integer(1, 65535)(port))

    def parse(text: str) -> tuple[Endpoint, ...]:
        found = tuple(one(part) for part in _parts(text))
        if len(set(found)) < len(found):
            msg = f"{text!r} names the same address and port more than once"
            raise ValueError(msg)
        return found

    return parse


def none_or(form: Callable[[str], tuple[_Value, ...]]) -> Callable[[str], tuple[_Value, ...]]:
    """A form of several values, or the word none for no value."""
    return lambda text: () if text.lower() == "none" else form(text)


def directory(text: str) -> Path:
    """An absolute path."""
    if not text.startswith("/") or "\0" in text:
        msg = f"{text!r} is not an absolute path"
        raise ValueError(msg)
    return Path(text)


optional_address = optional(parse_address)
optional_file = optional(directory)


def docker_host(text: str) -> str:
    """Where Docker's API is."""
    match = re.fullmatch(r"unix:///[^\s]+|tcp://(?:\[[0-9a-fA-F:.]+\]|[^\s/:\[\]]+):([0-9]{1,5})", text)
    if text and match is None:
        msg = f"{text!r} is neither unix:///PATH nor tcp://HOST:PORT"
        raise ValueError(msg)
    if match is not None and match[1] is not None and not 1 <= int(match[1]) <= 65535:
        msg = f"{text!r} has no port from 1 to 65535"
        raise ValueError(msg)
    return text


def containers(text: str) -> tuple[ExpectedContainer, ...]:
    """Container names; ``NAME@ROLE`` for one that only nodes of that role run."""

    def one(text: str) -> ExpectedContainer:
        name, at, role = text.partition("@")
        return ExpectedContainer(_container(name), choice(*ROLES)(role) if at else None)

    return tuple(dict.fromkeys(one(part) for part in _parts(text)))


def durations(text: str) -> dict[str, float]:
    """``NAME=AGE`` with an age such as 90s, 30m, 3h or 2d; ``NAME@ROLE=AGE`` for nodes of that role."""

    def age(name: str, text: str) -> float:
        match = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
        if match is None or int(match[1]) == 0:
            msg = f"{name}={text}: the age must be a number and s, m, h or d, such as 3h"
            raise ValueError(msg)
        return float(int(match[1]) * UNITS[match[2]])

    return {name: age(name, value) for name, value in _pairs(text, rf"(@({'|'.join(ROLES)}))?")}


def paths(text: str) -> dict[str, Path]:
    """``NAME=PATH``."""
    return {name: directory(value) for name, value in _pairs(text)}


def _pairs(text: str, after_name: str = "") -> list[tuple[str, str]]:
    pairs = []
    for part in _parts(text):
        name, equals, value = part.partition("=")
        if not equals or not re.fullmatch(r"[a-z][a-z0-9_-]{0,31}" + after_name, name):
            msg = f"{part!r} is not NAME=VALUE with a name of lower-case letters, digits, - and _"
            raise ValueError(msg)
        pairs.append((name, value))
    if len({name for name, _ in pairs}) < len(pairs):
        msg = "names something more than once"
        raise ValueError(msg)
    return pairs


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]

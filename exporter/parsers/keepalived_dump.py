"""Keepalived's JSON dump (``vrrp_json.c``): the same fields from 2.2.7 to 2.3.3, in two frames."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from exporter.engine.files import parse_json
from exporter.model.errors import ParseError
from exporter.model.observations import VrrpCounters, VrrpState

# vrrp.h: VRRP_STATE_INIT, _BACK, _MAST, _FAULT; anything else is on its way out.
STATES = {0: VrrpState.INIT, 1: VrrpState.BACKUP, 2: VrrpState.MASTER, 3: VrrpState.FAULT}
# The counters of refused advertisements, as keepalived names them, and as metrics do.
ERRORS = {
    "packet_len_err": "packet_length",
    "advert_interval_err": "advertisement_interval",
    "ip_ttl_err": "ttl",
    "invalid_type_rcvd": "invalid_type",
    "addr_list_err": "address_list",
    "invalid_authtype": "invalid_authentication_type",
    "authtype_mismatch": "authentication_type_mismatch",
    "auth_failure": "authentication_failure",
}


@dataclass(frozen=True, slots=True)
class DumpedInstance:
    """One VRRP instance as keepalived dumps it; times in seconds."""

    name: str
    state: VrrpState
    last_transition: float
    interface: str
    virtual_router_id: int
    version: int
    base_priority: int
    effective_priority: int
    advertisement_interval: float
    counters: VrrpCounters


def parse_keepalived_dump(content: bytes) -> tuple[DumpedInstance, ...]:
    """Read every VRRP instance of a dump.

    Raises:
        ParseError: it is cut off, not JSON, or not a dump of VRRP instances.
    """
    document = parse_json(content, "keepalived's dump")
    if isinstance(document, dict):  # json_version 2
        document = document.get("vrrp")
    if not isinstance(document, list):
        msg = "keepalived's dump holds no list of VRRP instances"
        raise ParseError(msg)
    return tuple(_instance(entry) for entry in document)


def _instance(entry: Any) -> DumpedInstance:  # noqa: ANN401
    data, stats = (entry.get("data"), entry.get("stats")) if isinstance(entry, dict) else (None, None)
    if not isinstance(data, dict) or not isinstance(stats, dict):
        msg = "an instance in keepalived's dump has no data or no stats"
        raise ParseError(msg)
    return DumpedInstance(
        name=_text(data, "iname"),
        state=STATES.get(_integer(data, "state"), VrrpState.STOPPED),
        last_transition=_number(data, "last_transition"),
        interface=_text(data, "ifp_ifname"),
        virtual_router_id=_integer(data, "vrid"),
        version=_integer(data, "version"),
        base_priority=_integer(data, "base_priority"),
        effective_priority=_integer(data, "effective_priority"),
        advertisement_interval=_number(data, "adver_int"),
        counters=VrrpCounters(
            advertisements_received=_integer(stats, "advert_rcvd"),
            advertisements_sent=_integer(stats, "advert_sent"),
            priority_zero_received=_integer(stats, "pri_zero_rcvd"),
            priority_zero_sent=_integer(stats, "pri_zero_sent"),
            errors={reason: _integer(stats, key) for key, reason in ERRORS.items()},
        ),
    )


def _wrong(key: str, expected: str) -> ParseError:
    return ParseError(f"{key} in keepalived's dump is not {expected}")


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str) or len(value) > 256:
        raise _wrong(key, "a name")
    return value


def _integer(fields: Mapping[str, Any], key: str) -> int:
    value = fields.get(key)
    if type(value) is not int or not 0 <= value < 2**64:
        raise _wrong(key, "a count")
    return value


def _number(fields: Mapping[str, Any], key: str) -> float:
    value = fields.get(key)
    if type(value) not in (int, float) or not 0 <= value < 2**53 or not math.isfinite(value):  # type: ignore[operator, arg-type]
        raise _wrong(key, "a time")
    return float(value)  # type: ignore[arg-type]

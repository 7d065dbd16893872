"""Keepalived's JSON dump (``vrrp_json.c``): the same fields from 2.2.7 to 2.3.3, in two frames."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.errors import ParseError
from exporter.model.observations import VrrpCounters, VrrpState
from exporter.parsers.fields import Fields, as_object, parse_json

WHAT = "keepalived's dump"
MAXIMUM_NAME = 256
COUNTERS_BELOW = 2**64  # unsigned long
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
    document = parse_json(content, WHAT)
    if isinstance(document, dict):  # json_version 2
        document = document.get("vrrp")
    if not isinstance(document, list):
        msg = "keepalived's dump holds no list of VRRP instances"
        raise ParseError(msg)
    return tuple(_instance(as_object(entry, f"an instance in {WHAT}")) for entry in document)


def _instance(entry: Fields) -> DumpedInstance:
    data, stats = entry.object("data"), entry.object("stats")
    return DumpedInstance(
        name=data.text("iname", MAXIMUM_NAME),
        state=STATES.get(data.count("state"), VrrpState.STOPPED),
        last_transition=data.seconds("last_transition"),
        interface=data.text("ifp_ifname", MAXIMUM_NAME),
        virtual_router_id=data.count("vrid"),
        version=data.count("version"),
        base_priority=data.count("base_priority"),
        effective_priority=data.count("effective_priority"),
        advertisement_interval=data.seconds("adver_int"),
        counters=VrrpCounters(
            advertisements_received=stats.count("advert_rcvd", COUNTERS_BELOW),
            advertisements_sent=stats.count("advert_sent", COUNTERS_BELOW),
            priority_zero_received=stats.count("pri_zero_rcvd", COUNTERS_BELOW),
            priority_zero_sent=stats.count("pri_zero_sent", COUNTERS_BELOW),
            errors={reason: stats.count(key, COUNTERS_BELOW) for key, reason in ERRORS.items()},
        ),
    )

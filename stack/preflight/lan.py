"""Listen to the LAN for a few seconds: who claims the virtual IPs, and whose VRRP contradicts the settings."""

from __future__ import annotations

import errno
import time
from collections import defaultdict

from exporter.model.errors import ParseError
from exporter.settings.values import Settings
from exporter.wire.ip_packet import parse_ip_packet
from exporter.wire.packet_socket import Frame, own_hardware_addresses
from exporter.wire.vrrp_mismatch import MismatchReason, OwnVrrp, vrrp_mismatches
from exporter.wire.wire import Wire
from stack.preflight.facts import WireFacts

ASK_SECONDS = 0.5
_ADVICE = {
    errno.EPERM: "the LAN cannot be listened to: this process lacks CAP_NET_RAW",
    errno.EACCES: "the LAN cannot be listened to: this process lacks CAP_NET_RAW",
    errno.ENODEV: "the LAN cannot be listened to: there is no such interface",
    errno.ENETDOWN: "the LAN cannot be listened to: the interface is down",
}


def listen(settings: Settings, vrrp_version: int, seconds: float) -> tuple[WireFacts | None, str | None]:
    """Ask and listen; return what was heard, or why nothing could be."""
    vips = [virtual.address for virtual in settings.vip_address]
    nodes = [settings.node_ip.address, *([settings.peer_ip] if settings.peer_ip else [])]
    family = settings.node_ip.address.version
    own = OwnVrrp(
        virtual_router_id=settings.virtual_router_id,
        address=settings.node_ip.address,
        addresses=frozenset(vip for vip in vips if vip.version == family),
        peer=settings.peer_ip,
        version=vrrp_version,
    )
    claims: dict[str, set[str]] = defaultdict(set)
    faults: dict[str, None] = {}
    try:
        wire = Wire(settings.network_interface, [*vips, *nodes], family, settings.peer_ip)
        try:
            ours = own_hardware_addresses()
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for address in (*vips, *nodes):
                    wire.ask_for(address)
                time.sleep(min(ASK_SECONDS, seconds))
                heard = wire.read()
                for claim in heard.claims:
                    if claim.hardware not in ours:
                        claims[str(claim.address)].add(claim.hardware.hex(":"))
                for frame in (*heard.peer_adverts, *heard.other_adverts):
                    if frame.sender not in ours:
                        faults.update(dict.fromkeys(_faults(frame, own)))
        finally:
            wire.close()
    except OSError as error:
        return None, _ADVICE.get(error.errno or 0, f"the LAN cannot be listened to: {error.strerror or error}")
    return WireFacts({address: frozenset(found) for address, found in claims.items()}, tuple(faults), seconds), None


def _faults(frame: Frame, own: OwnVrrp) -> list[str]:
    try:
        packet = parse_ip_packet(frame.packet)
    except ParseError:
        return []
    return [
        f"{packet.source}: {mismatch.seen}"
        for mismatch in vrrp_mismatches(packet, own)
        if mismatch.reason is not MismatchReason.OTHER_VRID
    ]

"""Which hardware addresses are the pair's own: whoever is not of the pair is a stranger.

This node's are those of all its interfaces, because Linux answers ARP for any of its addresses on each of them. The
peer's are those that answer for its address. One that is not known is asked for before anybody is blamed: a card may
have been replaced, or a cable and Wi-Fi be on the same LAN. (Who answers for the peer's address passes for the peer.)
"""

from __future__ import annotations

from collections.abc import Collection

from exporter.model.addressing import Address
from exporter.wire.packet_socket import own_hardware_addresses
from exporter.wire.wire import Claim, Wire

MOST_PEER_ADDRESSES = 8
KEPT_SECONDS = 600.0
ASK_SECONDS = 10.0
ASK_UNKNOWN_SECONDS = 2.0
ASK_AGAIN_SECONDS = 0.4  # while somebody is suspected, each half second
PATIENCE_SECONDS = 1.0  # for the answer of a peer whose hardware is not known yet


class Nodes:
    """The hardware addresses of both nodes. Times are seconds of a monotonic clock."""

    def __init__(self, own: Address, peer: Address | None) -> None:
        self._own_address = own
        self._peer_address = peer
        self._asked = float("-inf")
        self._peer: dict[bytes, float] = {}
        self._own: set[bytes] = set()

    @property
    def peer(self) -> Collection[bytes]:
        """The other node's, as far as they are known."""
        return self._peer.keys()

    @property
    def peer_unknown(self) -> bool:
        """Whether there is another node that has never answered."""
        return self._peer_address is not None and not self._peer

    def is_own(self, hardware: bytes) -> bool:
        """Whether it is this node's."""
        return hardware in self._own

    def is_peer(self, hardware: bytes) -> bool:
        """Whether it is the other node's."""
        return hardware in self._peer

    def poll(self) -> None:
        """Ask this node's kernel anew which interfaces there are."""
        self._own = own_hardware_addresses()

    def learn(self, claims: Collection[Claim], now: float) -> bool:
        """Note who answered for the peer's address; say whether somebody new did."""
        new = False
        for claim in claims:
            for hardware in {claim.hardware, claim.sender} if claim.address == self._peer_address else ():
                if hardware in self._own:
                    continue
                if hardware not in self._peer:
                    if len(self._peer) >= MOST_PEER_ADDRESSES:
                        oldest = min(self._peer, key=lambda one: self._peer[one])
                        if now - self._peer[oldest] < KEPT_SECONDS:  # a flood of them displaces nobody
                            continue
                        del self._peer[oldest]
                    new = True
                self._peer[hardware] = now
        return new

    def ask(self, wire: Wire, now: float, *, urgent: bool, own_address_held: bool) -> None:
        """Ask for the peer's address, in the name of this node's, which it must have for that.

        Raises:
            OSError: the interface is down or has gone.
        """
        every = ASK_AGAIN_SECONDS if urgent else ASK_SECONDS if self._peer else ASK_UNKNOWN_SECONDS
        if self._peer_address is not None and now - self._asked >= every and own_address_held:
            wire.ask_in_name_of(self._own_address, self._peer_address)
            self._asked = now

"""A stand-in for the LAN, so that a test can wind time and say what is heard; tests/wire has the real one."""

from __future__ import annotations

from collections.abc import Collection

from exporter.model.addressing import Address
from exporter.wire.packet_socket import Frame
from exporter.wire.wire import Claim, Heard, Wire


class StandInWire(Wire):
    """Says what it was told to say, and notes what it was asked for."""

    def __init__(self) -> None:
        self.claims: list[Claim] = []
        self.adverts: list[Frame] = []
        self.complete = True
        self.error: OSError | None = None
        self.asked: list[str] = []
        self.asked_for_peer: list[str] = []
        self.announced: list[str] = []
        self.known_peer: list[bytes] = []
        self.closed = 0

    def open(self, *_: object) -> StandInWire:
        """As the class is called."""
        if self.error is not None:
            raise self.error
        return self

    def read(self) -> Heard:
        if self.error is not None:
            raise self.error
        heard = Heard(self.claims, [], self.adverts, self.complete)
        self.claims, self.adverts = [], []
        return heard

    def dropped(self) -> int:
        return 0

    def know_peer(self, hardware: Collection[bytes]) -> None:
        self.known_peer = list(hardware)

    def ask_for(self, address: Address) -> None:
        self.asked.append(str(address))

    def ask_in_name_of(self, own: Address, address: Address) -> None:
        self.asked_for_peer.append(f"{own} asks for {address}")

    def announce(self, address: Address) -> None:
        self.announced.append(str(address))

    def close(self) -> None:
        self.closed += 1

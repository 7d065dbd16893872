"""Loads the firewall's table, looks after it, and tells the exporter of it.

The node runs without it too, where the kernel has no nf_tables or nft fails; that is told, and tried again. The table
is loaded again when somebody takes it away or changes it (the service nftables begins its own rules with
``flush ruleset``), and when the LAN gets other prefixes.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.engine.files import write_atomically
from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import Network, interface_networks
from stack.firewall.settings import FirewallSettings
from stack.firewall.table import REMOVE, TABLE, render
from stack.nft import NftError, nft

POLL_SECONDS: Final = 5.0
_LISTING_SECONDS: Final = 15.0  # it runs a program


@dataclass(slots=True)
class Firewall:
    """The table of one node."""

    files: RuntimeFiles
    settings: FirewallSettings
    networks_of: Callable[[str], Sequence[Network]] = interface_networks
    problem: str = "it is not loaded yet"  # empty: the table is loaded, or should not be
    _text: str = ""  # as it was loaded
    _listed: str = ""  # as nft showed it then
    _listed_at: float = float("-inf")

    def poll(self) -> None:
        """Load the table if it is not as it should be, and tell how that went; to be called every POLL_SECONDS."""
        if self.settings.on:
            self._poll()
        elif self.problem:  # what an earlier run may have left
            with contextlib.suppress(NftError):
                nft("--file", "-", text=REMOVE)
            self._tell("", "is off, as FIREWALL in .env says; this node's ports are as open as other rules leave them")
        self._publish()

    def end(self) -> None:
        """Take the table away."""
        if self.settings.on:
            try:
                nft("--file", "-", text=REMOVE)
            except NftError as error:
                print(f"the firewall cannot be taken away: {error}", file=sys.stderr, flush=True)
            self.problem = "its service was stopped"
        self._publish()

    def _poll(self) -> None:
        text = render(self.settings, self.networks_of(self.settings.interface))
        if self.problem or text != self._text:
            self._load(text)
        elif time.monotonic() - self._listed_at >= _LISTING_SECONDS:
            try:
                changed = "" if self._list() == self._listed else "somebody has changed it"
            except NftError as error:
                changed = f"it is not there any more ({error})"
            if changed:
                self._tell(changed)
                self._load(text)

    def _load(self, text: str) -> None:
        try:
            nft("--file", "-", text=text)
            self._listed = self._list()
        except NftError as error:
            self._tell(f"it cannot be loaded: {error}")
        else:
            self._text = text
            self._tell("")

    def _list(self) -> str:
        """The table as the kernel has it, without its counts."""
        listed = nft("--stateless", "list", "table", *TABLE.split())
        self._listed_at = time.monotonic()
        return listed

    def _tell(self, problem: str, well: str = "is loaded") -> None:
        """Note the state, and say it in the container's log when it has changed."""
        if problem != self.problem:
            said = f"does not protect this node: {problem}" if problem else well
            print(f"the firewall {said}", file=sys.stderr, flush=True)
        self.problem = problem

    def _publish(self) -> None:
        state = ("failed" if self.problem else "loaded") if self.settings.on else "off"
        document = {"time": time.time(), "state": state, "problem": self.problem, "closed": self.settings.closed}
        with contextlib.suppress(OSError):  # a full tmpfs: what it says grows old, which the exporter tells
            write_atomically(self.files.firewall, json.dumps(document).encode())

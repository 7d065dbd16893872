"""The leases that this node knows of: its own server's, and the other node's as they were last heard."""

from __future__ import annotations

import time
from pathlib import Path

from exporter.engine.files import read_bounded, set_aside, write_atomically
from exporter.http.pair_key import KeySource
from exporter.model.addressing import Address
from exporter.model.errors import ParseError
from stack.dhcp import exchange
from stack.dhcp.leases import Lease, parse, render, union
from stack.dhcp.server import read_settled
from stack.guard.log import say
from stack.preflight.port import DHCP_LEASES_PORT


class LeaseBook:
    """Two files: ``leases``, which is dnsmasq's while it runs, and ``peer``. Times are Unix seconds."""

    def __init__(self, own: Path, peer: Path) -> None:
        self._own = own
        self._peer = peer
        self.serving = False  # dnsmasq has the first file
        self.copied: float | None = None
        self.copy_problem = ""
        self.changed = False  # by the other node, since somebody last looked
        self._peer_text = _good_text(peer)

    def own(self) -> tuple[Lease, ...]:
        """Those of this node's server; a file that cannot be used is set aside while nobody writes it.

        Raises:
            OSError: the file cannot be read.
        """
        try:
            return parse(read_settled(self._own))
        except ParseError as error:
            if not self.serving:
                say(f"{self._own} is of no use ({error}); {set_aside(self._own)}")
            return ()

    def all(self) -> tuple[Lease, ...]:
        """Those of both that have not ended.

        Raises:
            OSError: the file cannot be read.
        """
        return union((*self.own(), *parse(self._peer_text)), time.time())

    def settle(self) -> tuple[Lease, ...]:
        """Make both one, for a server that is about to start; return them.

        Raises:
            OSError: the file cannot be read or written.
        """
        together = self.all()
        write_atomically(self._own, render(together).encode())
        self.changed = False
        return together

    def unknown_to_server(self) -> bool:
        """Whether the other node has told of leases that the server does not know of, which runs.

        Raises:
            OSError: the file cannot be read.
        """
        own = self.own()
        together = union((*own, *parse(self._peer_text)), time.time())
        return not {one.identity for one in together} <= {one.identity for one in own}

    def told(self) -> str:
        """What the other node is told: what the server has, and where none runs all that is known.

        So that an address that a device has given back does not go round between the nodes for ever.

        Raises:
            OSError: the file cannot be read.
        """
        return render(self.own() if self.serving else self.all())

    def ask(self, peer: Address, key: KeySource, port: int = DHCP_LEASES_PORT) -> None:
        """Ask the other node, and keep what it says."""
        try:
            found = exchange.fetch(peer, self._peer_text, key, port)
            if found is not None:
                write_atomically(self._peer, found[0].encode())
                self._peer_text, self.changed = found[0], True
        except exchange.ExchangeError as error:
            problem = str(error)
        except OSError as error:
            problem = f"{self._peer} cannot be written: {error.strerror}"
        else:
            self.copied, problem = time.time(), ""
        if problem and problem != self.copy_problem:
            say(problem)
        self.copy_problem = problem


def _good_text(path: Path) -> str:
    """A file of leases; nothing where there is none that can be used, which is set aside."""
    try:
        text = read_bounded(path, exchange.LONGEST).decode("ascii", "replace")
        parse(text)
    except FileNotFoundError:
        return ""
    except (OSError, ParseError) as error:
        say(f"{path} is of no use ({error}); {set_aside(path)}")
        return ""
    return text

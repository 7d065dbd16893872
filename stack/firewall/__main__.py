"""The firewall's service: keeps its table loaded until it is told to stop (SIGTERM), and takes it away then.

Who kills it leaves the table behind, which cuts nothing that the node needs; the next start replaces it.
Reads FIREWALL, ADMIN_NETWORKS, PEER_IP, NETWORK_INTERFACE, NODE_ROLE, the ports, and OBSERVABILITY and PIHOLE_PORTS,
which say what else is part of the stack. Needs CAP_NET_ADMIN and nothing else.
"""

from __future__ import annotations

import signal

STOP = {signal.SIGTERM, signal.SIGINT}
# Before anything else: a stop that comes meanwhile would be lost, for this is a container's first process.
signal.pthread_sigmask(signal.SIG_BLOCK, STOP)

import os  # noqa: E402
import sys  # noqa: E402

from exporter.engine.runtime import RuntimeFiles  # noqa: E402
from exporter.model.errors import ConfigurationError  # noqa: E402
from stack.firewall.keeper import POLL_SECONDS, Firewall  # noqa: E402
from stack.firewall.settings import read_firewall  # noqa: E402

BAD_CONFIGURATION = 3


def main() -> int:
    """Keep the table until the end."""
    try:
        settings = read_firewall(os.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"firewall not started: {problem}", file=sys.stderr, flush=True)
        return BAD_CONFIGURATION
    firewall = Firewall(RuntimeFiles(), settings)
    firewall.poll()
    while signal.sigtimedwait(STOP, POLL_SECONDS) is None:
        firewall.poll()
    firewall.end()
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The DHCP service of a node: ``python3 -m stack.dhcp``; without DHCP=yes it waits and does nothing.

Needs CAP_NET_ADMIN (to reach a device that has no address yet), CAP_NET_RAW (to look for other servers) and
CAP_NET_BIND_SERVICE (port 67).
"""

from __future__ import annotations

import os
import signal
import sys
import time

from exporter.engine.runtime import RuntimeFiles
from exporter.model.errors import ConfigurationError
from stack.dhcp.follow import PUBLISH_SECONDS, Follower
from stack.dhcp.settings import read_dhcp
from stack.dhcp.status import DhcpStatus, publish
from stack.guard.log import say

BAD_CONFIGURATION = 3
STOP = (signal.SIGTERM, signal.SIGINT)


def main() -> int:
    """Follow the virtual IP until the end."""
    ends: list[int] = []
    wake, write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(write)
    for number in STOP:
        signal.signal(number, lambda received, _: ends.append(received))
    signal.signal(signal.SIGCHLD, lambda *_: None)  # it wakes this up
    files = RuntimeFiles()
    try:
        settings = read_dhcp(os.environ)
    except ConfigurationError as error:
        for problem in error.problems:
            say(f"DHCP not started: {problem}")
        return BAD_CONFIGURATION
    if settings is None:
        say("DHCP is off, as .env says")
        while not ends:
            publish(files.dhcp, time.time(), DhcpStatus(serving=False, problem="", leases=0, copied=None,
                                                        copy_problem="", foreign=()))  # fmt: skip
            time.sleep(PUBLISH_SECONDS)
        return 0
    settings.directory.mkdir(parents=True, exist_ok=True)
    Follower(settings, files).run(wake, lambda: bool(ends))
    return 0


if __name__ == "__main__":
    sys.exit(main())

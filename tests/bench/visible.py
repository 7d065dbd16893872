"""How long after the kernel made a change ``/metrics`` shows it; prints seconds as JSON.

Run inside a host of the lab: ``python -m tests.bench.visible PORT ADDRESS COUNT``.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time

GIVE_UP_SECONDS = 5.0


def owned(port: int, address: str) -> bool:
    """Ask the exporter whether the node owns the address."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=GIVE_UP_SECONDS)
    try:
        connection.request("GET", "/metrics?name[]=dnsha_vip_owned")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    return any(f'vip="{address}"' in line and line.endswith(" 1.0") for line in text.splitlines())


def main() -> None:
    """Add and remove an address, and measure each time."""
    port, address, count = int(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    seconds = []
    for number in range(2 * count):
        wanted = number % 2 == 0
        subprocess.run(["ip", "address", "add" if wanted else "delete", f"{address}/32", "dev", "eth0"], check=True)
        changed = time.monotonic()
        while owned(port, address) is not wanted and time.monotonic() - changed < GIVE_UP_SECONDS:
            pass
        seconds.append(time.monotonic() - changed)
    print(json.dumps(seconds))


if __name__ == "__main__":
    main()

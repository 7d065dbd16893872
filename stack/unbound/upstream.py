"""Print what UPSTREAM adds to Unbound's configuration: ``python3 -m stack.unbound.upstream``; 3 when it is wrong."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from exporter.model.errors import ConfigurationError
from exporter.settings.read import read_environment
from exporter.settings.upstream import UpstreamServer

# Of Debian's ca-certificates, in the image. Without a bundle Unbound trusts no server at all, and each question fails.
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"


def configuration(servers: Sequence[UpstreamServer]) -> str:
    """Unbound's configuration for it: nothing is ever asked in clear instead, and DNSSEC is validated all the same."""
    if not servers:
        return ""
    addresses = "".join(f"    forward-addr: {one.address}@{one.port}#{one.name}\n" for one in servers)
    return (
        f'server:\n    tls-cert-bundle: "{CERTIFICATES}"\n'
        f'forward-zone:\n    name: "."\n    forward-tls-upstream: yes\n    forward-first: no\n{addresses}'
    )


def main() -> int:
    """Print it; return the exit code."""
    try:
        sys.stdout.write(configuration(read_environment("unbound", os.environ)["upstream"]))
    except ConfigurationError as error:
        sys.stderr.write(f"unbound not started: {'; '.join(error.problems)}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())

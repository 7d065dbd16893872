"""What the lab needs of the machine, by Debian package."""

from __future__ import annotations

import shutil
from typing import Final

_TOOLS: Final = {
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "setpriv": "util-linux",
    "mount": "mount",
    "hostname": "hostname",
    "ip": "iproute2",
    "nft": "nftables",
    "keepalived": "keepalived",
    "unbound": "unbound",
    "dnsmasq": "dnsmasq-base",
}
_ALSO_HERE: Final = "/usr/sbin:/sbin"


def missing_packages() -> tuple[str, ...]:
    """The Debian packages that have to be installed before a lab can run here."""
    found = {tool: shutil.which(tool) or shutil.which(tool, path=_ALSO_HERE) for tool in _TOOLS}
    return tuple(sorted({_TOOLS[tool] for tool, path in found.items() if path is None}))

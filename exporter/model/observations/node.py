"""Who a node is: names, roles."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROLES = ("primary", "secondary", "standalone")
# As long as a label of DNS (RFC 1035, 2.3.4).
NODE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,62}")


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who this node is."""

    name: str
    role: str
    address: str
    version: str

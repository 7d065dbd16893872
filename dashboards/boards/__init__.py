"""The dashboards: one module each."""

from __future__ import annotations

from typing import Final

from dashboards.boards import dns, failover, fleet, node, overview, resolvers, sync
from dashboards.frame import Board

BOARDS: Final[tuple[Board, ...]] = (
    overview.BOARD,
    failover.BOARD,
    dns.BOARD,
    resolvers.BOARD,
    node.BOARD,
    sync.BOARD,
    fleet.BOARD,
)

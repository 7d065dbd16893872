"""Everything that preflight looks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporter.model.observations import Check
from stack.preflight import file_checks, host_checks, pair_checks
from stack.preflight.facts import Facts

CHECKS: tuple[Callable[[Facts], Iterator[Check]], ...] = (
    pair_checks.settings,
    file_checks.env_file,
    file_checks.readable,
    host_checks.docker,
    host_checks.compose,
    host_checks.cgroup_memory,
    host_checks.port_53,
    host_checks.other_ports,
    host_checks.interface,
    host_checks.wireless,
    host_checks.static_address,
    pair_checks.foreign_owner,
    pair_checks.foreign_router,
    pair_checks.peer,
    pair_checks.pair_key,
    pair_checks.sync,
    pair_checks.firewall,
    host_checks.passwords,
    host_checks.clock,
    host_checks.resolvers,
    host_checks.disk,
)


def run(facts: Facts) -> tuple[Check, ...]:
    """Evaluate every check."""
    return tuple(check for evaluate in CHECKS for check in evaluate(facts))

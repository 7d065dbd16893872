"""What a node's running exporter thinks, as the client of the rig reads it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.lab.exporters import status
from tests.lab.waiting import wait_for

from .rig import Rig


@dataclass(frozen=True, slots=True)
class Finding:
    """One check that is not well: the node that it is about, its name, its verdict and the words for a person."""

    node: str
    name: str
    status: str
    seen: str


def findings(rig: Rig, node: str) -> set[Finding]:
    """Everything that is not well.

    Raises:
        NoAnswerError: the exporter does not answer; fit for ``wait_for``.
    """
    return {
        Finding(one["node"], one["id"], one["status"], one["seen"])
        for one in status(rig, node)["checks"]
        if one["status"] != "ok"
    }


def wait_finding(rig: Rig, node: str, name: str, *words: str, timeout: float = 60.0) -> Finding:
    """Wait until a node's exporter finds this, in these words; return it.

    Raises:
        LabTimeoutError: it does not in ``timeout`` seconds; the message tells everything that it finds.
    """

    def fits(one: Finding) -> bool:
        return one.name == name and all(word in one.seen for word in words)

    seen = wait_for(
        f"{node}'s exporter to find {name} {words}",
        lambda: findings(rig, node),
        until=lambda found: any(map(fits, found)),
        timeout=timeout,
        every=0.5,
    )
    return next(filter(fits, seen))


def wait_well(rig: Rig, node: str, *names: str, timeout: float = 60.0) -> None:
    """Wait until a node's exporter answers and none of these is among its findings (of any node).

    Raises:
        LabTimeoutError: not so in ``timeout`` seconds.
    """
    wait_for(
        f"{node}'s exporter to find nothing wrong with {', '.join(names)}",
        lambda: findings(rig, node),
        until=lambda found: not {one.name for one in found} & set(names),
        timeout=timeout,
        every=0.5,
    )

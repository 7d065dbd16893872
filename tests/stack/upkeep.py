"""What the owner of the pair does to it by hand, before an update for instance."""

from __future__ import annotations

from tests.lab.exporters import wait_settled
from tests.lab.plan import BETA, NODES

from .node import Node
from .rig import Rig

_SETTLE_SECONDS = 120.0


def make_well(rig: Rig) -> None:
    """Bring the pair to where both exporters find nothing at all to say: backed up and in sync, too.

    Raises:
        LabError: it does not become well.
    """
    rig.reset()
    for place in NODES:
        rig.node(place.name).compose("run", "--rm", "-T", "tools", "backup", "now")
    rig.node(BETA.name).compose("run", "--rm", "-T", "tools", "sync", "now")
    wait_settled(rig, _SETTLE_SECONDS)


def container_ids(node: Node) -> dict[str, str]:
    """Every container's identifier, by name: another one after it was replaced."""
    return {name: str(container["Id"]) for name, container in node.engine.containers().items()}

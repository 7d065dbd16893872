"""The virtual IPs, as this node's kernel has them."""

from __future__ import annotations

from dataclasses import dataclass

from exporter.model.addressing import Family


@dataclass(frozen=True, slots=True)
class Vip:
    """One virtual IP as this node's kernel has it."""

    address: str
    family: Family
    device: str | None  # None: this node does not own it
    usable: bool | None  # False: duplicate address detection runs or has failed; None: not owned
    acquisitions: int
    releases: int
    last_transition: float | None
    stable_seconds: float | None  # seconds since the last change that this process saw, by a clock that never steps

    @property
    def owned(self) -> bool:
        """Whether this node has the address."""
        return self.device is not None


@dataclass(frozen=True, slots=True)
class VipObservation:
    """All virtual IPs, and how often the kernel's messages came faster than they were read.

    ``notices`` tells what was damaged lately and has been replaced.
    """

    vips: tuple[Vip, ...]
    overruns: int
    notices: tuple[str, ...] = ()

"""What one setting is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Reader = Literal[
    "exporter",
    "keepalived",
    "firewall",
    "unbound",
    "dhcp",
    "tasks",
    "homeassistant",
    "prometheus",
    "notifier",
    "compose",
]
"""The programs that read settings: keepalived with what runs beside it; Compose those that none of ours sees."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``parse`` turns its text into its value and raises ValueError with the reason.

    A setting ``node_name`` is ``NODE_NAME`` in the environment; one of the exporter is also ``node_name`` in its YAML
    file and ``--node-name`` on its command line.
    """

    key: str
    parse: Callable[[str], object]
    default: str | None  # None: it must be set
    help: str
    readers: tuple[Reader, ...] = ("exporter",)
    known_flag: str = ""  # what other exporters call it
    former: str = ""  # the key it had before, which still counts
    empty_counts: bool = False  # set and empty is a value of its own, not the default
    secret: bool = False  # its value is nobody's to print

    @property
    def variable(self) -> str:
        """The environment's name for it."""
        return self.key.upper()

    @property
    def names(self) -> tuple[str, ...]:
        """Its key, and the one it had before."""
        return (self.key, self.former) if self.former else (self.key,)

    @property
    def flags(self) -> tuple[str, ...]:
        """Every spelling that the command line knows."""
        known = (self.known_flag,) if self.known_flag else ()
        return (self.flag, *("--" + name.replace("_", "-") for name in self.names[1:]), *known)

    @property
    def flag(self) -> str:
        """The command line's name for it."""
        return "--" + self.key.replace("_", "-")

"""Which of a node's programs run, and which are stopped, by /proc alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

# By a word of the command line: what it is. Keepalived's own are told apart by their parents.
_PROGRAMS: Final = {
    "unbound": "unbound",
    "dnsmasq": "dnsmasq",
    "stack.guard.guard": "guard",
    "exporter": "exporter",
}
_SUPERVISOR: Final = "stack.keepalived.start"
_SHORT_LIVED: Final = {"--config-test", "--version", "--signum=JSON", "--once"}

Programs = dict[str, tuple[int, bool]]
"""By name: the process, and whether it runs: a stopped one does not."""


@dataclass(slots=True)
class ProcessTable:
    """Looks at all processes; remembers what those that stay the same are."""

    _known: dict[int, str] = field(default_factory=dict)

    def look(self, namespaces: Mapping[str, str]) -> dict[str, Programs]:
        """By node: its programs. ``namespaces`` names the node of each network namespace, as readlink spells it."""
        found: dict[str, Programs] = {node: {} for node in namespaces.values()}
        living = set()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            pid = int(entry.name)
            living.add(pid)
            try:
                node = namespaces.get(str((entry / "ns/net").readlink()))
                if node is None:
                    continue
                state, parent = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
                program = self._known.get(pid) or self._program(entry, int(parent))
            except OSError:
                continue
            if program and state not in "ZX":
                found[node][program] = (pid, state not in "Tt")
        for gone in self._known.keys() - living:
            del self._known[gone]
        return found

    def _program(self, entry: Path, parent: int) -> str | None:
        words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
        if not words[0] or _SHORT_LIVED & set(words) or words[0] in ("nsenter", "env", "setpriv", "chroot"):
            return None
        if words[0] == "keepalived":
            name = "keepalived" if _is_supervisor(parent) else "vrrp" if self._known.get(parent) else None
        elif any(word.endswith(_SUPERVISOR) for word in words):
            return None if _is_supervisor(parent) else "supervisor"  # its forks are what runs beside keepalived
        else:
            name = next((name for word, name in _PROGRAMS.items() if any(w.endswith(word) for w in words[:4])), None)
        if name:
            self._known[int(entry.name)] = name
        return name


def _is_supervisor(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return False
    return any(word.endswith(_SUPERVISOR) for word in words)

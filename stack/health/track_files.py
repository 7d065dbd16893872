"""The files by which keepalived learns what the health check found (keepalived.conf(5), ``track_file``).

keepalived watches them by inotify, so a change takes effect at once, and it forks nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from exporter.engine.runtime import RuntimeFiles
from exporter.model.observations import HealthVerdict

FAILED, WELL = b"1\n", b"0\n"


class TrackFiles:
    """Writes 0 or 1 into each file, in place: keepalived watches the file, and a new one of that name is another."""

    def __init__(self, files: RuntimeFiles) -> None:
        self._chain_hard = files.chain_hard
        self._chain_soft = files.chain_soft
        self._address = files.address_missing
        self._world = files.world_failed
        self._vip = files.vip_unanswered
        self._written: dict[Path, bool] = {}

    def resume(self) -> HealthVerdict:
        """Return what an earlier check left as this chain's verdict."""
        if _read(self._chain_hard) == FAILED:
            return HealthVerdict.HARD
        soft = _read(self._chain_soft)
        if soft is None:
            return HealthVerdict.UNPROVED
        return HealthVerdict.OK if soft == WELL else HealthVerdict.SOFT

    def resume_world(self) -> bool:
        """Return whether an earlier check had this node yield to one that resolves the internet's names."""
        return _read(self._world) == FAILED

    def resume_vip(self) -> bool:
        """Return whether an earlier check had this node take the virtual IP from one that does not answer there."""
        return _read(self._vip) == FAILED

    def tell_chain(self, verdict: HealthVerdict) -> None:
        """Tell keepalived of the chain. What is not proved counts as soft: such a node takes nothing from a good one.

        Raises:
            OSError: a file cannot be written.
        """
        soft = (self._chain_soft, verdict in (HealthVerdict.SOFT, HealthVerdict.UNPROVED))
        hard = (self._chain_hard, verdict is HealthVerdict.HARD)
        # What gets worse first: a check that is killed in between must not leave all well.
        for path, failed in sorted((soft, hard), key=lambda one: not one[1]):
            self._write(path, failed=failed)

    def tell_address(self, *, missing: bool) -> None:
        """Tell keepalived whether the node's own address is missing.

        Raises:
            OSError: the file cannot be written.
        """
        self._write(self._address, failed=missing)

    def tell_world(self, *, yields: bool) -> None:
        """Tell keepalived whether to yield to the other node, which resolves the internet's names as this one does not.

        Raises:
            OSError: the file cannot be written.
        """
        self._write(self._world, failed=yields)

    def tell_vip(self, *, unanswered: bool) -> None:
        """Tell keepalived whether to take the virtual IP from the other node, which does not answer there.

        Raises:
            OSError: the file cannot be written.
        """
        self._write(self._vip, failed=unanswered)

    def _write(self, path: Path, *, failed: bool) -> None:
        if self._written.get(path) is failed:
            return
        path.parent.mkdir(mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.write(descriptor, FAILED if failed else WELL)
        finally:
            os.close(descriptor)
        self._written[path] = failed


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None

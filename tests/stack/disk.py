"""A node's disk, small enough to be full: an ext4 file system in a file."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path
from typing import Final

SIZE_BYTES: Final = 8 << 30  # sparse: what the node holds is what it takes
_BLOCK: Final = bytes(4096)


class Disk:
    """An ext4 file system on a folder, in the mount namespace of this process."""

    def __init__(self, folder: Path) -> None:
        """Make it and mount it."""
        self.folder = folder
        self._image = folder.with_suffix(".ext4")
        self._filler = folder / "filler"
        folder.mkdir(parents=True, exist_ok=True)
        with self._image.open("wb") as image:
            image.truncate(SIZE_BYTES)
        # Without room that is root's alone: a Pi's services are root's, too.
        subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(self._image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(self._image), str(folder)], check=True)

    @property
    def free_bytes(self) -> int:
        """What is left."""
        seen = os.statvfs(self.folder)
        return seen.f_bavail * seen.f_frsize

    def fill(self) -> None:
        """Leave no room at all."""
        with self._filler.open("ab") as filler:
            os.posix_fallocate(filler.fileno(), 0, max(1, self.free_bytes - (8 << 20)))
            while True:
                try:
                    os.pwrite(filler.fileno(), _BLOCK, os.fstat(filler.fileno()).st_size)
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    return

    def empty(self) -> None:
        """Give the room back."""
        self._filler.unlink(missing_ok=True)

    def destroy(self) -> None:
        """Unmount it and forget what it held."""
        subprocess.run(["umount", "--lazy", str(self.folder)], check=False)
        self._image.unlink(missing_ok=True)

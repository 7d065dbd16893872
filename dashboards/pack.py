"""Put rules and dashboards into the wheel, for ``exporter --export-rules`` and ``--export-dashboards``.

In one archive, for one by one they are twice as large. The same files give the same archive.
"""

from __future__ import annotations

import tarfile
from pathlib import Path

from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = {"rules": ROOT / "alerts" / "rules", "dashboards": ROOT / "dashboards" / "generated"}
ARCHIVE = Path("exporter", "shipped.tar.xz")  # exporter/sources/shipped.py


class PackingBuild(build_py):
    """Builds the packages, and the archive beside them; an editable install has the folders themselves."""

    def run(self) -> None:
        """Build."""
        super().run()
        if not self.editable_mode:
            pack(Path(self.build_lib) / ARCHIVE)


def pack(archive: Path) -> None:
    """Write the archive."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(archive, "w:xz", preset=9) as tar:
        for kind, folder in FOLDERS.items():
            for path in sorted(folder.iterdir()):
                entry = tarfile.TarInfo(f"{kind}/{path.name}")
                entry.size = path.stat().st_size
                with path.open("rb") as content:
                    tar.addfile(entry, content)

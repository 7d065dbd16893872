"""What is shipped for other programs: rules for Prometheus, dashboards for Grafana, a unit for systemd."""

from __future__ import annotations

import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from exporter.model.errors import ExporterError

Kind = Literal["rules", "dashboards", "unit"]
UNIT = "dnsha-exporter.service"
_PACKAGE = Path(__file__).resolve().parents[1]
_ARCHIVE = _PACKAGE / "shipped.tar.xz"  # dashboards/pack.py makes it for the wheel
_CHECKOUT = {
    "rules": _PACKAGE.parent / "alerts" / "rules",
    "dashboards": _PACKAGE.parent / "dashboards" / "generated",
}


class ShippedError(ExporterError):
    """What should be shipped is not there, or cannot be read."""


def shipped(kind: Kind, archive: Path = _ARCHIVE) -> Mapping[str, bytes]:
    """Return the files of a kind by their names, from the wheel's archive or the checkout's folder.

    Raises:
        ShippedError: they cannot be read.
    """
    try:
        if kind == "unit":
            return {UNIT: (_PACKAGE / UNIT).read_bytes()}
        return _unpack(kind, archive) if archive.exists() else _read(_CHECKOUT[kind])
    except (OSError, EOFError, tarfile.TarError, ImportError) as error:
        msg = f"the {kind} cannot be read ({error}); install the exporter's wheel anew"
        raise ShippedError(msg) from error


def _unpack(kind: Kind, archive: Path) -> dict[str, bytes]:
    found = {}
    with tarfile.open(archive, "r:xz") as tar:
        for entry in tar:
            folder, _, name = entry.name.partition("/")
            content = tar.extractfile(entry)
            if folder == kind and content is not None:
                found[name] = content.read()
    return found


def _read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

"""``--export-rules``, ``--export-dashboards`` and ``--export-unit``: what is shipped for other programs, as files.

A manifest beside them, in sha256sum(1)'s form, knows what was written, so that a later export replaces and removes its
own files alone. A file that somebody has changed since, or that was there before, is never overwritten.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from exporter.engine.files import read_bounded, write_atomically
from exporter.model.errors import ExporterError, ParseError
from exporter.sources.shipped import Kind, shipped

_RUNBOOK = re.compile(rb"runbook_url: \S+/(\w+)\.md")
_LINE = re.compile(r"([0-9a-f]{64})  ([\w.-]+)")
_MAXIMUM_BYTES = 16 << 20


class ExportError(ExporterError):
    """Nothing was exported; the message says why and what to do."""


def run(kind: Kind, directory: Path, runbooks_url: str = "") -> str:
    """Write the files of a kind into a directory, which is made if need be; return what to tell.

    ``runbooks_url`` is where the alerts' links lead, the exporter of a node for instance.

    Raises:
        ExporterError: nothing was written, or not all of it; the same command goes on.
    """
    files = {name: _adapt(kind, content, runbooks_url) for name, content in shipped(kind).items()}
    manifest = directory / f".dnsha-{kind}.sha256"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        before = _read_manifest(manifest)
        wanted = {name: _digest(content) for name, content in files.items()}
        there = {name: _digest_of(directory / name) for name in {*files, *before}}
        _refuse_changed(directory, {name: {before.get(name), wanted.get(name), None} for name in there}, there)
        changed = sorted(name for name in files if there[name] != wanted[name])
        gone = sorted(name for name in before if name not in files and there[name] is not None)
        for name in changed:
            write_atomically(directory / name, files[name])
        for name in gone:
            (directory / name).unlink()
        lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(wanted.items()))
        write_atomically(manifest, lines.encode())
    except (OSError, ParseError) as error:
        msg = f"the {kind} cannot be written: {error}"
        raise ExportError(msg) from error
    same = len(files) - len(changed)
    return f"{directory}: {len(changed)} written, {same} already there, {len(gone)} removed\n"


def _adapt(kind: Kind, content: bytes, runbooks_url: str) -> bytes:
    if kind == "rules" and runbooks_url:
        return _RUNBOOK.sub(rb"runbook_url: " + runbooks_url.encode() + rb"/\1", content)
    if kind == "unit":
        return content.replace(b"@EXPORTER@", str(Path(sys.prefix, "bin", "exporter")).encode())
    return content


def _refuse_changed(directory: Path, known: Mapping[str, set[str | None]], there: Mapping[str, str | None]) -> None:
    changed = sorted(name for name, digest in there.items() if digest not in known[name])
    if changed:
        msg = (
            f"{', '.join(changed)} in {directory} was changed, or was there before: nothing was written; "
            "move it away, or export to another directory and compare"
        )
        raise ExportError(msg)


def _read_manifest(path: Path) -> dict[str, str]:
    try:
        lines = read_bounded(path).decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return {}
    found = [_LINE.fullmatch(line) for line in lines]
    if not all(found):
        msg = f"{path} is no manifest; move it away"
        raise ParseError(msg)
    return {match[2]: match[1] for match in found if match}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _digest_of(path: Path) -> str | None:
    """Of a file's content; None when there is no such file."""
    try:
        return _digest(read_bounded(path, _MAXIMUM_BYTES))
    except FileNotFoundError:
        return None

"""A node's archive: Pi-hole's Teleporter archive, and all else that a node on an empty disk needs to be this one.

A tar file: ``manifest.json`` with the SHA-256 of each member, then ``pihole.zip``, ``silences.json`` (Alertmanager's)
and the owner's files below ``compose/``. Standard library alone, for it is read on a bare host as well.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stack.tools.errors import RefusedError

FORMAT = 1
MANIFEST, PIHOLE, SILENCES, SETTINGS = "manifest.json", "pihole.zip", "silences.json", "compose/.env"
# The owner's folders in the clone, and where the backup's container has them.
FOLDERS = {
    "compose/unbound.d": "etc/unbound/shared",
    "compose/sync-keys": "run/sync-keys",
    "compose/web": "etc/dnsha/web",
}
MAXIMUM_BYTES = 128 << 20
MAXIMUM_FILES = 1500
MAXIMUM_MANIFEST_BYTES = 1 << 20
_NAME = re.compile(
    r"(pihole\.zip|silences\.json|compose/(\.env|(unbound\.d|sync-keys|web)(/[A-Za-z0-9_][A-Za-z0-9_.-]*)+))"
)
_SHIPPED = frozenset(["README", ".gitkeep"])


@dataclass(frozen=True, slots=True)
class Member:
    """One file: where it is now, or what it holds; to whom it belonged and its mode."""

    content: Path | bytes
    owner: tuple[int, int] = (0, 0)
    mode: int = 0o600


@dataclass(frozen=True, slots=True)
class Archive:
    """What an archive holds."""

    node: str
    made: float  # Unix seconds
    members: dict[str, Member]


def owners_files(root: Path = Path("/")) -> Iterator[tuple[str, Member]]:
    """The files of the owner's folders; links and what is not a file are left out.

    Raises:
        OSError: one cannot be read.
    """
    for name, folder in FOLDERS.items():
        top = root / folder
        for path in sorted(top.rglob("*")) if top.is_dir() else ():
            member = f"{name}/{path.relative_to(top).as_posix()}"
            if path.is_symlink() or not path.is_file() or path.name in _SHIPPED or not _NAME.fullmatch(member):
                continue
            status = path.stat()
            yield member, Member(path, (status.st_uid, status.st_gid), status.st_mode & 0o777)


def write(target: Path, archive: Archive) -> None:
    """Write an archive that there is not yet.

    Raises:
        OSError: a member cannot be read, or the disk is full.
    """
    digests = {name: _digest(member.content) for name, member in archive.members.items()}
    manifest = {"format": FORMAT, "node": archive.node, "made": archive.made, "sha256": digests}
    with tarfile.open(target, "x", format=tarfile.PAX_FORMAT) as tar:
        _add(tar, MANIFEST, Member(json.dumps(manifest, indent=1).encode()), archive.made)
        for name, member in archive.members.items():
            _add(tar, name, member, archive.made)


def read(path: Path, folder: Path) -> Archive:
    """Look at all of an archive, and unpack it into an empty folder.

    Raises:
        RefusedError: it is damaged, or holds what no archive of ours has.
        OSError: it cannot be read, or the disk is full.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            return _read(tar, path, folder)
    except (tarfile.TarError, ValueError, KeyError, TypeError, EOFError) as error:
        raise RefusedError(f"{path} is no archive of a node, or damaged: {error}") from None


def _read(tar: tarfile.TarFile, path: Path, folder: Path) -> Archive:
    members: dict[str, Member] = {}
    manifest = None
    total = 0
    for info in tar:
        total += info.size
        if total > MAXIMUM_BYTES or len(members) > MAXIMUM_FILES:
            raise RefusedError(f"{path} is larger than any archive of a node")
        file = tar.extractfile(info) if info.isreg() else None
        if file is None or (info.name != MANIFEST and not _NAME.fullmatch(info.name)) or ".." in info.name.split("/"):
            raise RefusedError(f"{path} holds {info.name!r}, which no archive of a node has")
        if info.name == MANIFEST:
            manifest = json.loads(file.read(MAXIMUM_MANIFEST_BYTES))
            continue
        target = folder / info.name
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as unpacked:
            while chunk := file.read(1 << 16):
                unpacked.write(chunk)
        target.chmod(0o600)
        members[info.name] = Member(target, (info.uid, info.gid), info.mode & 0o777)
    if not isinstance(manifest, dict) or manifest["format"] != FORMAT:
        raise RefusedError(f"{path} is of another version, or no archive of a node")
    if {name: _digest(member.content) for name, member in members.items()} != manifest["sha256"]:
        raise RefusedError(f"{path} is damaged: a file in it is not what was backed up, or is missing")
    return Archive(str(manifest["node"]), float(manifest["made"]), members)


def _add(tar: tarfile.TarFile, name: str, member: Member, made: float) -> None:
    info = tarfile.TarInfo(name)
    info.mtime, info.mode = int(made), member.mode
    info.uid, info.gid = member.owner
    if isinstance(member.content, bytes):
        info.size = len(member.content)
        tar.addfile(info, io.BytesIO(member.content))
        return
    with member.content.open("rb") as file:
        info.size = member.content.stat().st_size
        tar.addfile(info, file)


def _digest(content: Path | bytes) -> str:
    if isinstance(content, bytes):
        return hashlib.sha256(content).hexdigest()
    with content.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

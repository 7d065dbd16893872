"""Put the owner's files of an archive back into the clone: all or none, and nothing that is there is replaced."""

from __future__ import annotations

import os
from pathlib import Path

from exporter.engine.files import write_atomically
from stack.setup import env_text, second
from stack.setup.errors import SetupError, SetupRefusedError
from stack.tools import node_archive
from stack.tools.node_archive import Archive, Member


def put_back(archive: Archive, clone: Path) -> list[str]:
    """Write the files; return the names of those that were not there yet.

    Raises:
        SetupRefusedError: this is another host, or a file is there with another content.
        SetupError: one cannot be written; run again, it goes on.
    """
    contents = {name: _content(member) for name, member in archive.members.items() if name.startswith("compose/")}
    env = clone / node_archive.SETTINGS
    settings = contents.get(node_archive.SETTINGS)
    if settings is not None:
        contents[node_archive.SETTINGS] = second.fitted(settings.decode(), "the backup").encode()
    elif not env.exists():
        raise SetupRefusedError("the backup has no compose/.env; make one by stack/setup.sh, then run this again")  # noqa: EM101
    there = [name for name, content in contents.items() if _differs(clone / name, content)]
    if there:
        raise SetupRefusedError(
            f"nothing was changed: there is already, and not as in the backup: {', '.join(there)}; move it away first"
        )
    new = [name for name in contents if not (clone / name).exists()]
    for name in new:
        _write(clone / name, contents[name], archive.members[name])
    return new


def _write(path: Path, content: bytes, member: Member) -> None:
    if path.name == ".env":
        env_text.write_once(path, content.decode())
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content, member.mode)
        if os.geteuid() == 0:  # a key is its container's user's
            os.chown(path, *member.owner)
    except OSError as error:
        raise SetupError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None


def _content(member: Member) -> bytes:
    return member.content if isinstance(member.content, bytes) else member.content.read_bytes()


def _differs(path: Path, content: bytes) -> bool:
    try:
        return path.exists() and path.read_bytes() != content
    except OSError as error:
        raise SetupError(f"{path} cannot be read: {error.strerror}; run this by sudo") from None

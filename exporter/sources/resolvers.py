"""Whom a host asks for names (resolv.conf(5)): by its own files, or by the copy that Docker gives a container."""

from __future__ import annotations

from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.addressing import AddressError, parse_address
from exporter.model.errors import ParseError

RESOLV_CONF = Path("etc/resolv.conf")
# systemd-resolved's own addresses, and the file in which it names those that it asks (systemd-resolved.service(8)).
STUBS = frozenset({"127.0.0.53", "127.0.0.54"})
BEHIND_STUB = Path("run/systemd/resolve/resolv.conf")
MAXIMUM_BYTES = 64 << 10
MOST_LINKS = 8


def resolvers(root: Path) -> tuple[str, ...] | None:
    """The name servers of the host with this root directory; None when it does not let itself be read.

    Without any, the C library asks this very host (resolv.conf(5)).
    """
    try:
        found = parse_resolvers(_read(root, RESOLV_CONF))
    except FileNotFoundError:
        return ("127.0.0.1",)
    except (OSError, ParseError):
        return None
    if not STUBS.issuperset(found):
        return found
    try:
        return parse_resolvers(_read(root, BEHIND_STUB))
    except (OSError, ParseError):  # a container has its host's resolv.conf, and not what the stub goes by
        return None


def parse_resolvers(text: str) -> tuple[str, ...]:
    """Read the ``nameserver`` lines; an address that is none is left out."""
    found = []
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or words[0] != "nameserver":
            continue
        try:
            found.append(str(parse_address(words[1].partition("%")[0])))
        except AddressError:
            continue
    return tuple(found) or ("127.0.0.1",)


def _read(root: Path, name: Path) -> str:
    """Read a file below the root, following its links there: the kernel would follow absolute ones from our root."""
    path = root / name
    for _ in range(MOST_LINKS):
        if not path.is_symlink():
            break
        target = path.readlink()
        path = root / target.relative_to("/") if target.is_absolute() else path.parent / target
    return read_bounded(path, MAXIMUM_BYTES).decode("utf-8", "replace")

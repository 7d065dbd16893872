"""Drop-in files: which of a folder's files Unbound may be given, and the file and line of what it may not.

Each file is read by our own rules (``allowed``), and all of them together with the shipped configuration by Unbound's
own ``unbound-checkconf``, in a scratch folder, before anything that runs is touched.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.errors import ParseError
from stack.unbound.allowed import review
from stack.unbound.syntax import LineError

MAIN = Path(__file__).with_name("unbound.conf")
# 63,000 local names, for which Unbound takes 36 MB more (measured); it has 160 MB in all. Blocklists are Pi-hole's.
MAXIMUM_BYTES = 4 << 20
MAXIMUM_FILES = 200
CHECK_SECONDS = 30.0
READABLE = "on the host, in the clone: sudo chmod -R a+rX compose/unbound.d"

Files = Mapping[str, bytes]

# What is elsewhere in the scratch folder, or made only when Unbound starts; start looks at these itself.
_ELSEWHERE = re.compile(r"^ *(?:include|include-toplevel|auto-trust-anchor-file):.*\n", re.MULTILINE)
_AT_LINE = re.compile(r"^(?P<path>/\S*/shared/(?P<file>[^\n]+)):(?P<line>[0-9]+): error: (?P<what>.*)$", re.MULTILINE)
_LOG_PREFIX = re.compile(r"^\[[0-9]+\] unbound-checkconf\[[0-9:]+\] ")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a file cannot be used; ``line`` is None for what is wrong with all of it."""

    file: str
    line: int | None
    what: str

    def __str__(self) -> str:
        return f"{self.file}{'' if self.line is None else f', line {self.line}'}: {self.what}"


class CheckError(Exception):
    """unbound-checkconf could not be asked, or refuses the shipped configuration itself."""


def read_folder(folder: Path, own_zones: Collection[str]) -> tuple[Files, tuple[Fault, ...]]:
    """Read a folder's files and review each by itself; hidden files are nobody's.

    Raises:
        OSError: the folder cannot be read.
    """
    files: dict[str, bytes] = {}
    faults: list[Fault] = []
    room = MAXIMUM_BYTES
    for path in sorted(folder.iterdir()):
        name = path.name
        if name.startswith("."):
            continue
        try:
            if not name.endswith(".conf") or not name.isprintable() or path.is_symlink() or not path.is_file():
                faults.append(Fault(name, None, "only ordinary files named *.conf are read and shared; move it away"))
            elif len(files) >= MAXIMUM_FILES:
                faults.append(Fault(name, None, f"there are more than {MAXIMUM_FILES} files; put them together"))
            else:
                content = read_bounded(path, room)
                review(content, own_zones)
                files[name] = content
                room -= len(content)
        except LineError as error:
            faults.append(Fault(name, error.line, error.what))
        except ParseError:
            faults.append(Fault(name, None, f"the folder may hold {MAXIMUM_BYTES >> 20} MiB in all; this is too much"))
        except OSError as error:
            faults.append(Fault(name, None, f"it cannot be read: {error.strerror}; {READABLE}"))
    return files, tuple(faults)


def check(files: Files, node_part: str) -> Fault | None:
    """Ask unbound-checkconf about all files together; return the first fault.

    ``node_part`` is this node's own part of the configuration, as start writes it.

    Raises:
        CheckError: it cannot be asked, or refuses what is shipped.
    """
    complaint = _complaint(files, node_part) if files else None  # start asks about the rest
    if complaint is None:
        return None
    known = _AT_LINE.search(complaint)
    if known:
        return Fault(known["file"], int(known["line"]), known["what"])
    _complaint({}, node_part)
    good: dict[str, bytes] = {}
    for name in sorted(files):
        complaint = _complaint({**good, name: files[name]}, node_part)
        if complaint is not None:
            return Fault(name, _culprit(name, files[name], good, node_part, _plain(complaint)), _plain(complaint))
        good[name] = files[name]
    raise CheckError("unbound-checkconf refuses the files together, and none of them alone")  # noqa: EM101


def own_zones(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The zones that are the node's own."""
    return tuple(filter(None, (environment.get("CANARY_ZONE", "").lower().rstrip("."),)))


def _culprit(name: str, content: bytes, good: Files, node_part: str, what: str) -> int:
    """The line with which a file begins to be refused so: unbound-checkconf names none for what its second look finds.

    Half of a file can be refused for another reason, such as a forward-zone whose name is still to come.
    """
    lines = content.split(b"\n")
    good_lines, refused_lines = 0, len(lines)
    while refused_lines - good_lines > 1:
        middle = (good_lines + refused_lines) // 2
        complaint = _complaint({**good, name: b"\n".join(lines[:middle]) + b"\n"}, node_part)
        if complaint is not None and _plain(complaint) == what:
            refused_lines = middle
        else:
            good_lines = middle
    return refused_lines


def _complaint(files: Files, node_part: str) -> str | None:
    """What unbound-checkconf says against the shipped configuration with these files; None if nothing."""
    with tempfile.TemporaryDirectory(prefix="unbound-") as scratch:
        shared = Path(scratch, "shared")
        shared.mkdir()
        for name, content in files.items():
            (shared / name).write_bytes(content)
        main = Path(scratch, "unbound.conf")
        include = f'include-toplevel: "{shared}/*.conf"\n'
        main.write_text(f"{_ELSEWHERE.sub('', MAIN.read_text())}{node_part}{include}")
        try:
            done = subprocess.run(
                ["unbound-checkconf", main],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=CHECK_SECONDS,
                check=False,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise CheckError(f"unbound-checkconf did not end within {CHECK_SECONDS:g} s") from None
        except OSError as error:
            raise CheckError(f"unbound-checkconf cannot be started: {error.strerror}") from None
    if done.returncode == 0:
        return None
    said = (done.stderr + done.stdout).strip() or f"unbound-checkconf ended with {done.returncode}"
    if not files:
        raise CheckError(f"unbound-checkconf refuses the configuration without any drop-in file: {_plain(said)}")
    return said


def _plain(said: str) -> str:
    lines = [_LOG_PREFIX.sub("", line).strip() for line in said.splitlines()]
    wrong = [line.partition("error: ")[2] for line in lines if "error: " in line] or lines
    return re.sub(r"/\S*/shared/", "", wrong[0])[:300]

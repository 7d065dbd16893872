"""Give Unbound the drop-in files that it may have: ``python3 -m stack.tools.admit [--leave-out] FROM TO``.

FROM is the owner's folder, TO the one that Unbound includes. Without ``--leave-out`` one fault is enough to change
nothing, for what runs goes on running. With it, at Unbound's own start, what is faulty is left out: DNS without a
local name is better than no DNS.

A stamp in STAMP_DIRECTORY says for the exporter how it ended, as those of the tasks do.

Exit codes: 0 the folder TO is as it should be, 2 refused, nothing was changed, 1 it did not work.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from exporter.engine.files import write_atomically
from stack.tools.errors import RefusedError, ToolError
from stack.tools.stamps import stamped
from stack.unbound.drop_ins import READABLE, CheckError, Fault, Files, check, own_zones, read_folder

NODE_PART = Path("/run/unbound/node.conf")
TASK = "drop-ins"
REMEDY = "correct it in unbound.d on the primary, then there: docker compose run --rm tools reload-unbound"


def choose(folder: Path, zones: Sequence[str], node_part: str, *, leave_out: bool) -> tuple[Files, list[Fault]]:
    """Return the files that can be used, and every fault that was found.

    Raises:
        OSError: the folder cannot be read.
        CheckError: Unbound's own program cannot be asked.
    """
    found, reviewed = read_folder(folder, zones)
    files, faults = dict(found), list(reviewed)
    while (not faults or leave_out) and (fault := check(files, node_part)) is not None:
        faults.append(fault)
        del files[fault.file]
    return files, faults


def put(files: Files, folder: Path) -> None:
    """Make a folder hold these files; each changes in one step.

    Raises:
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        # What is hidden another Unbound of this node is about to finish; Unbound does not read it.
        if path.name not in files and not path.name.startswith("."):
            path.unlink(missing_ok=True)
    for name, content in files.items():
        write_atomically(folder / name, content)


def main(arguments: Sequence[str] | None = None) -> int:
    """Admit, and return the exit code."""
    parser = argparse.ArgumentParser(prog="admit", description="Give Unbound the drop-in files that it may have.")
    parser.add_argument("--leave-out", action="store_true", help="what is faulty, instead of changing nothing")
    parser.add_argument("source", type=Path, metavar="FROM")
    parser.add_argument("target", type=Path, metavar="TO")
    options = parser.parse_args(arguments)
    node = os.environ.get("NODE_NAME", "this node")
    try:
        node_part = NODE_PART.read_text() if NODE_PART.exists() else ""
        files, faults = choose(options.source, own_zones(os.environ), node_part, leave_out=options.leave_out)
        ends = [
            f"WITHOUT this file: {fault}" if options.leave_out else f"goes on as before: {fault}" for fault in faults
        ]
        for end in ends:
            say(f"Unbound of {node} {end}; {REMEDY}")
        stamp("; ".join(f"Unbound {end}" for end in ends))
        if faults and not options.leave_out:
            return 2
        put(files, options.target)
    except (OSError, CheckError) as error:
        remedy = f"; {READABLE}" if isinstance(error, PermissionError) else ""
        say(f"Unbound of {node}: its drop-in files cannot be looked at: {error}{remedy}")
        stamp(f"they cannot be looked at: {error}{remedy}")
        return 1
    return 0


def stamp(problem: str) -> None:
    """Say for the exporter what is wrong, nothing if it is empty; a disk that takes no stamp ends no DNS."""
    directory = os.environ.get("STAMP_DIRECTORY")
    if not directory:
        return
    try:
        with contextlib.suppress(RefusedError), stamped(Path(directory), TASK):
            _refuse(problem)
    except ToolError as error:
        say(str(error))


def _refuse(problem: str) -> None:
    if problem:
        raise RefusedError(problem)


def say(text: str) -> None:
    """Write a line to the log."""
    print(f"unbound: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())

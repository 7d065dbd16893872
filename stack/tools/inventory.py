"""The inventory: what this node's Pi-hole holds, for the exporters of both nodes to compare."""

from __future__ import annotations

from exporter.engine.files import remove, write_atomically
from stack.tools import gravity, pihole
from stack.tools.errors import ToolError
from stack.tools.overwrite_check import Entries
from stack.tools.pihole_http import NoGravityError
from stack.tools.progress import say
from stack.tools.settings import TaskSettings

# A line that the other node's inventory does not have, so that the exporters say that the nodes differ.
NOT_BUILT = "gravity is not built from these lists"


def update(tasks: TaskSettings) -> None:
    """Ask this node's Pi-hole and write it down; build gravity where Pi-hole has none.

    Raises:
        ToolError: Pi-hole cannot be asked, or the file cannot be written.
    """
    api = pihole.here(tasks, tasks.sync_timeout)
    with api.session():
        try:
            content, lack = gravity.ensure(api, gravity.state_file(tasks.task_directory), tasks.gravity_timeout)
        except NoGravityError:
            write({}, tasks, built=False)
            raise
    if lack:
        say(f"gravity: {lack}")
    write(content.entries, tasks, built=not lack)


def write(entries: Entries, tasks: TaskSettings, *, built: bool) -> None:
    """Write the inventory: one entry a line, the same for the same content; an SD card is spared what is the same.

    Raises:
        ToolError: it cannot be written.
    """
    path = tasks.task_directory / "shared" / "pihole.txt"
    lines = [f"{name} {value}".rstrip() for name, value in sorted(entries.items())]
    content = "".join(f"{line}\n" for line in (*([] if built else [NOT_BUILT]), *lines)).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():  # whose content would be compared with the other node's
            remove(path)
        if not path.exists() or path.read_bytes() != content:
            write_atomically(path, content)
    except OSError as error:
        raise ToolError(f"{path} cannot be written: {error.strerror}; is the disk full or read-only?") from None

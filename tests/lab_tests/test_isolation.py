"""A lab leaves nothing behind, however it ends, and needs no root: seen from outside of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import dns
import pytest

from tests.lab import init
from tests.lab.debian import TREE, tree_complete
from tests.lab.fixtures import require_lab
from tests.lab.plan import REPOSITORY
from tests.lab.processes import all_pids
from tests.lab.waiting import wait_for

LAB_SECONDS = 60.0
NOBODY = 65534
STORY = """
import sys
from tests.lab.lab import Lab
try:
    with Lab(exporter=False) as lab:
        print("healthy", lab.answering(), lab.keepalived.version_text, flush=True)
        sys.stdin.readline()
finally:
    print("stopped in order", flush=True)
{then}
"""

Launch = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.usefixtures("sandbox")


@pytest.fixture(scope="module")
def sandbox() -> None:
    """These tests start labs inside the lab's own sandbox, so that what they look at is theirs alone."""
    require_lab()


def outside() -> dict[str, str]:
    """This environment, without the mark of being inside a sandbox."""
    return {name: value for name, value in os.environ.items() if name != init.SANDBOX_VARIABLE}


def wait_healthy(launcher: subprocess.Popen[str]) -> None:
    assert launcher.stdout is not None
    line = launcher.stdout.readline()
    if not line.startswith("healthy alpha"):
        launcher.kill()
        _, complaint = launcher.communicate()
        pytest.fail(f"the lab did not come up: {line}{complaint}")


def end(launcher: subprocess.Popen[str]) -> int:
    """Let the lab go on to its end; return the launcher's exit status."""
    launcher.communicate("\n", timeout=LAB_SECONDS)
    return launcher.returncode


def traces() -> dict[str, set[str]]:
    """Everything a lab could leave: processes, the namespaces they are in, mounts, interfaces."""
    namespaces = set()
    pids = set()
    for pid in all_pids():
        try:
            namespaces |= {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for kind in ("net", "mnt", "pid", "uts")}
            pids.add(Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace"))
        except OSError:
            continue
    return {
        "processes": {line for line in pids if "lab" in line or "keepalived" in line or "unbound" in line},
        "namespaces": namespaces,
        "mounts": set(Path("/proc/self/mountinfo").read_text().splitlines()),
        "interfaces": {entry.name for entry in Path("/proc/self/net/dev_snmp6").iterdir()},
    }


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Fails the test when anything is left a few seconds after it."""
    before = traces()
    yield
    wait_for("nothing to be left", lambda: differences(before, traces()), until=lambda left: not left)


def _launch(
    then: str = "",
    *,
    before: Sequence[str] = (),
    python: str = sys.executable,
    directory: Path = REPOSITORY,
    python_path: str = "",
    stdin: int = subprocess.PIPE,
) -> subprocess.Popen[str]:
    """Start a lab through a new launcher; it says ``healthy`` and waits for a line."""
    return subprocess.Popen(
        [*before, python, "-m", "tests.lab", "run", "--", python, "-c", STORY.format(then=then)],
        cwd=directory,
        env={**outside(), "PYTHONPATH": python_path, "PYTHONDONTWRITEBYTECODE": "1"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture
def launch(nothing_left: None) -> Iterator[Launch]:
    """Starts labs as :func:`_launch` does; none outlives the test, and nothing of them is left."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: Any, **options: Any) -> subprocess.Popen[str]:
        started.append(_launch(*arguments, **options))
        return started[-1]

    yield start
    for launcher in started:
        if launcher.poll() is None:
            launcher.kill()
        launcher.communicate()


def differences(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, set[str]]:
    return {kind: after[kind] - before[kind] for kind in before if after[kind] - before[kind]}


def test_a_lab_that_ends_leaves_nothing_and_runs_again(launch: Launch) -> None:
    for _ in range(2):
        launcher = launch()
        wait_healthy(launcher)
        assert end(launcher) == 0


def test_a_failing_command_gives_its_own_exit_status(launch: Launch) -> None:
    launcher = launch("sys.exit(7)")
    wait_healthy(launcher)
    assert end(launcher) == 7


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_launcher_ends_the_lab(number: signal.Signals, launch: Launch) -> None:
    launcher = launch()
    wait_healthy(launcher)
    launcher.send_signal(number)
    launcher.communicate(timeout=LAB_SECONDS)
    assert launcher.returncode != 0


def test_ctrl_c_at_a_terminal_ends_the_lab_in_order(launch: Launch) -> None:
    keyboard, terminal = os.openpty()
    try:
        launcher = launch(before=["setsid", "--ctty", "--wait"], stdin=terminal)
        wait_healthy(launcher)
        os.write(keyboard, b"\x03")
        said, _ = launcher.communicate(timeout=LAB_SECONDS)
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert said == "stopped in order\n"
    assert launcher.returncode == 128 + signal.SIGINT


def test_sigkill_of_the_launcher_takes_everything_with_it(launch: Launch) -> None:
    launcher = launch()
    wait_healthy(launcher)
    launcher.kill()
    launcher.communicate()


def test_two_labs_at_once_do_not_disturb_each_other(launch: Launch) -> None:
    one, other = launch(), launch()
    wait_healthy(one)
    wait_healthy(other)
    assert end(one) == 0
    assert other.poll() is None
    assert end(other) == 0


@pytest.fixture
def nobodys_copy() -> Iterator[Path]:
    """The lab and the stack, with dnspython, where a user without any rights can read and write them."""
    if Path("/proc/self/uid_map").read_text().split()[2] == "1":
        pytest.skip("already in a user namespace: the other tests of this run show what this one would")
    directory = Path(tempfile.mkdtemp(prefix="lab-"))
    for part in ("tests/lab", "stack", "exporter"):
        shutil.copytree(REPOSITORY / part, directory / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(REPOSITORY / "tests" / "standin_ftl.py", directory / "tests" / "standin_ftl.py")
    shutil.copytree(Path(dns.__file__).parent, directory / "packages" / "dns")
    directory.chmod(0o755)
    for path in (directory, *directory.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    yield directory
    shutil.rmtree(directory)


def test_a_user_without_any_rights_can_run_a_lab(nobodys_copy: Path, launch: Launch) -> None:
    python = "/usr/bin/python3"  # a virtual environment may lie where that user cannot go
    version = subprocess.run(
        [python, "-c", "import sys; print(sys.version_info >= (3, 11))"], capture_output=True, text=True, check=False
    )
    if version.stdout.strip() != "True":
        pytest.skip(f"{python} is not Python 3.11 or newer")
    launcher = launch(
        before=["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"],
        python=python,
        directory=nobodys_copy,
        python_path=str(nobodys_copy / "packages"),
    )
    wait_healthy(launcher)
    assert end(launcher) == 0


def test_without_the_right_to_make_namespaces_the_launcher_says_what_to_do() -> None:
    stripped = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
    command = [*stripped, sys.executable, "-m", "tests.lab", "run", "--", "true"]
    done = subprocess.run(command, cwd=REPOSITORY, env=outside(), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "lab: the kernel refuses the lab's private namespaces" in done.stderr
    assert "CAP_SYS_ADMIN" in done.stderr


def test_outside_the_sandbox_a_lab_refuses_to_start_and_names_the_launcher() -> None:
    code = "from tests.lab.lab import Lab; Lab().start()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=outside(), capture_output=True, text=True, check=False
    )
    assert "IsolationError" in done.stderr
    assert "python -m tests.lab run" in done.stderr


def test_the_debian_tree_holds_nothing_that_a_copy_would_read_for_ever() -> None:
    """A copy of the work tree would turn /dev/full into a file as large as the disk."""
    if not tree_complete():
        pytest.skip("no tree has been made here: this machine's own keepalived is new enough, or nobody is root")
    odd = [path for path in TREE.rglob("*") if not (path.is_symlink() or path.is_dir() or path.is_file())]
    assert odd == []

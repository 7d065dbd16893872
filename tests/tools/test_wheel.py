"""The wheel, installed where there is no checkout: the exporter, its runbooks and keepalived's start work from it.

The libraries come from the environment that runs the tests, so that nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import venv
from pathlib import Path

import pytest

from exporter.http.client import FetchError, http_get

REPOSITORY = Path(__file__).parents[2]
MAXIMUM_WHEEL_BYTES = 500_000
PACKED = (
    "exporter", "stack", "alerts", "docs/runbooks", "pyproject.toml", "README.md", "LICENSE", "MANIFEST.in",
    "dashboards/__init__.py", "dashboards/pack.py", "dashboards/generated",
)  # fmt: skip
NODE = {
    "NODE_ROLE": "standalone",
    "NODE_NAME": "alpha",
    "NODE_IP": "192.0.2.11",
    "VIP_ADDRESS": "192.0.2.53/24",
    "NETWORK_INTERFACE": "lan0",
}
STANDIN_KEEPALIVED = """#!/bin/sh
case "$*" in
*--signum=JSON*) echo 10 ;;
*--version*) echo "Keepalived v2.3.3 (stand-in)" >&2 ;;
*)
  for argument in "$@"; do
    case "$argument" in --use-file=*) configuration=${argument#*=} ;; esac
  done
  grep -q "^includer /run/dnsha/keepalived-values.conf" "$configuration" || exit 1
  grep -q 192.0.2.53 /run/dnsha/keepalived-values.conf || exit 1
  case "$*" in *--config-test*) exit 0 ;; esac
  echo "keepalived reads $configuration"
  exit 7
  ;;
esac
"""


def run(*command: str | Path, **more: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, **more)  # type: ignore[call-overload,no-any-return]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel from a copy, and install it where nothing of the checkout is."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKED:
        source, target = REPOSITORY / name, folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check")
    offline = ("--no-deps", "--no-index")
    built = run(*pip, "wheel", *offline, "--no-build-isolation", "--wheel-dir", folder, folder / "source")
    assert built.returncode == 0, built.stderr
    shutil.rmtree(folder / "source")
    (wheel,) = folder.glob("*.whl")
    assert wheel.stat().st_size <= MAXIMUM_WHEEL_BYTES, "leave out of it what only a clone or an image uses"
    venv.create(folder / "environment", symlinks=True)
    python = folder / "environment" / "bin" / "python"
    done = run(*pip, "--python", python, "install", *offline, wheel)
    assert done.returncode == 0, done.stderr
    # A path in a .pth file is taken as it is: what lies there, such as an editable install, is not looked for.
    (packages,) = folder.glob("environment/lib/python*/site-packages")
    (packages / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    where = run(python, "-c", "import exporter, stack; print(exporter.__file__, stack.__file__)", cwd=folder)
    assert where.stdout.count(str(packages)) == 2, where
    return folder / "environment" / "bin"


def environment(**more: str) -> dict[str, str]:
    return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **NODE, **more}


def test_the_verdict_of_an_installed_exporter(installed: Path, tmp_path: Path) -> None:
    arguments = ("--once", "--format", "json", "--timeout", "3", "--only", "vip")
    more = {"EXPORTER_PORT": "1", "RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    done = run(installed / "exporter", *arguments, cwd=tmp_path, env=environment(**more))
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["node"]["name"] == "alpha"
    assert {check["collector"] for check in document["checks"]} >= {"vip"}


def test_the_text_and_exit_code_of_an_installed_exporter(installed: Path, tmp_path: Path) -> None:
    """Nothing has the virtual IP where there is no such address, which is critical."""
    more = {"EXPORTER_PORT": "1", "RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    command = (installed / "exporter", "--once", "--timeout", "3", "--only", "vip")
    done = run(*command, cwd=tmp_path, env=environment(**more))
    assert done.returncode == 2, done
    assert done.stderr == ""
    assert done.stdout.startswith("CRITICAL")
    assert "192.0.2.53" in done.stdout


def test_an_installed_exporter_has_its_runbooks(installed: Path, tmp_path: Path) -> None:
    settings = environment(EXPORTER_ADDRESS="127.0.0.1", EXPORTER_PORT="19753", FIREWALL="off", CONTAINERS="")
    settings |= {"RUNTIME_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": str(tmp_path)}
    with subprocess.Popen([installed / "exporter"], cwd=tmp_path, env=settings, stderr=subprocess.PIPE) as process:
        try:
            index = until_answered(19753, "/runbooks/")
            page = http_get("127.0.0.1", 19753, "/runbooks/DnsHaSplitBrain", 5.0).decode()
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)
    written = {path.stem for path in (REPOSITORY / "docs" / "runbooks").glob("DnsHa*.md")}
    assert [name for name in written if f'"{name}"' not in index and f"/{name}" not in index] == []
    assert "DnsHaSplitBrain" in page


def until_answered(port: int, path: str) -> str:
    deadline = time.monotonic() + 30
    while True:
        try:
            return http_get("127.0.0.1", port, path, 5.0).decode()
        except FetchError:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_keepalived_starts_from_what_is_installed(installed: Path, tmp_path: Path) -> None:
    standin = tmp_path / "bin" / "keepalived"
    standin.parent.mkdir()
    standin.write_text(STANDIN_KEEPALIVED)
    standin.chmod(0o755)
    inside = """
set -e
mount -t tmpfs tmpfs /run
ip link set lo up
ip link add lan0 type veth peer name lan1
ip address add 192.0.2.11/24 dev lan0
ip link set lan0 up
ip link set lan1 up
exec "$1" -m stack.keepalived.start
"""
    rights = () if os.geteuid() == 0 else ("--user", "--map-root-user")
    settings = environment(CANARY_ZONE="canary.dnsha.example")
    settings["PATH"] = f"{standin.parent}:{settings['PATH']}"
    done = run(
        "unshare", *rights, "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", inside, "sh",
        installed / "python", cwd=tmp_path, env=settings,
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    (shipped,) = installed.parent.glob("lib/python*/site-packages/stack/keepalived/keepalived.conf")
    assert f"keepalived reads {shipped}" in done.stdout


@pytest.mark.parametrize(("kind", "folder"), [("rules", "alerts/rules"), ("dashboards", "dashboards/generated")])
def test_an_installed_exporter_exports_what_the_checkout_has(
    installed: Path, tmp_path: Path, kind: str, folder: str
) -> None:
    done = run(installed / "exporter", f"--export-{kind}", tmp_path / kind, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    shipped = {path.name: path.read_bytes() for path in (REPOSITORY / folder).iterdir()}
    assert {path.name: path.read_bytes() for path in (tmp_path / kind).glob("[!.]*")} == shipped


def test_an_installed_exporter_exports_a_unit_that_starts_it(installed: Path, tmp_path: Path) -> None:
    done = run(installed / "exporter", "--export-unit", tmp_path, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"ExecStart={installed / 'exporter'} --config" in (tmp_path / "dnsha-exporter.service").read_text()

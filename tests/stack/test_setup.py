"""``stack/setup.sh`` on two nodes with a real engine each: from a clone to a pair of which all checks are well."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.lab.plan import ALPHA, BETA, INTERFACE

from .rig import PAIR_KEY, PASSWORD, Rig
from .test_deploy import bare

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


def test_two_files_and_two_commands_make_a_pair(rig: Rig, tmp_path: Path) -> None:
    alpha, beta = rig.node(ALPHA.name), rig.node(BETA.name)
    first = tmp_path / "first"
    lines = {
        "NETWORK_INTERFACE": INTERFACE,
        "NODE_IP": ALPHA.ipv4,
        "PEER_IP": BETA.ipv4,
        "VIP_ADDRESS": rig.vips[0],
        "NODE_NAME": ALPHA.name,
        "PEER_NAME": BETA.name,
        "PIHOLE_PASSWORD": PASSWORD,
        "PAIR_KEY": PAIR_KEY,
        "COMPOSE_FILE": "compose.yaml",
        "WORLD_NAMES": "",  # there is no internet here
        "OOM_SCORE_ADJ": "0",
        "START": "yes",
    }
    first.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    second = tmp_path / "second"
    second.write_text("START=yes\n")
    with bare(rig, alpha), bare(rig, beta):
        for node in (alpha, beta):
            (node.compose_folder / ".env").unlink()
        done = alpha.script("setup.sh", "--offline", "--answers", str(first))
        assert done.returncode == 0, done.stdout + done.stderr
        assert PASSWORD not in done.stdout + done.stderr
        carried = shutil.copy(alpha.compose_folder / "second.env", tmp_path / "carried")
        done = beta.script("setup.sh", "--offline", "--answers", str(second), str(carried))
        assert done.returncode == 0, done.stdout + done.stderr
        rig.wait_healthy()
        for node in (alpha, beta):
            node.compose("run", "--rm", "--no-deps", "-T", "tools", "verify", "--accept-warnings", "--timeout", "120")
    for node in (alpha, beta):
        (node.compose_folder / "second.env").unlink(missing_ok=True)
        node.write_env(rig.env(node.place))

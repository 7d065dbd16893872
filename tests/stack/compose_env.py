"""What Compose makes of a ``.env`` file, asked of Compose itself; no engine is needed.

``python -m tests.stack.compose_env FILE`` records the values of a fixture anew.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from . import tools

UNSET = "(unset)"


def compose_reads(text: str, names: Sequence[str] = ("A",)) -> list[str] | None:
    """The values of these variables; None where Compose refuses the file."""
    with tempfile.TemporaryDirectory(prefix="dnsha-env-") as folder:
        env, file = Path(folder, "env"), Path(folder, "compose.yaml")
        env.write_bytes(text.encode())
        asked = {f"VALUE_{number}": f"${{{name}-{UNSET}}}" for number, name in enumerate(names)}
        file.write_text(json.dumps({"services": {"one": {"image": "none", "environment": asked}}}))
        done = subprocess.run(
            ["docker", "compose", "--env-file", str(env), "--file", str(file), "config", "--format", "json"],
            env=tools.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    if done.returncode:
        return None
    found = json.loads(done.stdout)["services"]["one"]["environment"]
    # It doubles each $ of what it prints, so that its output may be read again.
    return [found[f"VALUE_{number}"].replace("$$", "$") for number in range(len(names))]


def record(file: Path) -> None:
    """Ask for each text of a fixture again, and write down what Compose says."""
    cases = json.loads(file.read_text())
    for case in cases:
        found = compose_reads(case["text"])
        case["value"] = found and found[0]
    file.write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))

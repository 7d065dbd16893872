"""Record what a real Docker Engine says of containers in every state: ``python -m tests.engine.record_fixtures``.

As root, it starts the machine's engine and writes ``tests/fixtures/docker/VERSION/``: the body of every answer as it
came, but for the engine's temporary directory, which becomes Docker's usual one.
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from tests.engine.docker_engine import DockerEngine, why_not
from tests.lab.waiting import wait_for

FIXTURES = Path(__file__).parents[1] / "fixtures" / "docker"
FOREVER = "while :; do /busybox sleep 1; done"


def main() -> None:
    """Record."""
    reason = why_not()
    if reason is not None:
        sys.exit(reason)
    with DockerEngine() as engine:
        version = re.sub(r"[^0-9.].*", "", str(engine.client.version()["Version"]))
        directory = FIXTURES / version
        directory.mkdir(parents=True, exist_ok=True)
        began = time.time()
        _make_containers(engine)
        _save(engine, directory / "list.json", "/containers/json", {"all": "1"})
        for container in engine.client.containers(all=True):
            name = container["Names"][0].removeprefix("/")
            _save(engine, directory / f"inspect-{name}.json", f"/containers/{name}/json", {})
        _save(engine, directory / "inspect-absent.json", "/containers/absent/json", {})
        window = {"since": f"{began:.3f}", "until": f"{time.time():.3f}"}
        _save(engine, directory / "events.jsonl", "/events", window)
        newer = engine.client.get(f"{engine.client.base_url}/v1.99/containers/json")
        (directory / "version-refused.json").write_text(newer.text.strip() + "\n")
        print(f"recorded Docker {version} in {directory}")


def _make_containers(engine: DockerEngine) -> None:
    secret = {"PASSWORD": "not to be kept by anyone"}
    engine.run("healthy", FOREVER, health="exit 0", environment=secret)
    engine.run("unhealthy", FOREVER, health="exit 1")
    engine.run("plain", FOREVER)
    engine.run("exited", "exit 7")
    engine.run("restarting", "exit 3", restart_policy={"Name": "always"})
    engine.run("oom", "x=a; while :; do x=$x$x; done", mem_limit="8m")
    engine.create("created", FOREVER)
    engine.run("paused", FOREVER)
    engine.client.pause("paused")
    engine.run("killed", FOREVER)
    engine.client.kill("killed", "KILL")
    engine.run("removed", FOREVER)
    engine.client.remove_container("removed", force=True)
    states = {
        "healthy": ("Health", "healthy"),
        "unhealthy": ("Health", "unhealthy"),
        "exited": ("Status", "exited"),
        "oom": ("Status", "exited"),
        "killed": ("Status", "exited"),
    }
    for name, (key, word) in states.items():
        wait_for(
            f"{name} to be {word}",
            lambda name=name, key=key, word=word: word in str(engine.state(name)[key]),  # type: ignore[misc]
            timeout=20.0,
        )
    wait_for("a restart", lambda: engine.client.inspect_container("restarting")["RestartCount"] > 3, timeout=20.0)
    wait_for("a pause between restarts", lambda: engine.state("restarting")["Status"] == "restarting", timeout=20.0)


def _save(engine: DockerEngine, file: Path, path: str, parameters: dict[str, str]) -> None:
    client = engine.client
    answer = client.get(f"{client.base_url}/v{client.api_version}{path}", params=parameters, timeout=20)
    text = answer.text.replace(str(engine.directory / "data"), "/var/lib/docker")
    file.write_text(text.replace(str(engine.directory / "state"), "/run/docker").strip() + "\n")


if __name__ == "__main__":
    main()

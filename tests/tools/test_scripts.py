"""``stack/update.sh`` and ``stack/deploy.sh`` do their steps in order, and say in which state they leave a node."""

from __future__ import annotations

import os
import re
import signal
import stat
import subprocess

import pytest

from tests.tools.script_site import TOOLS, Site, verbs
from tests.wire.conversation import Conversation

IMAGES = ("ps", "inspect")
KEPT = (
    "image ls",
    "image rm dnsha-before:pihole",
    "image tag sha256:old dnsha-before:pihole",
    "image tag sha256:same dnsha-before:unbound",
)
# A container that holds keepalived's memory, the images of before, nothing half-made, what is new, the images of before
# by a name, and what reads its files when it starts.
UP = (
    "run",
    *IMAGES,
    "ps",
    "up -d",
    *IMAGES,
    "keep-settings",
    *KEPT,
    "ps",
    "restart prometheus",
    "restart alertmanager",
)
VERIFY_FIRST, VERIFY = TOOLS + "verify --drained --steady 2 --timeout 20", TOOLS + "verify --drained --steady 10"


def test_an_update_drains_first_and_undrains_last(site: Site) -> None:
    code, said, calls = site.run("update.sh")
    assert code == 0, said
    assert verbs(calls) == ["verify", "drain", "pull", "build", *UP, "drain", "verify", "undrain"]
    assert calls[-1] == "rm --force dnsha-update"


@pytest.mark.parametrize(
    ("fails", "code", "said", "last"),
    [
        ("1 compose config", 3, "nothing was changed", "compose config -q"),
        (f"1 {VERIFY_FIRST}", 2, "stopped: nothing was changed", "verify"),
        (f"2 {TOOLS}drain", 2, "stopped: nothing was changed", "drain"),
        ("1 compose pull", 1, "stopped: nothing was changed", "undrain"),
        ("1 compose build", 1, "this node takes part again", "undrain"),
        ("1 compose up", 1, "this node is drained and serves nobody", "up -d"),
        (f"1 {VERIFY}", 1, "this node is drained and serves nobody", "verify"),
        (f"1 {TOOLS}undrain", 1, "does not serve as it should", "undrain"),
    ],
)
def test_an_update_that_fails_stops_there_and_says_in_which_state(
    site: Site, fails: str, code: int, said: str, last: str
) -> None:
    found, output, calls = site.run("update.sh", fails=fails)
    assert found == code
    assert said in output
    assert (verbs(calls) or calls)[-1] == last


@pytest.mark.parametrize("script", ["update.sh", "deploy.sh"])
def test_a_compose_file_that_there_is_no_more_is_explained(site: Site, script: str) -> None:
    (site.folder / "compose" / ".env").write_text("COMPOSE_FILE=compose.yaml:conflicts.yaml\n")
    code, said, _ = site.run(script, fails="1 compose config")
    assert code == 3
    assert "COMPOSE_FILE in .env names conflicts.yaml, which there is no more: the wire is always watched" in said


def test_an_update_that_stopped_goes_on_when_it_is_run_again(site: Site) -> None:
    assert site.run("update.sh", fails=f"1 {VERIFY}")[0] == 1
    assert site.run("update.sh")[0] == 0


def test_two_updates_at_once_are_refused(site: Site) -> None:
    lock = site.folder / "stack" / "update.sh"
    with subprocess.Popen(["flock", str(lock), "sleep", "20"], start_new_session=True) as holder:
        while subprocess.run(["flock", "-n", str(lock), "true"], check=False).returncode == 0:
            pass
        code, said, calls = site.run("update.sh")
        os.killpg(holder.pid, signal.SIGKILL)
    assert (code, calls) == (4, [])
    assert "another update is under way" in said


def test_force_goes_through_to_the_drain(site: Site) -> None:
    code, _, calls = site.run("update.sh", "--force")
    assert code == 0
    assert verbs(calls)[0] == "drain"
    assert f"{TOOLS}drain --force" in calls


def test_an_offline_update_uses_the_images_that_are_here(site: Site) -> None:
    code, said, calls = site.run("update.sh", "--offline")
    assert code == 0, said
    assert verbs(calls) == ["verify", "drain", *UP, "drain", "verify", "undrain"]
    assert "compose up -d --remove-orphans --no-build --pull never" in calls


def test_a_rollback_starts_the_previous_images_whatever_the_state(site: Site) -> None:
    (site.folder / "compose" / ".env").write_text("COMPOSE_FILE='compose.yaml:observability.yaml'\n")
    code, said, calls = site.run("update.sh", "--back", before="pihole sha256:old\ngone sha256:older\n")
    assert code == 0, said
    assert verbs(calls) == ["image ls", "drain", *UP, "drain", "verify", "undrain"]
    assert "compose up -d --remove-orphans --no-build --pull never" in calls
    override = (site.folder / "log.override").read_text()
    # A service that there is no more is not started, and one without an image of before stays as it is.
    assert override == (
        'compose.yaml:observability.yaml\nservices:\n  pihole: {image: "sha256:old", pull_policy: never}\n'
    )
    assert "this runs until the next update" in said


def test_there_is_no_way_back_before_the_first_update(site: Site) -> None:
    code, said, calls = site.run("update.sh", "--back")
    assert code == 2
    assert "there are no images of before" in said
    assert verbs(calls) == ["image ls"]
    assert site.run("update.sh", "--back", "--offline")[0] == 3


def test_an_update_that_brings_nothing_new_keeps_the_way_back_that_there_is(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_DOCKER_NOTHING_NEW", "yes")
    _, _, calls = site.run("update.sh")
    assert not any(call.startswith("image") for call in calls)


def test_an_offline_deployment_uses_the_images_that_are_here(site: Site) -> None:
    code, said, calls = site.run("deploy.sh", "--offline")
    assert code == 0, said
    assert not any(call.startswith("compose build") for call in calls)
    assert "compose up -d --remove-orphans --no-build --pull never" in calls


def test_a_deployment_looks_starts_and_waits(site: Site) -> None:
    code, said, calls = site.run("deploy.sh")
    assert code == 0, said
    assert [call.split()[0:2] for call in calls][-10:] == [
        ["compose", "build"], ["compose", "ps"], ["run", "--rm"],
        ["compose", "rm"], ["compose", "rm"], ["ps", "--all"], ["compose", "up"],
        ["compose", "run"], ["compose", "logs"], ["compose", "run"],
    ]  # fmt: skip
    (preflight,) = [call for call in calls if call.startswith("run ")]
    assert "PREFLIGHT_DOCKER_VERSION=26.1.5" in preflight
    assert "PREFLIGHT_COMPOSE_VERSION=2.26.1" in preflight
    assert f"--volume {site.folder}:/run/clone:ro --env PREFLIGHT_CLONE=/run/clone " in preflight
    assert preflight.endswith("--preflight --env-file /run/preflight.env")


@pytest.mark.parametrize(("finding", "goes_on"), [(1, True), (2, False), (3, False)])
def test_only_a_warning_of_preflight_lets_a_deployment_go_on(site: Site, finding: int, goes_on: bool) -> None:
    code, _, calls = site.run("deploy.sh", fails=f"{finding} run ")
    assert code == (0 if goes_on else finding)
    assert any(call.startswith("compose up") for call in calls) is goes_on
    assert site.run("deploy.sh", "--force", fails=f"{finding} run ")[0] == 0


def test_preflight_alone_starts_nothing(site: Site) -> None:
    code, _, calls = site.run("deploy.sh", "--preflight-only", "--json")
    assert code == 0
    assert (site.folder / "compose" / ".env").read_text() == "NODE_ROLE=primary\n"
    assert calls[-1].endswith("--json")
    assert not any(call.startswith("compose up") for call in calls)


def test_a_primary_s_first_deployment_makes_the_pair_key_and_shows_it_to_nobody(site: Site) -> None:
    env = site.folder / "compose" / ".env"
    env.write_text("NODE_ROLE=primary")  # without a line's end
    env.chmod(0o600)
    code, said, calls = site.run("deploy.sh")
    assert code == 0, said
    first, *_, line = env.read_text().splitlines()
    name, _, key = line.partition("=")
    assert (first, name) == ("NODE_ROLE=primary", "PAIR_KEY")
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert "copy that line into the other node's compose/.env" in said
    assert key not in said + "".join(calls)
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert [path.name for path in env.parent.iterdir()] == [".env"]
    before = env.read_bytes()
    assert "PAIR_KEY" not in site.run("deploy.sh")[1]
    assert env.read_bytes() == before


@pytest.mark.parametrize(
    ("mode", "told"), [(0o644, True), (0o640, True), (0o604, True), (0o600, False), (0o400, False)]
)
def test_a_deployment_keeps_the_passwords_from_others_on_the_machine(site: Site, mode: int, told: bool) -> None:
    env = site.folder / "compose" / ".env"
    env.chmod(mode)
    site.run("deploy.sh", "--preflight-only")
    assert stat.S_IMODE(env.stat().st_mode) == mode  # only looking changes nothing
    _, said, _ = site.run("deploy.sh")
    assert stat.S_IMODE(env.stat().st_mode) == (0o600 if told else mode)
    assert ("others on this machine could read compose/.env" in said) is told


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("NODE_ROLE=secondary\n", "copy that line from the primary's compose/.env"),
        ("NODE_ROLE=standalone\n", None),
        ("NODE_ROLE=primary\nPAIR_KEY=\n", None),
        ("NODE_ROLE=primary\nexport PAIR_KEY = 'mine'\n", None),
    ],
)
def test_no_other_deployment_touches_the_pair_key(site: Site, text: str, said: str | None) -> None:
    env = site.folder / "compose" / ".env"
    env.write_text(text)
    output = site.run("deploy.sh")[1]
    assert env.read_text() == text
    assert (said or "") in output
    assert ("PAIR_KEY" in output) is (said is not None)


@pytest.mark.parametrize(
    ("fails", "said"),
    [
        ("1 version", "Docker does not answer"),
        ("1 compose version", "does not answer"),
        ("1 compose config", "nothing"),
    ],
)
def test_a_deployment_without_docker_or_good_settings_says_so(site: Site, fails: str, said: str) -> None:
    code, output, _ = site.run("deploy.sh", fails=fails)
    assert code == 3
    assert said in output
    (site.folder / "compose" / ".env").unlink()
    code, output, calls = site.run("deploy.sh")
    assert (code, calls) == (3, [])
    assert "cp compose/.env.example compose/.env" in output


DRAIN = "exec backup python3 -m stack.tools drain"


def changes(calls: list[str]) -> list[str]:
    """What was called to change something."""
    return [call for call in calls if not re.match(r"version|inspect|(ps|(volume|image|network) ls) ", call)]


def test_uninstalling_hands_over_stops_keepalived_first_and_keeps_the_backups(site: Site) -> None:
    code, said, calls = site.run("uninstall.sh", "--yes")
    assert code == 0, said
    assert changes(calls) == [
        DRAIN, "stop --time 20 keepalived", "stop --time 20 guard", "stop --time 20 firewall", "stop one two",
        "rm --force one two", "image rm dnsha-tools:local", "image rm dnsha-before:pihole", "image rm sha256:one",
        "image rm sha256:two", "volume rm dnsha_pihole", "network rm dnsha_default",
    ]  # fmt: skip
    assert (site.folder / "compose" / ".env").exists()
    assert "kept: the backups in the volume dnsha_backups" in said


def test_uninstalling_everything_takes_backups_and_passwords(site: Site) -> None:
    (site.folder / "compose" / "second.env").touch()
    code, said, calls = site.run("uninstall.sh", "--yes", "--everything")
    assert code == 0, said
    assert "volume rm dnsha_backups" in calls
    assert list((site.folder / "compose").iterdir()) == []
    assert "kept" not in said


def test_uninstalling_a_node_whose_vip_nobody_can_take_is_refused_unless_forced(site: Site) -> None:
    code, said, calls = site.run("uninstall.sh", "--yes", fails=f"2 {DRAIN}")
    assert (code, changes(calls)) == (2, [DRAIN])
    assert "nothing was changed; see to the other node first" in said
    code, said, calls = site.run("uninstall.sh", "--yes", "--force", fails=f"2 {DRAIN}")
    assert code == 0, said
    assert f"{DRAIN} --force" in calls


def test_a_standalone_node_has_nobody_to_hand_over_to(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDIN_DOCKER_PEER", "")
    code, _, calls = site.run("uninstall.sh", "--yes")
    assert (code, DRAIN in calls) == (0, False)


def test_what_is_left_is_told_and_can_be_removed_by_another_run(site: Site) -> None:
    code, said, _ = site.run("uninstall.sh", "--yes", fails="1 volume rm")
    assert code == 1
    assert "something is left" in said
    assert site.run("uninstall.sh", "--yes")[0] == 0


def test_uninstalling_asks_first_and_takes_nothing_but_yes(site: Site) -> None:
    code, said, calls = site.run("uninstall.sh")
    assert (code, changes(calls)) == (3, [])
    assert "there is no terminal to ask at" in said
    for answer, code in (("y", 2), ("yes", 0)):
        with Conversation([site.folder / "stack/uninstall.sh"], site.environment()) as talk:
            talk.expect("The backups (volume dnsha_backups) and compose/.env stay.")
            talk.expect("type yes to go on: ")
            talk.type(answer)
            assert talk.end() == code, talk.screen


@pytest.mark.parametrize("script", ["update.sh", "deploy.sh", "uninstall.sh"])
def test_help_and_wrong_words(site: Site, script: str) -> None:
    assert site.run(script, "--help")[0] == 0
    assert site.run(script, "--frce")[0] == 3

"""Which images the stack's tests run: real ones where there are any, never a stand-in in the place of a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lab.errors import CommandError
from tests.stack import real_images
from tests.stack.real_images import Choice, Wish, choose, report, write_report

PIHOLE, GRAFANA = "pihole/pihole:2026.07.2", "grafana/grafana:13.2.3"


class StandinDocker:
    """An engine that has some images, can pull some, and whose archives hold what their names' files say."""

    def __init__(self, *has: str, pulls: tuple[str, ...] = ()) -> None:
        self.has, self.pulls = set(has), set(pulls)
        self.ran: list[tuple[str, ...]] = []

    def docker(self, *arguments: str, timeout: float = 120.0) -> str:
        assert timeout > 0
        self.ran.append(arguments)
        command = arguments[0]
        if command == "image" and arguments[-1] not in self.has:
            message = "docker image exited 1: No such image"
            raise CommandError(message)
        if command == "pull" and arguments[-1] not in self.pulls:
            message = "docker pull exited 1: dial tcp: lookup failed"
            raise CommandError(message)
        if command == "pull":
            self.has.add(arguments[-1])
        if command == "tag":
            assert arguments[1] in self.has
            self.has.add(arguments[2])
        if command == "save":
            Path(arguments[2]).write_text(arguments[3])
        if command == "load":
            names = Path(arguments[2]).read_text().split()
            if "broken" in names:
                message = "docker load exited 1: unexpected EOF"
                raise CommandError(message)
            self.has.update(names)
            return "".join(f"Loaded image: {name}\n" for name in names)
        return ""

    def did(self, command: str) -> bool:
        return any(one[0] == command for one in self.ran)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(real_images, "STACK", tmp_path)
    return tmp_path


def chosen(
    engine: StandinDocker, *images: str, directory: Path | None = None, machine: StandinDocker | None = None
) -> dict[str, tuple[bool, str]]:
    found = choose(engine, images, Wish(wanted=True, directory=directory), machine or StandinDocker())
    return {choice.image: (choice.real, choice.origin) for choice in found}


def test_without_a_wish_every_image_is_a_stand_in_and_no_registry_is_asked() -> None:
    engine = StandinDocker(pulls=(PIHOLE,))
    assert choose(engine, [PIHOLE], Wish()) == (Choice(PIHOLE, real=False, origin="REAL_IMAGES is not 1"),)
    assert engine.ran == []


def test_an_archive_of_the_folder_comes_first(folder: Path) -> None:
    (folder / "images.tar").write_text(f"{PIHOLE} something/else:1")
    engine, machine = StandinDocker(pulls=(PIHOLE,)), StandinDocker(PIHOLE)
    assert chosen(engine, PIHOLE, directory=folder, machine=machine) == {PIHOLE: (True, "archive images.tar")}
    assert not engine.did("pull")
    assert machine.ran == []


def test_a_real_image_of_an_earlier_run_gets_its_name_back_from_the_stand_in() -> None:
    engine = StandinDocker(PIHOLE, f"dnsha-real/{PIHOLE}")
    assert chosen(engine, PIHOLE) == {PIHOLE: (True, "an earlier run")}
    assert ("tag", f"dnsha-real/{PIHOLE}", PIHOLE) in engine.ran


def test_a_name_that_a_stand_in_has_in_the_builder_is_no_real_image() -> None:
    assert chosen(StandinDocker(PIHOLE), PIHOLE)[PIHOLE][0] is False


def test_the_machine_s_own_engine_gives_what_it_has() -> None:
    engine = StandinDocker()
    assert chosen(engine, PIHOLE, machine=StandinDocker(PIHOLE)) == {PIHOLE: (True, "this machine's engine")}
    assert f"dnsha-real/{PIHOLE}" in engine.has


def test_what_can_be_pulled_is_and_the_rest_are_stand_ins_with_the_reason() -> None:
    engine = StandinDocker(pulls=(GRAFANA,))
    found = chosen(engine, PIHOLE, GRAFANA)
    assert found[GRAFANA] == (True, "its registry")
    assert found[PIHOLE][0] is False
    assert "lookup failed" in found[PIHOLE][1]


def test_an_archive_that_cannot_be_loaded_is_a_failure_and_no_stand_in(folder: Path) -> None:
    (folder / "images.tar").write_text("broken")
    with pytest.raises(CommandError, match="unexpected EOF"):
        chosen(StandinDocker(), PIHOLE, directory=folder)


def test_the_report_says_of_each_image_what_it_was(folder: Path) -> None:
    file = folder / "images.json"
    assert report(file) == []
    write_report((Choice(PIHOLE, real=True, origin="its registry"), Choice(GRAFANA, real=False, origin="no")), file)
    assert [line.split()[:2] for line in report(file)] == [["real", PIHOLE], ["stand-in", GRAFANA]]


@pytest.mark.parametrize(
    "environment", [{"REAL_IMAGES": "yes"}, {"REAL_IMAGES": "1", "REAL_IMAGES_DIRECTORY": "/nonexistent"}]
)
def test_a_wish_that_makes_no_sense_is_refused(environment: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="REAL_IMAGES"):
        Wish.read(environment)


def test_a_wish_is_read_from_the_environment(folder: Path) -> None:
    assert Wish.read({}) == Wish()
    assert Wish.read({"REAL_IMAGES": "1", "REAL_IMAGES_DIRECTORY": str(folder)}) == Wish(wanted=True, directory=folder)

"""What is shipped for other programs is written as files, and nobody's own file is overwritten."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from dashboards.pack import FOLDERS, pack
from exporter import cli, export
from exporter.sources import shipped


@pytest.mark.parametrize("kind", ["rules", "dashboards", "unit"])
def test_all_of_a_kind_is_written_with_a_manifest(tmp_path: Path, kind: shipped.Kind) -> None:
    directory = tmp_path / "new" / kind
    told = export.run(kind, directory)
    names = set(shipped.shipped(kind))
    assert told == f"{directory}: {len(names)} written, 0 already there, 0 removed\n"
    assert {path.name for path in directory.iterdir()} == {*names, f".dnsha-{kind}.sha256"}
    subprocess.run(["sha256sum", "--check", "--quiet", f".dnsha-{kind}.sha256"], cwd=directory, check=True)


def test_again_nothing_is_written(tmp_path: Path) -> None:
    export.run("rules", tmp_path)
    assert " 0 written" in export.run("rules", tmp_path)


def test_a_later_version_replaces_and_removes_its_own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ship(**files: str) -> None:
        content = {name: text.encode() for name, text in files.items()}
        monkeypatch.setattr(export, "shipped", lambda _: content)

    ship(kept="1", changed="1", gone="1")
    export.run("rules", tmp_path)
    (tmp_path / "somebody's").write_text("own")
    ship(kept="1", changed="2", new="2")
    assert export.run("rules", tmp_path) == f"{tmp_path}: 2 written, 1 already there, 1 removed\n"
    assert {path.name: path.read_text() for path in tmp_path.glob("[!.]*")} == {
        "kept": "1", "changed": "2", "new": "2", "somebody's": "own",
    }  # fmt: skip


@pytest.mark.parametrize("exported", [True, False])
def test_a_file_that_somebody_wrote_stops_all(tmp_path: Path, *, exported: bool) -> None:
    if exported:
        export.run("rules", tmp_path)
    (tmp_path / "vip.yaml").write_text("groups: []\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        export.ExportError, match=r"vip\.yaml in .* was changed, or was there before: nothing was written"
    ):
        export.run("rules", tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_changed_file_that_is_shipped_no_more_stops_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    export.run("unit", tmp_path)
    (tmp_path / shipped.UNIT).write_text("mine")
    monkeypatch.setattr(export, "shipped", lambda _: {})
    with pytest.raises(export.ExportError, match=r"dnsha-exporter\.service"):
        export.run("unit", tmp_path)


def test_links_to_runbooks_lead_to_a_node_if_one_is_named(tmp_path: Path) -> None:
    export.run("rules", tmp_path, "http://192.0.2.11:9753/runbooks")
    text = (tmp_path / "vip.yaml").read_text()
    assert "runbook_url: http://192.0.2.11:9753/runbooks/DnsHaSplitBrain\n" in text
    assert "dns-ha-exporter.example" not in text


def test_what_cannot_be_written_is_told_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["--export-rules", str(tmp_path / "file" / "rules")]) == 3
    assert "the rules cannot be written" in capsys.readouterr().err
    assert cli.main(["--export-rules", str(tmp_path), "--runbooks-url", "node"]) == 3
    assert "http://HOST" in capsys.readouterr().err


def test_no_setting_is_needed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--export-dashboards", str(tmp_path)]) == 0
    assert "written" in capsys.readouterr().out


def test_the_wheel_s_archive_holds_what_the_checkout_has(tmp_path: Path) -> None:
    pack(tmp_path / "one")
    pack(tmp_path / "two")
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    kinds: tuple[shipped.Kind, ...] = ("rules", "dashboards")
    for kind in kinds:
        there = {path.name: path.read_bytes() for path in FOLDERS[kind].iterdir()}
        assert shipped.shipped(kind, tmp_path / "one") == there


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "archive").write_bytes(b"no archive")
    with pytest.raises(shipped.ShippedError, match="install the exporter's wheel anew"):
        shipped.shipped("rules", tmp_path / "archive")

"""The digest of what both nodes should share: equal exactly when names and contents are."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest

from exporter.model.errors import ParseError
from exporter.sources import digest as module
from exporter.sources.digest import digest, signature


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    root = tmp_path / "shared"
    (root / "lists").mkdir(parents=True)
    (root / "local.conf").write_text("server:\n")
    (root / "lists" / "hosts").write_text("192.0.2.1 router\n")
    return root


def copy(tree: Path) -> Path:
    return Path(shutil.copytree(tree, tree.with_name("copy"), symlinks=True))


def test_it_is_the_sha_256_of_names_and_contents_of_all_files_in_order(tree: Path) -> None:
    """Made by hand: 8 bytes of the name's length, the name, the SHA-256 of the word file and the content."""
    expected = hashlib.sha256()
    for name, content in (("lists/hosts", b"192.0.2.1 router\n"), ("local.conf", b"server:\n")):
        expected.update(len(name).to_bytes(8, "big") + name.encode() + hashlib.sha256(b"file" + content).digest())
    assert digest(tree) == expected.hexdigest()


def test_a_copy_has_the_same_digest_whatever_its_times_and_modes_are(tree: Path) -> None:
    other = copy(tree)
    os.utime(other / "local.conf", (1, 1))
    (other / "local.conf").chmod(0o600)
    assert digest(other) == digest(tree)


@pytest.mark.parametrize("change", ["content", "name", "more", "less", "link", "split"])
def test_any_difference_changes_it(tree: Path, change: str) -> None:
    other = copy(tree)
    if change == "content":
        (other / "local.conf").write_text("server: \n")
    elif change == "name":
        (other / "local.conf").rename(other / "other.conf")
    elif change == "more":
        (other / "empty").touch()
    elif change == "less":
        (other / "local.conf").unlink()
    elif change == "link":
        (other / "local.conf").unlink()
        (other / "local.conf").symlink_to("server:\n")
    elif change == "split":
        (other / "lists").rename(other / "list")
        (other / "list" / "hosts").rename(other / "list" / "shosts")
    assert digest(other) != digest(tree)


def test_a_symbolic_link_counts_by_its_text_and_not_by_what_it_points_to(tree: Path) -> None:
    (tree / "link").symlink_to("/etc/passwd")
    other = copy(tree)
    assert digest(other) == digest(tree)
    (other / "link").unlink()
    (other / "link").symlink_to("/etc/shadow")
    assert digest(other) != digest(tree)


def test_a_link_to_a_folder_counts_like_any_other(tree: Path) -> None:
    other = copy(tree)
    (other / "link").symlink_to("lists")
    assert digest(other) != digest(tree)
    assert signature(other) != signature(tree)


def test_a_link_that_is_itself_the_shared_path_is_followed(tree: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tree / "local.conf")
    before = signature(link), digest(link)
    assert before[1] == digest(tree / "local.conf")
    (tree / "local.conf").write_text("server: no\n")
    assert (signature(link) != before[0], digest(link) != before[1]) == (True, True)
    link.unlink()
    link.symlink_to(tree)
    assert digest(link) == digest(tree)


def test_a_link_to_itself_is_the_systems_error(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"[Ss]ymbolic|Symlink"):
        digest(tmp_path / "loop")


def test_a_name_that_is_not_utf_8_counts_too(tree: Path) -> None:
    before = digest(tree)
    (tree / os.fsdecode(b"\xff\xfe")).touch()
    assert digest(tree) != before


def test_the_signature_changes_with_every_change_of_content(tree: Path) -> None:
    seen = {signature(tree)}
    (tree / "local.conf").write_text("server: yes\n")
    seen.add(signature(tree))
    (tree / "new").touch()
    seen.add(signature(tree))
    (tree / "swap").write_text("server: abc\n")
    os.utime(tree / "swap", ns=(0, (tree / "local.conf").stat().st_mtime_ns))
    (tree / "swap").replace(tree / "local.conf")  # the same size and time, another file
    seen.add(signature(tree))
    assert len(seen) == 4


def test_a_fifo_or_socket_among_the_files_is_refused_without_opening_it(tree: Path) -> None:
    os.mkfifo(tree / "fifo")
    with pytest.raises(ParseError, match="fifo is neither a file nor a link"):
        digest(tree)
    with pytest.raises(ParseError, match="neither"):
        digest(tree / "fifo")


def test_a_path_that_does_not_exist_is_the_systems_error(tmp_path: Path) -> None:
    for look in (signature, digest):
        with pytest.raises(FileNotFoundError):
            look(tmp_path / "missing")


def test_more_files_than_anybody_shares_are_refused(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAXIMUM_FILES", 2)
    signature(tree)
    (tree / "third").touch()
    with pytest.raises(ParseError, match="more than 2 files"):
        signature(tree)


def test_more_bytes_than_anybody_shares_are_refused_before_they_are_read(tree: Path) -> None:
    with (tree / "huge").open("wb") as file:
        file.truncate(module.MAXIMUM_BYTES)  # a hole: no disk is used
    with pytest.raises(ParseError, match="more than 256 MiB"):
        signature(tree)

"""Which drop-in files Unbound may be given, by the real unbound-checkconf: each fault with its file and its line."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stack.unbound.allowed import review
from stack.unbound.drop_ins import MAXIMUM_BYTES, MAXIMUM_FILES, CheckError, Fault, check, read_folder
from stack.unbound.syntax import LineError

ZONES = ("canary.dnsha.example",)
GOOD = b'server:\n    local-data: "printer.home.example. 60 IN A 192.0.2.97"\n'
CHECKCONF = shutil.which("unbound-checkconf", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture(autouse=True, scope="module")
def unbound() -> None:
    if CHECKCONF is None:
        reason = "unbound-checkconf is missing: apt-get install unbound"
        pytest.fail(reason, pytrace=False) if os.environ.get("CI") else pytest.skip(reason)


def folder(tmp_path: Path, **files: bytes) -> Path:
    made = tmp_path / "unbound.d"
    made.mkdir()
    for name, content in files.items():
        (made / name.replace("_", ".")).write_bytes(content)
    return made


def test_good_files_are_all_used(tmp_path: Path) -> None:
    found, faults = read_folder(folder(tmp_path, a_conf=GOOD, b_conf=b"", _gitkeep=b""), ZONES)
    assert (dict(found), faults) == ({"a.conf": GOOD, "b.conf": b""}, ())
    assert check(found, "") is None


def test_what_is_no_ordinary_conf_file_is_named(tmp_path: Path) -> None:
    source = folder(tmp_path, notes_txt=b"x", good_conf=GOOD)
    (source / "secret.conf").symlink_to("/etc/shadow")
    (source / "sub").mkdir()
    os.mkfifo(source / "pipe.conf")
    found, faults = read_folder(source, ZONES)
    assert set(found) == {"good.conf"}
    assert [fault.file for fault in faults] == ["notes.txt", "pipe.conf", "secret.conf", "sub"]
    assert all("only ordinary files named *.conf" in fault.what for fault in faults)


def test_what_is_too_much_is_left(tmp_path: Path) -> None:
    source = folder(tmp_path, a_conf=GOOD, b_conf=b"#" * (MAXIMUM_BYTES - len(GOOD) + 1), c_conf=GOOD)
    found, faults = read_folder(source, ZONES)
    assert (set(found), [fault.file for fault in faults]) == ({"a.conf", "c.conf"}, ["b.conf"])
    assert "4 MiB" in faults[0].what
    (source / "b.conf").unlink()
    for number in range(MAXIMUM_FILES):
        (source / f"x{number}.conf").touch()
    found, faults = read_folder(source, ZONES)
    assert (len(found), len(faults)) == (MAXIMUM_FILES, 2)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"server:\n\n    prefetch: maybe\n", Fault("b.conf", 3, "expected yes or no.")),
        (
            b"server:\n    local-data: 'a.example. IN A 192.0.2.1'\n    local-data: 'b.example. IN A 192.0.2.999'\n\n",
            Fault("b.conf", 3, "error parsing local-data at 16 'b.example. IN A 192.0.2.999'"),
        ),
        (
            b'server:\n    prefetch: yes\nforward-zone:\n    name: "x.example"\n    forward-addr: nowhere\n',
            Fault("b.conf", 5, "cannot parse forward"),
        ),
        (b"server:\n    private-address: 10.0.0.0/99\n", Fault("b.conf", 2, "netblock too large")),
    ],
)
def test_what_unbound_refuses_is_named_with_its_line(content: bytes, fault: Fault) -> None:
    found = check({"a.conf": GOOD, "b.conf": content, "c.conf": GOOD.replace(b"printer", b"other")}, "")
    assert found is not None
    assert (found.file, found.line) == (fault.file, fault.line)
    assert found.what.startswith(fault.what)
    assert str(found).startswith(f"b.conf, line {fault.line}: ")


def test_two_files_that_contradict_each_other_are_refused() -> None:
    stub = b'stub-zone:\n    name: "x.example"\n    stub-addr: 192.0.2.1\n'
    assert check({"a.conf": stub, "b.conf": b'auth-zone:\n    name: "x.example"\n    zonefile:\n'}, "") is not None


def test_a_configuration_that_is_refused_without_them_is_nobodys_fault() -> None:
    with pytest.raises(CheckError, match="without any drop-in file: unknown keyword 'nonsense'"):
        check({"a.conf": GOOD}, "nonsense: 1\n")


# Two good lines of three, and values in which Unbound's lexer could see something else.
_VALUE = st.sampled_from(
    ["include:", "include-toplevel:", "/bait/bait.conf", '"/bait/bait.conf"', "include:/bait/bait.conf", "a.example",
     "static", "#x", "'#'", "a#b", "python:", '"python:"', "'a \"b\" c'", "\"'\"", "\\", "a:", ":", '""', "'", '"']
)  # fmt: skip
_GAP = st.sampled_from([" ", " ", "  ", "\t", "", "\r", "\n", "\\\n", " #"])
_GOOD_LINE = st.sampled_from(
    ["\n", "# include: /bait/bait.conf\n", 'local-data: "x.example. A 192.0.2.1"\n', "server:\r\n"]
)
_DOUBTFUL_LINE = st.builds(
    "{}{}{}{}{}{}".format,
    st.sampled_from(["local-data:", "local-zone:", "private-domain:", "", "server:"]),
    *(_GAP, _VALUE, _GAP, _VALUE),
    st.sampled_from(["\n", "\n", ""]),
)
TEXT = st.lists(st.one_of(_GOOD_LINE, _GOOD_LINE, _DOUBTFUL_LINE), max_size=6).map(
    lambda lines: "server:\n" + "".join(lines)
)


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT)
def test_unbound_reads_no_python_and_no_file_out_of_what_was_allowed(tmp_path: Path, text: str) -> None:
    assert CHECKCONF is not None
    (tmp_path / "bait").mkdir(exist_ok=True)
    (tmp_path / "bait" / "bait.conf").write_text("swallowed-the-bait: yes\n")
    content = text.replace("/bait/", f"{tmp_path}/bait/").encode()
    try:
        review(content, ZONES)
    except LineError:
        return
    main = tmp_path / "unbound.conf"
    main.write_bytes(b'server:\n    directory: ""\n    chroot: ""\n    username: ""\n' + content)
    said = subprocess.run([CHECKCONF, "-o", "python-script", main], capture_output=True, text=True, check=False)
    assert "bait.conf:" not in said.stderr
    assert said.stdout.strip() == ""

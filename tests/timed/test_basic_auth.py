"""Names and passwords: right, wrong, kept, and at a bounded cost."""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import bcrypt
import pytest

from exporter.http import basic_auth
from exporter.http.basic_auth import BasicAuth, PasswordTimeoutError
from tests.unit.certificates import HASH, PASSWORD


def header(user: str = "owner", password: str = PASSWORD) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The passwords that were checked by the library, in this order."""
    seen: list[bytes] = []
    check = bcrypt.checkpw

    def count(password: bytes, hashed: bytes) -> bool:
        seen.append(password)
        return check(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", count)
    return seen


def test_the_right_password_is_checked_once(checks: list[bytes]) -> None:
    auth = BasicAuth({"owner": HASH})
    assert [auth.permits(header()) for _ in range(3)] == [True] * 3
    assert checks == [PASSWORD.encode()]


def test_a_wrong_one_too(checks: list[bytes]) -> None:
    auth = BasicAuth({"owner": HASH})
    assert [auth.permits(header(password="wrong")) for _ in range(3)] == [False] * 3
    assert checks == [b"wrong"]


def test_an_unknown_name_costs_the_same_and_has_no_right_password(checks: list[bytes]) -> None:
    assert not BasicAuth({"owner": HASH}).permits(header("guest"))
    assert checks == [PASSWORD.encode()]


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Bearer " + header().partition(" ")[2],
        "Basic " + base64.b64encode(b"owner").decode(),
        "Basic " + base64.b64encode(b"\xff:U*U").decode(),
        "Basic " + base64.b64encode(b"owner:U*U\0").decode(),
        "Basic " + base64.b64encode(b"owner:" + b"x" * 73).decode(),
        "Basic \u00e9",
    ],
)
def test_what_is_no_name_and_password_is_checked_by_nothing(checks: list[bytes], value: str) -> None:
    assert not BasicAuth({"owner": HASH}).permits(value)
    assert checks == []


def test_scheme_names_know_no_case() -> None:
    assert BasicAuth({"owner": HASH}).permits(header().replace("Basic", "bASIC"))


def test_wrong_passwords_do_not_eat_the_processor() -> None:
    """Sixteen at once guess for a second: at most one at a time, and four fifths of the time nobody."""
    auth = BasicAuth({"owner": bcrypt.hashpw(b"secret", bcrypt.gensalt(8)).decode()})
    began, used = time.monotonic(), time.process_time()
    until = began + 1

    def guess(guesser: int) -> None:
        number = 0
        while time.monotonic() < until:
            number += 1
            with contextlib.suppress(PasswordTimeoutError):  # on a busy machine it is told to wait
                assert not auth.permits(header(password=f"{guesser}-{number}"))

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(guess, range(16)))
    assert time.process_time() - used < 0.4 * (time.monotonic() - began)


def test_a_password_that_is_known_waits_for_no_guess() -> None:
    auth = BasicAuth({"owner": HASH})
    assert auth.permits(header())
    with auth._gate:
        assert auth.permits(header())


def test_who_waits_too_long_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(basic_auth, "WAIT_SECONDS", 0.05)
    auth = BasicAuth({"owner": HASH})
    with auth._gate, pytest.raises(PasswordTimeoutError):
        auth.permits(header())


def test_guesses_take_no_memory_and_put_nobody_out(checks: list[bytes]) -> None:
    auth = BasicAuth({"owner": HASH})
    assert auth.permits(header())
    for number in range(basic_auth.WRONG_KEPT + 5):
        auth.permits(header(password=str(number)))
    assert len(auth._wrong) == basic_auth.WRONG_KEPT
    assert auth.permits(header())
    assert checks.count(PASSWORD.encode()) == 1


def test_one_check_serves_all_who_asked_at_once(checks: list[bytes]) -> None:
    auth = BasicAuth({"owner": HASH})
    barrier = threading.Barrier(8)

    def ask(_: int) -> bool:
        barrier.wait(5)
        return auth.permits(header())

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(ask, range(8)))
    assert checks == [PASSWORD.encode()]

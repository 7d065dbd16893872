"""A program asks an exporter for a pause: only who has the pair's token, and what is asked for is written down."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path

import pytest

from exporter.http.pair_key import PairKey, PairKeyError
from exporter.http.pause import PauseServer

KEY = PairKey(b"0123456789abcdef0123456789abcdef")
# HMAC-SHA256 of "dnsha token 1\\npause" with that key, by: printf "..." | openssl dgst -sha256 -hmac KEY
TOKEN = "c7d3f600a1a17aa4568177f17e7410a07235e2ea"


class Asked:
    """A server, and what a client gets from it."""

    def __init__(self, server: PauseServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.key = KEY

    def post(self, path: str, **headers: str) -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.server.server_port, timeout=10)
        connection.request("POST", path, headers=headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        return answer.status, text

    @property
    def request(self) -> dict[str, float] | None:
        path = self.folder / "pause.request"
        found: dict[str, float] | None = json.loads(path.read_bytes()) if path.exists() else None
        return found


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    made: list[Asked] = []
    server = PauseServer("127.0.0.1", 0, {}, tmp_path, pair_key=lambda: made[0].key)
    made.append(Asked(server, tmp_path))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made[0]
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_who_has_the_token_may_ask(asked: Asked) -> None:
    status, text = asked.post(f"/api/v1/pause?for=5m&token={TOKEN}")
    assert (status, text) == (202, "Both Pi-holes block nothing for 300 s, in a few seconds\n")
    assert asked.request is not None
    assert asked.request["seconds"] == 300.0
    assert abs(asked.request["asked"] - time.time()) < 60
    assert asked.post("/api/v1/pause?for=end", Authorization=f"Bearer {TOKEN}")[0] == 202
    assert asked.request["seconds"] == 0.0


@pytest.mark.parametrize("token", ["", "x", "\u00e4", "0" * 40, KEY.secret.decode()])
def test_nobody_else_may(asked: Asked, token: str) -> None:
    from urllib.parse import quote

    status, text = asked.post(f"/api/v1/pause?for=5m&token={quote(token)}")
    assert status == 403
    assert "tools pause url" in text
    assert asked.post("/api/v1/pause?for=5m")[0] == 403
    assert asked.request is None


@pytest.mark.parametrize("wanted", ["", "5", "2d", "forever", "5m&for=x"])
def test_what_cannot_be_meant_is_refused(asked: Asked, wanted: str) -> None:
    status, text = asked.post(f"/api/v1/pause?token={TOKEN}&for={wanted}")
    if wanted == "5m&for=x":  # the first counts
        assert status == 202
        return
    assert status == 400
    assert text.startswith("for: ")
    assert asked.request is None


def test_without_a_key_nobody_may(asked: Asked) -> None:
    asked.key = PairKey()
    assert asked.post(f"/api/v1/pause?for=5m&token={TOKEN}") == (
        403,
        "This takes PAIR_KEY in .env, the same on both nodes\n",
    )
    assert asked.request is None


def test_a_key_that_cannot_be_read_lets_nobody_in(asked: Asked, tmp_path: Path) -> None:
    def fail() -> PairKey:
        raise PairKeyError("unreadable")  # noqa: EM101

    asked.server.pair_key = fail
    assert asked.post(f"/api/v1/pause?for=5m&token={TOKEN}")[0] == 403
    assert asked.request is None


def test_a_folder_that_cannot_be_written_is_told(asked: Asked) -> None:
    asked.server.folder = asked.folder / "missing"
    assert asked.post(f"/api/v1/pause?for=5m&token={TOKEN}") == (500, "This failed; the log says why\n")


def test_nothing_else_can_be_posted(asked: Asked) -> None:
    assert asked.post("/")[0] == 501
    assert asked.post("/api/v1/status")[0] == 501


def test_the_token_is_not_logged(asked: Asked, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asked.post(f"/api/v1/pause?token={TOKEN}&for=5m")
    assert "/api/v1/pause?token=...&for=5m" in caplog.text
    assert TOKEN not in caplog.text

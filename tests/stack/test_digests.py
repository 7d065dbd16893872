"""``make digests`` with the real buildx, and a stand-in for a registry."""

from __future__ import annotations

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.plan import REPOSITORY

from . import tools
from .conftest import require
from .shipped import without_engine

pytestmark = pytest.mark.stack


def sha256(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
CONFIG = b'{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
MANIFEST = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json", "digest": sha256(CONFIG), "size": len(CONFIG),
        },
        "layers": [],
    }
).encode()  # fmt: skip
INDEX = json.dumps(
    {
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": [
            {
                "mediaType": MANIFEST_TYPE, "digest": sha256(MANIFEST), "size": len(MANIFEST),
                "platform": {"architecture": architecture, "os": "linux"},
            }
            for architecture in ("amd64", "arm64")
        ],
    }
).encode()  # fmt: skip
CONTENT = {
    "manifests/trixie-slim": (INDEX_TYPE, INDEX),
    f"manifests/{sha256(INDEX)}": (INDEX_TYPE, INDEX),
    f"manifests/{sha256(MANIFEST)}": (MANIFEST_TYPE, MANIFEST),
    f"blobs/{sha256(CONFIG)}": ("application/octet-stream", CONFIG),
}


class StandinRegistry(http.server.BaseHTTPRequestHandler):
    """The distribution specification's reading half, for one image."""

    def do_GET(self) -> None:
        kind, content = CONTENT.get(self.path.removeprefix("/v2/library/debian/"), ("", b""))
        self.send_response(200 if content or self.path == "/v2/" else 404)
        self.send_header("Content-Length", str(len(content)))
        if content:
            self.send_header("Content-Type", kind)
            self.send_header("Docker-Content-Digest", sha256(content))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    do_HEAD = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    require(without_engine())
    for name, value in tools.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent")
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), StandinRegistry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def make_digests(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "stack.images.digests", str(folder)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60)


def repository(folder: Path, image: str) -> Path:
    (folder / "stack" / "images").mkdir(parents=True)
    (folder / "compose").mkdir()
    (folder / "stack" / "images" / "Dockerfile").write_text(f"FROM {image} AS base\nFROM base AS python\n")
    (folder / "compose" / "compose.yaml").write_text(f"x-images:\n  debian: &debian-image {image}\n")
    return folder


def test_the_digest_of_all_architectures_is_written_into_each_file(registry: str, tmp_path: Path) -> None:
    image = f"{registry}/library/debian:trixie-slim"
    made = repository(tmp_path, image)
    assert make_digests(made).returncode == 0
    pinned = f"{image}@{sha256(INDEX)}"
    assert (made / "stack/images/Dockerfile").read_text() == f"FROM {pinned} AS base\nFROM base AS python\n"
    assert (made / "compose/compose.yaml").read_text() == f"x-images:\n  debian: &debian-image {pinned}\n"


def test_a_tag_that_the_registry_does_not_know_writes_nothing(registry: str, tmp_path: Path) -> None:
    made = repository(tmp_path, f"{registry}/library/debian:nosuch")
    before = (made / "compose/compose.yaml").read_text()
    done = make_digests(made)
    assert done.returncode == 1
    assert "debian:nosuch: " in done.stderr
    assert "nothing was written" in done.stderr
    assert (made / "compose/compose.yaml").read_text() == before

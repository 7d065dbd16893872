"""``stack/report.sh``: secrets are planted in every place that it reads, in every form; none is in what it writes."""

from __future__ import annotations

import base64
import json
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.report import sources
from stack.report.redact import GONE, Redactor, known_secrets

REPOSITORY = Path(__file__).parents[2]
PASSWORD = 'it\'s a $trange "horse"/battery'
APP, GRAFANA, PAIR = "app+word/with=marks", "grafana-horse-9", "6b" * 32
TOKEN, CHAT, TOPIC = "123456789:AAEhBOweik6ad", "-1009876543210", "a-topic-that-nobody-guesses"
HEARTBEAT = "2f7c1f0e-5b7e-4a43-9b1c-77a5d0d1c9aa"
KEY_LINE = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ"
# These are nowhere in the settings: what looks like one is taken for one.
UNKNOWN = {
    "a session": ('{"session": {"sid": "vFA+EP4MQ5JJvJg+3Q2Jnw="}}', "vFA+EP4MQ5JJvJg"),
    "a hash of Pi-hole's": ("pwhash $BALLOON-SHA256$v=1$s=1024,t=32$W0WYp/Rh", "v=1$s=1024"),
    "a hash of bcrypt": ("admin: $2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "N9qo8uLO"),
    "a header": ("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9", "eyJhbGci"),
    "a generated password": ("Setting password: Xz81qpLm", "Xz81qpLm"),
    "a receiver": ("cannot tell tgram://987654321:BBxyz/-55; retrying", "BBxyz"),
    "a number": ("signal: +4915112345678 is not registered", "4915112345678"),
    "a password before a host": ("GET https://admin:hunter22@example.org/ 401", "hunter22"),
    "a private key": ("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAAC3Nz\n-----END OPENSSH PRIVATE KEY-----", "AAAAC3Nz"),
    "another program's variable": ('"MYSQL_ROOT_PASSWORD=toor-toor"', "toor-toor"),
}
HARMLESS = "keepalived entered MASTER STATE for 192.0.2.53; PIHOLE_PASSWORD_FILE=/run/secrets/pihole/password"


def env_text() -> str:
    quoted = PASSWORD.replace("'", "\\'")
    return (
        f"NODE_NAME=attic\nPIHOLE_PASSWORD='{quoted}'\nPIHOLE_APP_PASSWORD={APP}\nGRAFANA_ADMIN_PASSWORD={GRAFANA}\n"
        f"PAIR_KEY={PAIR}\nNOTIFY_URLS='tgram://{TOKEN}/{CHAT},ntfy://ntfy.sh/{TOPIC}'\n"
        f"HEARTBEAT_URL=https://hc.example/{HEARTBEAT}\n"
    )


def forms(secret: str) -> list[str]:
    """How programs print a secret; not by the code under test."""
    return [
        secret,
        quote(secret),
        quote(secret, safe=""),
        json.dumps(secret),
        json.dumps(json.dumps({"password": secret})),
        secret.replace("$", "$$"),
        base64.b64encode(secret.encode()).decode(),
        "Basic " + base64.b64encode(f"admin:{secret}".encode()).decode(),
        base64.b64encode(f"xy{secret}z".encode()).decode(),
        secret.encode().hex(),
    ]


SECRETS = (PASSWORD, APP, GRAFANA, PAIR, TOKEN, CHAT, TOPIC, HEARTBEAT, KEY_LINE)
LINES = [f"log: {form} :gol" for secret in SECRETS for form in forms(secret)]
PLANTED = "".join(f"{line}\n" for line in (HARMLESS, *LINES, *(text for text, _ in UNKNOWN.values())))
# What must not be left: also what begins with a secret's middle.
TRACES = [
    *(form.strip('"') for secret in SECRETS for form in (secret, quote(secret), secret.encode().hex())),
    *(base64.b64encode(secret.encode()).decode().rstrip("=")[:-2] for secret in SECRETS),
    *(base64.b64encode(f"admin:{secret}".encode()).decode().rstrip("=")[8:-2] for secret in SECRETS),
    *(trace for _, trace in UNKNOWN.values()),
]
PROGRAMS = sorted({source.command[0] for source in (*sources.HOST, *sources.STACK, *sources.of_containers(("one",)))})


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone in which every program that a report asks, and every file that it reads, is full of secrets."""
    for name in ("stack", "exporter"):
        shutil.copytree(REPOSITORY / name, tmp_path / "clone" / name, ignore=shutil.ignore_patterns("__pycache__"))
    compose = tmp_path / "clone/compose"
    (compose / "sync-keys").mkdir(parents=True)
    (compose / ".env").write_text(env_text())
    (compose / "second.env").write_text(env_text())
    (compose / "sync-keys/key").write_text(f"-----BEGIN OPENSSH PRIVATE KEY-----\n{KEY_LINE}\n-----END")
    (tmp_path / "planted").write_text(PLANTED)
    (tmp_path / "bin").mkdir()
    teller = (
        "#!/bin/sh\n# A stand-in for every program: says how it was called, and every secret, on both streams.\n"
        'case "$*" in *"{{.Names}}"*) echo pihole keepalived; exit ;; esac\n'
        f'echo "asked: $(basename "$0") $*"\ncat {tmp_path}/planted\ncat {tmp_path}/planted >&2\nexit "${{CODE:-0}}"\n'
    )
    for program in PROGRAMS:
        path = tmp_path / "clone" / program if "/" in program else tmp_path / "bin" / program
        if program == "cat":  # reads the files of the host
            continue
        path.write_text(teller)
        path.chmod(0o755)
    (tmp_path / "bin/python3").write_text(f'#!/bin/sh\nexec {os.path.realpath(sys.executable)} -S "$@"\n')
    (tmp_path / "bin/python3").chmod(0o755)
    return tmp_path / "clone"


def report(clone: Path, **environment: str) -> tuple[subprocess.CompletedProcess[str], dict[str, str]]:
    target = clone.parent / "report.tar.gz"
    done = subprocess.run(
        [clone / "stack/report.sh", str(target)],
        env={**os.environ, "PATH": f"{clone.parent / 'bin'}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    with tarfile.open(target) as archive:
        found = {}
        for member in archive.getmembers():
            file = archive.extractfile(member)
            assert file is not None
            found[member.name.partition("/")[2]] = file.read().decode()
    return done, found


def test_no_secret_is_left_whatever_place_and_form_it_stands_in(clone: Path) -> None:
    done, found = report(clone)
    assert done.returncode == 0, done.stderr
    left = [(name, trace) for name, text in found.items() for trace in TRACES if trace in text]
    assert left == []
    assert not any(trace in done.stdout + done.stderr for trace in TRACES)
    asked = {name: text for name, text in found.items() if text.startswith("asked: ")}
    everything = (*sources.HOST, *sources.STACK, *sources.of_containers(("keepalived", "pihole")))
    assert asked.keys() == {source.name for source in everything if source.command[0] != "cat"}
    assert all(text.count(HARMLESS) == 2 for text in asked.values())
    assert all(text.count(GONE) > len(SECRETS) for text in asked.values())
    assert found["compose/env"].splitlines()[:2] == ["NODE_NAME=attic", "PIHOLE_PASSWORD is set"]


def test_what_failed_is_said_in_its_place_and_ends_nothing(clone: Path) -> None:
    (clone.parent / "bin/nft").unlink()
    (clone / "compose/.env").write_text("NODE_NAME='attic\nPAIR_KEY=" + PAIR + "\n")  # no file for Compose
    done, found = report(clone, CODE="7", PATH=f"{clone.parent / 'bin'}:/usr/bin:/bin")
    assert done.returncode == 0
    assert found["docker/version.txt"].endswith("[docker ended with 7]\n")
    assert found["host/nftables.txt"].startswith("\n[nft ") or shutil.which("nft", path="/usr/bin:/bin")
    assert not any(PAIR in text for text in found.values())


@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40),
    st.binary(max_size=4),
    st.binary(max_size=4),
)
def test_a_known_secret_is_found_wherever_it_begins_in_base64(secret: str, before: bytes, after: bytes) -> None:
    whole = base64.b64encode(before + secret.encode() + after).decode()
    start = -(-len(before) * 8 // 6)
    inner = whole[start : (len(before) + len(secret.encode())) * 8 // 6]
    assert inner not in Redactor([secret]).clean(whole) or inner in GONE


def test_a_well_known_host_of_a_receiver_is_no_secret() -> None:
    secrets = known_secrets([{"NOTIFY_URLS": f"ntfy://ntfy.sh/{TOPIC}"}])
    assert TOPIC in secrets
    assert "ntfy.sh" not in secrets
    assert Redactor(secrets).clean("ntfy.sh does not resolve") == "ntfy.sh does not resolve"

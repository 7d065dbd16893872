"""Certificates made by openssl, and web configurations that name them."""

from __future__ import annotations

import subprocess
from pathlib import Path

# One of the vectors of Openwall's crypt_blowfish 1.3 (wrapper.c).
PASSWORD = "U*U"
HASH = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
TLS = "tls_server_config: {cert_file: cert.pem, key_file: key.pem}\n"


def make_certificate(folder: Path, name: str = "node.example", stem: str = "") -> None:
    """Write ``cert.pem`` and ``key.pem``, self-signed, with ``stem`` before the names."""
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-keyout", folder / f"{stem}key.pem", "-out", folder / f"{stem}cert.pem", "-subj", f"/CN={name}",
            "-addext", "subjectAltName=IP:127.0.0.1",
        ],
        check=True, capture_output=True, timeout=30,
    )  # fmt: skip


def users(hashed: str = HASH) -> str:
    """The section with one user, ``owner``."""
    return f"basic_auth_users: {{owner: {hashed}}}\n"

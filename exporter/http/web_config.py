"""The web configuration file, in the format that exporters share (exporter-toolkit, docs/web-configuration.md).

Of that format this exporter has ``tls_server_config`` with a certificate's and its key's file and the versions of TLS,
and ``basic_auth_users``. Whatever else is in the file is a mistake: a lock that is not there must not look like one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from exporter.engine.files import read_bounded
from exporter.model.errors import ConfigurationError, ParseError

MAXIMUM_FILE_BYTES: Final = 64 << 10
# From 13 on, one wrong password takes a Pi more than a second.
MAXIMUM_COST: Final = 12
TLS_VERSIONS: Final = {"TLS12": "TLSv1_2", "TLS13": "TLSv1_3"}  # as ssl.TLSVersion names them
_TLS_KEYS: Final = ("cert_file", "key_file", "client_auth_type", "min_version", "max_version")
_BCRYPT: Final = re.compile(r"\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}")


@dataclass(frozen=True, slots=True)
class TlsServer:
    """What the server shows, and the versions it speaks, as keys of ``TLS_VERSIONS``."""

    certificate: Path
    key: Path
    minimum: str
    maximum: str


@dataclass(frozen=True, slots=True)
class WebConfig:
    """One file's content; ``users`` maps names to bcrypt hashes, and nobody needs a password when it is empty."""

    tls: TlsServer | None
    users: Mapping[str, str]


def read(path: Path) -> WebConfig:
    """Read a web configuration file; the files that it names are not looked at.

    Raises:
        ConfigurationError: with a sentence for each mistake.
    """
    problems: list[str] = []
    sections = _mapping(_document(path), "the file", problems)
    _refuse_others(sections, ("tls_server_config", "basic_auth_users"), "", problems)
    tls = _tls(path.parent, sections.get("tls_server_config"), problems)
    users = _mapping(sections.get("basic_auth_users"), "basic_auth_users", problems)
    problems += _wrong_users(users)
    if problems:
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return WebConfig(tls, users)


def speaks_tls(path: Path | None) -> bool:
    """Whether a node with this file speaks TLS: the peer too, which has the same file."""
    try:
        return path is not None and read(path).tls is not None
    except ConfigurationError:  # who serves says so
        return False


def _document(path: Path) -> object:
    import yaml

    from exporter.settings.load import text_loader

    try:
        return yaml.load(read_bounded(path, MAXIMUM_FILE_BYTES), text_loader())  # noqa: S506 (a safe loader)
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}"]) from None
    except ParseError as error:
        raise ConfigurationError([str(error)]) from None
    except yaml.MarkedYAMLError as error:  # without the line itself, which may be a hash
        where = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigurationError([f"{path}{where}: is not valid YAML"]) from None
    except (yaml.YAMLError, ValueError, RecursionError):
        raise ConfigurationError([f"{path}: is not valid YAML"]) from None


def _mapping(value: object, name: str, problems: list[str]) -> dict[str, Any]:
    """Return the pairs of a section; none where nothing stands."""
    if value in (None, "", "~", "null"):
        return {}
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return value
    problems.append(f"{name} must hold KEY: VALUE")
    return {}


def _refuse_others(section: Mapping[str, Any], known: tuple[str, ...], prefix: str, problems: list[str]) -> None:
    problems += [f"{prefix}{key} is not supported; there is {', '.join(known)}" for key in section if key not in known]


def _tls(folder: Path, value: object, problems: list[str]) -> TlsServer | None:
    prefix = "tls_server_config."
    if value is None:
        return None
    section = _mapping(value, prefix.rstrip("."), problems)
    _refuse_others(section, _TLS_KEYS, prefix, problems)
    files = {key: section.get(key) for key in ("cert_file", "key_file")}
    problems += [
        f"{prefix}{key} must name a file"
        for key, file in files.items()
        if not isinstance(file, str) or not file or "\0" in file
    ]
    # The other node, the health check and Prometheus would each need a certificate of their own.
    if section.get("client_auth_type", "NoClientCert") != "NoClientCert":
        problems.append(f"{prefix}client_auth_type: certificates of clients are not supported; use basic_auth_users")
    minimum, maximum = section.get("min_version", "TLS12"), section.get("max_version", "TLS13")
    wrong = [
        f"{prefix}{key} is not one of {', '.join(TLS_VERSIONS)}"
        for key, version in (("min_version", minimum), ("max_version", maximum))
        if not isinstance(version, str) or version not in TLS_VERSIONS
    ]
    if not wrong and maximum < minimum:
        wrong.append(f"{prefix}max_version is below min_version")
    problems += wrong
    if problems:
        return None
    return TlsServer(folder / str(files["cert_file"]), folder / str(files["key_file"]), minimum, maximum)


def _wrong_users(users: Mapping[str, object]) -> Iterator[str]:
    for user, hashed in users.items():
        match = _BCRYPT.fullmatch(hashed) if isinstance(hashed, str) else None
        if not user or ":" in user:  # RFC 7617, 2
            yield "basic_auth_users: a name must not be empty and has no colon"
        elif match is None:
            yield f"basic_auth_users.{user} is no bcrypt hash; make one with: htpasswd -nBC 10 {user}"
        elif not 4 <= int(match[1]) <= MAXIMUM_COST:
            yield (
                f"basic_auth_users.{user} is a hash of cost {int(match[1])}, and {MAXIMUM_COST} is the most that a "
                "node can afford for every wrong password; use 10"
            )

"""The web configuration file: what it may hold, and a sentence for everything else."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.http.web_config import TlsServer, WebConfig, read, speaks_tls
from exporter.model.errors import ConfigurationError
from tests.unit.certificates import HASH, TLS, users


def written(folder: Path, text: str) -> Path:
    path = folder / "web.yaml"
    path.write_text(text)
    return path


def problems(folder: Path, text: str) -> list[str]:
    path = written(folder, text)
    with pytest.raises(ConfigurationError) as caught:
        read(path)
    return [problem.removeprefix(f"{path}: ") for problem in caught.value.problems]


def test_both_sections_are_read_and_files_are_beside_it(tmp_path: Path) -> None:
    text = f"""
tls_server_config:
  cert_file: cert.pem
  key_file: /elsewhere/key.pem
  min_version: TLS13
  client_auth_type: NoClientCert
basic_auth_users:
  owner: {HASH}
"""
    tls = TlsServer(tmp_path / "cert.pem", Path("/elsewhere/key.pem"), "TLS13", "TLS13")
    assert read(written(tmp_path, text)) == WebConfig(tls, {"owner": HASH})


@pytest.mark.parametrize("text", ["", "{}", "# nothing\n", "basic_auth_users:\n", "~"])
def test_an_empty_file_asks_for_nothing(tmp_path: Path, text: str) -> None:
    assert read(written(tmp_path, text)) == WebConfig(None, {})
    assert not speaks_tls(tmp_path / "web.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tls_server_confg: {}", "tls_server_confg is not supported; there is tls_server_config, basic_auth_users"),
        ("http_server_config: {http2: false}", "http_server_config is not supported"),
        ("rate_limit: {burst: 1}", "rate_limit is not supported"),
        (TLS.replace("}", ", cipher_suites: []}"), "tls_server_config.cipher_suites is not supported"),
        (TLS.replace("}", ", client_ca_file: x}"), "tls_server_config.client_ca_file is not supported"),
        (TLS.replace("}", ", client_auth_type: RequireAndVerifyClientCert}"), "tls_server_config.client_auth_type: "),
        (TLS.replace("}", ", min_version: TLS10}"), "tls_server_config.min_version is not one of TLS12, TLS13"),
        (TLS.replace("}", ", min_version: [TLS12]}"), "tls_server_config.min_version is not one of TLS12, TLS13"),
        (TLS.replace("}", ", min_version: TLS13, max_version: TLS12}"), "tls_server_config.max_version is below"),
        ("tls_server_config: {cert_file: cert.pem}", "tls_server_config.key_file must name a file"),
        ("tls_server_config: [a]", "tls_server_config must hold KEY: VALUE"),
        ("- a", "the file must hold KEY: VALUE"),
        ("basic_auth_users: {owner: secret}", "basic_auth_users.owner is no bcrypt hash; make one with: htpasswd"),
        (users(HASH.replace("$05", "$13")), "basic_auth_users.owner is a hash of cost 13, and 12 is the most"),
        (users(HASH.replace("$05", "$03")), "basic_auth_users.owner is a hash of cost 3"),
        (f"basic_auth_users: {{'a:b': {HASH}}}", "basic_auth_users: a name must not be empty and has no colon"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path: Path, text: str, message: str) -> None:
    found = problems(tmp_path, text)
    assert any(problem.startswith(message) for problem in found), found


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "a: 1\nb: 2\ntls_server_config: {}\nbasic_auth_users: {x: y}\n")) == 5


@pytest.mark.parametrize("text", [f"owner: '{HASH}", f"{HASH}: [", "\t", "a: 1\na: 2\n", "[" * 20_000])
def test_what_is_no_yaml_is_told_without_a_word_of_it(tmp_path: Path, text: str) -> None:
    (problem,) = problems(tmp_path, text)
    assert problem.endswith("is not valid YAML")
    assert HASH not in problem


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"/web\.yaml cannot be read: No such file or directory"):
        read(tmp_path / "web.yaml")


def test_who_asks_this_node_knows_from_the_file_whether_to_encrypt(tmp_path: Path) -> None:
    assert speaks_tls(written(tmp_path, TLS))
    assert not speaks_tls(written(tmp_path, users()))
    assert not speaks_tls(written(tmp_path, "{"))
    assert not speaks_tls(None)

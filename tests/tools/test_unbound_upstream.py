"""Unbound asks others over TLS alone, and only who proves its name: the real Unbound against a server of the test's."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.settings import upstream
from stack.unbound.upstream import configuration
from tests.lab.waiting import wait_for

from .unbound_node import UnboundNode, unbound_node

SERVER = "192.0.2.1"
NAME = "dot.example"
QUESTION = "www.home.example"
UPSTREAM = f"tls:{SERVER}@853#{NAME}"
# By TLS it answers with one address, in clear with another one.
CONFIGURATION = """
server:
    interface: {server}@{port}
    access-control: 0.0.0.0/0 allow
    username: ""
    chroot: ""
    pidfile: ""
    use-syslog: no
    do-daemonize: no
    module-config: "iterator"
    local-zone: "home.example." static
    local-data: "www.home.example. 60 IN A {answer}"
    {more}
remote-control:
    control-enable: no
"""


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=30)


def make_certificates(folder: Path, name: str) -> Path:
    """An authority (``ca.pem``), and a server's certificate by it for a name; return the authority's."""
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    authority = folder / "ca.pem"
    openssl(
        "req", "-x509", *curve, "-subj", "/CN=an authority of the test", "-keyout", folder / "ca.key", "-out", authority
    )
    openssl(
        "req", "-new", *curve, "-subj", f"/CN={name}", "-keyout", folder / "key.pem", "-out", folder / "request.pem"
    )
    (folder / "extensions").write_text(f"subjectAltName=DNS:{name}\n")
    openssl("x509", "-req", "-in", folder / "request.pem", "-CA", authority, "-CAkey", folder / "ca.key",
            "-CAcreateserial", "-days", "2", "-extfile", folder / "extensions",
            "-out", folder / "cert.pem")  # fmt: skip
    return authority


@contextlib.contextmanager
def server(node: UnboundNode, folder: Path, port: int, answer: str, more: str = "") -> Iterator[None]:
    """Another Unbound on the same machine, at an address that is not loopback's."""
    file = folder / f"server-{port}.conf"
    file.write_text(CONFIGURATION.format(server=SERVER, port=port, answer=answer, more=more))
    command = ("nsenter", "-t", str(node.pid), "-n", "--", "unbound", "-d", "-c", str(file))
    with (folder / f"server-{port}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_for(
            "the server of the test to listen, or to end",
            lambda: f"{SERVER}:{port}" in node.run("ss", "-lnt").stdout or process.poll() is not None,
            timeout=20,
            every=0.05,
        )
        assert process.poll() is None, (folder / f"server-{port}.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def asking(folder: Path, *, name: str = NAME, trusted: bool = True) -> Iterator[UnboundNode]:
    """A node whose Unbound asks over TLS, and the server, whose certificate is for a name."""
    if os.geteuid() or not all(map(shutil.which, ("unbound", "openssl", "dig", "ss"))):
        reason = "needs root, unbound, openssl, dig and ss: run tests/packages"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    authority = make_certificates(folder, name)
    with unbound_node(folder, UPSTREAM=UPSTREAM) as node:
        node.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        if trusted:
            node.run("mount", "--bind", str(authority), "/etc/ssl/certs/ca-certificates.crt")
        # Nobody has signed the zone of the test.
        (node.drop_ins / "test.conf").write_text('server:\n    domain-insecure: "home.example"\n')
        keys = f'tls-service-key: "{folder}/key.pem"\n    tls-service-pem: "{folder}/cert.pem"'
        with server(node, folder, 853, "198.51.100.7", keys), server(node, folder, 53, "198.51.100.66"), node.started():
            yield node


def test_who_proves_its_name_is_asked(tmp_path: Path) -> None:
    with asking(tmp_path) as node:
        assert node.ask(QUESTION) == "198.51.100.7"


@pytest.mark.parametrize(("name", "trusted"), [("other.example", True), (NAME, False)])
def test_who_does_not_is_not_believed_and_nobody_is_asked_in_clear(tmp_path: Path, name: str, trusted: bool) -> None:
    with asking(tmp_path, name=name, trusted=trusted) as node:
        done = node.run("dig", "+tries=1", "+time=10", "-p", "5335", "@127.0.0.1", QUESTION)
        assert "status: SERVFAIL" in done.stdout
        assert "198.51.100" not in done.stdout


def test_without_it_unbound_asks_the_internet_s_own_servers() -> None:
    assert configuration(upstream.parse("recursive")) == ""


def test_several_servers_are_read_with_the_usual_port() -> None:
    found = upstream.parse("tls:192.0.2.1@8853#dot.example, 2001:db8::1#dot.example")
    assert [(str(one.address), one.port, one.name) for one in found] == [
        ("192.0.2.1", 8853, "dot.example"),
        ("2001:db8::1", 853, "dot.example"),
    ]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("192.0.2.1", "neither recursive nor"),
        ("tls:192.0.2.1", "without the name of the server's certificate"),
        ("tls:192.0.2.1@853", "single quotes"),
        ("tls:", "is not ADDRESS@853#NAME"),
        ("tls:192.0.2.1@0#a.example", "no port 0"),
        ("tls:192.0.2.1@65536#a.example", "no port 65536"),
        ("tls:dot.example#dot.example", "does not appear to be an IPv4 or IPv6 address"),
        ("tls:127.0.0.1#a.example", "no address of another host"),
        ("tls:192.0.2.1#a b", "is not ADDRESS@853#NAME"),
        ("tls:192.0.2.1#a.example;x", "domain"),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        upstream.parse(text)


@given(st.text(max_size=60))
def test_no_text_becomes_another_line_of_the_configuration(text: str) -> None:
    try:
        found = upstream.parse(f"tls:192.0.2.1@853#{text}")
    except ValueError:
        return
    assert len(configuration(found).splitlines()) == 6 + len(found)

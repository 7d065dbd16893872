"""What drop-in files may say: how names are resolved, and nothing about the process that resolves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack.unbound.allowed import review
from stack.unbound.syntax import LineError

ZONES = ("canary.dnsha.example",)
REPOSITORY = Path(__file__).parents[2]

GOOD = (
    """server:
    local-zone: "home.example." static
    local-data: "nas.home.example. 60 IN A 192.0.2.5"
    local-data-ptr: "192.0.2.5 nas.home.example"
""",
    """server:
    tls-cert-bundle: "/etc/ssl/certs/ca-certificates.crt"
forward-zone:
    name: "."
    forward-tls-upstream: yes
    forward-addr: 192.0.2.1@853#dns.example
    forward-first: no
""",
    """server:
    domain-insecure: "corp.example"
    private-domain: "corp.example"
    do-not-query-localhost: no
stub-zone:
    name: "corp.example"
    stub-addr: 127.0.0.1@5053
    stub-prime: no
""",
    """auth-zone:
    name: "."
    primary: 192.0.2.6
    fallback-enabled: yes
    for-downstream: no
    for-upstream: yes
""",
    """server:
    cache-min-ttl: 60
    rrset-cache-size: 64m
    val-log-level: 2
    serve-expired: no
    local-data: "canary.example. 60 IN A 192.0.2.5"
""",
)


@pytest.mark.parametrize("content", GOOD)
def test_how_names_are_resolved_may_be_said(content: str) -> None:
    review(content.encode(), ZONES)


@pytest.mark.parametrize(
    ("content", "line", "what"),
    [
        ('python:\n python-script: "/etc/unbound/shared/x.py"\n', 1, "python: is not for drop-in files"),
        ('dynlib:\n dynlib-file: "/tmp/x.so"\n', 1, "dynlib: is not for"),
        ("remote-control:\n control-interface: 0.0.0.0\n", 1, "remote-control: is not for"),
        ('server:\n module-config: "python validator iterator"\n', 2, "module-config: in server: is unknown or not"),
        ('view:\n name: "x"\n', 1, "view: is not"),
        ('rpz:\n name: "x"\n url: "http://127.0.0.1/"\n', 1, "rpz: is not"),
        ("cachedb:\n backend: redis\n", 1, "cachedb: is not"),
        ("dnstap:\n dnstap-enable: yes\n", 1, "dnstap: is not"),
        *((f"server:\n {name}: {value}\n", 2, f"{name}: in server: is unknown or not") for name, value in (
            ("chroot", '"/"'), ("username", "root"), ("pidfile", '"/var/lib/unbound/root.key"'),
            ("logfile", '"/etc/x"'), ("directory", '"/"'), ("interface", "0.0.0.0"), ("port", "53"),
            ("root-hints", '"/x"'), ("auto-trust-anchor-file", '"/x"'), ("trust-anchor-file", '"/x"'),
            ("trusted-keys-file", '"/x"'), ("tls-service-key", '"/x"'), ("tls-service-pem", '"/x"'),
            ("access-control", "127.0.0.0/8"), ("do-ip4", "no"), ("do-udp", "no"), ("do-daemonize", "yes"),
            ("use-syslog", "yes"), ("interface-automatic", "yes"), ("outgoing-interface", "192.0.2.1"),
            ("outgoing-range", "999999999"), ("so-rcvbuf", "1g"), ("num-queries-per-thread", "999999999"),
            ("val-override-date", "-1"), ("cookie-secret-file", '"/x"'), ("dnscrypt-enable", "yes"),
            ("ipsecmod-hook", '"/bin/sh"'), ("no-such-option", "yes"), ("include", '"/etc/passwd"'),
        )),
        ('auth-zone:\n name: "x"\n zonefile: "/etc/passwd"\n', 3, "zonefile: in auth-zone: is unknown or not"),
        ('auth-zone:\n name: "x"\n url: "http://127.0.0.1/"\n', 3, "url: in auth-zone:"),
        ("server:\n tls-cert-bundle: /etc/shadow\n", 2, "can only be /etc/ssl/certs/ca-certificates.crt"),
        ("server:\n prefetch: yes no\n", 2, "prefetch: takes 1 value, here are 2"),
        ("server:\n prefetch:\n  yes: 1\n", 2, "prefetch: takes 1 value, here are 0"),
        ('server:\n local-zone: "a"\n', 2, "local-zone: takes 2 values, here are 1"),
        ('server:\n local-zone: "CANARY.dnsha.example" refuse\n', 2, "the node's own name"),
        ("server:\n local-data: 'x.canary.dnsha.example. TXT \"alpha\"'\n", 2, "the node's own name"),
        ('forward-zone:\n name: "canary.dnsha.example."\n', 2, "the node's own name"),
        ('server:\nforward-zone:\n forward-addr: "192.0.2.1"\n prefetch: yes\n', 4, "in forward-zone: is unknown"),
    ],
)  # fmt: skip
def test_what_concerns_the_process_may_not(content: str, line: int, what: str) -> None:
    with pytest.raises(LineError, match=what) as caught:
        review(content.encode(), ZONES)
    assert caught.value.line == line


def test_the_example_of_the_runbook_may_be_said() -> None:
    text = (REPOSITORY / "docs" / "runbooks" / "DnsHaWorldNotResolving.md").read_text()
    example = text.partition("A file in `unbound.d`, on the primary:")[2].split("```")[1]
    content = example.partition("\n")[2]
    assert "forward-tls-upstream" in content
    review("\n".join(line.strip() for line in content.splitlines()).encode(), ZONES)

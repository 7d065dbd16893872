"""What drop-in files may say: how names are resolved, and nothing about the process that resolves them. Pure.

A drop-in file of the primary counts on the secondary, so it must not be able to run code there (python, dynlib,
module-config), read or write files, open ports, or take Unbound out of the reach of its own node. Options and the
number of their values: unbound.conf(5) of Unbound 1.22.
"""

from __future__ import annotations

from collections.abc import Collection

from stack.unbound.syntax import LineError, Option, parse

MANUAL = "docs/unbound.md says which ones are"

_SERVER = """
    aggressive-nsec cache-max-negative-ttl cache-max-ttl cache-min-negative-ttl cache-min-ttl caps-exempt
    caps-whitelist delay-close deny-any disable-dnssec-lame-check disable-edns-do discard-timeout dns64-ignore-aaaa
    dns64-prefix dns64-synthall do-ip6 do-nat64 do-not-query-address do-not-query-localhost domain-insecure
    edns-buffer-size ede ede-serve-expired fast-server-num fast-server-permil harden-algo-downgrade
    harden-below-nxdomain harden-dnssec-stripped harden-glue harden-large-queries harden-referral-path
    harden-short-bufsize harden-unknown-additional harden-unverified-glue hide-identity hide-trustanchor hide-version
    ignore-cd-flag infra-cache-max-rtt infra-cache-min-rtt infra-host-ttl infra-keep-probing infra-lame-ttl
    insecure-lan-zones iter-scrub-cname iter-scrub-ns key-cache-size local-data local-data-ptr
    log-local-actions log-queries log-replies log-servfail low-rtt low-rtt-permil max-global-quota
    max-query-restarts max-sent-count minimal-responses msg-cache-size nat64-prefix neg-cache-size
    outbound-msg-retry prefer-ip4 prefer-ip6 prefetch prefetch-key private-address private-domain
    qname-minimisation qname-minimisation-strict rrset-cache-size rrset-roundrobin serve-expired
    serve-expired-client-timeout serve-expired-reply-ttl serve-expired-ttl serve-expired-ttl-reset
    serve-original-ttl ssl-upstream target-fetch-policy tcp-idle-timeout tcp-reuse-timeout tcp-upstream
    tls-cert-bundle tls-upstream tls-use-sni trust-anchor trust-anchor-signaling udp-connect
    udp-upstream-without-downstream unblock-lan-zones unwanted-reply-threshold use-caps-for-id val-bogus-ttl
    val-clean-additional val-log-level val-nsec3-keysize-iterations val-permissive-mode val-sig-skew-max
    val-sig-skew-min verbosity zonemd-permissive-mode
"""
_FORWARD = "name addr host first tls-upstream ssl-upstream tcp-upstream no-cache"
_STUB = f"{_FORWARD} prime"
_AUTH = """
    name primary master allow-notify fallback-enabled for-downstream for-upstream zonemd-check
    zonemd-reject-absence
"""
ALLOWED = {
    "server": {**dict.fromkeys(_SERVER.split(), 1), "local-zone": 2},
    "forward-zone": {word if word == "name" else f"forward-{word}": 1 for word in _FORWARD.split()},
    "stub-zone": {word if word == "name" else f"stub-{word}": 1 for word in _STUB.split()},
    "auth-zone": dict.fromkeys(_AUTH.split(), 1),
}
# The one file that may be named: certificates that the image has.
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_NAMES_A_ZONE = frozenset({"local-zone", "local-data", "name"})


def review(content: bytes, own_zones: Collection[str]) -> None:
    """Look at every line of a drop-in file; ``own_zones`` are the node's own, the canary's.

    Raises:
        LineError: at the first that is not read, or that drop-in files may not have.
    """
    for option in parse(content):
        what = _fault(option, own_zones)
        if what:
            raise LineError(option.line, what)


def _fault(option: Option, own_zones: Collection[str]) -> str:
    allowed = ALLOWED.get(option.clause)
    if allowed is None:
        return f"{option.clause}: is not for drop-in files; {MANUAL}"
    if option.name == option.clause:
        return ""
    count = allowed.get(option.name)
    if count is None:
        return f"{option.name}: in {option.clause}: is unknown or not for drop-in files; {MANUAL}"
    if len(option.values) != count:
        return f"{option.name}: takes {count} {'value' if count == 1 else 'values'}, here are {len(option.values)}"
    value = option.values[0]
    if option.name == "tls-cert-bundle" and value != _CERTIFICATES:
        return f"tls-cert-bundle: can only be {_CERTIFICATES}"
    if option.name in _NAMES_A_ZONE and _within(value, own_zones):
        return f"{value.split()[0]} is the node's own name, by which its health is known"
    return ""


def _within(value: str, zones: Collection[str]) -> bool:
    words = value.split()
    name = words[0].lower().rstrip(".") if words else ""
    return any(name == zone or name.endswith(f".{zone}") for zone in zones)

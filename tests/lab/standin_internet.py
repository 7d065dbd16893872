"""Stands for the internet's name servers in a lab: one root server that knows every name and signs what it answers.

``python -m tests.lab.standin_internet ADDRESS KEY_FILE FAULTS_FILE``. The last file holds, while it exists, one JSON
object: what is done to the questions of which client's address, or about which name (``strip``: answered without
signatures, as by a provider that intercepts port 53; ``forge``: with signatures over something else; ``fail``: with
SERVFAIL).
It leaves unproved delegations, proofs that a name does not exist, and everything that needs TCP.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from pathlib import Path
from typing import Final

import dns.dnssec
import dns.dnssectypes
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rdtypes.ANY.DNSKEY
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from .plan import DNS_PORT, STATIC_ADDRESS, STATIC_ADDRESS_IPV6, Place

INTERNET: Final = Place("internet", 200)
FAULTS: Final = Path("/run/internet-faults.json")
TTL: Final = 5
# As on the real one: signed a while ago, for a week and some days.
SIGNED_AGO_SECONDS: Final = 86_400
VALID_SECONDS: Final = 10 * 86_400
_SERVER: Final = "a.internet-servers.test."


def make_key(directory: Path) -> tuple[Path, str]:
    """Make the root's key; return its file, and what Unbound needs to resolve by this internet and trust it."""
    private = ec.generate_private_key(ec.SECP256R1())
    file = directory / "root-key.pem"
    file.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    hints = directory / "root-hints"
    hints.write_text(f". 3600 NS {_SERVER}\n{_SERVER} 3600 A {INTERNET.ipv4}\n")
    return (
        file,
        f"""
server:
  module-config: "validator iterator"
  root-hints: "{hints}"
  trust-anchor: ". {TTL} IN DNSKEY {_public(private).to_text()}"
  do-ip6: no
  ede: yes
  val-log-level: 2
  infra-keep-probing: yes
  val-bogus-ttl: 1
""",
    )


def _public(private: ec.EllipticCurvePrivateKey) -> dns.rdtypes.ANY.DNSKEY.DNSKEY:
    return dns.dnssec.make_dnskey(private.public_key(), dns.dnssectypes.Algorithm.ECDSAP256SHA256, flags=257)


def answer(query: dns.message.Message, private: ec.EllipticCurvePrivateKey, fault: str) -> dns.message.Message:
    """Answer a query with records of its name, signed."""
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA
    if fault == "fail":
        reply.set_rcode(dns.rcode.SERVFAIL)
        return reply
    question = query.question[0]
    data = {
        dns.rdatatype.A: INTERNET.ipv4 if question.name == dns.name.from_text(_SERVER) else STATIC_ADDRESS,
        dns.rdatatype.AAAA: None if question.name == dns.name.from_text(_SERVER) else STATIC_ADDRESS_IPV6,
        dns.rdatatype.HTTPS: "1 . alpn=h2",
        dns.rdatatype.NS: _SERVER if question.name == dns.name.root else None,
        dns.rdatatype.DNSKEY: _public(private).to_text() if question.name == dns.name.root else None,
    }.get(question.rdtype)
    if data is None:
        return reply
    records = dns.rrset.from_text(question.name, TTL, "IN", question.rdtype, data)
    reply.answer.append(records)
    if fault != "strip" and query.ednsflags & dns.flags.DO:
        signed = dns.rrset.from_text(question.name, TTL, "IN", "A", "192.0.2.66") if fault == "forge" else records
        now = time.time()
        signature = dns.dnssec.sign(
            signed,
            private,
            dns.name.root,
            _public(private),
            inception=now - SIGNED_AGO_SECONDS,
            expiration=now - SIGNED_AGO_SECONDS + VALID_SECONDS,
        )
        reply.answer.append(dns.rrset.from_rdata(question.name, TTL, signature))
    return reply


def main(address: str, key_file: str, faults_file: str) -> None:
    """Serve for ever."""
    private = load_pem_private_key(Path(key_file).read_bytes(), None)
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((address, DNS_PORT))
        while True:
            message, client = server.recvfrom(4096)
            faults = json.loads(Path(faults_file).read_text()) if Path(faults_file).exists() else {}
            asked = dns.message.from_wire(message)
            name = asked.question[0].name.to_text(omit_final_dot=True).lower()
            reply = answer(asked, private, faults.get(name, faults.get(client[0], "")))
            server.sendto(reply.to_wire(), client)


if __name__ == "__main__":
    main(*sys.argv[1:])

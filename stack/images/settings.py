#!/usr/bin/env python3
"""Check this node's settings before anything is started, and hand the passwords to the services that need them.

It runs once in every `docker compose up`, and every service waits for its success: a wrong value in .env starts
nothing instead of half a stack. Compose puts each password into a file here; from there it goes into a volume of its
own for each service that reads it, so no container has it in its environment.

Exits with 3, naming every mistake.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from exporter.addressing import interface_networks
from exporter.errors import ConfigurationError
from exporter.files import write_atomically
from exporter.settings.load import load
from stack.keepalived.values import read_environment
from stack.tools.settings import read_tasks

BAD_CONFIGURATION = 3
GIVEN = Path("/run/given")
SECRETS = Path("/run/secrets")
SHORTEST_PASSWORD = 8
# What people find in examples, and what everybody tries first.
KNOWN_PASSWORDS = frozenset({"changeme", "change-me", "password", "pihole123", "raspberry", "adminadmin", "12345678"})


@dataclass(frozen=True, slots=True)
class Password:
    """One password: its name in .env, the file it is given in, and the file it goes to."""

    variable: str
    given: str
    target: str
    reader: str  # the service that reads it, once, when it starts
    required: bool

    def problem(self, text: str) -> str | None:
        """Say what is wrong with it, or None."""
        if not text:
            return f"{self.variable} is not set" if self.required else None
        if not self.required:  # the VRRP password: keepalived's own rules hold for it
            return None
        if len(text) < SHORTEST_PASSWORD:
            return f"{self.variable} has {len(text)} characters; use {SHORTEST_PASSWORD} at least"
        if text.lower() in KNOWN_PASSWORDS:
            return f"{self.variable} is one that everybody tries first; choose another"
        return None


PASSWORDS = (
    Password("PIHOLE_PASSWORD", "pihole_password", "pihole/password", "pihole", required=True),
    Password("VRRP_PASSWORD", "vrrp_password", "vrrp/password", "keepalived", required=False),
)


def read_passwords(directory: Path) -> dict[Password, str]:
    """Read what Compose gave; a file that is not there counts as an empty one."""
    found = {}
    for password in PASSWORDS:
        try:
            found[password] = (directory / password.given).read_text().strip()
        except FileNotFoundError:
            found[password] = ""
    return found


def mistakes(environment: dict[str, str], passwords: dict[Password, str]) -> Iterator[str]:
    """Everything that is wrong, each once."""
    for password, text in passwords.items():
        problem = password.problem(text)
        if problem:
            yield problem
    seen: set[str] = set()
    vrrp = {password.variable: text for password, text in passwords.items() if not password.required}
    for check in (
        lambda: load(None, environment, {}),
        lambda: read_environment({**environment, **vrrp}, interface_networks),
        lambda: read_tasks(environment),
    ):
        try:
            check()
        except ConfigurationError as error:
            for problem in error.problems:
                # They read the same variables; a variable's first complaint is enough.
                name = problem.split(maxsplit=1)[0].rstrip(":")
                if name not in seen:
                    yield problem
            seen.update(problem.split(maxsplit=1)[0].rstrip(":") for problem in error.problems)
    interface = environment.get("NETWORK_INTERFACE", "")
    if interface and not (Path("/sys/class/net") / interface).exists():
        others = ", ".join(sorted(path.name for path in Path("/sys/class/net").iterdir() if path.name != "lo"))
        yield f"NETWORK_INTERFACE is {interface!r}, which this node has not; it has {others or 'none'}"


def main() -> int:
    """Check, then write; say what to correct."""
    passwords = read_passwords(GIVEN)
    problems = list(mistakes(dict(os.environ), passwords))
    if problems:
        for problem in problems:
            print(f"nothing started: {problem}", file=sys.stderr)
        return BAD_CONFIGURATION
    for password, text in passwords.items():
        target = SECRETS / password.target
        if target.exists() and target.read_text() != text:
            reader = password.reader
            print(f"{password.variable} has changed, which {reader} sees when it starts anew: docker restart {reader}")
        write_atomically(target, text.encode())
    print("the settings are good")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Check this node's settings before anything is started, and hand the passwords to the services that need them.

It runs once in every `docker compose up`, and every service waits for its success: a wrong value in .env starts
nothing instead of half a stack. Compose puts each password into a file here; from there it goes into a volume of its
own for each service that reads it, so no container has it in its environment. With observability.yaml it does the same
for the notifier's addresses, which hold passwords too, and writes what Prometheus watches.

Exits with 3, naming every mistake.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exporter.engine.files import read_bounded, remove, write_atomically
from exporter.http import web_config
from exporter.model.addressing import interface_networks
from exporter.model.errors import ConfigurationError, ParseError
from exporter.settings.load import load
from exporter.settings.passwords import is_synced, unfit_for_sync, weakness
from stack.firewall.settings import read_firewall
from stack.keepalived.health_settings import read_health
from stack.keepalived.values import read_environment
from stack.prometheus import targets
from stack.tools.settings import read_tasks

BAD_CONFIGURATION = 3
GIVEN = Path("/run/given")
SECRETS = Path("/run/secrets")
TARGETS = Path("/var/lib/dnsha/targets")
# Each may be empty; the notifier's own check, which runs before, has said whether it is good.
NOTIFIER_SECRETS = ("notify_urls", "notify_urls_critical", "notify_urls_warning", "notify_urls_info", "heartbeat_url")


@dataclass(frozen=True, slots=True)
class Password:
    """One password: its name in .env, the file it is given in, and the file it goes to."""

    variable: str
    given: str
    target: str
    afterwards: str  # what makes its reader, which has read it once, take another one
    required: bool

    def problem(self, text: str, *, synced: bool) -> str | None:
        """Say what is wrong with it, or None."""
        if not text:
            return f"{self.variable} is not set" if self.required else None
        # The VRRP password has keepalived's own rules, an application password is Pi-hole's own.
        weak = weakness(self.variable, text) if self.required or self.variable == "PAIR_KEY" else None
        return weak or (unfit_for_sync(self.variable, text) if synced else None)


def observed(environment: Mapping[str, str]) -> bool:
    """Whether observability.yaml, which alone passes SITE, is part of this stack."""
    return "SITE" in environment


def passwords_of(environment: Mapping[str, str]) -> Iterator[Password]:
    """Name the passwords of this node's services."""
    yield Password("PIHOLE_PASSWORD", "pihole_password", "pihole/password", "docker restart pihole", required=True)
    yield Password("VRRP_PASSWORD", "vrrp_password", "vrrp/password", "docker restart keepalived", required=False)
    reread = "nothing, they notice it"
    yield Password("PAIR_KEY", "pair_key", "pair/key", reread, required=False)
    again = "the next run of sync or backup"
    yield Password("PIHOLE_APP_PASSWORD", "pihole_app_password", "pihole/app_password", again, required=False)
    peers = "PEER_PIHOLE_APP_PASSWORD", "peer_pihole_app_password", "pihole/peer_app_password"
    yield Password(*peers, again, required=False)
    if observed(environment) and environment.get("NODE_ROLE") != "secondary":
        change = "docker exec grafana grafana cli admin reset-admin-password NEW"
        yield Password("GRAFANA_ADMIN_PASSWORD", "grafana_password", "grafana/password", change, required=True)


def read_given(name: str) -> str:
    """Read what Compose gave; a file that is not there counts as an empty one."""
    try:
        return (GIVEN / name).read_bytes().decode().strip()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError:
        problem = f"{name.upper()} is no text in UTF-8; save .env as UTF-8"
        raise ConfigurationError([problem]) from None


def mistakes(environment: Mapping[str, str], passwords: Mapping[Password, str]) -> Iterator[str]:
    """Everything that is wrong, each once."""
    for password, text in passwords.items():
        problem = password.problem(text, synced=is_synced(environment))
        if problem:
            yield problem
    seen: set[str] = set()
    vrrp = {password.variable: text for password, text in passwords.items() if not password.required}
    if observed(environment):
        yield from targets.mistakes(environment)
    for check in (
        lambda: load(None, environment, {}),
        lambda: read_health(environment, read_environment({**environment, **vrrp}, interface_networks)),
        lambda: read_tasks(environment),
        lambda: read_firewall(environment),
        lambda: _read_web_config(environment),
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


def _read_web_config(environment: Mapping[str, str]) -> None:
    path = environment.get("WEB_CONFIG_FILE", "")
    if path.startswith("/"):  # anything else has its own complaint
        web_config.read(Path(path))


def write(target: Path, content: bytes) -> bool:
    """Write a file whatever is in its place, and say whether another one was there."""
    try:
        changed = read_bounded(target) != content
    except FileNotFoundError:
        changed = False
    except (OSError, ParseError) as error:  # a folder, for instance, which Compose makes of a source that is missing
        print(f"{target} cannot be used ({error}), and is made anew")
        remove(target)
        changed = True
    write_atomically(target, content)
    return changed


def main() -> int:
    """Check, then write; say what to correct."""
    environment = dict(os.environ)
    passwords: dict[Password, str] = {}
    notifier: dict[str, str] = {}
    try:
        passwords = {password: read_given(password.given) for password in passwords_of(environment)}
        if observed(environment):
            notifier = {name: read_given(name) for name in NOTIFIER_SECRETS}
        problems = list(mistakes(environment, passwords))
    except ConfigurationError as error:
        problems = error.problems
    if problems:
        for problem in problems:
            print(f"nothing started: {problem}", file=sys.stderr)
        return BAD_CONFIGURATION
    for password, text in passwords.items():
        if write(SECRETS / password.target, text.encode()):
            print(f"{password.variable} has changed; its service takes the new one by: {password.afterwards}")
    for name, text in notifier.items():
        write(SECRETS / "notifier" / name, text.encode())
    if observed(environment):
        for name, content in targets.files(environment).items():
            write(TARGETS / name, content)
    print("the settings are good")
    return 0


if __name__ == "__main__":
    sys.exit(main())

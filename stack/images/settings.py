"""Check this node's settings before anything is started, and hand the passwords to the services that need them.

It runs once in every `docker compose up`, and every service waits for its success: a wrong value in .env starts
nothing instead of half a stack. Compose puts each password into a file here; from there it goes into a volume of its
own for each service that reads it, so no container has it in its environment. With observability.yaml it does the same
for the notifier's addresses, which hold passwords too, and writes what Prometheus watches and by which rules.

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
from exporter.model.errors import ConfigurationError, ParseError
from exporter.settings import passwords as password_rules
from exporter.settings.read import from_environment, read
from exporter.settings.table import programs
from stack.prometheus import rules, targets

BAD_CONFIGURATION = 3
GIVEN = Path("/run/given")
SECRETS = Path("/run/secrets")
TARGETS = Path("/var/lib/dnsha/targets")
RULES = Path("/var/lib/dnsha/rules")
# Each may be empty; the notifier's own check, which runs before, has said whether it is good.
NOTIFIER_SECRETS = ("notify_urls", "notify_urls_critical", "notify_urls_warning", "notify_urls_info", "heartbeat_url")


@dataclass(frozen=True, slots=True)
class Password:
    """One password: its name in .env, the file it is given in, and the file it goes to."""

    variable: str
    given: str
    target: str
    afterwards: str  # what makes its reader, which has read it once, take another one


def observed(environment: Mapping[str, str]) -> bool:
    """Whether observability.yaml, which alone passes SITE, is part of this stack."""
    return "SITE" in environment


def passwords_of(environment: Mapping[str, str]) -> Iterator[Password]:
    """Name the passwords of this node's services."""
    yield Password("PIHOLE_PASSWORD", "pihole_password", "pihole/password", "docker restart pihole")
    yield Password("VRRP_PASSWORD", "vrrp_password", "vrrp/password", "docker restart keepalived")
    reread = "nothing, they notice it"
    yield Password("PAIR_KEY", "pair_key", "pair/key", reread)
    again = "the next run of sync or backup"
    yield Password("PIHOLE_APP_PASSWORD", "pihole_app_password", "pihole/app_password", again)
    yield Password("MQTT_PASSWORD", "mqtt_password", "mqtt/password", "docker restart homeassistant")
    peers = "PEER_PIHOLE_APP_PASSWORD", "peer_pihole_app_password", "pihole/peer_app_password"
    yield Password(*peers, again)
    if "GRAFANA_ADMIN_PASSWORD" in password_rules.names_of(
        environment.get("NODE_ROLE"), observed=observed(environment)
    ):
        change = "docker exec grafana grafana cli admin reset-admin-password NEW"
        yield Password("GRAFANA_ADMIN_PASSWORD", "grafana_password", "grafana/password", change)


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
    """Everything that is wrong, each once, for every program that gets its settings from this environment."""
    texts = {password.variable: text for password, text in passwords.items()}
    reading = read(programs(observed=observed(environment)), from_environment({**environment, **texts}))
    yield from (mistake.sentence for mistake in reading.mistakes)
    formless = {mistake.key.upper() for mistake in reading.mistakes}
    for name in sorted(texts.keys() - formless):
        problem = password_rules.problem(name, texts[name], synced=password_rules.is_synced(environment))
        if problem:
            yield problem
    interface = reading.values.get("network_interface")
    if interface and not (Path("/sys/class/net") / interface).exists():
        others = ", ".join(sorted(path.name for path in Path("/sys/class/net").iterdir() if path.name != "lo"))
        yield f"NETWORK_INTERFACE is {interface!r}, which this node has not; it has {others or 'none'}"
    if reading.values.get("web_config_file"):
        try:
            web_config.read(reading.values["web_config_file"])
        except ConfigurationError as error:
            yield from error.problems


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


def replace_all(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Make these the only files of a folder, and say whether any differs."""
    left_over = [path for path in folder.iterdir() if path.name not in files]
    for path in left_over:
        remove(path)
    before = {path.name for path in folder.iterdir()}
    changed = [write(folder / name, content) for name, content in files.items()]
    return any(changed) or bool(left_over) or before != files.keys()


def for_statistics(environment: Mapping[str, str], passwords: Mapping[Password, str]) -> bytes:
    """The exporter's copy of the application password, empty while it is not to ask: it notices either by itself."""
    if not environment.get("PIHOLE_STATISTICS_PASSWORD_FILE"):
        return b""
    return next(text for password, text in passwords.items() if password.variable == "PIHOLE_APP_PASSWORD").encode()


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
        rendered = rules.files(environment, GIVEN / "rules") if observed(environment) and not problems else {}
    except ConfigurationError as error:
        problems = error.problems
    if problems:
        for problem in problems:
            print(f"nothing started: {problem}", file=sys.stderr)
        return BAD_CONFIGURATION
    for password, text in passwords.items():
        if write(SECRETS / password.target, text.encode()):
            print(f"{password.variable} has changed; its service takes the new one by: {password.afterwards}")
    write(SECRETS / "pihole-statistics" / "app_password", for_statistics(environment, passwords))
    for name, text in notifier.items():
        write(SECRETS / "notifier" / name, text.encode())
    if observed(environment):
        for name, content in targets.files(environment).items():
            write(TARGETS / name, content)
        if replace_all(RULES, rendered):
            print("the rules have changed; Prometheus takes the new ones by: docker restart prometheus")
    print("the settings are good")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Does everybody read this node's files as they were meant? Each check is pure and says what to do."""

from __future__ import annotations

from collections.abc import Iterator

from exporter.model.observations import Check, Status
from exporter.settings.table import SETTINGS
from stack.preflight.build import check, unknown
from stack.preflight.clone import Mount
from stack.preflight.facts import Facts

# Their values are nobody's to print, nor is the part of one that looks like a variable.
SECRETS = frozenset(setting.variable for setting in SETTINGS if setting.secret)


def env_file(facts: Facts) -> Iterator[Check]:
    """Compose takes no part of a value for a variable that nobody set."""
    file = facts.env_file
    if file is None:
        return
    wrong = False
    for name, references in file.references.items():
        unset = file.unset[name]
        # A password that is another one's copy, and nothing else, is meant so.
        copied = not unset and len(references) == 1 and file.values[name] == file.values.get(references[0])
        if name in SECRETS and references and not copied:
            wrong = True
            yield check(
                facts, "env_file", Status.CRITICAL,
                f"{name} has a $ in it, and Compose takes what follows for a variable: another value arrives",
                "the value as it is written", f"write it in single quotes in .env: {name}='…'", name,
            )  # fmt: skip
        elif unset and name not in SECRETS:
            wrong = True
            yield check(
                facts, "env_file", Status.WARNING,
                f"{name} uses {', '.join(unset)}, which .env does not set before it: Compose puts nothing there",
                "variables that are set", f"set it above, or write {name} in single quotes if the $ is meant", name,
            )  # fmt: skip
    if not wrong:
        yield check(facts, "env_file", Status.OK, "Compose takes every value of .env as it is written")


def readable(facts: Facts) -> Iterator[Check]:
    """Every file of the clone that a container reads can be read by its user."""
    if facts.unreadable is None:
        yield unknown(facts, "readable", "the files of the clone were not looked at")
        return
    for found in facts.unreadable:
        mount = found.mount
        yield check(
            facts, "readable", Status.CRITICAL,
            f"{found.first} cannot be read by {mount.container}'s user ({mount.user}): was the clone made with a umask "
            "of 027 or 077?",
            "files that their container can read", f"in the clone: {_remedy(mount)}", mount.path,
        )  # fmt: skip
    if not facts.unreadable:
        yield check(facts, "readable", Status.OK, "the containers can read their files of the clone")


def _remedy(mount: Mount) -> str:
    return f"sudo chown -R {mount.user} {mount.path}" if mount.private else f"sudo chmod -R a+rX {mount.path}"

"""The Dockerfiles, by the rules of hadolint that matter here: hadolint itself is in none of Debian's packages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
FILES = sorted([*REPOSITORY.glob("stack/**/Dockerfile"), *REPOSITORY.glob("tests/stack/standin-*/Dockerfile")])
SHIPPED = REPOSITORY / "stack" / "images" / "Dockerfile"
# Why compose.yaml runs them as root stands beside `user` and `cap_add` there; every other image has a USER of its own.
ROOT = {"dhcp", "keepalived", "guard", "docker-proxy", "dnsdist"}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY", re.IGNORECASE)


INSTALL = "apt-get install"
RUN_RULES: dict[str, Callable[[str], bool]] = {
    "DL3015": lambda text: INSTALL in text and "--no-install-recommends" not in text,
    "DL3009": lambda text: INSTALL in text and "rm -rf /var/lib/apt/lists/*" not in text,
    "an install without an update of its own uses a stale layer": lambda text: (
        INSTALL in text and "apt-get update" not in text
    ),
    "DL3014": lambda text: INSTALL in text and not re.search(r"apt-get install[^&]* -y|apt-get install -y", text),
    "DL3027/DL3004": lambda text: bool(re.search(r"\bapt\s|\bsudo\b", text)),
    "DL3042": lambda text: "pip install" in text and "--no-cache-dir" not in text,
    "SC: a failure before a ; is not noticed, and cd is WORKDIR's": lambda text: (
        bool(re.search(r"(?<![|&>]);|\bcd /", text)) and "python3 -c" not in text
    ),
}


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction, its continuation lines joined, and the stage that it is in."""

    stage: str
    word: str
    text: str


def parse(content: str) -> list[Instruction]:
    """Read a Dockerfile."""
    lines = [line for line in content.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found, stage = [], ""
    for line in filter(str.strip, joined.splitlines()):
        word, _, text = line.partition(" ")
        if word == "FROM":
            stage = text.partition(" AS ")[2]
        found.append(Instruction(stage, word, text.strip()))
    return found


def problems(content: str) -> list[str]:
    """Everything that is against a rule; the rule's number is hadolint's."""
    instructions = parse(content)
    stages = {one.stage for one in instructions}
    return [problem for one in instructions for problem in _problems(one, stages)]


def _problems(one: Instruction, stages: set[str]) -> Iterator[str]:
    if one.word == "FROM":
        image = one.text.split()[0]
        if image not in stages and not re.search(r":(?!latest(@|$))[\w.-]+(@sha256:[0-9a-f]{64})?$", image):
            yield f"DL3006/DL3007: {image} has no tag, or the one that moves"
    elif one.word == "ADD":
        yield f"DL3020: ADD {one.text}; COPY does no more than it says"
    elif one.word == "COPY":
        flags = dict(re.findall(r"--([a-z]+)=(\S+)", one.text))
        if "chmod" not in flags and flags.get("from") not in stages:
            yield f"COPY {one.text}; the mode is the clone's, which another user may not be able to read"
    elif one.word in ("ENTRYPOINT", "CMD"):
        if not one.text.startswith("["):
            yield f"DL3025: {one.word} {one.text} runs through a shell, which swallows signals"
    elif one.word in ("ENV", "ARG") and SECRET.search(one.text):
        yield f"{one.word} {one.text}: whoever has the image reads it"
    elif one.word == "USER" and re.match(r"(0|root)\b", one.text):
        yield "DL3002: the last user is root"
    elif one.word == "RUN":
        yield from (f"{rule}: {one.text}" for rule, breaks in RUN_RULES.items() if breaks(one.text))


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.parent.name)
def test_a_dockerfile_breaks_no_rule(file: Path) -> None:
    assert problems(file.read_text()) == []


def test_every_image_that_needs_no_root_has_another_user() -> None:
    instructions = parse(SHIPPED.read_text())
    final = {one.stage for one in instructions if one.word == "ENTRYPOINT"}
    users = {one.stage: one.text for one in instructions if one.word == "USER"}
    assert final - set(users) == ROOT
    assert set(users.values()) == {"9753:9753"}


def test_what_is_copied_from_the_clone_is_sent_to_the_build() -> None:
    sent = [line[1:] for line in SHIPPED.with_suffix(".dockerignore").read_text().splitlines() if line[:1] == "!"]
    instructions = [one for one in parse(SHIPPED.read_text()) if one.word == "COPY" and "--from=" not in one.text]
    sources = {word.rstrip("/") for one in instructions for word in one.text.split()[:-1] if not word.startswith("--")}
    assert {source for source in sources if not any(f"{source}/".startswith(f"{one}/") for one in sent)} == set()


def test_keepaliveds_configuration_is_not_executable_for_keepalived_skips_it_then() -> None:
    copies = [one.text for one in parse(SHIPPED.read_text()) if one.word == "COPY" and one.stage == "keepalived"]
    last = [copy for copy in copies if "stack/ stack/" in copy or "keepalived.conf" in copy][-1]
    assert last == "--chmod=644 stack/keepalived/keepalived.conf stack/keepalived/"


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("FROM debian", "DL3006"),
        ("FROM debian:latest AS base", "DL3007"),
        ("FROM a:1\nADD x /x", "DL3020"),
        ("FROM a:1\nCOPY x /x", "the mode is the clone's"),
        ("FROM a:1\nCOPY --from=other x /x", "the mode is the clone's"),
        ("FROM a:1\nENTRYPOINT run it", "DL3025"),
        ("FROM a:1\nCMD it", "DL3025"),
        ("FROM a:1\nENV API_TOKEN=x", "whoever"),
        ("FROM a:1\nARG PASSWORD", "whoever"),
        ("FROM a:1\nUSER root", "DL3002"),
        ("FROM a:1\nRUN apt-get update && apt-get install -y x && rm -rf /var/lib/apt/lists/*", "DL3015"),
        ("FROM a:1\nRUN apt-get update && apt-get install -y --no-install-recommends x", "DL3009"),
        ("FROM a:1\nRUN apt-get install -y --no-install-recommends x && rm -rf /var/lib/apt/lists/*", "stale"),
        ("FROM a:1\nRUN apt-get update && apt-get install --no-install-recommends x && rm -rf /var/lib/apt/lists/*",
         "DL3014"),
        ("FROM a:1\nRUN apt install x", "DL3027"),
        ("FROM a:1\nRUN pip install x", "DL3042"),
        ("FROM a:1\nRUN cd /tmp; make", "SC"),
    ],
)  # fmt: skip
def test_a_rule_that_is_broken_is_noticed(content: str, rule: str) -> None:
    assert any(rule in problem for problem in problems(content))

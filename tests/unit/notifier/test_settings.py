"""Settings: from the environment and from files, with every mistake at once and no secret in any."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from alerts.notifier.cli import main
from alerts.notifier.settings import load
from exporter.model.errors import ConfigurationError

SECRET = "tk_hunter2hunter2"  # gitleaks:allow
NTFY = f"ntfy://{SECRET}@ntfy.example/alarm"
SIGNAL = "signal://192.0.2.10:8080/+12025550100/+12025550101"


def problems(environment: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as refused:
        load(environment)
    return refused.value.problems


def schemes(environment: dict[str, str], severity: str) -> list[str]:
    receivers = load(environment).receivers
    return [receiver.name for receiver in receivers[severity]]  # type: ignore[index]


def test_without_any_nothing_is_told_and_all_else_has_a_default() -> None:
    settings = load({})
    assert settings.all_receivers == ()
    assert (settings.port, settings.address, settings.peer, settings.log_level) == (9754, "", "", "info")
    assert settings.state == Path("/var/lib/dnsha/notifier/told.json")


@pytest.mark.parametrize("between", [",", " ", ", ", "\n", " ,\n ", ",,", ";", "; "])
def test_urls_are_separated_by_commas_semicolons_and_spaces(between: str) -> None:
    environment = {"NOTIFY_URLS": f"{SIGNAL}{between}{NTFY}"}
    for severity in ("critical", "warning", "info", "other"):
        assert schemes(environment, severity) == ["receiver 1 (signal)", "receiver 2 (ntfy)"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("NOTIFY_URLS_CRITICAL", ",", "NOTIFY_URLS_CRITICAL holds no URL; `none` is nobody"),
        (
            "NOTIFY_URLS_FILE",
            NTFY,
            "NOTIFY_URLS_FILE holds a URL; write it into NOTIFY_URLS, or name a file that holds it",
        ),
        ("HEARTBEAT_URL", f"https://user:{SECRET}@beat.example/", "HEARTBEAT_URL may hold neither a user name"),
        ("HEARTBEAT_URL", "https://beat.example/übung", "HEARTBEAT_URL may hold neither a user name"),
        ("NOTIFIER_STATE", "/", "NOTIFIER_STATE: / is a folder; name a file in it"),
    ],
)
def test_what_could_never_work_is_refused(name: str, value: str, problem: str) -> None:
    (found,) = problems({"NOTIFY_URLS": SIGNAL, name: value} if name != "NOTIFY_URLS_FILE" else {name: value})
    assert found.startswith(problem)
    assert SECRET not in found


def test_a_message_too_long_for_a_service_becomes_two_unless_its_url_says_no() -> None:
    plain, own = load({"NOTIFY_URLS": f"{SIGNAL} {SIGNAL}?overflow=truncate"}).all_receivers
    assert (plain._service.overflow_mode, own._service.overflow_mode) == ("split", "truncate")


def test_a_service_is_given_time_to_answer_unless_its_url_says_otherwise() -> None:
    plain, own = load({"NOTIFY_URLS": f"{SIGNAL} {SIGNAL}?rto=3"}).all_receivers
    assert (plain._service.socket_read_timeout, own._service.socket_read_timeout) == (90.0, 3.0)


def test_a_comma_inside_a_url_separates_nothing() -> None:
    assert len(load({"NOTIFY_URLS": "mailto://u:p@mail.example?to=a@b.example,c@d.example"}).all_receivers) == 1


def test_a_severity_may_have_receivers_of_its_own_or_none() -> None:
    environment = {"NOTIFY_URLS": SIGNAL, "NOTIFY_URLS_WARNING": f"{NTFY} {SIGNAL}", "NOTIFY_URLS_INFO": "none"}
    assert schemes(environment, "critical") == ["receiver 1 (signal)"]
    assert schemes(environment, "warning") == ["receiver 2 (ntfy)", "receiver 1 (signal)"]
    assert schemes(environment, "info") == []
    assert len(load(environment).all_receivers) == 2


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "urls"
    file.write_text(f"{SIGNAL}\n")
    empty = tmp_path / "empty"
    empty.write_text("")
    settings = load(
        {"NOTIFY_URLS_FILE": str(file), "NOTIFY_URLS_INFO_FILE": str(empty), "HEARTBEAT_URL_FILE": str(empty)}
    )
    assert [len(receivers) for receivers in settings.receivers.values()] == [1, 1, 1, 1]
    assert settings.heartbeat_url == ""


def test_a_receiver_keeps_its_identity_when_others_move() -> None:
    alone, second = load({"NOTIFY_URLS": SIGNAL}), load({"NOTIFY_URLS": f"{NTFY} {SIGNAL}"})
    assert alone.all_receivers[0].identity == second.all_receivers[1].identity
    assert second.all_receivers[0].identity != second.all_receivers[1].identity


def test_every_mistake_is_said_at_once_with_its_place(tmp_path: Path) -> None:
    found = problems(
        {
            "NOTIFY_URLS": f"{SIGNAL}, nonsense://{SECRET}, {SECRET}, signal://host/{SECRET}",
            "NOTIFY_URLS_INFO_FILE": str(tmp_path / "missing"),
            "HEARTBEAT_URL": f"ftp://{SECRET}",
            "RUNBOOKS_URL": "https://",
            "NOTIFIER_ADDRESS": "localhost",
            "NOTIFIER_PORT": "0",
            "PEER_IP": "beta",
            "TZ": "Mars/Olympus",
            "LOG_LEVEL": "loud",
        }
    )
    assert sorted(problem.partition(":")[0].split()[0] for problem in found) == [
        "HEARTBEAT_URL",
        "LOG_LEVEL",
        "NOTIFIER_ADDRESS",
        "NOTIFIER_PORT",
        "NOTIFY_URLS",
        "NOTIFY_URLS",
        "NOTIFY_URLS",
        "NOTIFY_URLS_INFO_FILE",
        "PEER_IP",
        "RUNBOOKS_URL",
        "TZ",
    ]
    assert [problem.partition(": ")[2].partition(":")[0] for problem in found[:3]] == [
        "URL 2 of 4",
        "URL 3 of 4",
        "URL 4 of 4",
    ]
    assert SECRET not in " ".join(found)


def test_a_secret_is_set_in_one_place() -> None:
    assert problems({"HEARTBEAT_URL": "https://a.example", "HEARTBEAT_URL_FILE": "/dev/null"}) == [
        "HEARTBEAT_URL and HEARTBEAT_URL_FILE are both set; keep one of them"
    ]


def test_check_config_says_what_is_wrong_and_never_a_secret(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert main(["--check-config"], {"NOTIFY_URLS": f"nonsense://{SECRET}"}) == 2
    assert main(["--check-config"], {"NOTIFY_URLS": NTFY, "NOTIFY_URLS_INFO": "none"}) == 0
    output = capsys.readouterr()
    assert output.err == (
        "notifier: NOTIFY_URLS: URL 1 of 1: its service (the word before ://) is none that Apprise knows\n"
    )
    assert output.out == ("The settings can be used. receiver 1 (ntfy); nobody is told of: info; no HEARTBEAT_URL\n")
    assert SECRET not in caplog.text

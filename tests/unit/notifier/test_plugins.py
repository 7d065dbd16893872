"""Of Apprise's plugins a notifier loads those that its receivers need: all of them take 20 MiB."""

from __future__ import annotations

import subprocess
import sys

import pytest

# In a process of its own: what one test has loaded, every later one has.
_SHOW = """
import sys
from alerts.notifier.receivers import ReceiverError, open_receiver
for url in sys.argv[1:]:
    try:
        print(open_receiver(url, 1).scheme)
    except ReceiverError as error:
        print(error)
print(*sorted({name.split(".")[2] for name in sys.modules if name.startswith("apprise.plugins.")} - {"base"}))
"""


def opened(*urls: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", _SHOW, *urls], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.splitlines()


def test_only_the_plugins_of_the_configured_services_are_loaded() -> None:
    urls = ("ntfy://ntfy.example/topic", "signal://host/+12025550100/+12025550101", "ntfys://ntfy.example/topic")
    assert opened(*urls) == ["ntfy", "signal", "ntfys", "ntfy signal_api"]


@pytest.mark.parametrize(
    ("url", "plugin"),
    [
        ("mailto://user:password@mail.example", "email"),  # a package
        ("jsons://host/path", "custom_json"),  # a word that other plugins have too
        ("tgram://123456789:abcdefg_hijklmnop/12315544", "telegram"),
    ],
)
def test_the_plugin_of_a_service_is_found_whatever_its_file_is_called(url: str, plugin: str) -> None:
    assert opened(url) == [url.partition(":")[0], plugin]


def test_a_scheme_that_no_source_names_is_looked_for_among_all_plugins() -> None:
    said, loaded = opened("dbuss://all")
    assert said == "its service (the word before ://) is none that Apprise knows"
    assert len(loaded.split()) > 100


def test_a_plugin_that_makes_its_schemes_while_it_is_loaded_is_found() -> None:
    assert opened("qt://all")[0] in ("qt", "qt needs a library or a program that is not installed")

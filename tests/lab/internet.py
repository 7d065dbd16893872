"""The internet's name servers as a host of the lab: there while a context lasts, with faults put on them as files."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from .dns_query import query
from .host import Host
from .lab import Lab
from .plan import STATIC_ADDRESS
from .service import Daemon
from .standin_internet import FAULTS, INTERNET


def _answers(host: Host) -> bool:
    return query(host, INTERNET.ipv4, "example.com").records == (STATIC_ADDRESS,)


@contextmanager
def internet(lab: Lab, key: Path) -> Iterator[Host]:
    """Let a lab have the internet whose root has this key (standin_internet.make_key), while the context lasts."""
    command = (sys.executable, "-m", "tests.lab.standin_internet", INTERNET.ipv4, str(key), str(FAULTS))
    host = Host(INTERNET, lab.lan, logs=lab.logs / INTERNET.name)
    host.install(Daemon("internet", command, ready=_answers))
    lab.hosts[INTERNET.name] = host
    host.power_on()
    try:
        host.launch_services()
        host.wait_ready()
        yield host
    finally:
        del lab.hosts[INTERNET.name]
        host.crash()


def put_faults(host: Host, faults: Mapping[str, str]) -> None:
    """Say what is done to which questions: by the client's address, or by the name that is asked for."""
    host.path(FAULTS).write_text(json.dumps(faults))

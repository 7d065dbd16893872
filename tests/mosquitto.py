"""A real MQTT broker, Eclipse Mosquitto, and somebody who listens to it as Home Assistant does."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from tests.lab.waiting import wait_for
from tests.rules.real_alertmanager import free_port

USER, PASSWORD = "dns", "correct-horse-battery"
SECONDS = 20.0
_SEARCH = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"


class Mosquitto:
    """A broker that knows one user; it may be ended, frozen and started anew on the same port.

    ``command`` makes of a command line one that runs it elsewhere, on a host of the lab for instance; who is not there
    reaches it by ``socket``.
    """

    def __init__(
        self,
        folder: Path,
        *,
        certificate: bool = False,
        address: str = "127.0.0.1",
        command: Callable[[list[str]], list[str]] = list,
    ) -> None:
        self.port = free_port()
        self.socket = folder / "mosquitto.sock"
        self.plain = address == "127.0.0.1" and not certificate
        self._command = command
        self.log_file = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._process: subprocess.Popen[bytes] | None = None
        passwords = folder / "passwords"
        make = [_program("mosquitto_passwd"), "-c", "-b", str(passwords), USER, PASSWORD]
        subprocess.run(make, check=True, capture_output=True, timeout=30)
        lines = [
            "user root",  # it would change to a user who may not read this folder
            f"listener {self.port} {address}",
            *([f"certfile {folder}/cert.pem", f"keyfile {folder}/key.pem"] if certificate else []),
            f"listener 0 {self.socket}",
            "allow_anonymous false",
            f"password_file {passwords}",
            "persistence true",
            f"persistence_location {folder}/",
        ]
        self._config.write_text("\n".join(lines) + "\n")

    def start(self) -> None:
        command = self._command([_program("mosquitto"), "-c", str(self._config)])
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the broker", lambda: self.log_file.read_text().count(" running"), timeout=SECONDS)

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
            self._process.wait(SECONDS)
            self._process = None
            self.log_file.rename(self.log_file.with_suffix(".old"))

    def freeze(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


class Listener:
    """Has what was said last on each topic, and all that was said on it."""

    def __init__(self, mosquitto: Mosquitto) -> None:
        self.said: list[tuple[str, str]] = []
        here = mosquitto.plain  # else by its socket, of which paho leaves one open each time that nobody is there
        self._client = paho.Client(CallbackAPIVersion.VERSION2, transport="tcp" if here else "unix")
        self._client.username_pw_set(USER, PASSWORD)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe("#")
        self._client.on_message = lambda _, __, message: self.said.append((message.topic, message.payload.decode()))
        self._client.connect("127.0.0.1" if here else str(mosquitto.socket), mosquitto.port)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def last(self, topic: str) -> str | None:
        return next((payload for said, payload in reversed(self.said) if said == topic), None)

    def state(self, device: str) -> dict[str, Any]:
        text = self.last(f"dnsha/home/{device}/state")
        found: dict[str, Any] = json.loads(text) if text else {}
        return found

    def wait_for(self, topic: str, payload: str, seconds: float = SECONDS) -> None:
        wait_for(topic, lambda: self.last(topic), until=lambda said: said == payload, timeout=seconds)

    def wait_for_state(self, device: str, seconds: float = SECONDS, **wanted: Any) -> None:
        wait_for(device, lambda: self.state(device), until=lambda said: wanted.items() <= said.items(), timeout=seconds)


@contextmanager
def broker(found: Mosquitto) -> Iterator[Mosquitto]:
    found.start()
    try:
        yield found
    finally:
        found.stop()


@contextmanager
def listener(mosquitto: Mosquitto) -> Iterator[Listener]:
    found = Listener(mosquitto)
    try:
        yield found
    finally:
        found.close()


def _program(name: str) -> str:
    found = shutil.which(name, path=_SEARCH)
    assert found is not None, f"{name} is missing: tests/packages check installs Debian's mosquitto"
    return found

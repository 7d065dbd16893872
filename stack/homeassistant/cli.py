"""The command line: connect, tell, and connect again when the broker is gone."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from exporter.model.errors import ConfigurationError
from stack.homeassistant import settings as environment_settings
from stack.homeassistant.broker import BrokerError, Connection
from stack.homeassistant.discovery import OFFLINE, PAIR, Topics
from stack.homeassistant.exporter_look import ExporterLook
from stack.homeassistant.publisher import Publisher, remove
from stack.homeassistant.settings import HomeAssistantSettings

log = logging.getLogger(__name__)

BAD_CONFIGURATION: Final = 3
LOOK_SECONDS: Final = 2.0
# While a virtual IP goes from one node to the other, the next look comes sooner, and this one is not told.
MOVING_SECONDS: Final = 0.5
FIRST_WAIT_SECONDS: Final = 1.0
LONGEST_WAIT_SECONDS: Final = 60.0
# The same complaint is told again so often.
COMPLAIN_SECONDS: Final = 3600.0


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Tell until SIGTERM: 0 in good order, 1 where ``--remove`` did not reach the broker, 3 for wrong settings."""
    parser = argparse.ArgumentParser(prog="python3 -m stack.homeassistant", description=__doc__)
    parser.add_argument("--remove", action="store_true", help="take the pair out of Home Assistant, and end")
    parser.add_argument("--alive", type=Path, metavar="FILE", help="touch this file as long as all goes on")
    options = parser.parse_args(arguments)
    environment = os.environ if environment is None else environment
    try:
        settings = environment_settings.load(environment)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"homeassistant: {problem}", file=sys.stderr)
        return BAD_CONFIGURATION
    logging.basicConfig(format="%(levelname)s %(message)s", level=settings.log_level.upper(), stream=sys.stderr)
    if options.remove:
        return _remove(settings)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    _Teller(settings, lambda: environment_settings.password(environment), ended, options.alive).run()
    return 0


class _Teller:
    def __init__(
        self,
        settings: HomeAssistantSettings,
        password: Callable[[], str],
        ended: threading.Event,
        alive: Path | None,
    ) -> None:
        self._settings = settings
        self._password = password
        self._topics = Topics(settings.site, settings.discovery_prefix)
        self._ended = ended
        self._alive = alive
        self._exporter = ExporterLook(settings)
        self._complaint = ""
        self._complained = 0.0

    def run(self) -> None:
        """Go on until the end is asked for."""
        wait = FIRST_WAIT_SECONDS
        while not self._ended.is_set():
            try:
                connection = _connect(self._settings, self._topics, self._password())
                log.info("connected to the MQTT broker %s", self._settings.broker.where)
                self._complaint, wait = "", FIRST_WAIT_SECONDS
                self._serve(connection)
            except (BrokerError, ConfigurationError) as error:
                self._complain(str(error))
                self._sleep(wait)
                wait = min(2 * wait, LONGEST_WAIT_SECONDS)

    def _serve(self, connection: Connection) -> None:
        settings = self._settings
        publisher = Publisher(self._topics, settings.role, self._urls(), connection.publish, time.monotonic())
        while not self._ended.is_set():
            self._touch()
            look = self._exporter.look()
            moving = look is not None and look.moving
            if moving:
                self._turns(connection, publisher, MOVING_SECONDS)
                look = self._exporter.look()
            if look is None:
                publisher.tell_nothing(time.monotonic())
            else:
                publisher.tell(look, time.monotonic())
            self._turns(connection, publisher, LOOK_SECONDS)
        publisher.end()
        connection.close()

    def _turns(self, connection: Connection, publisher: Publisher, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self._ended.is_set() and (left := deadline - time.monotonic()) > 0:
            connection.turn(left)
            for payload in connection.taken():
                publisher.heard(payload, time.monotonic())

    def _urls(self) -> dict[str, str]:
        settings = self._settings
        scheme = "https" if self._exporter.tls else "http"
        addresses = {PAIR: settings.virtual_address, settings.role: settings.address}
        return {
            device: f"{scheme}://{f'[{address}]' if ':' in address else address}:{settings.exporter_port}/"
            for device, address in addresses.items()
        }

    def _complain(self, complaint: str) -> None:
        now = time.monotonic()
        if complaint == self._complaint and now - self._complained < COMPLAIN_SECONDS:
            return
        self._complaint, self._complained = complaint, now
        log.error("%s; it is tried again, once a minute at least", complaint)

    def _sleep(self, seconds: float) -> None:
        self._touch()
        self._ended.wait(seconds)

    def _touch(self) -> None:
        if self._alive is not None:
            self._alive.touch()


def _connect(settings: HomeAssistantSettings, topics: Topics, password: str) -> Connection:
    return Connection(
        replace(settings.broker, password=password),
        f"dnsha-{settings.site}-{settings.name}",
        (topics.availability(settings.role), OFFLINE),
        Publisher.listens_to(topics, settings.role),
    )


def _remove(settings: HomeAssistantSettings) -> int:
    topics = Topics(settings.site, settings.discovery_prefix)
    try:
        connection = _connect(settings, topics, settings.broker.password)
        remove(topics, settings.role, connection.publish)
    except BrokerError as error:
        print(f"homeassistant: {error}", file=sys.stderr)
        return 1
    connection.close()
    print("The pair is removed from Home Assistant, where neither node tells of it any more.")
    return 0

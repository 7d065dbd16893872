"""What Home Assistant is told of a real pair, through a real broker, while a node loses its power and comes back."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.lab.lab import Lab
from tests.lab.plan import REPOSITORY
from tests.mosquitto import PASSWORD, USER, Listener, Mosquitto, broker, listener

# The will is told after one and a half times the keepalive of 10 s.
WILL_SECONDS: Final = 30.0


@contextmanager
def telling(lab: Lab, node: str, mosquitto: Mosquitto, folder: Path) -> Iterator[None]:
    """A node's program, as its container would run it."""
    environment = {
        **lab.command_environment(lab.hosts[node].place),
        "MQTT_HOST": lab.client.place.ipv4,
        "MQTT_PORT": str(mosquitto.port),
        "MQTT_USER": USER,
        "MQTT_PASSWORD": PASSWORD,
    }
    argv = ["env", f"--chdir={REPOSITORY}", sys.executable, "-m", "stack.homeassistant"]
    with (folder / f"{node}.log").open("ab") as log:
        process = subprocess.Popen(lab.hosts[node].command(argv), env=environment, stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


def owners(ears: Listener) -> list[str | None]:
    """Every owner that the pair was said to have, repetitions left out."""
    said = [json.loads(text)["owner"] for topic, text in ears.said if topic == "dnsha/home/pair/state"]
    return [owner for before, owner in zip([None, *said], said, strict=False) if owner != before]


def test_a_crash_of_the_primary_and_its_return_are_told_by_one_voice(settled_pair: Lab, tmp_path: Path) -> None:
    lab = settled_pair
    elsewhere = Mosquitto(tmp_path, address=lab.client.place.ipv4, command=lab.client.command)
    with (
        broker(elsewhere) as mosquitto,
        listener(mosquitto) as ears,
        telling(lab, "beta", mosquitto, tmp_path),
    ):
        with telling(lab, "alpha", mosquitto, tmp_path):
            ears.wait_for_state("pair", owner="alpha", dns="ON", status="ok")
            ears.wait_for_state("primary", virtual_ip="ON", dns="ON")
            ears.wait_for_state("secondary", virtual_ip="OFF", dns="ON")
            lab.crash("alpha")
        ears.wait_for_state("secondary", virtual_ip="ON")
        ears.wait_for("dnsha/home/primary/availability", "offline", WILL_SECONDS)
        ears.wait_for_state("pair", owner="beta", dns="ON")
        outage = ears.state("pair")["last_outage_seconds"]
        assert outage is None or 0 < outage < 10  # no question of beta's may have been under way meanwhile
        lab.boot("alpha")
        with telling(lab, "alpha", mosquitto, tmp_path):
            ears.wait_for("dnsha/home/primary/availability", "online", WILL_SECONDS)
            ears.wait_for_state("pair", owner="alpha", dns="ON", seconds=WILL_SECONDS)
            ears.wait_for_state("secondary", virtual_ip="OFF")
        assert owners(ears) == ["alpha", "beta", "alpha"]

"""The broker's settings: refused together, explained, and the password shown to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from exporter.model.errors import ConfigurationError
from stack.homeassistant import cli
from stack.homeassistant.settings import load

NODE = {
    "NODE_ROLE": "primary", "NODE_NAME": "pi-1", "NODE_IP": "192.0.2.11", "VIP_ADDRESS": "192.0.2.53/24",
    "NETWORK_INTERFACE": "eth0", "MQTT_HOST": "192.0.2.20",
}  # fmt: skip


def problems(**changes: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load({**NODE, **changes})
    return "\n".join(caught.value.problems)


def test_a_broker_without_anything_else_is_enough() -> None:
    settings = load(NODE)
    assert (settings.broker.where, settings.broker.user, settings.broker.tls) == ("192.0.2.20:1883", "", False)
    assert (settings.site, settings.discovery_prefix, settings.exporter_host) == ("home", "homeassistant", "127.0.0.1")


def test_the_port_follows_from_tls() -> None:
    assert load({**NODE, "MQTT_TLS": "on"}).broker.port == 8883
    assert load({**NODE, "MQTT_TLS": "on", "MQTT_PORT": "1884"}).broker.port == 1884
    assert load({**NODE, "MQTT_HOST": "2001:db8::20"}).broker.where == "[2001:db8::20]:1883"


def test_the_password_comes_from_a_file_and_is_in_no_text(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("hunter-of-sevens\n")
    settings = load({**NODE, "MQTT_USER": "dns", "MQTT_PASSWORD_FILE": str(file)})
    assert settings.broker.password == "hunter-of-sevens"
    assert "hunter" not in repr(settings)
    file.write_bytes(b"\xff")
    assert "is not text in UTF-8" in problems(MQTT_USER="dns", MQTT_PASSWORD_FILE=str(file))
    assert "cannot be read: No such file" in problems(MQTT_USER="dns", MQTT_PASSWORD_FILE=str(tmp_path / "none"))


def test_an_empty_file_is_no_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("\n")
    assert load({**NODE, "MQTT_PASSWORD_FILE": str(file)}).broker.password == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"MQTT_HOST": ""}, "MQTT_HOST is not set: write the MQTT broker's address or name into .env"),
        ({"MQTT_HOST": "192.0.2.300"}, "MQTT_HOST: '192.0.2.300' is neither an address nor a name"),
        ({"MQTT_HOST": "mqtt://broker"}, "MQTT_HOST: 'mqtt://broker' is no domain name"),
        ({"MQTT_HOST": "", "MQTT_USER": "dns"}, "MQTT_USER: MQTT_HOST is empty, so nothing is told"),
        ({"MQTT_PORT": "70000"}, "MQTT_PORT"),
        ({"MQTT_PASSWORD": "secret-of-mine"}, "MQTT_PASSWORD: MQTT_USER is empty"),
        ({"MQTT_CA_FILE": "/etc/dnsha/web/ca.pem"}, "MQTT_CA_FILE: MQTT_TLS is off, so nothing is encrypted"),
        ({"MQTT_DISCOVERY_PREFIX": "home/#"}, "MQTT_DISCOVERY_PREFIX: 'home/#' is no topic"),
        ({"MQTT_PASSWORD": "a", "MQTT_PASSWORD_FILE": "/b"}, "are both set; keep one of them"),
    ],
)
def test_a_mistake_is_named_with_what_to_do(changes: dict[str, str], told: str) -> None:
    assert told in problems(**changes)
    assert "secret-of-mine" not in problems(**changes)


def test_wrong_settings_end_the_program_with_each_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([], {**NODE, "MQTT_PORT": "x", "MQTT_TLS": "perhaps"}) == 3
    told = capsys.readouterr().err
    assert "homeassistant: MQTT_PORT" in told
    assert "homeassistant: MQTT_TLS" in told

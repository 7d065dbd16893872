"""What tells Home Assistant reads its part of the one table of settings; the password may come as a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from exporter.engine.files import read_bounded
from exporter.model.errors import ConfigurationError, ParseError
from exporter.settings import read

PASSWORD, PASSWORD_FILE = "MQTT_PASSWORD", "MQTT_PASSWORD_FILE"
_PORT, _TLS_PORT = 1883, 8883  # as IANA has them
_MAXIMUM_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and who this node is to it. ``ca_file`` None: the system's certificate authorities."""

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    tls: bool
    ca_file: Path | None

    @property
    def where(self) -> str:
        """Its place for messages."""
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HomeAssistantSettings:
    """This node, its exporter, and the broker."""

    broker: Broker
    discovery_prefix: str
    site: str
    role: str
    name: str
    address: str
    virtual_address: str  # the first one, where people find the status page of the owner
    exporter_host: str
    exporter_port: int
    web_config_file: Path | None
    log_level: str


def load(environment: Mapping[str, str]) -> HomeAssistantSettings:
    """Read the settings.

    Raises:
        ConfigurationError: with every mistake; no message holds the password.
    """
    values = read.read_environment("homeassistant", {**environment, PASSWORD: password(environment)})
    if not values["mqtt_host"]:
        raise ConfigurationError(["MQTT_HOST is not set: write the MQTT broker's address or name into .env"])
    tls = values["mqtt_tls"]
    return HomeAssistantSettings(
        broker=Broker(
            host=values["mqtt_host"],
            port=values["mqtt_port"] or (_TLS_PORT if tls else _PORT),
            user=values["mqtt_user"],
            password=values["mqtt_password"],
            tls=tls,
            ca_file=values["mqtt_ca_file"],
        ),
        discovery_prefix=values["mqtt_discovery_prefix"],
        site=values["site"],
        role=values["node_role"],
        name=values["node_name"],
        address=str(values["node_ip"].address),
        virtual_address=str(values["vip_address"][0].address),
        exporter_host=str(values["exporter_address"] or "127.0.0.1"),
        exporter_port=values["exporter_port"],
        web_config_file=values["web_config_file"],
        log_level=values["log_level"],
    )


def password(environment: Mapping[str, str]) -> str:
    """Read the password as it is now, in the file if there is one.

    Raises:
        ConfigurationError: it cannot be read.
    """
    path = environment.get(PASSWORD_FILE, "").strip()
    if not path:
        return environment.get(PASSWORD, "")
    if environment.get(PASSWORD):
        raise ConfigurationError([f"{PASSWORD} and {PASSWORD_FILE} are both set; keep one of them"])
    try:
        return read_bounded(Path(path), _MAXIMUM_BYTES).decode().strip()
    except OSError as error:
        problem = f"{PASSWORD_FILE}: {path} cannot be read: {error.strerror}"
    except ParseError as error:
        problem = f"{PASSWORD_FILE}: {error}"
    except UnicodeDecodeError:
        problem = f"{PASSWORD_FILE}: {path} is not text in UTF-8"
    raise ConfigurationError([problem])

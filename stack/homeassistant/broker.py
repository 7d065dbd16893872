"""One connection to the MQTT broker (MQTT 3.1.1), in one thread: whoever has it gives it its turns."""

from __future__ import annotations

import contextlib
import ssl
import time
from collections.abc import Iterator
from typing import Any, Final

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from exporter.model.errors import ExporterError
from stack.homeassistant.settings import Broker

# A broker that has heard nothing for one and a half times as long tells the will.
KEEPALIVE_SECONDS: Final = 10
CONNECT_SECONDS: Final = 5.0
GOODBYE_SECONDS: Final = 1.0
# How long a signal to end may have to wait.
_TURN_SECONDS: Final = 0.5
_MAXIMUM_HEARD: Final = 100
# MQTT 5, 2.4; paho gives those of MQTT 3.1.1 the same numbers.
_WRONG_PASSWORD, _NOT_AUTHORISED = 134, 135


class BrokerError(ExporterError):
    """The broker cannot be reached, does not take this node, or is gone; the message says what to do."""


class Connection:
    """An open connection. ``heard`` holds what was told on the topic that it listens to, the oldest first."""

    def __init__(self, broker: Broker, client_id: str, will: tuple[str, str], listen_to: str | None) -> None:
        """Connect; ``will`` is the topic and the payload that the broker tells when this end is gone.

        Raises:
            BrokerError: it does not work.
        """
        self._where = f"the MQTT broker {broker.where}"
        self._listen_to = listen_to
        self._accepted = False
        self._refused: ReasonCode | None = None
        self.heard: list[bytes] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id)
        self._client.connect_timeout = CONNECT_SECONDS
        self._client.on_connect = self._on_connect
        self._client.on_message = self._on_message
        self._client.will_set(will[0], will[1], retain=True)
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password or None)
        if broker.tls:
            self._client.tls_set_context(_tls_context(broker))
        self._open(broker)

    def _open(self, broker: Broker) -> None:
        try:
            self._client.connect(broker.host, broker.port, KEEPALIVE_SECONDS)
        except ssl.SSLCertVerificationError as error:
            raise BrokerError(
                f"{self._where} has a certificate that is not accepted ({error.verify_message}): MQTT_HOST must be a "
                "name or address in it, and MQTT_CA_FILE the CA that signed it"
            ) from None
        except TimeoutError:
            raise BrokerError(f"{self._where} does not answer within {CONNECT_SECONDS:g} s: {_LOOK}") from None
        except (OSError, UnicodeError) as error:
            tls = "; with MQTT_TLS=on it must be a port with TLS" if broker.tls else ""
            reason = getattr(error, "strerror", None) or error
            raise BrokerError(f"{self._where} cannot be reached ({reason}): {_LOOK}{tls}") from None
        deadline = time.monotonic() + CONNECT_SECONDS
        while not self._accepted:
            code = self._client.loop(_TURN_SECONDS)
            if self._refused is not None:
                raise BrokerError(f"{self._where} {_refusal(self._refused, broker)}")
            if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or time.monotonic() > deadline:
                tls = "" if broker.tls else ", or MQTT_TLS=on if it wants TLS there"
                raise BrokerError(f"{self._where} does not speak MQTT: correct MQTT_HOST and MQTT_PORT{tls}")

    def publish(self, topic: str, payload: bytes) -> None:
        """Tell, so that whoever comes later is told too.

        Raises:
            BrokerError: the connection is gone.
        """
        self._check(self._client.publish(topic, payload, retain=True).rc)

    def turn(self, seconds: float) -> None:
        """Send and receive, or wait for it; for half a second at most, so that whoever is to end soon can.

        Raises:
            BrokerError: the connection is gone.
        """
        self._check(self._client.loop(min(seconds, _TURN_SECONDS)))

    def taken(self) -> Iterator[bytes]:
        """Take what was heard."""
        while self.heard:
            yield self.heard.pop(0)

    def close(self) -> None:
        """Say goodbye, so that the broker does not tell the will; what was published before goes first."""
        with contextlib.suppress(OSError, ValueError):
            self._client.disconnect()
            deadline = time.monotonic() + GOODBYE_SECONDS
            while time.monotonic() < deadline and self._client.loop(0.1) is MQTTErrorCode.MQTT_ERR_SUCCESS:
                pass

    def _check(self, code: MQTTErrorCode) -> None:
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise BrokerError(f"{self._where} is gone ({paho.error_string(code).rstrip('.')}): {_LOOK}")

    def _on_connect(self, client: paho.Client, _: Any, __: Any, reason: ReasonCode, ___: Any) -> None:  # noqa: ANN401
        if reason.is_failure:
            self._refused = reason
            return
        self._accepted = True
        if self._listen_to is not None:
            client.subscribe(self._listen_to)

    def _on_message(self, _: paho.Client, __: Any, message: paho.MQTTMessage) -> None:  # noqa: ANN401
        if len(self.heard) < _MAXIMUM_HEARD:
            self.heard.append(bytes(message.payload))


_LOOK: Final = "look whether it runs, and at MQTT_HOST and MQTT_PORT"


def _tls_context(broker: Broker) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=broker.ca_file)
    except OSError as error:
        reason = "it holds no certificate in PEM" if isinstance(error, ssl.SSLError) else error.strerror
        raise BrokerError(f"MQTT_CA_FILE, {broker.ca_file}, cannot be used: {reason}") from None


def _refusal(reason: ReasonCode, broker: Broker) -> str:
    if reason.value not in (_WRONG_PASSWORD, _NOT_AUTHORISED):
        return f"refuses this node: {reason}"
    if not broker.user:
        return "wants a user: set MQTT_USER and MQTT_PASSWORD"
    return f"refuses the user {broker.user} or its password ({reason}): correct MQTT_USER and MQTT_PASSWORD"

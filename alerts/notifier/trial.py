"""``--test``: a message to every receiver now, so that its owner knows that a real one would arrive."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime

from alerts.notifier.heartbeat import Heartbeat
from alerts.notifier.message import Message
from alerts.notifier.metrics import Metrics
from alerts.notifier.receivers import DeliveryError, Receiver
from alerts.notifier.settings import Settings


def run(settings: Settings) -> Iterator[tuple[str, bool]]:
    """Try every receiver and the heartbeat, one after the other; yield what happened in words, and whether it is well.

    Takes as long as the services do.
    """
    if not settings.all_receivers:
        yield "no receivers: NOTIFY_URLS is empty, and nobody is told when something breaks", False
    for receiver in settings.all_receivers:
        message = _message(settings, time.time())
        try:
            receiver.deliver(message.title, message.body)
        except DeliveryError as error:
            yield f"{receiver.name}, {_told_of(settings, receiver)}: not delivered: {error}", False
        else:
            yield f"{receiver.name}, {_told_of(settings, receiver)}: delivered", True
    if settings.heartbeat_url:
        well = Heartbeat(settings.heartbeat_url, Metrics()).beat() == "passed"
        yield f"HEARTBEAT_URL: {'answered' if well else 'not reached, or it refused'}", well


def _message(settings: Settings, now: float) -> Message:
    node = settings.node or "this node"
    at = datetime.fromtimestamp(now, settings.timezone).strftime("%H:%M:%S")
    lines = [f"Sent by hand on {node} at {at}. Nothing is wrong: messages from {node} reach you."]
    if settings.runbooks:
        lines.append(f"This link should open on your phone: {settings.runbooks}")
    return Message(f"🔔 TEST from {node}", "\n".join(lines))


def _told_of(settings: Settings, receiver: Receiver) -> str:
    severities = [severity for severity, receivers in settings.receivers.items() if receiver in receivers]
    return "told of everything" if len(severities) == len(settings.receivers) else f"told of {', '.join(severities)}"

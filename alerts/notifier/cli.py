"""``python -m alerts.notifier``: start, serve, end in good order."""

from __future__ import annotations

import argparse
import ipaddress
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Final

from alerts.notifier import trial
from alerts.notifier.heartbeat import Heartbeat
from alerts.notifier.metrics import Metrics
from alerts.notifier.notifier import Notifier
from alerts.notifier.routes import NotifierServer
from alerts.notifier.secret_files import SecretFiles
from alerts.notifier.settings import Settings, load
from exporter import __version__
from exporter.http.server import ListenError
from exporter.model.errors import ConfigurationError

log = logging.getLogger(__name__)

# Less than the 10 s that Docker gives a container to end.
ENDING_SECONDS: Final = 8.5
LOOK_SECONDS: Final = 5.0


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Serve until SIGTERM; 0 in good order, 1 when it must be started anew, 2 for settings that cannot be used.

    With ``--test``: 0 when every receiver took the message, 1 when one did not.
    """
    parser = argparse.ArgumentParser(
        prog="python -m alerts.notifier", description="Tell people what Alertmanager says."
    )
    parser.add_argument("--version", action="version", version=f"notifier {__version__}")
    parser.add_argument("--check-config", action="store_true", help="say what is wrong with the settings, and end")
    parser.add_argument("--test", action="store_true", help="send everybody a message that says it is a test, and end")
    options = parser.parse_args(arguments)
    environment = os.environ if environment is None else environment
    secrets = SecretFiles(environment)
    try:
        settings = load(environment)
    except ConfigurationError as error:
        for problem in error.problems:
            print(f"notifier: {problem}", file=sys.stderr)
        return 2
    if options.check_config:
        print(f"The settings can be used. {_receivers(settings)}")
        return 0
    if options.test:
        return _test(settings)
    _log_to_stderr(settings.log_level)
    return _serve(settings, secrets)


def _test(settings: Settings) -> int:
    failed = False
    for line, well in trial.run(settings):
        print(line, flush=True)
        failed |= not well
    return 1 if failed else 0


def _serve(settings: Settings, secrets: SecretFiles) -> int:
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    metrics = Metrics()
    notifier = Notifier(settings, metrics)
    heartbeat = Heartbeat(settings.heartbeat_url, metrics)
    try:
        other_node = ipaddress.ip_address(settings.peer) if settings.peer else None
        server = NotifierServer(
            settings.address, settings.port, notifier, heartbeat, metrics, other_node, lambda: settings.pair_key
        )
    except ListenError as error:
        print(f"notifier: {error}", file=sys.stderr)
        return 2
    notifier.start()
    threading.Thread(target=server.serve_forever, name="server", daemon=True).start()
    if not settings.all_receivers:
        log.error("NOTIFY_URLS is empty: NOBODY IS TOLD when something breaks. Set it in .env and start again")
    if settings.peer and not settings.pair_key:
        log.warning("PAIR_KEY is not set: whoever answers at %s is taken for the other node", settings.peer)
    log.info("listening on port %d. %s", settings.port, _receivers(settings))
    stuck: list[str] = []
    changed = False
    while not ended.wait(LOOK_SECONDS) and not (stuck := notifier.stuck()) and not (changed := secrets.changed()):
        pass
    if changed:
        log.info("NOTIFY_URLS, HEARTBEAT_URL or PAIR_KEY has changed; ending, to be started anew with it")
    if stuck:
        # A thread that hangs in a library cannot be ended; whoever started this process starts it again.
        log.error("%s: a message has been under way for minutes; ending, to be started anew", ", ".join(stuck))
    deadline = time.monotonic() + ENDING_SECONDS
    server.shutdown()
    notifier.stop(0 if stuck else ENDING_SECONDS - 1)
    server.wait_for_answers(deadline - time.monotonic())
    server.server_close()
    return 1 if stuck or changed else 0


def _receivers(settings: Settings) -> str:
    names = ", ".join(receiver.name for receiver in settings.all_receivers) or "no receivers"
    silent = [str(severity) for severity, receivers in settings.receivers.items() if not receivers]
    heartbeat = "heartbeat on" if settings.heartbeat_url else "no HEARTBEAT_URL"
    nothing = f"; nobody is told of: {', '.join(silent)}" if silent else ""
    return f"{names}{nothing}; {heartbeat}"


def _log_to_stderr(level: str) -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    for name in ("alerts", "exporter"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
        logger.setLevel(level.upper())
    # What libraries log may hold a secret.
    logging.getLogger().handlers = [logging.NullHandler()]

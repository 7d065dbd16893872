"""A stand-in for Pi-hole's container: dnsmasq as FTL would configure it, and the API, from the container's environment.

``python -m tests.standin_pihole``; the standard library alone. What FTL v6.4.1 does and this does too:

* dnsmasq runs as a process named pihole-FTL with the configuration of ``standin_ftl``.
* SIGTERM ends dnsmasq's loop, but the sockets stay open until the database is written and the threads have ended
  (src/main.c, src/daemon.c: cleanup): a second or two in which questions are taken and not answered.
* A restart from inside (src/signals.c: restart_ftl), as after a Teleporter import, is the same, and a new start.
* Local records that change are read again without a restart (src/config/dnsmasq_config.c: write_custom_list).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.standin_ftl import WEB_PORTS, Settings, WebPort, dnsmasq_configuration, read_only_keys, web_ports
from tests.tools.standin_pihole_api import StandinPihole
from tests.tools.standin_pihole_content import content
from tests.tools.standin_pihole_server import made_certificate, serve

FIRST_LIST: Final = "https://lists.example.test/hosts"  # the real one begins with a list too
ENDING_SECONDS: Final = 1.5  # the real one took 1.0 to 2.0 s
_LOOK_SECONDS: Final = 0.1


class Resolver:
    """Dnsmasq with FTL's configuration, in a process group of its own: it forks for each question over TCP."""

    def __init__(self, environment: Mapping[str, str], folder: Path, pihole: StandinPihole) -> None:
        self._environment = environment
        self._folder = folder
        self._pihole = pihole
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._hosts: list[str] | None = None

    def start(self) -> None:
        """Write the configuration anew and start."""
        hosts = self._folder / "hosts"
        hosts.mkdir(parents=True, exist_ok=True)
        self.write_hosts()
        records = {"FTLCONF_dns_cnameRecords": ";".join(self._pihole.content["cnameRecords"])}
        settings = Settings.read({**records, **self._environment})
        if settings.files_log_dnsmasq.startswith("/"):
            Path(settings.files_log_dnsmasq).parent.mkdir(parents=True, exist_ok=True)
        configuration = self._folder / "dnsmasq.conf"
        configuration.write_text(dnsmasq_configuration(settings, hosts=hosts))
        command = ("pihole-FTL", "--keep-in-foreground", f"--conf-file={configuration}")
        with self._lock:
            # Under the real one's name, by which preflight knows who has port 53.
            self._process = subprocess.Popen((*command, "--user=root", "--group=root", "--pid-file="), process_group=0)

    def silence(self) -> None:
        """Answer no more, the sockets staying open."""
        with self._lock:
            if self._process is not None:
                _signal(self._process, signal.SIGSTOP)

    def restart(self) -> None:
        """Close the sockets and start anew."""
        self.end()
        self.start()

    def end(self) -> None:
        """End at once."""
        with self._lock:
            ending, self._process = self._process, None
        if ending is not None:
            _signal(ending, signal.SIGKILL)
            ending.wait()

    def write_hosts(self) -> None:
        """Write the local records, if they have changed; dnsmasq sees that by itself."""
        held = list(self._pihole.content["hosts"])
        if held != self._hosts:
            unfinished = self._folder / "custom.list.new"
            unfinished.write_text("".join(f"{record}\n" for record in held))
            unfinished.replace(self._folder / "hosts" / "custom.list")
            self._hosts = held

    @property
    def died(self) -> bool:
        """Whether it ended by itself."""
        with self._lock:
            return self._process is not None and self._process.poll() is not None


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process and those that it forked."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def _usable(port: WebPort) -> bool:
    """Whether to listen there: not where that is optional and somebody else does."""
    if not port.optional:
        return True
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    try:
        with socket.create_server((port.address, port.port), family=family):
            return True
    except OSError as error:
        print(f"no web server on {port.address} port {port.port}: {error}", flush=True)
        return False


def main() -> int:
    """Run until SIGTERM; 1 when dnsmasq ends by itself."""
    environment = os.environ
    folder = Path(environment.get("STANDIN_FOLDER", "/etc/pihole"))  # Pi-hole's volume
    pihole = StandinPihole(
        content(FIRST_LIST),
        password=Path("/run/secrets", environment["WEBPASSWORD_FILE"]).read_text().strip(),
        read_only=read_only_keys(environment),
        state_file=folder / "standin.json",
        app_sudo=environment.get("FTLCONF_webserver_api_app_sudo", "false") == "true",
    )
    resolver = Resolver(environment, folder, pihole)
    pihole.on_restart, pihole.on_started = resolver.silence, resolver.restart
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    resolver.start()
    ports = web_ports(environment.get("FTLCONF_webserver_port", WEB_PORTS))
    usable = [port for port in ports if _usable(port)]
    places = [(port.address, port.port) for port in usable]
    if places:  # until the end of this process, in threads of its own
        tls = made_certificate(folder, "tls.pem") if any(port.encrypted for port in usable) else None
        plain = frozenset(port.port for port in usable if not port.encrypted)
        serve(pihole, *places[0], *places[1:], tls=tls, plain=plain)
    try:
        while not stopping.wait(_LOOK_SECONDS):
            resolver.write_hosts()
            if resolver.died:
                print("dnsmasq ended by itself", flush=True)
                return 1
        resolver.silence()
        time.sleep(ENDING_SECONDS)
        return 0
    finally:
        resolver.end()
        pihole.keep()


if __name__ == "__main__":
    sys.exit(main())

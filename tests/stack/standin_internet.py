"""What a node's host finds on the internet, on the client's host: a resolver, and a web server with a blocklist.

Every name has the client's address. A real Pi-hole builds its gravity database at its first start only where names
resolve (its gravity.sh asks for the hosts of its own project), and its API knows no list before that.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from tests.lab.dns_query import query
from tests.lab.host import Host
from tests.lab.http_get import get
from tests.lab.plan import CLIENT, DNS_PORT, IPV4_NETWORK
from tests.lab.service import Daemon

LIST: Final = "http://lists.example.org/more"
BLOCKED: Final = "ads.example.org"
_WEB_PORT: Final = 80
_UNBOUND: Final = f"""\
server:
  interface: {CLIENT.ipv4}
  access-control: {IPV4_NETWORK} allow
  chroot: ""
  username: ""
  directory: ""
  pidfile: ""
  use-syslog: no
  do-daemonize: no
  module-config: "iterator"
  local-zone: "." redirect
  local-data: ". 60 IN A {CLIENT.ipv4}"
remote-control:
  control-enable: no
"""


def install(client: Host, logs: Path) -> None:
    """Start both on the client's host, and wait until they answer.

    Raises:
        ServiceError: one ended or was not ready in time.
    """
    folder = logs / "lists"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / LIST.rpartition("/")[2]).write_text(f"0.0.0.0 {BLOCKED}\n")
    config = logs / "unbound.conf"
    config.write_text(_UNBOUND)
    web = (sys.executable, "-m", "http.server", str(_WEB_PORT), "--bind", CLIENT.ipv4, "--directory", str(folder))
    for daemon in (
        Daemon("internet-dns", ("unbound", "-d", "-c", str(config)), ready=_resolves),
        Daemon("internet-web", web, ready=_serves),
    ):
        client.install(daemon).start()


def _resolves(client: Host) -> bool:
    return query(client, CLIENT.ipv4, "www.example.org", port=DNS_PORT, timeout=0.5).records == (CLIENT.ipv4,)


def _serves(client: Host) -> bool:
    return BLOCKED in get(client, CLIENT.ipv4, _WEB_PORT, "/more").body

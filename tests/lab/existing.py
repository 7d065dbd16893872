"""A pair that somebody has set up themselves: dnsmasq, and keepalived with a configuration as public guides write it.

Nothing of this project runs there but the exporter: no guard, no recorder, no health check, no canary.
"""

from __future__ import annotations

from . import daemons
from .exporters import status
from .lab import Lab
from .plan import ALPHA, DNS_PORT, INTERFACE, STATIC_ADDRESS, STATIC_NAME, VIPS, Place, peer_of
from .service import Daemon
from .waiting import wait_for

VIP = VIPS["ipv4"]
FIFO = "/run/keepalived-notify.fifo"
CONFIGURATION = "/run/own-keepalived.conf"

# What docs/existing-pair.md tells to write into global_defs.
LINE = f"  vrrp_notify_fifo {FIFO}\n"
_KEEPALIVED = """\
global_defs {{
  router_id {node}
  script_user root
{line}}}

vrrp_script chk_dns {{
  script "/usr/bin/grep -q 00000000:0035.00000000:0000 /proc/net/udp"
  interval 1
  fall 2
  rise 2
}}

vrrp_instance DNS {{
  state {state}
  interface {interface}
  virtual_router_id 55
  priority {priority}
  advert_int 1
  unicast_src_ip {own}
  unicast_peer {{
    {peer}
  }}
  authentication {{
    auth_type PASS
    auth_pass P@ssw05d
  }}
  virtual_ipaddress {{
    {vip}/24
  }}
  track_script {{
    chk_dns
  }}
}}
"""
_DNSMASQ = f"""\
no-resolv
no-hosts
cache-size=1000
address=/{STATIC_NAME}/{STATIC_ADDRESS}
"""


class ExistingPair(Lab):
    """Such a pair; services are ``dnsmasq``, ``keepalived`` and ``exporter``."""

    def __init__(self, *, line: str = LINE) -> None:
        """Describe it; ``line`` is what is added to keepalived's global_defs."""
        super().__init__(families=("ipv4",))
        self._line = line

    def node_environment(self, place: Place) -> dict[str, str]:
        """The settings of an exporter, as docs/existing-pair.md has them."""
        return {
            **super().node_environment(place),
            "KEEPALIVED": "own",
            "NOTIFY_FIFO": FIFO if self._line else "",
            "RECURSOR_ADDRESS": "none",
            "PROBE_NAME": STATIC_NAME,
        }

    def wait_healthy(self, timeout: float = 30.0) -> None:
        """Wait until the primary alone owns the VIP, and both exporters find all well.

        Raises:
            LabTimeoutError: they do not in ``timeout`` seconds; the message has what they said last.
        """
        for host in self.nodes:
            host.wait_ready(timeout)
        self.wait_owners(ALPHA.name, timeout=timeout)
        wait_for(
            "both exporters to find an existing pair well",
            lambda: {host.place.name: wrong(status(self, host.place.name)) for host in self.nodes},
            until=lambda seen: not any(seen.values()),
            timeout=timeout,
            every=0.2,
        )

    def _prepare(self, place: Place) -> list[list[str]]:
        logs = self.logs / place.name
        logs.mkdir(parents=True, exist_ok=True)
        (logs / "dnsmasq.conf").write_text(_DNSMASQ)
        primary = place == ALPHA
        (logs / "keepalived.conf").write_text(
            _KEEPALIVED.format(
                node=place.name,
                line=self._line,
                state="MASTER" if primary else "BACKUP",
                priority=150 if primary else 100,
                interface=INTERFACE,
                own=place.ipv4,
                peer=peer_of(place.name).ipv4,
                vip=VIP,
            )
        )
        return [*super()._prepare(place), ["cp", str(logs / "keepalived.conf"), CONFIGURATION]]

    def _daemons(self, place: Place) -> list[Daemon]:
        command = ("keepalived", "--dont-fork", "--log-console", f"--use-file={CONFIGURATION}")
        return [
            Daemon(
                "dnsmasq",
                (
                    "dnsmasq",
                    "--keep-in-foreground",
                    f"--conf-file={self.logs / place.name / 'dnsmasq.conf'}",
                    "--user=root",
                    "--group=",
                    "--pid-file=",
                ),
                ready=lambda host: f":{DNS_PORT:04X} " in host.run("cat", "/proc/net/udp"),
            ),
            Daemon(
                "keepalived",
                self.keepalived.command(*command),
                ready=lambda host: host.path("/run/keepalived.pid").exists(),
            ),
            daemons.exporter(place, self.node_environment(place)),
        ]


def wrong(document: dict[str, object]) -> list[str]:
    """What an exporter's status finds wrong: ``STATUS ID of NODE: what was seen``."""
    checks = document["checks"]
    assert isinstance(checks, list)
    return [f"{one['status']} {one['id']} of {one['node']}: {one['seen']}" for one in checks if one["status"] != "ok"]

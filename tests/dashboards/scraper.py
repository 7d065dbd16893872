"""Scrapes the exporters of a lab's nodes once a second, as a Prometheus would, and keeps every sample."""

from __future__ import annotations

import http.client
import re
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from dashboards.preview.replay import INTERVAL, SITE
from tests.dashboards.open_metrics import Recording
from tests.lab.http_get import get
from tests.lab.lab import Lab
from tests.lab.plan import EXPORTER_PORT
from tests.lab.waiting import wait_for

NODE_EXPORTER_PORT: Final = 9100
NODE_FAMILIES: Final = frozenset(
    {
        "node_boot_time_seconds",
        "node_cpu_seconds",
        "node_disk_io_time_seconds",
        "node_disk_written_bytes",
        "node_filesystem_avail_bytes",
        "node_filesystem_readonly",
        "node_filesystem_size_bytes",
        "node_hwmon_in_lcrit_alarm_volts",
        "node_load1",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "node_network_receive_bytes",
        "node_network_receive_errs",
        "node_network_transmit_bytes",
        "node_network_transmit_errs",
        "node_thermal_zone_temp",
        "node_time_seconds",
        "node_timex_offset_seconds",
        "node_timex_sync_status",
    }
)
# What a healthy node says, and what does not change while nothing happens to it.
_HEALTH: Final = re.compile(
    r"^(?:dnsha_status|dnsha_vip_acquisitions_total|dnsha_resolve_outages_total|dnsha_container_events_total).*$",
    re.MULTILINE,
)
_WELL: Final = {"dnsha_status 0.0"}


@dataclass(frozen=True, slots=True)
class Target:
    """What is scraped: a job on a node."""

    job: str
    node: str
    address: str
    port: int

    @property
    def labels(self) -> dict[str, str]:
        """The labels that Prometheus gives to every sample of the target."""
        return {"site": SITE, "node": self.node, "job": self.job, "instance": f"{self.address}:{self.port}"}


class Scraper:
    """Scrapes while the context lasts."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._recording = Recording()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        targets = [
            Target(job, host.place.name, host.place.ipv4, port)
            for job, port in (("dnsha", EXPORTER_PORT), ("node", NODE_EXPORTER_PORT))
            for host in lab.nodes
        ]
        self._seen: dict[str, list[str]] = {}
        self._troubled = {host.place.name: time.time() for host in lab.nodes}
        self._threads = [threading.Thread(target=self._scrape, args=(target,)) for target in targets]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_healthy(self, seconds: float, patience: float) -> float:
        """Wait until nothing happened to the pair for so long; return since when (Unix seconds).

        Raises:
            LabTimeoutError: something did, again and again, as on a machine that has too much to do.
        """
        return wait_for(
            f"{seconds:g} s in which nothing happens to the pair",
            lambda: max(self._troubled.values()),
            until=lambda troubled: time.time() - troubled > seconds,
            timeout=patience,
            every=INTERVAL,
        )

    def lines(self, since: float = 0.0) -> list[str]:
        """What was recorded from a time on, in OpenMetrics."""
        with self._lock:
            return list(self._recording.lines(since))

    def _scrape(self, target: Target) -> None:
        """One thread for each target: one that hangs delays no other."""
        wanted = NODE_FAMILIES if target.job == "node" else None
        while not self._ended.wait(INTERVAL - time.time() % INTERVAL):
            now = round(time.time())
            text = ""
            try:
                response = get(
                    self._lab.client, target.address, target.port, "/metrics",
                    headers={"Accept": "text/plain;version=0.0.4"}, timeout=INTERVAL * 0.9,
                )  # fmt: skip
                if response.status == http.client.OK:
                    text = response.body
            except (OSError, http.client.HTTPException):
                pass  # told by `up`
            # A Raspberry Pi asks for the time; the machine of the lab may not.
            text = text.replace("node_timex_sync_status 0\n", "node_timex_sync_status 1\n")
            if target.job == "dnsha":
                seen = _HEALTH.findall(text)
                if not _WELL.issubset(seen) or seen != self._seen.get(target.node):
                    self._troubled[target.node] = now + INTERVAL
                self._seen[target.node] = seen
            with self._lock:
                self._recording.add("up", target.labels, now, "1" if text else "0")
                self._recording.add_scrape(text, target.labels, now, wanted)

"""What the exporter costs: scrapes, memory, idle CPU, and how soon it shows a change."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.bench import alone, process, scraper, standin_docker, visible
from tests.bench.figures import Figure, version_of
from tests.lab import processes
from tests.lab.exporters import run_exporter
from tests.lab.http_get import get
from tests.lab.lab import Lab
from tests.lab.plan import EXPORTER_PORT, REPOSITORY

NODE = "alpha"
DOCKER_SOCKET = "/run/docker-standin.sock"
DOCKER_ENVIRONMENT = {
    "DOCKER_HOST": f"unix://{DOCKER_SOCKET}",
    "EXPECTED_CONTAINERS": ",".join(standin_docker.CONTAINERS),
}
NODE_EXPORTER, NODE_EXPORTER_PORT = "prometheus-node-exporter", 9100
BLACKBOX, BLACKBOX_PORT = "prometheus-blackbox-exporter", 9115
BLACKBOX_CONFIGURATION = """\
modules:
  canary:
    prober: dns
    timeout: 1s
    dns:
      query_name: bench.canary.dnsha.example
      query_type: TXT
      preferred_ip_protocol: ip4
"""
BLACKBOX_PATH = "/probe?module=canary&target=127.0.0.1:53"
SCRAPES = 300
IDLE_SECONDS = 60.0
MEMORY_MEBIBYTES = 52  # 12 of them are pyroute2


def on_node(lab: Lab, *command: str) -> list[str]:
    """The command line that runs a program on the node."""
    return lab.hosts[NODE].command(["env", f"--chdir={REPOSITORY}", *command])


@contextmanager
def running(argv: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program while the context lasts."""
    started = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield started
    finally:
        started.terminate()
        started.wait(10)


def scrape(lab: Lab, port: int, path: str, pid: int, count: int = SCRAPES, *flags: str) -> dict[str, Any]:
    """Scrape from the node itself; return the client's report."""
    argv = on_node(
        lab, sys.executable, "-m", scraper.__name__, str(port), path, str(count), "--process", str(pid), *flags
    )
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300, check=True)
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def percentile(values: list[float], share: float) -> float:
    """The value that a share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def scrapes(lab: Lab) -> list[Figure]:
    """Scrapes of ours and of the comparable exporters, in turn."""
    pid = lab.hosts[NODE].service("exporter").pid
    blackbox_file = lab.hosts[NODE].path("/run/blackbox.yaml")
    blackbox_file.write_text(BLACKBOX_CONFIGURATION)
    node_command = on_node(lab, NODE_EXPORTER, f"--web.listen-address=127.0.0.1:{NODE_EXPORTER_PORT}")
    box_address = f"--web.listen-address=127.0.0.1:{BLACKBOX_PORT}"
    box_command = on_node(lab, BLACKBOX, "--config.file=/run/blackbox.yaml", box_address)
    with running(node_command) as node, running(box_command) as blackbox:
        time.sleep(2)
        ours, theirs, probes = [], [], []
        before = process.cpu_ticks_seconds(pid), process.cpu_ticks_seconds(node.pid)
        for _ in range(3):
            ours.append(scrape(lab, EXPORTER_PORT, "/metrics", pid))
            theirs.append(scrape(lab, NODE_EXPORTER_PORT, "/metrics", node.pid))
            probes.append(scrape(lab, BLACKBOX_PORT, BLACKBOX_PATH, blackbox.pid))
        cpu = process.cpu_ticks_seconds(pid) - before[0], process.cpu_ticks_seconds(node.pid) - before[1]
        memory = [process.resident_mebibytes(p) for p in (pid, node.pid)]
        together = scrape(lab, EXPORTER_PORT, "/metrics", pid, 50, "--at-once")
    mine = [second for report in ours for second in report["seconds"]]
    others = [second for report in theirs for second in report["seconds"] if second is not None]
    probed = [second for report in probes for second in report["seconds"] if second is not None]
    failed = sum(second is None for second in mine + together["seconds"])
    good = [second for second in mine if second is not None]
    count = len(mine)
    peer = f"{NODE_EXPORTER} {version_of(NODE_EXPORTER, '--version')}"
    box = f"{BLACKBOX} {version_of(BLACKBOX, '--version')}, one probe"
    return [
        compare("scrape p50", statistics.median(good) * 1e3, 3, peer, statistics.median(others) * 1e3, count),
        compare("scrape p99", percentile(good, 0.99) * 1e3, 15, peer, percentile(others, 0.99) * 1e3, count),
        compare("scrape CPU", cpu[0] / count * 1e3, 3, peer, cpu[1] / len(others) * 1e3, count),
        compare(
            "scrape p50 beside a probe", statistics.median(good) * 1e3, 3, box, statistics.median(probed) * 1e3, count
        ),
        Figure("resident memory while scraped", memory[0], "MiB", MEMORY_MEBIBYTES, False, 1, peer, memory[1]),
        Figure("failed of 50 scrapes at once", failed, "scrapes", 0, False, 50),
    ]


def compare(name: str, milliseconds: float, limit: float, peer: str, theirs: float, count: int) -> Figure:
    """A time beside another exporter's."""
    return Figure(name, milliseconds, "ms", limit, False, count, peer, theirs)


def idle(lab: Lab) -> list[Figure]:
    """CPU when nobody scrapes but the peer asks, at the default probe rate; and of keepalived with all beside it."""
    exporter = [lab.hosts[NODE].service("exporter").pid]
    keepalived = processes.tree(lab.hosts[NODE].service("keepalived").pid)

    def used(pids: Sequence[int]) -> float:
        return sum(map(process.cpu_ticks_seconds, pids))

    before = used(exporter), used(keepalived)
    time.sleep(IDLE_SECONDS)
    shares = [
        (used(pids) - earlier) / IDLE_SECONDS for pids, earlier in zip((exporter, keepalived), before, strict=True)
    ]
    return [
        Figure("idle CPU", shares[0] * 100, "% of a core", 0.5, False, 1),
        Figure("idle CPU of keepalived, health check and recorder", shares[1] * 100, "% of a core", 0.8, False, 1),
    ]


def once(lab: Lab) -> list[Figure]:
    """``exporter --once`` beside a running exporter and without one."""

    def run(count: int) -> list[float]:
        seconds = []
        for _ in range(count):
            began = time.monotonic()
            run_exporter(lab, NODE, "--once")
            seconds.append(time.monotonic() - began)
        return seconds

    beside = run(10)
    lab.stop_service(NODE, "exporter")
    without = run(10)
    lab.start_service(NODE, "exporter")
    return [
        Figure("--once beside a running exporter", statistics.median(beside), "s", 1.0, False, len(beside)),
        Figure("--once alone", statistics.median(without), "s", 2.0, False, len(without)),
    ]


def changes(lab: Lab) -> list[Figure]:
    """How soon a change shows, and whether a burst is counted whole."""
    with alone.exporter_on_client(lab):
        command = alone.client_python(lab, visible.__name__, str(EXPORTER_PORT), alone.VIP, "25")
        seconds = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout)
        alone.change_addresses(lab, alone.pairs(alone.OTHER_VIP, 1000))
        time.sleep(0.5)
        counted = _value(lab, f'dnsha_vip_acquisitions_total{{vip="{alone.OTHER_VIP}"')
        released = _value(lab, f'dnsha_vip_releases_total{{vip="{alone.OTHER_VIP}"')
    return [
        Figure(
            "VIP change visible in /metrics, median", statistics.median(seconds) * 1e3, "ms", 20, False, len(seconds)
        ),
        Figure("VIP change visible in /metrics, worst", max(seconds) * 1e3, "ms", 20, False, len(seconds)),
        Figure("pairs counted of a burst of 1,000", min(counted, released), "pairs", 1000, True, 1),
    ]


def growth(lab: Lab) -> list[Figure]:
    """An hour's worth of work at once: 1,000 scrapes, 10,000 probes, 1,000 address events, in two halves."""
    environment = {
        "PROBE_INTERVAL": "0.05", "PROBE_INTERVAL_VIP": "0.05", "PROBE_INTERVAL_PEER": "0.05",
        "PROBE_INTERVAL_TCP": "0.05", "PROBE_TIMEOUT": "0.05",
        "PIHOLE_ADDRESS": "192.0.2.11:53,192.0.2.12:53", "UNBOUND_ADDRESS": "192.0.2.11:53",
    }  # fmt: skip
    standin = alone.client_python(lab, standin_docker.__name__, DOCKER_SOCKET)
    with running(standin), alone.exporter_on_client(lab, {**environment, **DOCKER_ENVIRONMENT}) as exporter:
        time.sleep(5)
        descriptors, threads = process.descriptors(exporter.pid), process.threads(exporter.pid)
        memory = []
        for _ in range(2):
            for _ in range(10):
                alone.change_addresses(lab, alone.pairs(alone.VIP, 25))
                command = alone.client_python(lab, scraper.__name__, str(EXPORTER_PORT), "/metrics", "50")
                subprocess.run(command, capture_output=True, timeout=120, check=True)
                time.sleep(2.5)
            memory.append(process.resident_mebibytes(exporter.pid))
        probes = sum(
            float(line.rpartition(" ")[2])
            for line in get(lab.client, "127.0.0.1", EXPORTER_PORT, "/metrics").body.splitlines()
            if line.startswith("dnsha_resolve_queries_total")
        )
        more_descriptors = process.descriptors(exporter.pid) - descriptors
        more_threads = process.threads(exporter.pid) - threads
    return [
        Figure("resident memory after an hour's worth", memory[1], "MiB", MEMORY_MEBIBYTES, False, 1000),
        Figure("growth between the halves", max(0.0, memory[1] - memory[0]), "MiB", 0.5, False, 1000),
        Figure("probes of that hour", probes, "probes", 10_000, True, 1),
        Figure("growth of descriptors", max(0, more_descriptors), "descriptors", 0, False, 1000),
        Figure("growth of threads", max(0, more_threads), "threads", 0, False, 1000),
    ]


def _value(lab: Lab, beginning: str) -> float:
    text = get(lab.client, "127.0.0.1", EXPORTER_PORT, "/metrics").body
    found = re.search(rf"^{re.escape(beginning)}.* (\S+)$", text, re.MULTILINE)
    return float(found[1]) if found else 0.0

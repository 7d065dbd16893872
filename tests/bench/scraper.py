"""A client that scrapes: one after the other or all at once; prints what it saw as JSON.

Run inside a host of the lab: ``python -m tests.bench.scraper PORT PATH COUNT [--at-once] [--process PID]``.
"""

from __future__ import annotations

import argparse
import http.client
import json
import threading
import time

from tests.bench.process import cpu_seconds

TIMEOUT_SECONDS = 10.0


def scrape(port: int, path: str) -> float | None:
    """Scrape once; return the seconds it took, None when it failed."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_SECONDS)
    began = time.perf_counter()
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read()
    except OSError:
        return None
    finally:
        connection.close()
    return time.perf_counter() - began if response.status == http.client.OK and body else None


def at_once(port: int, path: str, count: int) -> list[float | None]:
    """Scrape from as many threads as there are scrapes, all let go together."""
    results: list[float | None] = [None] * count
    gate = threading.Barrier(count)

    def one(number: int) -> None:
        gate.wait()
        results[number] = scrape(port, path)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def main() -> None:
    """Scrape as the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("path")
    parser.add_argument("count", type=int)
    parser.add_argument("--at-once", action="store_true")
    parser.add_argument("--process", type=int, help="the server, for its CPU time")
    options = parser.parse_args()
    scrape(options.port, options.path)
    before = cpu_seconds(options.process) if options.process else 0.0
    if options.at_once:
        results = at_once(options.port, options.path, options.count)
    else:
        results = [scrape(options.port, options.path) for _ in range(options.count)]
    cpu = cpu_seconds(options.process) - before if options.process else 0.0
    print(json.dumps({"seconds": results, "cpu_seconds": cpu}))


if __name__ == "__main__":
    main()

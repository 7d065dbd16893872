"""The wire watch without a keepalived, which this process passes for; run as ``python -m tests.wire.watch_alone``."""

from __future__ import annotations

import os

from exporter.engine.runtime import RuntimeFiles
from exporter.model.addressing import interface_networks
from stack.keepalived.start import take_lock
from stack.keepalived.values import read_environment
from stack.keepalived.wire.watch import WireSettings, WireWatch

HIGHEST_PRIORITY = 250


def main() -> None:
    """Watch until this process is ended."""
    files = RuntimeFiles()
    take_lock(files)  # held while this process lives
    settings = read_environment(os.environ, interface_networks)
    WireWatch(WireSettings(settings, HIGHEST_PRIORITY), files, lambda: None).run()


if __name__ == "__main__":
    main()

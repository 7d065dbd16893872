"""What each command of the command line does, with the settings it needs."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from exporter.runtime import RuntimeFiles
from exporter.settings.values import Settings
from stack.tools import drain as draining
from stack.tools import verify as verifying
from stack.tools.runlock import one_run
from stack.tools.settings import read_node

Run = Callable[[argparse.Namespace, Mapping[str, str]], None]


class AddCommand(Protocol):
    """Adds a command to the command line."""

    def __call__(self, name: str, run: Run, text: str, timeout: float | None = None) -> argparse.ArgumentParser:
        """Add it and return its parser."""


def drain(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Drain this node."""
    settings = read_node(environment)
    with one_run(_drain_lock(settings), options.timeout):
        draining.drain(settings, options.timeout, force=options.force)


def undrain(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Undrain this node."""
    settings = read_node(environment)
    with one_run(_drain_lock(settings), options.timeout):
        draining.undrain(settings, options.timeout)


def verify(options: argparse.Namespace, environment: Mapping[str, str]) -> None:
    """Verify this node."""
    verifying.verify(read_node(environment), options.timeout, options.steady, drained=options.drained)


def add_tasks(add: AddCommand) -> None:
    """Add the commands of the tasks."""


def _drain_lock(settings: Settings) -> Path:
    return RuntimeFiles(settings.runtime_directory).directory / draining.LOCK_NAME

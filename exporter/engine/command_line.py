"""A command line whose mistakes have an exit code of their own."""

from __future__ import annotations

import argparse
import sys
from typing import NoReturn

# Beside 1, it did not work, and 2, refused (argparse's own); to a monitoring system 3 is unknown.
WRONG = 3


class CommandLine(argparse.ArgumentParser):
    """Exits with 3 on a wrong command line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, after how it is used."""
        self.print_usage(sys.stderr)
        self.exit(WRONG, f"{self.prog}: {message}\n")

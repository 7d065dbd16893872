"""``python3 -m stack.homeassistant``."""

import sys

from stack.homeassistant.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""``python3 -m stack.setup``, as ``stack/setup.sh`` calls it."""

import sys

from stack.setup.cli import main

sys.exit(main())

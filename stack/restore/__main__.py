"""``python3 -m stack.restore``, as ``stack/restore.sh`` calls it."""

import sys

from stack.restore.cli import main

sys.exit(main())

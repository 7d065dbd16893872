"""``python3 -m stack.report``, as ``stack/report.sh`` calls it."""

import sys

from stack.report.cli import main

sys.exit(main())

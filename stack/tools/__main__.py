"""``python -m stack.tools``."""

import sys

from stack.tools.cli import main

sys.exit(main())

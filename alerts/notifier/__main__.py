"""``python -m alerts.notifier``."""

import sys

from alerts.notifier.cli import main

sys.exit(main())

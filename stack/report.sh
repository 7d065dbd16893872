#!/bin/sh
# Gather what helps others to help you, with every secret taken out: stack/report.sh [FILE.tar.gz]
set -eu

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "report: this needs Python 3.11 or newer, which Debian 12 and Raspberry Pi OS have: sudo apt-get install python3" >&2
  exit 3
fi
# -P: what is run is this clone, whatever the current folder holds.
PYTHONPATH="$(cd "$(dirname "$0")/.." && pwd)" exec python3 -BP -m stack.report "$@"

#!/bin/sh
# Make this host, on an empty disk, the node again that a backup was made of: sudo stack/restore.sh FILE
set -eu

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "restore: this needs Python 3.11 or newer, which Debian 12 and Raspberry Pi OS have: sudo apt-get install python3" >&2
  exit 3
fi
# -P: what is run is this clone, whatever the current folder holds.
PYTHONPATH="$(cd "$(dirname "$0")/.." && pwd)" exec python3 -BP -m stack.restore "$@"

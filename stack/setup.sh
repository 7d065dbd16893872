#!/bin/sh
# Set this node up: six questions, compose/.env, Docker if you agree, preflight. Nothing that is there is overwritten.
#   sudo stack/setup.sh              on the first Raspberry Pi
#   sudo stack/setup.sh FILE         on the second one, with the file that the first one made
# All else is in stack/setup/; it needs the Python that the system has, and nothing more.
set -eu

if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
  echo "setup: this needs Python 3.11 or newer, which Debian 12 and Raspberry Pi OS have: sudo apt-get install python3" >&2
  exit 3
fi
# -P: what is run is this clone, whatever the current folder holds.
PYTHONPATH="$(cd "$(dirname "$0")/.." && pwd)" exec python3 -BP -m stack.setup "$@"

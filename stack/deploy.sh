#!/bin/sh
# Start this node for the first time, or with changed settings: preflight, up, verify.
#   stack/deploy.sh [--force] [--offline | --build]
set -eu

usage() {
  cat <<'END'
usage: stack/deploy.sh [--force | --preflight-only [--json]] [--offline | --build]
Looks for what would break this node, starts it, and waits until nothing is critical. Needs compose/.env.
  --force           start even if preflight finds something critical
  --preflight-only  look, and change nothing but our own images
  --offline         fetch and build nothing: use the images that this node has, for instance by docker load
  --build           build our own images here, though IMAGE_PREFIX names a registry that has this release's
VERIFY_TIMEOUT in the environment: how many seconds to wait for all to be well (default: 300).
Exit codes: 0 it runs, 1 it was started but is not well, 2 preflight found something critical, 3 wrong settings.
END
}

force=
only=
json=
offline=
build=
for argument in "$@"; do
  case "$argument" in
  --force) force=yes ;;
  --preflight-only) only=yes ;;
  --json) json=--json ;;
  --offline) offline=yes ;;
  --build) build=yes ;;
  --version)
    sed -n 's,^__version__ = "\(.*\)"$,stack/deploy.sh \1,p' "$(dirname "$0")/../exporter/__init__.py"
    exit 0
    ;;
  -h | --help)
    usage
    exit 0
    ;;
  *)
    usage >&2
    exit 3
    ;;
  esac
done

if [ -n "$offline" ] && [ -n "$build" ]; then
  usage >&2
  exit 3
fi

say() { echo "deploy: $*" >&2; }

cd "$(dirname "$0")/../compose"
# shellcheck source=stack/up.sh
. ../stack/up.sh
if [ ! -f .env ]; then
  say "there is no compose/.env: stack/setup.sh makes it; or cp compose/.env.example compose/.env, and fill it in"
  exit 3
fi
if ! engine=$(docker version --format '{{.Server.Version}}') || ! plugin=$(docker compose version --short); then
  say "Docker does not answer; install Docker Engine with the Compose plugin, and let this user use it (group docker)"
  exit 3
fi
if ! usable_by_compose; then
  say "compose cannot use .env, as it says above; nothing was started"
  exit 3
fi

# It holds the passwords. Whoever may use Docker on this machine is root anyway; all others need not read it.
if [ -z "$only" ] && [ -n "$(find -L .env -prune -perm /077)" ]; then
  if chmod 600 .env; then
    say "others on this machine could read compose/.env, which holds the passwords: now its owner alone can (mode 600)"
  else
    say "others on this machine can read compose/.env, which holds the passwords: chmod 600 it as its owner"
  fi
fi

# The key by which the nodes know each other; what says PAIR_KEY already is the owner's word. Never on a command line.
if [ -z "$only" ] && ! grep -Eq '^[[:space:]]*(export[[:space:]]+)?PAIR_KEY[[:space:]]*[=:]' .env; then
  if grep -Eq "^[[:space:]]*(export[[:space:]]+)?NODE_ROLE[[:space:]]*[=:][[:space:]]*[\"']?primary" .env; then
    real=$(readlink -f .env)
    new=$real.new
    (
      umask 077
      cp -p "$real" "$new"
      printf '\n# Made by stack/deploy.sh: this very line belongs into the other node'"'"'s .env too.\nPAIR_KEY=%s\n' \
        "$(od -An -N32 -tx1 /dev/urandom | tr -d ' \n')" >>"$new"
      sync "$new"
      mv "$new" "$real"
    )
    say "made a PAIR_KEY in compose/.env; copy that line into the other node's compose/.env and run stack/deploy.sh there," \
      "for instance: grep ^PAIR_KEY= compose/.env | ssh OTHER-NODE 'cat >> CLONE/compose/.env'"
    say "until then this node takes the other one for silent; failover does not depend on it"
  elif grep -Eq "^[[:space:]]*(export[[:space:]]+)?NODE_ROLE[[:space:]]*[=:][[:space:]]*[\"']?secondary" .env; then
    say "there is no PAIR_KEY: copy that line from the primary's compose/.env, where stack/deploy.sh makes it"
  fi
fi

if [ -z "$offline" ] && { [ -n "$build" ] || ! take_released; }; then
  say "building the exporter's image (minutes, the first time)"
  docker compose build --quiet settings >&2
fi

say "looking at this node and its LAN"
# Only to look: at every process' sockets (SYS_PTRACE, DAC_READ_SEARCH), and at ARP and VRRP on the LAN (NET_RAW).
code=0
docker run --rm --pull never --network host --pid host --user 0:0 --read-only --cap-drop ALL \
  --cap-add NET_RAW --cap-add SYS_PTRACE --cap-add DAC_READ_SEARCH \
  --security-opt no-new-privileges --security-opt apparmor=unconfined \
  --env PREFLIGHT_DOCKER_VERSION="$engine" --env PREFLIGHT_COMPOSE_VERSION="$plugin" \
  --env PREFLIGHT_CONTAINERS="$(docker compose ps --quiet)" \
  --volume "$PWD/.env:/run/preflight.env:ro" --volume "${PWD%/*}:/run/clone:ro" --env PREFLIGHT_CLONE=/run/clone \
  dnsha-exporter:local --preflight --env-file /run/preflight.env ${json:+"$json"} || code=$?
[ -z "$only" ] || exit "$code"
if [ "$code" -ge 2 ] && [ -z "$force" ]; then
  say "nothing was started; correct what is critical or unknown above, or use --force"
  exit "$code"
fi

say "starting"
# Its copies of the passwords are as old as its container, which Compose keeps when nothing else has changed.
docker compose rm --force settings >/dev/null 2>&1 || :
docker compose rm --force notifier-settings >/dev/null 2>&1 || : # not everybody has it
start_all "$offline"
keep_settings
docker compose logs --no-color --no-log-prefix settings 2>/dev/null | grep 'has changed' >&2 || :
say "waiting until nothing is critical"
docker compose run --rm --no-deps -T tools verify --accept-warnings --steady 5 --timeout "${VERIFY_TIMEOUT:-300}" || exit 1
say "done: docker compose exec exporter python3 -m exporter --once tells the state at any time"

#!/bin/sh
# Update this node without a client noticing: hand the VIP to the other node, update, prove that all is well, take it
# back. When it is not well the node stays drained and says so; run it again to go on, or undrain.
#   stack/update.sh [--force] [--offline | --build | --back]
set -eu

usage() {
  cat <<'END'
usage: stack/update.sh [--force] [--offline | --build | --back]
Updates this node: drain, pull and build images, docker compose up, verify, undrain. Stop it at any time: it says in
which state the node is, and can be run again. One node after the other, never both at once.
  --force    even if the pair is not healthy, or the other node cannot take over
  --offline  fetch and build nothing: use the images that this node has, for instance by docker load
  --build    build our own images here, though IMAGE_PREFIX names a registry that has this release's
  --back     start the images that ran before the last update, whether this node is well or not. The files of the clone
             stay as they are: what is mounted from them too. The next update, deployment or `docker compose up` starts
             what the clone says; to stay with what was before, check that version out. --back again goes forth again
VERIFY_TIMEOUT in the environment: how many seconds to wait for all to be well (default: 300).
Exit codes: 0 updated, 1 failed, 2 refused (nothing was changed), 3 wrong settings, 4 another update is under way.
END
}

force=
offline=
build=
back=
for argument in "$@"; do
  case "$argument" in
  --force) force=--force ;;
  --offline) offline=yes ;;
  --build) build=yes ;;
  --back) back=yes ;;
  --version)
    sed -n 's,^__version__ = "\(.*\)"$,stack/update.sh \1,p' "$(dirname "$0")/../exporter/__init__.py"
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

case "$offline$build$back" in
yesyes*)
  usage >&2
  exit 3
  ;;
esac

say() { echo "update: $*"; }
compose() { docker compose "$@"; }
tools() { compose run --rm --no-deps -T tools "$@"; }

cd "$(dirname "$0")/../compose"
# shellcheck source=stack/up.sh
. ../stack/up.sh
exec 9<../stack/update.sh # the lock is on this very file, so none is left behind
if ! flock -n 9; then
  say "another update is under way on this node" >&2
  exit 4
fi
if ! usable_by_compose; then
  say "compose cannot use .env, as it says above; nothing was changed" >&2
  exit 3
fi

state="nothing was changed"
keeper=
override=
finish() {
  code=$?
  trap - EXIT
  [ -z "$override" ] || rm -f "$override"
  [ -z "$keeper" ] || docker rm --force "$keeper" >/dev/null 2>&1 || :
  [ "$code" -eq 0 ] || say "stopped: $state" >&2
  exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

if [ -n "$back" ]; then
  kept=$(docker image ls --no-trunc --format '{{.Tag}} {{.ID}}' "$BEFORE")
  services=$(compose config --services)
  if [ -z "$kept" ]; then
    say "there are no images of before: an update keeps them, and there was none yet, or it changed no image" >&2
    exit 2
  fi
  # One more Compose file, for this start alone: each service that there still is, by its image of before.
  override=$(mktemp)
  echo "services:" >"$override"
  echo "$kept" | while read -r service image; do
    ! echo "$services" | grep -qxF "$service" || printf '  %s: {image: "%s", pull_policy: never}\n' "$service" "$image"
  done >>"$override"
elif [ -z "$force" ]; then
  say "is the pair healthy?"
  if ! tools verify --drained --steady 2 --timeout 20; then
    say "put right what is not well first; or, to go on all the same: stack/update.sh --force" >&2
    exit 2
  fi
fi

say "handing the VIP over"
# shellcheck disable=SC2086 # nothing, or one word
tools drain $force || exit 2
state="this node is drained and serves nobody; run stack/update.sh again, or: docker compose run --rm --no-deps tools undrain"

if [ -z "$offline$back" ]; then
  say "fetching and building images"
  if ! { compose pull --ignore-buildable && { { [ -z "$build" ] && take_released; } || compose build --pull; }; }; then
    say "no new images; nothing is replaced, and this node takes part again" >&2
    tools undrain && state="nothing was changed"
    exit 1
  fi
fi

say "starting what is new${back:+, which is what was before}"
# The drain is in keepalived's memory, which ends while no container uses its volume: one does, as long as this runs.
keeper=dnsha-update
docker rm --force "$keeper" >/dev/null 2>&1 || : # of an update that was killed
compose run --detach --rm --no-deps --name "$keeper" --entrypoint sleep tools 900 >/dev/null
before=$(images_now)
if [ -n "$back" ]; then
  files=$(sed -n "s/^COMPOSE_FILE=['\"]\{0,1\}\([^'\"]*\).*/\1/p" .env | tail -n 1)
  (
    export COMPOSE_FILE="${COMPOSE_FILE:-${files:-compose.yaml}}:$override"
    start_all yes
  )
else
  start_all "$offline"
fi
after=$(images_now)
keep_settings
[ "$before" = "$after" ] || keep_as_before "$before"
# Rules and routes are read at the start, and Compose does not see that a mounted file has changed.
for reader in $(compose ps --services | grep -xE 'prometheus|alertmanager'); do
  compose restart "$reader"
done
# The VIP stays away only while keepalived says so: it is another one now.
# shellcheck disable=SC2086
tools drain $force

say "is all well?"
tools verify --drained --steady 10 --timeout "${VERIFY_TIMEOUT:-300}"

say "taking the VIP back"
state="the update is done, but this node does not serve as it should; see: docker compose exec exporter python3 -m exporter --once"
tools undrain
[ -z "$back" ] || say "this runs until the next update, deployment or docker compose up, which start what the clone says"
say "done"

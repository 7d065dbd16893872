#!/bin/sh
# Sourced by deploy.sh and update.sh, which are in compose/ then.

# Whether Compose can use .env; where it cannot because of a file that there is no more, say so in words.
usable_by_compose() {
  docker compose config -q && return
  ! grep -Eq '^COMPOSE_FILE=.*conflicts\.yaml' .env ||
    echo "COMPOSE_FILE in .env names conflicts.yaml, which there is no more: the wire is always watched; delete it there" >&2
  return 1
}

# The image of each container of this stack, a line each: SERVICE ID.
images_now() {
  containers=$(docker compose ps --all --quiet)
  # shellcheck disable=SC2086 # one word each
  [ -z "$containers" ] || docker inspect --format \
    '{{index .Config.Labels "com.docker.compose.service"}} {{.Image}}' $containers | sort
}

# Keep images by a name, so that no `docker image prune` takes the way back: lines as images_now has them.
keep_as_before() {
  # shellcheck disable=SC2046 # one word each
  docker image rm $(docker image ls --format '{{.Repository}}:{{.Tag}}' "$BEFORE") >/dev/null 2>&1 || :
  echo "$1" | while read -r service image; do
    docker image tag "$image" "$BEFORE:$service"
  done
}
BEFORE=dnsha-before

# Give .env to the backup, which runs as another user and does not see the clone: without it no node could be restored.
keep_settings() {
  docker compose run --rm --no-deps -T tools keep-settings <.env ||
    echo "compose/.env will not be in the backups until this works: run stack/deploy.sh again" >&2
}

# Start everything that .env asks for; with a word as its argument, fetch and build nothing.
start_all() {
  # Compose calls a replacement HASH_NAME until it has removed what it replaces, and starts it only then. One that was
  # left when the power failed during an update would be in the way of the next.
  half_made=$(docker ps --all --quiet --filter label=com.docker.compose.project --filter status=created \
    --filter 'name=^/?[0-9a-f]{12}_')
  # shellcheck disable=SC2086 # one word each
  [ -z "$half_made" ] || docker rm $half_made >/dev/null
  docker compose up -d --remove-orphans ${1:+--no-build --pull never}
}

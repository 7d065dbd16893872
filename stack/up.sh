#!/bin/sh
# Sourced by deploy.sh and update.sh, which are in compose/ then.

# Whether Compose can use .env; where it cannot because of a file that there is no more, say so in words.
usable_by_compose() {
  docker compose config -q && return
  ! grep -Eq '^COMPOSE_FILE=.*conflicts\.yaml' .env ||
    echo "COMPOSE_FILE in .env names conflicts.yaml, which there is no more: the wire is always watched; delete it there" >&2
  return 1
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

#!/bin/sh
# Sourced by deploy.sh and update.sh, which are in compose/ then.

# Whether Compose can use .env; where it cannot because of a file that there is no more, say so in words.
usable_by_compose() {
  docker compose config -q && return
  ! grep -Eq '^COMPOSE_FILE=.*conflicts\.yaml' .env ||
    echo "COMPOSE_FILE in .env names conflicts.yaml, which there is no more: the wire is always watched; delete it there" >&2
  return 1
}

# Take our own images from the registry that IMAGE_PREFIX names, by the names that they have when they are built here: so
# every `docker compose` finds them, and takes none from a registry by itself. All or none; 1 where they have to be built.
take_released() {
  prefix=${IMAGE_PREFIX-$(sed -n "s/^IMAGE_PREFIX=['\"]\{0,1\}\([^'\" #]*\).*/\1/p" .env | tail -n 1)}
  [ -n "$prefix" ] || return 1
  release=v$(sed -n 's/^__version__ = "\(.*\)"$/\1/p' ../exporter/__init__.py)
  if [ -e ../.git ] && ! git -C .. tag --points-at HEAD 2>/dev/null | grep -qxF "$release"; then
    echo "this clone is not the release $release; building its images" >&2
    return 1
  fi
  if [ -e ../.git ] && ! git -C .. diff --quiet HEAD -- exporter stack alerts docs/runbooks pyproject.toml; then
    echo "this clone has changes; building its images" >&2
    return 1
  fi
  own=$(docker compose config --images | sed -n 's/^\(dnsha-[a-z-]*\):local$/\1/p' | sort -u)
  for name in $own; do
    if ! docker pull --quiet "$prefix/$name:$release" >/dev/null; then
      echo "$prefix/$name:$release cannot be fetched; building this clone's images instead" >&2
      return 1
    fi
  done
  for name in $own; do
    docker image tag "$prefix/$name:$release" "$name:local" && docker image rm "$prefix/$name:$release" >/dev/null
  done
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

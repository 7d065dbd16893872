#!/bin/sh
# Take this node's stack away: hand the VIP over, stop, remove what was made. Backups and settings stay unless told.
#   stack/uninstall.sh [--everything] [--force] [--yes]
set -eu

usage() {
  cat <<'END'
usage: stack/uninstall.sh [--everything] [--force] [--yes]
Hands the VIP to the other node, stops this one's services, sees that no VIP is left on the interface, and removes the
stack's containers, images, networks and volumes. The backups (volume dnsha_backups) and compose/.env stay, so that the
node can be set up and restored; what you wrote yourself (unbound.d, sync-keys, web, prometheus.d) stays in any case.
  --everything  the backups, compose/.env and compose/second.env too: the passwords and every trace of the Pi-hole
  --force       even if no other node can take the VIP over: this network then has no DNS at the VIP
  --yes         do not ask
Works without compose/.env too. It may be run again, and then removes what is left.
Exit codes: 0 removed, 1 something is left, as said, 2 refused (nothing was changed), 3 wrong command line, or Docker
does not answer.
END
}

everything=
force=
yes=
for argument in "$@"; do
  case "$argument" in
  --everything) everything=yes ;;
  --force) force=--force ;;
  --yes) yes=yes ;;
  --version)
    sed -n 's,^__version__ = "\(.*\)"$,stack/uninstall.sh \1,p' "$(dirname "$0")/../exporter/__init__.py"
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

say() { echo "uninstall: $*"; }
# What Compose calls everything of this stack.
project=${COMPOSE_PROJECT_NAME:-dnsha}
ours="label=com.docker.compose.project=$project"
setting() { docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$1" 2>/dev/null | sed -n "s/^$2=//p"; }
running() { [ "$(docker inspect --format '{{.State.Running}}' "$1" 2>/dev/null)" = true ]; }

cd "$(dirname "$0")/../compose"
if ! docker version >/dev/null; then
  say "Docker does not answer; use sudo, or see whether its service runs" >&2
  exit 3
fi
containers=$(docker ps --all --quiet --filter "$ours")
volumes=$(docker volume ls --quiet --filter "$ours")
[ -n "$everything" ] || volumes=$(echo "$volumes" | grep -vxF "${project}_backups" || :)

# What it is asked about.
vips=$(setting keepalived VIP_ADDRESS | tr ',' ' ')
interface=$(setting keepalived NETWORK_INTERFACE)
peer=$(setting keepalived PEER_IP)
if [ -z "$yes" ]; then
  if [ ! -t 0 ]; then
    say "there is no terminal to ask at; give --yes if you mean it" >&2
    exit 3
  fi
  say "this removes the stack '$project' from $(hostname): its containers, images, networks and volumes."
  if [ -n "$everything" ]; then
    say "ALSO THE BACKUPS, compose/.env and compose/second.env. Nothing can be restored afterwards."
  else
    say "The backups (volume ${project}_backups) and compose/.env stay."
  fi
  [ -n "$peer" ] || say "Is this the last node? Then let your router hand out another DNS server first, and wait a day."
  printf 'uninstall: type yes to go on: '
  read -r answer || answer=
  if [ "$answer" != yes ]; then
    say "nothing was changed"
    exit 2
  fi
fi

if [ -n "$peer" ] && running keepalived; then
  say "handing the VIP over"
  # shellcheck disable=SC2086 # nothing, or one word
  if ! docker exec backup python3 -m stack.tools drain $force && [ -z "$force" ]; then
    say "nothing was changed; see to the other node first, or, if this network can do without the VIP: --force" >&2
    exit 2
  fi
fi

left=0
if [ -n "$containers" ]; then
  say "stopping"
  # keepalived and the firewall take with them what they put into the kernel, when they are asked to stop and not killed.
  for first in keepalived guard firewall; do
    ! running "$first" || docker stop --time 20 "$first" >/dev/null || left=1
  done
  # shellcheck disable=SC2086 # one word each
  docker stop $containers >/dev/null || left=1
  # shellcheck disable=SC2086
  images=$(docker inspect --format '{{.Image}}' $containers | sort -u)
  say "removing containers, images, networks and volumes"
  # shellcheck disable=SC2086
  docker rm --force $containers >/dev/null || left=1
else
  images=
fi
names=$(docker image ls --format '{{.Repository}}:{{.Tag}}' | grep -E '^dnsha-([a-z-]+:local|before:)' || :)
for image in $names $images; do
  # By its last name it is gone; and what somebody else's container uses stays.
  docker image rm "$image" >/dev/null 2>&1 || :
done
for volume in $volumes; do
  docker volume rm "$volume" >/dev/null || left=1
done
for network in $(docker network ls --quiet --filter "$ours"); do
  docker network rm "$network" >/dev/null || left=1
done
[ -z "$everything" ] || rm -f .env second.env

# The kernel's own word.
for vip in $vips; do
  if ip -o address show dev "$interface" 2>/dev/null | grep -qF " ${vip%/*}/"; then
    say "$vip is still on $interface: sudo ip address del ${vip%/*} dev $interface" >&2
    left=1
  fi
done
[ "$left" -eq 0 ] || say "something is left, as it says above; put that right and run this again" >&2
kept=$(docker volume ls --quiet --filter "name=^${project}_backups\$")
[ -z "$kept" ] || say "kept: the backups in the volume $kept; docs/restore.md brings them back, --everything removes them"
[ ! -f .env ] || say "kept: $PWD/.env, with the passwords"
say "this clone is yours to remove: ${PWD%/*}"
exit "$left"

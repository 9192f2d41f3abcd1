# Sourced: a Docker engine, and the public base images on it.
# engine_start uses the engine that answers, else installs Debian's and starts it by hand, with its own data folder.

STATE=${ROLLOUT_IMAGE_STATE:-/var/tmp/rollout-image-tests}
engine_pid=

say() { echo "test-image: $*"; }

engine_start() {
  timeout 20 docker info >/dev/null 2>&1 && return 0
  [ "$(id -u)" = 0 ] || { say "skipped: no Docker engine answers, and only root can start one"; return 1; }
  command -v dockerd >/dev/null || engine_install || { say "skipped: docker.io cannot be installed here"; return 1; }
  mkdir -p "$STATE/run"
  exec 9>"$STATE/lock"
  flock --timeout 3600 9 || { say "another run has held $STATE for an hour"; exit 1; }
  export DOCKER_HOST="unix://$STATE/run/docker.sock"
  export PATH="/usr/bin:$PATH" DOCKER_BUILDKIT=1 # the client that came with the engine builds stages side by side
  if docker info >/dev/null 2>&1; then # left by a run that was killed
    engine_pid=$(cat "$STATE/run/pid")
    return 0
  fi
  rm -f "$STATE/run/pid"
  # No bridge: builds use the host's network, the tests none at all, so nothing of the host's firewall is touched.
  setsid dockerd --data-root "$STATE/data" --exec-root "$STATE/run/exec" --pidfile "$STATE/run/pid" \
    --host "$DOCKER_HOST" --bridge none --iptables=false >"$STATE/run/dockerd.log" 2>&1 9>&- &
  engine_pid=$!
  for _ in $(seq 60); do
    docker info >/dev/null 2>&1 && return 0
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 1
  done
  say "skipped: no Docker engine can start here: $(tail -n 1 "$STATE/run/dockerd.log")"
  return 1
}

engine_install() {
  export DEBIAN_FRONTEND=noninteractive
  { apt-get update && apt-get install -y --no-install-recommends docker.io debootstrap; } >/dev/null 2>&1
}

# Removes the containers of the tests, whatever became of them, and stops the engine if it is ours.
engine_stop() {
  left=$(docker ps --all --quiet --filter label=rollout-image-test 2>/dev/null || true)
  [ -z "$left" ] || docker rm --force --volumes $left >/dev/null 2>&1 || true
  [ -n "$engine_pid" ] || return 0
  timeout 120 docker image prune --force >/dev/null 2>&1 || true
  timeout 120 docker builder prune --force --keep-storage 10GB >/dev/null 2>&1 || true
  kill "$engine_pid" 2>/dev/null || true
  for _ in $(seq 30); do
    kill -0 "$engine_pid" 2>/dev/null || break
    sleep 1
  done
  umount "$STATE"/run/exec/netns/* 2>/dev/null || true
}

# base NAME BUILDER: the public image where a registry is reached, else a stand-in that BUILDER makes; only on an
# engine of our own, so that no false image ever takes a public name on somebody else's.
base() {
  docker image inspect "$1" >/dev/null 2>&1 && return 0
  timeout 300 docker pull --quiet "$1" 2>/dev/null && return 0
  [ -n "$engine_pid" ] || { say "cannot pull $1"; return 1; }
  say "$1: no registry is reached, making a stand-in"
  "$2" "$1"
}

make_debian() {
  rootfs=$STATE/debian
  rm -rf "$rootfs"
  command -v debootstrap >/dev/null || engine_install
  debootstrap --variant=minbase --include=ca-certificates bookworm "$rootfs" >"$STATE/debootstrap.log" 2>&1
  rm -rf "$rootfs"/var/cache/apt/* "$rootfs"/var/lib/apt/lists/* "$rootfs"/usr/share/doc/* "$rootfs"/usr/share/man/* \
    "$rootfs"/usr/share/locale/* "$rootfs"/var/log/*
  machine_settings "$rootfs"
  tar -C "$rootfs" -c . | docker import --change 'CMD ["bash"]' - "$1" >/dev/null
  rm -rf "$rootfs"
}

# What this machine needs to reach the package registries: its certificates and, where set, its registries.
machine_settings() {
  cp /etc/ssl/certs/ca-certificates.crt "$1/etc/ssl/certs/ca-certificates.crt"
  { echo '[global]'; echo 'cert = /etc/ssl/certs/ca-certificates.crt'; echo 'root-user-action = ignore'
    [ -z "${PIP_INDEX_URL:-}" ] || echo "index-url = $PIP_INDEX_URL"; } >"$1/etc/pip.conf"
  { echo 'cafile=/etc/ssl/certs/ca-certificates.crt'
    [ -z "${npm_config_registry:-}" ] || echo "registry=$npm_config_registry"; } >"$1/root/.npmrc"
}

make_python() {
  base debian:bookworm-slim make_debian
  build_base python "$1" "$here/bases"
}

make_node() {
  base python:3.11-slim make_python
  build_base node "$1" "$here/bases"
}

make_rust() {
  base debian:bookworm-slim make_debian
  context=$STATE/rust
  mkdir -p "$context/cargo/bin"
  RUSTUP_HOME="$context/rustup" rustup toolchain install 1.82.0 --profile minimal --no-self-update >/dev/null 2>&1
  cp "$(command -v rustup)" "$context/cargo/bin/rustup"
  for proxy in cargo rustc rustdoc; do ln -sf rustup "$context/cargo/bin/$proxy"; done
  chmod -R a+w "$context/rustup" "$context/cargo" # any user builds with it, as in the public image
  build_base rust "$1" "$context"
}

build_base() { build -t "$2" -f "$here/bases/$1.Dockerfile" "$3"; }

# build ARGUMENTS...: docker build, quiet unless it fails, with this machine's proxies.
build() {
  set -- --network host "$@"
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    eval "[ -z \"\${$name:-}\" ]" || set -- --build-arg "$name" "$@"
  done
  timeout 900 docker build "$@" >"$STATE/build.log" 2>&1 || { tail -n 40 "$STATE/build.log"; return 1; }
}

#!/bin/sh
# Builds the image and the example images with a real Docker engine, then runs the tests against them.
# Ends with 0 and a line that begins "test-image: skipped" where no engine can start.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/engine.sh"

trap 'engine_stop' EXIT
trap 'exit 130' INT TERM
engine_start || exit 0

base node:22-slim make_node
base python:3.11-slim make_python
base rust:1.82-slim make_rust

say "building rollout-base and the examples"
build -t rollout-base -f "$root/Dockerfile.base" "$root"
build -t rollout-base:codex --build-arg AGENTS=codex -f "$root/Dockerfile.base" "$root"
build -t rollout-example-python "$root/examples/images/python"
build -t rollout-example-rust "$root/examples/images/rust"

say "testing"
cd "$root"
timeout 1800 "${PYTEST:-.venv/bin/pytest}" -n 2 --timeout 400 -p no:cacheprovider "$@" tests/image

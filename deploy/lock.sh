#!/bin/sh
# Renews both lock files (needs uv). requirements.lock: the product; requirements-all.lock: every extra, for the tests.
set -eu
cd -- "$(dirname -- "$0")/.."
lock() { out=$1; shift; uv pip compile pyproject.toml --universal --python-version 3.10 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras --quiet "$@" -o "$out"; }
lock requirements-all.lock --all-extras
lock requirements.lock --extra spark --extra samples --extra nlp --extra build -c requirements-all.lock

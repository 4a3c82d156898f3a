#!/bin/sh
# Renews both lock files (needs uv). requirements.lock: the product; requirements-all.lock: the extras too, for the tests.
set -eu
cd -- "$(dirname -- "$0")/.."
lock() { out=$1; shift; uv pip compile pyproject.toml --universal --python-version 3.10 --generate-hashes --no-header --no-annotate --no-emit-index-url --no-strip-extras --quiet "$@" -o "$out"; }
# All extras but `tracking`: mlflow asks for an older importlib-metadata than the product has.
lock requirements-all.lock --extra spark --extra samples --extra nlp --extra deep --extra dev --extra xgboost --extra bench --extra build
lock requirements.lock --extra spark --extra samples --extra nlp --extra build -c requirements-all.lock

#!/bin/sh
# Tells Spark which GPUs a worker or an executor has, in the form that Spark's resource discovery reads.
set -eu
found=$(nvidia-smi --query-gpu=index --format=csv,noheader | sed 's/.*/"&"/' | paste -sd, -)
printf '{"name": "gpu", "addresses": [%s]}\n' "$found"

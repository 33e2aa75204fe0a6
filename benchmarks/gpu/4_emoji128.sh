#!/bin/sh
# A folder of pictures at 128x128: sh benchmarks/gpu/4_emoji128.sh FOLDER DATA
# PYTHON, LIMIT (seconds, then run it again) and OPTIONS from the environment.
set -eu
export KERAS_BACKEND=jax
timeout ${LIMIT:-570} ${PYTHON:-python} "$(dirname "$0")/../../examples/recommended.py" --data "$2" --size 128 \
    --augment --conditional --epochs 1000 --steps-per-execution 16 --dtype-policy mixed_bfloat16 \
    --out "$1/emoji128" ${OPTIONS:-}

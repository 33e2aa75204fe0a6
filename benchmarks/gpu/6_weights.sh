#!/bin/sh
# The trained weights of a preset: sh benchmarks/gpu/6_weights.sh FOLDER DATA PRESET
# PYTHON, LIMIT (seconds, then run it again) and OPTIONS from the environment.
set -eu
export KERAS_BACKEND=jax
python=${PYTHON:-python} root=$(dirname "$0")/../..
timeout ${LIMIT:-570} "$python" "$root/examples/recommended.py" --data "$2" --preset "$3" --steps-per-execution 16 \
    --dtype-policy mixed_bfloat16 --out "$1/$3" ${OPTIONS:-}
"$python" "$root/benchmarks/quality/half_precision.py" "$1/$3/gan.keras" "$1/$3.npz"

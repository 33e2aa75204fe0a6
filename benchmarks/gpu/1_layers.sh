#!/bin/sh
# TFLOP/s of each convolution of radford_64, JAX beside PyTorch: sh benchmarks/gpu/1_layers.sh FOLDER
# PYTHON and OPTIONS from the environment, for example OPTIONS="--batch-size 2 --width 0.05 --rounds 1 --calls 1".
set -eu
export XLA_PYTHON_CLIENT_PREALLOCATE=false
for dtype in float32 bfloat16; do
    ${PYTHON:-python} "$(dirname "$0")/layers.py" --dtype $dtype --out "$1/layers_$dtype.json" ${OPTIONS:-}
done

#!/bin/sh
# Speed on one GPU, beside PyTorch's example and a loop in JAX: tables on standard output, figures in a folder.
#
# sh benchmarks/speed/gpu.sh [FOLDER] [PYTHON]
set -eu
folder=${1:-out/gpu}
python=${2:-python}
here=$(dirname "$0")
mkdir -p "$folder"
export XLA_PYTHON_CLIENT_PREALLOCATE=false # the contenders share the GPU's memory
for network in mnist cifar10 radford_64_whole; do
    "$python" "$here/compare.py" "$network" --rounds 3 --steps 100 --out "$folder/$network.json" --only \
        "fit on JAX" "fit on JAX, mixed_bfloat16" "fit on JAX, 16 steps at once" "a loop in JAX" \
        "fit on PyTorch" "fit on PyTorch, mixed_bfloat16" "PyTorch's example" "PyTorch's example, bfloat16"
done
for backend in jax torch; do
    for policy in float32 mixed_bfloat16; do
        KERAS_BACKEND=$backend "$python" "$here/profile_step.py" mnist radford_64_whole --steps 100 --dtype-policy $policy
    done
done

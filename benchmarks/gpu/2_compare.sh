#!/bin/sh
# Training speed beside PyTorch's example and a loop in JAX: sh benchmarks/gpu/2_compare.sh FOLDER
# PYTHON from the environment. Parts that the folder holds are not repeated.
set -eu
folder=$1 python=${PYTHON:-python} speed=$(dirname "$0")/../speed
mkdir -p "$folder"
export XLA_PYTHON_CLIENT_PREALLOCATE=false # the contenders share the GPU's memory
export KERAS_BACKEND=jax                   # of the scripts themselves; TensorFlow need not be there

compare() {
    network=$1 steps=${STEPS:-$2}
    shift 2
    [ -e "$folder/$network.json" ] && return
    "$python" "$speed/compare.py" "$network" --rounds ${ROUNDS:-3} --steps "$steps" --out "$folder/$network.tmp" --only "$@"
    mv "$folder/$network.tmp" "$folder/$network.json"
}

for network in "mnist 150" "radford_64_whole 50"; do
    compare $network "fit on JAX" "fit on JAX, 16 steps at once" "fit on JAX, mixed_bfloat16" \
        "a loop in JAX" "a loop in JAX, bfloat16" "fit on PyTorch" "fit on PyTorch, mixed_bfloat16" \
        "PyTorch's example" "PyTorch's example, channels last" "PyTorch's example, bfloat16"
done
compare cifar10 196 "fit on JAX" "fit on JAX, mixed_bfloat16" "a loop in JAX" "PyTorch's example"
compare radford_28 300 "fit on JAX" "fit on JAX, 16 steps at once" "a loop in JAX" "PyTorch's example"

#!/bin/sh
# Speed on one GPU, beside PyTorch's example and a loop in JAX: tables on standard output, figures in a folder.
# The first four of its seven parts take five minutes on an H200.
#
# sh benchmarks/speed/gpu.sh [FOLDER] [PYTHON]
set -eu
folder=${1:-out/gpu}
python=${2:-python}
here=$(dirname "$0")
mkdir -p "$folder"
export XLA_PYTHON_CLIENT_PREALLOCATE=false # the contenders share the GPU's memory
export KERAS_BACKEND=jax                   # of the scripts themselves; TensorFlow need not be there

compare() {
    network=$1 steps=$2
    shift 2
    "$python" "$here/compare.py" "$network" --rounds 3 --steps "$steps" --out "$folder/$network.json" --only "$@"
}

profile() {
    KERAS_BACKEND=$1 "$python" "$here/profile_step.py" mnist radford_64_whole --steps 50 --lines 25 --dtype-policy "$2"
}

for network in "mnist 150" "radford_64_whole 50"; do
    compare $network "fit on JAX" "fit on JAX, 16 steps at once" "fit on JAX, mixed_bfloat16" \
        "a loop in JAX" "a loop in JAX, bfloat16" "fit on PyTorch" "fit on PyTorch, mixed_bfloat16" \
        "PyTorch's example" "PyTorch's example, channels last" "PyTorch's example, bfloat16"
done
compare cifar10 196 "fit on JAX" "fit on JAX, mixed_bfloat16" "a loop in JAX" "PyTorch's example"
profile jax mixed_bfloat16
compare radford_28 300 "fit on JAX" "fit on JAX, 16 steps at once" "a loop in JAX" "PyTorch's example"
profile jax float32
profile torch float32

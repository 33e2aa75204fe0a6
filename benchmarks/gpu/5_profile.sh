#!/bin/sh
# Where the time of a training step goes: sh benchmarks/gpu/5_profile.sh FOLDER
# PYTHON and OPTIONS from the environment. Parts that the folder holds are not repeated.
set -eu
folder=$1 python=${PYTHON:-python} script=$(dirname "$0")/../speed/profile_step.py
mkdir -p "$folder"
for part in "jax mixed_bfloat16" "jax float32" "torch float32"; do
    set -- $part
    out=$folder/profile_$1_$2.txt
    [ -e "$out" ] && continue
    KERAS_BACKEND=$1 "$python" "$script" mnist radford_64_whole --dtype-policy "$2" --lines 25 ${OPTIONS:---steps 50} > "$out.tmp"
    mv "$out.tmp" "$out"
    cat "$out"
done

#!/bin/sh
# The leaderboard on CIFAR-10 at 100,000 updates: sh benchmarks/gpu/3_cifar10.sh FOLDER DATA EXTRACTOR
# DATA: an .npz file with x_train, y_train, x_test and y_test. EXTRACTOR: inception=PATH, or classifier=PATH.
# PYTHON, LIMIT (seconds, then run it again) and OPTIONS from the environment.
set -eu
export KERAS_BACKEND=jax
timeout ${LIMIT:-570} ${PYTHON:-python} "$(dirname "$0")/../quality/leaderboard.py" "$2" \
    cifar10 radford_64 wgan_gp sngan rpgan recommended recommended_conditional \
    --updates 100000 --steps-per-execution 16 --extractor "$3" --folder "$1/cifar10" ${OPTIONS:-}

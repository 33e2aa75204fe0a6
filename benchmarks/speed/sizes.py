"""Parameters and training steps of the preset `recommended` at several image sizes.

python benchmarks/speed/sizes.py [--sizes 28 64 100] [--steps 8] [--rounds 2]

Prints a table. The time of a step is that of the fastest round, with the preset's own recipe and batches of 32 images.
"""

import argparse
import time

import numpy as np

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--sizes", type=int, nargs="+", default=[28, 32, 48, 64, 96, 100, 128])
parser.add_argument("--steps", type=int, default=8, help="steps per round")
parser.add_argument("--rounds", type=int, default=2)
args = parser.parse_args()

print("| size | generator | discriminator | step |\n|---|---|---|---|")
for size in args.sizes:
    shape = (size, size, 1 if size == 28 else 3)
    gan = keras_dcgan.DCGAN.from_preset("recommended", image_shape=shape, seed=0)
    gan.compile()
    images = np.zeros((32 * args.steps, *shape), "uint8")
    gan.fit(images[:32], verbose=0)  # which compiles
    seconds = []
    for _ in range(args.rounds):
        start = time.perf_counter()
        gan.fit(images, verbose=0)
        seconds.append((time.perf_counter() - start) / args.steps)
    counts = (f"{network.count_params():,}" for network in (gan.generator, gan.discriminator))
    print(f"| {'×'.join(map(str, shape))} | {' | '.join(counts)} | {1000 * min(seconds):.0f} ms |", flush=True)

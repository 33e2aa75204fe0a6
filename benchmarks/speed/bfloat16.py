"""Losses of a training in mixed_bfloat16 compared with those of the same training in float32.

python benchmarks/speed/bfloat16.py mnist [--network mnist] [--steps 200]

Both start with the same weights and use the same images, latent vectors and dropout masks. Each row shows the mean
losses of a fifth of the steps, the last row those of all, with their relative difference.
"""

import argparse

import keras
import numpy as np
from contender import NETWORKS

import keras_dcgan

PARTS = 5
LOSSES = ("g_loss", "d_loss")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data", help="source of images for keras_dcgan.datasets.load")
parser.add_argument("--network", choices=NETWORKS, default="mnist")
parser.add_argument("--steps", type=int, default=200, help="a multiple of 5")
args = parser.parse_args()

setting = NETWORKS[args.network]
images, _ = keras_dcgan.datasets.load(args.data)
part = args.steps // PARTS * setting.batch_size
if args.steps % PARTS or PARTS * part > len(images):
    parser.error(f"--steps must be a multiple of {PARTS}, and there must be as many batches of images")


def losses(policy):
    """`(PARTS, 2)`."""
    keras.config.set_dtype_policy(policy)
    gan = setting.model()
    gan.compile()
    histories = [
        gan.fit(images[i : i + part], batch_size=setting.batch_size, shuffle=False, verbose=0).history
        for i in range(0, PARTS * part, part)
    ]
    return np.array([[history[name][0] for name in LOSSES] for history in histories])


rows = [losses(policy) for policy in ("float32", "mixed_bfloat16")]
print("| steps | " + " | ".join(f"{name}, float32 | mixed_bfloat16 | off by" for name in LOSSES) + " |")
print("|---" + "|---:" * 3 * len(LOSSES) + "|")
steps = [f"{i * args.steps // PARTS + 1} to {(i + 1) * args.steps // PARTS}" for i in range(PARTS)] + ["all"]
for label, exact, low in zip(steps, *(np.vstack([x, x.mean(axis=0)]) for x in rows), strict=True):
    cells = [f"{a:.4f} | {b:.4f} | {abs(b / a - 1):.1%}" for a, b in zip(exact, low, strict=True)]
    print(f"| {label} | " + " | ".join(cells) + " |")

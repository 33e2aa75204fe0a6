"""Writes the generator of a saved model in half precision, and prints how much its images change.

python benchmarks/quality/half_precision.py out/gan.keras keras_dcgan/presets/weights/recommended_fashion_mnist.npz

`from_preset(name, load_weights=True)` reads such a file.
"""

import argparse
import pathlib

import keras
import numpy as np

from keras_dcgan.training.files import replacing

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model", type=pathlib.Path, help="file that DCGAN.save wrote")
parser.add_argument("out", type=pathlib.Path, help=".npz file to write")
parser.add_argument("--samples", type=int, default=1000)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

gan = keras.saving.load_model(args.model)
generator = gan.ema_generator or gan.generator
weights = [w.astype("float16") for w in generator.get_weights()]
if not all(np.isfinite(w).all() for w in weights):
    parser.error("a weight is too large for half precision")
before = gan.generate(args.samples, seed=args.seed)
generator.set_weights(weights)
difference = np.abs(before.astype(int) - gan.generate(args.samples, seed=args.seed))
with replacing(args.out) as temporary:
    np.savez_compressed(temporary, *weights)
print(
    f"{args.out}: {args.out.stat().st_size / 1e6:.2f} MB. Of 256 shades, pixels differ by {difference.mean():.3f} on "
    f"average and {difference.max()} at the most"
)

"""Training speed of `fit` in images a second, preset by preset, on the backend in use.

python benchmarks/step.py [PRESET ...] [--width 0.25] [--batch-size 64] [--seconds 20]
"""

import argparse
import time

import keras
import numpy as np

import keras_dcgan
from keras_dcgan.presets import PRESETS

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("presets", nargs="*", default=sorted(PRESETS), metavar="PRESET")
parser.add_argument("--width", type=float, default=1.0)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--seconds", type=float, default=20, help="of measured training a preset, at the least")
args = parser.parse_args()


class Clock(keras.callbacks.Callback):
    """Stops after so many seconds of epochs, the first not counted: it traces and compiles."""

    def on_epoch_begin(self, epoch, logs=None):
        self.start = self.start if epoch > 1 else time.perf_counter()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs, self.elapsed = epoch, time.perf_counter() - self.start
        self.model.stop_training = epoch > 0 and self.elapsed > args.seconds

    start = 0.0


print(f"{keras.backend.backend()}, batch {args.batch_size}, width {args.width:g}")
for name in args.presets:
    model = keras_dcgan.ConditionalDCGAN if PRESETS[name]["conditional"] else keras_dcgan.DCGAN
    gan = model.from_preset(name, width=args.width, seed=0)
    gan.compile()
    n = 10 * args.batch_size
    rng = np.random.default_rng(0)
    data = [rng.integers(0, 256, (n, *gan.image_shape), "uint8")]
    if PRESETS[name]["conditional"]:
        data.append(rng.integers(0, gan.num_classes, n))
    clock = Clock()
    gan.fit(*data, batch_size=args.batch_size, epochs=10_000, verbose=0, callbacks=[clock])
    print(f"{name:28} {clock.epochs * n / clock.elapsed:8.0f} images/s")

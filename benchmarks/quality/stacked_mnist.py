"""Stacked MNIST: the number of modes that a model generates, of 1,000. Three digits are the channels of an image.

python benchmarks/quality/stacked_mnist.py mnist --write stacked_mnist.npz      # 60,000 training images
python examples/radford.py --data stacked_mnist.npz --preset radford_28 --width 0.5 --out out/stacked
python examples/classifier.py --data mnist --out out/mnist.keras
python benchmarks/quality/stacked_mnist.py mnist out/stacked/gan.keras --classifier out/mnist.keras

A classifier of digits predicts each channel of --samples images; a mode is a triple of digits. The table shows the
number of modes and the Kullback-Leibler divergence of their frequencies from those of independent real digits. The
first row shows real digits, for which 26,000 samples are expected to give (1,000 − 1) / (2 · 26,000) = 0.019. Lin et
al., PacGAN (2018), section 4.1, report 99.0 modes and 3.40 for DCGAN.
"""

import pathlib

import keras
import numpy as np
import quality

import keras_dcgan
from keras_dcgan.training.files import replacing

parser = quality.parser(__doc__, samples=26_000)
parser.add_argument("--classifier", type=pathlib.Path, help="of digits, by examples/classifier.py")
parser.add_argument("--write", type=pathlib.Path, metavar="FILE", help=".npz file for 60,000 images to train on")
args = parser.parse_args()


def stack(split, n):
    """Images `(n, 28, 28, 3)` of three random digits each, and their modes, 0 to 999."""
    images, labels = keras_dcgan.datasets.load(args.data, split)
    picks = np.random.default_rng(args.seed).integers(len(images), size=(n, 3))
    return np.moveaxis(images[picks, ..., 0], 1, 3), (labels[picks] @ [100, 10, 1]).astype("int32")


if args.write is not None:
    x, y = stack("train", 60_000)
    with replacing(args.write) as temporary:
        np.savez_compressed(temporary, x_train=x, y_train=y)
    parser.exit(message=f"{args.write}: {len(x):,} images of {len(np.unique(y)):,} modes\n")
if args.classifier is None:
    parser.error("--classifier is needed to see the digits")

classifier = keras.saving.load_model(args.classifier)
frequency = np.bincount(keras_dcgan.datasets.load(args.data)[1], minlength=10)
expected = frequency / frequency.sum()
expected = np.einsum("i,j,k->ijk", expected, expected, expected).ravel()


def modes_and_divergence(images):
    digits = [classifier.predict(images[..., i : i + 1], batch_size=500, verbose=0).argmax(axis=1) for i in range(3)]
    share = np.bincount(np.ravel_multi_index(digits, (10, 10, 10)), minlength=1000) / len(images)
    seen = share > 0
    return {"modes": seen.sum(), "divergence": np.sum(share[seen] * np.log(share[seen] / expected[seen]))}


results = quality.Results(args, modes=",", divergence=".3f")
results.add("real test images", **modes_and_divergence(stack("test", args.samples)[0]))
for path in args.models:
    results.add(path, **modes_and_divergence(quality.samples(path, args)[0]))

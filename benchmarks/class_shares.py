"""Which classes a trained generator makes, as a classifier sees them, and whether they are those asked for.

python benchmarks/class_shares.py fashion_mnist.npz out/conditional/gan.keras [MODEL ...]

The classifier is trained on the set's training images, measured on its test images, and kept in --classifier.
"""

import argparse
import pathlib

import keras
import numpy as np

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data", help="the labelled set, as keras_dcgan.datasets.load takes it")
parser.add_argument("models", nargs="*", type=pathlib.Path, metavar="MODEL", help="saved by DCGAN.save")
parser.add_argument("--samples", type=int, default=10_000, help="images of each model")
parser.add_argument("--classifier", type=pathlib.Path, help="file, default out/classifier-DATA.keras")
parser.add_argument("--epochs", type=int, default=8, help="of the classifier's training")
args = parser.parse_args()


def train_classifier(images, labels):
    layers = keras.layers
    classifier = keras.Sequential([keras.Input(images.shape[1:]), layers.Rescaling(1 / 255)])
    for filters in (32, 64):
        classifier.add(layers.Conv2D(filters, 3, padding="same", use_bias=False))
        classifier.add(layers.BatchNormalization())
        classifier.add(layers.ReLU())
        classifier.add(layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False))
        classifier.add(layers.BatchNormalization())
        classifier.add(layers.ReLU())
    classifier.add(layers.Flatten())
    classifier.add(layers.Dropout(0.3))
    classifier.add(layers.Dense(128, activation="relu"))
    classifier.add(layers.Dropout(0.3))
    classifier.add(layers.Dense(int(labels.max()) + 1))
    steps = args.epochs * -(-len(images) // 128)
    classifier.compile(
        keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    classifier.fit(images, labels, batch_size=128, epochs=args.epochs, verbose=2)
    return classifier


def predicted(images):
    return classifier.predict(images, batch_size=500, verbose=0).argmax(axis=1)


def print_row(name, shares, all_together=None):
    shares = [*shares] if all_together is None else [*shares, all_together]
    print(f"{name:24}" + "".join(f"{share:8.1%}" for share in shares))


def print_right(name, seen, wanted):
    right = seen == wanted
    print_row(name, (right[wanted == i].mean() for i in range(num_classes)), right.mean())


keras.utils.set_random_seed(0)
path = args.classifier or pathlib.Path("out") / f"classifier-{pathlib.Path(args.data).stem}.keras"
if path.exists():
    classifier = keras.saving.load_model(path)
else:
    classifier = train_classifier(*keras_dcgan.datasets.load(args.data))
    path.parent.mkdir(parents=True, exist_ok=True)
    classifier.save(path)

test_images, test_labels = keras_dcgan.datasets.load(args.data, "test")
num_classes = int(test_labels.max()) + 1
print(f"{'class':24}" + "".join(f"{i:8}" for i in [*range(num_classes), "all"]))
print_right("real test images: right", predicted(test_images), test_labels)
for path in args.models:
    gan = keras.saving.load_model(path)
    print(path)
    if isinstance(gan, keras_dcgan.ConditionalDCGAN):
        asked = np.arange(args.samples) % num_classes
        seen = predicted(gan.generate(labels=asked, seed=0))
        print_right("  seen as asked", seen, asked)
    else:
        seen = predicted(gan.generate(args.samples, seed=0))
    print_row("  share of the samples", np.bincount(seen, minlength=num_classes) / args.samples)

"""Shares of the classes among samples, by a classifier, and the label accuracy of conditional models.

python examples/classifier.py --data fashion_mnist --out out/classifier.keras
python benchmarks/quality/class_shares.py fashion_mnist out/gan.keras [MODEL ...] --classifier out/classifier.keras

One column per class, and one for all. Of real test images, and of samples of a conditional model, the fraction that the
classifier assigns to the correct or requested class; of all samples also the share of each class.
"""

import pathlib

import keras
import numpy as np
import quality

import keras_dcgan

parser = quality.parser(__doc__, samples=10_000)
parser.add_argument("--classifier", type=pathlib.Path, required=True, help="by examples/classifier.py")
args = parser.parse_args()
classifier = keras.saving.load_model(args.classifier)
num_classes = classifier.output_shape[-1]
results = quality.Results(args, **{str(i): ".1%" for i in range(num_classes)}, all=".1%")


def seen(images):
    return classifier.predict(images, batch_size=500, verbose=0).argmax(axis=1)


def add(name, shares, together):
    results.add(name, **{str(i): share for i, share in enumerate(shares)}, all=together)


def add_right(name, seen, wanted):
    right = seen == wanted
    add(name, [right[wanted == i].mean() for i in range(num_classes)], right.mean())


test_images, test_labels = keras_dcgan.datasets.load(args.data, "test")
add_right("real test images: right", seen(test_images), test_labels)
for path in args.models:
    images, asked = quality.samples(path, args)
    classes = seen(images)
    if asked is not None:
        add_right(f"{path}: as asked", classes, asked)
    add(f"{path}: share", np.bincount(classes, minlength=num_classes) / args.samples, 1)

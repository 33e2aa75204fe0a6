"""Classification accuracy score: the test accuracy of a classifier that learns from generated images only.

python benchmarks/quality/classification_accuracy.py fashion_mnist out/gan.keras [MODEL ...]

Trains the network of examples/classifier.py on --samples images of a conditional model, the same number per class. The
first row is the score of real training images. Ravuri and Vinyals, Classification Accuracy Score for Conditional
Generative Models (2019), section 3.
"""

import pathlib
import subprocess
import sys
import tempfile

import keras
import numpy as np
import quality

import keras_dcgan

EXAMPLE = pathlib.Path(__file__).parents[2] / "examples" / "classifier.py"

parser = quality.parser(__doc__, samples=60_000)
parser.add_argument("--epochs", type=int, default=5, help="of the classifier's training")
args = parser.parse_args()
images, labels = keras_dcgan.datasets.load(args.data)
test_images, test_labels = keras_dcgan.datasets.load(args.data, "test")


def accuracy(images, labels):
    """The test accuracy of a classifier that is trained on these images."""
    with tempfile.TemporaryDirectory() as folder:
        data, out = f"{folder}/data.npz", f"{folder}/classifier.keras"
        np.savez(data, x_train=images, y_train=labels, x_test=test_images, y_test=test_labels)
        options = ["--data", data, "--out", out, "--epochs", str(args.epochs), "--seed", str(args.seed)]
        subprocess.run([sys.executable, EXAMPLE, *options], check=True, stdout=sys.stderr)  # the table is alone
        classifier = keras.saving.load_model(out)
    return classifier.evaluate(test_images, test_labels, verbose=0)[1]


results = quality.Results(args, samples=",", accuracy=".2%")
images, labels = images[: args.samples], labels[: args.samples]
results.add("real training images", samples=len(images), accuracy=accuracy(images, labels))
for path in args.models:
    results.add(path, samples=args.samples, accuracy=accuracy(*quality.samples(path, args, labelled=True)))

"""Trains a small classifier for evaluating generated images: its last hidden layer returns features.

python examples/classifier.py                                        # the 10,000 embedded images
python examples/classifier.py --data mnist --out out/mnist.keras     # any source of keras_dcgan.datasets.load

In Python: `classifier = keras.saving.load_model("out/classifier.keras")` maps pixels, 0 to 255, to logits;
`keras.Model(classifier.inputs, classifier.layers[-2].output)` is the extractor, 128 features.
"""

import argparse
import pathlib

import keras

import keras_dcgan

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="fashion_mnist_10k", help="source for keras_dcgan.datasets.load, with labels")
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--filters", type=int, nargs="+", default=[16, 32], help="one number per block of two convolutions")
parser.add_argument("--augment", action="store_true", help="flip and shift the images: for photographs, not for digits")
parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out/classifier.keras"), help="file to write")
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()

keras.utils.set_random_seed(args.seed)

# 1. Images, uint8 (n, height, width, channels); the embedded set has no test images, so some are held out
images, labels = keras_dcgan.datasets.load(args.data)
if args.data == "fashion_mnist_10k":
    test_images, test_labels = images[8000:], labels[8000:]
    images, labels = images[:8000], labels[:8000]
else:
    test_images, test_labels = keras_dcgan.datasets.load(args.data, "test")

# 2. Blocks of convolutions, one hidden layer
classifier = keras.Sequential([keras.Input(images.shape[1:]), keras.layers.Rescaling(1 / 255)])
if args.augment:
    classifier.add(keras.layers.RandomFlip("horizontal"))
    classifier.add(keras.layers.RandomTranslation(0.1, 0.1, "constant", "nearest"))
for filters in args.filters:
    for strides in (1, 2):
        classifier.add(keras.layers.Conv2D(filters, 3, strides=strides, padding="same", use_bias=False))
        classifier.add(keras.layers.BatchNormalization(momentum=0.9))
        classifier.add(keras.layers.ReLU())
classifier.add(keras.layers.Flatten())
classifier.add(keras.layers.Dropout(0.3))
classifier.add(keras.layers.Dense(128, activation="relu"))
classifier.add(keras.layers.Dense(int(labels.max()) + 1))

# 3. Training with a learning rate that decays to 0
batch_size = 128
steps = args.epochs * -(-len(images) // batch_size)
classifier.compile(
    keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps)),
    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
classifier.fit(images, labels, batch_size=batch_size, epochs=args.epochs)

# 4. Accuracy on held-out images
_, accuracy = classifier.evaluate(test_images, test_labels, verbose=0)
args.out.parent.mkdir(parents=True, exist_ok=True)
classifier.save(args.out)
print(f"{accuracy:.2%} of {len(test_images)} test images right. Classifier {args.out}")

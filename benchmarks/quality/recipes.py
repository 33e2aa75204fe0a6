"""Trains recipes one after the other for the same time, and evaluates their samples during training.

python examples/classifier.py --data fashion_mnist --out out/classifier.keras
python benchmarks/quality/recipes.py fashion_mnist_10k tutorial recommended --minutes 3 --seeds 0 1 2 \\
    --classifier out/classifier.keras --real fashion_mnist --folder out/recipes --out out/recipes.json

Features are those of the classifier's last hidden layer; distances are from the images of --real. The time is that of
training on all cores; --points evaluations per training are not counted. One row per evaluation: training time in
minutes, epochs, distances, the share of the rarest class among the samples, and the label accuracy of a conditional
model. The folder gets a model and a sheet per training.
"""

import argparse
import dataclasses
import functools
import math
import pathlib
import time

import keras
import numpy as np
import quality

import keras_dcgan
from keras_dcgan import backend, metrics
from keras_dcgan.penalties import R1, MismatchedLabels


class JoinedBatches(keras_dcgan.DCGAN):
    """Real and generated images in one batch, which the discriminator normalizes together: a common mistake."""

    def _update_both(self, real, z, labels):
        def forward():
            fake = self._generate(z, labels, training=True)
            logits = self._discriminate(keras.ops.concatenate([real, fake]), labels, training=True)
            real_logits, fake_logits = keras.ops.split(logits, 2)
            d_loss = self._d_loss(real_logits, fake_logits) + self._penalty(real, fake, labels)
            return (self._g_loss(fake_logits, real_logits), d_loss), (real_logits, fake_logits)

        networks = [(self.g_opt, self.generator), (self.d_opt, self.discriminator)]
        losses, logits, gradients = backend.gradients(self, forward, *(n.trainable_variables for _, n in networks))
        for (optimizer, network), own in zip(networks, gradients, strict=True):
            backend.apply(optimizer, own, network.trainable_variables)
        return *losses, *logits


RECOMMENDED = {"preset": "recommended"}
CONDITIONAL = {"preset": "recommended_conditional"}
# the recipes of presets, and the recommended ones with one change
RECIPES = {
    "tutorial": {"preset": "mnist"},
    "radford": {"preset": "radford_28"},
    "recommended": RECOMMENDED,
    "no_average": RECOMMENDED | {"ema_momentum": None},
    "no_penalty": RECOMMENDED | {"penalties": ()},
    "no_penalty_augmented": RECOMMENDED | {"penalties": (), "augmentation": True},
    "large_penalty": RECOMMENDED | {"penalties": [R1(gamma=1.0, interval=4)]},
    "many_filters": RECOMMENDED | {"generator": {"filters": 64}},
    "large_batches": RECOMMENDED | {"batch_size": 128},
    "augmented": RECOMMENDED | {"augmentation": True},
    "no_batch_norm": RECOMMENDED | {"discriminator": {"batch_norm": False}},
    "no_batch_norm_augmented": RECOMMENDED | {"discriminator": {"batch_norm": False}, "augmentation": True},
    "joined_batches": RECOMMENDED | {"model": JoinedBatches},
    "conditional": CONDITIONAL,
    "conditional_no_penalty": CONDITIONAL | {"penalties": [MismatchedLabels(weight=0.5)]},
    "average_projection": CONDITIONAL | {"projection": "average"},
    "conditional_no_batch_norm": CONDITIONAL | {"discriminator": {"batch_norm": False}},
    "conditional_augmented": CONDITIONAL | {"augmentation": True},
}
TRAINING = ("preset", "generator", "discriminator", "model", "batch_size", "penalties")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("data", help="source of the training images for keras_dcgan.datasets.load")
parser.add_argument("recipes", nargs="+", choices=RECIPES, metavar="RECIPE", help=", ".join(RECIPES))
parser.add_argument("--minutes", type=float, default=3)
parser.add_argument("--points", type=int, default=1, help="evaluations per training, at equal intervals")
parser.add_argument("--seeds", type=int, nargs="+", default=[0])
parser.add_argument("--images", type=int, help="train on the first images only")
parser.add_argument("--classifier", type=pathlib.Path, required=True, help="by examples/classifier.py")
parser.add_argument("--real", help="images to compare with; default: those to train on")
parser.add_argument("--split", default="train", help="of --real: train or test")
parser.add_argument("--samples", type=int, default=10_000)
parser.add_argument("--dtype-policy", default="float32", help="float32 or mixed_bfloat16")
parser.add_argument("--folder", type=pathlib.Path, required=True, help="folder for models and sheets")
parser.add_argument("--out", type=pathlib.Path, help="JSON file for the results")
args = parser.parse_args()

classifier = keras.saving.load_model(args.classifier)
network = keras.Model(classifier.inputs, [classifier.layers[-2].output, classifier.outputs[0]])
keras.config.set_dtype_policy(args.dtype_policy)
images, labels = (None if part is None else part[: args.images] for part in keras_dcgan.datasets.load(args.data))


def look(images):
    """Features of images, and their predicted classes."""
    features, scores = network.predict(images, batch_size=500, verbose=0)
    return features, scores.argmax(axis=1)


real = look(keras_dcgan.datasets.load(args.real or args.data, args.split)[0])[0]
results = quality.Results(
    args,
    seed="d",
    minutes=".2f",
    epochs=".1f",
    frechet_distance=".2f",
    kernel_distance=".3f",
    rarest_class=".1%",
    label_accuracy=".1%",
)


class Measured(keras.callbacks.Callback):
    """Evaluates samples at equal intervals of training time, and ends the training."""

    def __init__(self, recipe, seed, batch_size):
        super().__init__()
        self.recipe, self.seed, self.batch_size = recipe, seed, batch_size
        self.steps = self.seconds = self.taken = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        if self.steps > 1:  # the first compiles
            self.seconds += time.perf_counter() - self.started
        self.model.stop_training = self.seconds >= 60 * args.minutes

    def on_epoch_end(self, epoch, logs=None):
        if self.model.stop_training or self.seconds >= (self.taken + 1) * 60 * args.minutes / args.points:
            self.taken += 1
            self.measure()

    def measure(self):
        features, seen = look(self.model.generate(args.samples, seed=1))  # with labels, each class in turn
        asked = np.arange(args.samples) % getattr(self.model, "num_classes", 1)
        conditional = isinstance(self.model, keras_dcgan.ConditionalDCGAN)
        results.add(
            self.recipe,
            seed=self.seed,
            minutes=self.seconds / 60,
            epochs=self.steps / math.ceil(len(images) / self.batch_size),
            frechet_distance=metrics.frechet_distance(real, features),
            kernel_distance=metrics.kernel_distance(real, features)[0],
            rarest_class=np.bincount(seen, minlength=classifier.output_shape[-1]).min() / len(seen),
            label_accuracy=np.mean(seen == asked) if conditional else None,
        )


def train(name, seed):
    recipe = RECIPES[name]
    overrides = {key: value for key, value in recipe.items() if key not in TRAINING}
    if overrides.get("augmentation"):
        overrides["augmentation"] = keras_dcgan.augmentation.DiffAugment(seed=seed)
    conditional = "conditional" in recipe["preset"]
    if conditional:
        overrides["num_classes"] = int(labels.max()) + 1
    model = recipe.get("model", keras_dcgan.ConditionalDCGAN if conditional else keras_dcgan.DCGAN)
    keras.utils.set_random_seed(seed)
    preset = keras_dcgan.presets.get(recipe["preset"])
    names = ("generator", "discriminator")
    builders = {name: functools.partial(getattr(preset, name), **recipe.get(name, {})) for name in names}
    preset = dataclasses.replace(preset, **builders)
    gan = model.from_preset(preset, image_shape=images.shape[1:], seed=seed, **overrides)
    gan.compile(penalties=recipe.get("penalties"))
    batch_size = recipe.get("batch_size", gan.recipe.batch_size)
    measured = Measured(name, seed, batch_size)
    data = (images, labels) if conditional else (images,)
    gan.fit(*data, batch_size=batch_size, epochs=10**6, verbose=0, callbacks=[measured])
    gan.save(args.folder / f"{name}-{seed}.keras")
    sheet = keras_dcgan.images.grid(gan.generate(100, seed=1), 10, scale=2)
    keras_dcgan.images.save(sheet, args.folder / f"{name}-{seed}.png")


args.folder.mkdir(parents=True, exist_ok=True)
for seed in args.seeds:
    for name in args.recipes:
        train(name, seed)

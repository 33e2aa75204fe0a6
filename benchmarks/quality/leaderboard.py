"""Trains methods on the same images with the same budget, and compares their samples: mean ± sd over seeds.

python benchmarks/quality/leaderboard.py fashion_mnist radford_28 wgan_gp recommended \\
    --extractor classifier=classifier.keras --minutes 8 --seeds 0 1 --folder out/leaderboard
python benchmarks/quality/leaderboard.py cifar10 sngan my_module:make \\
    --extractor inception=pt_inception-2015-12-05-6726825d.pth --images-seen 6400000 --folder out/cifar10
python benchmarks/quality/leaderboard.py cifar10 recommended my_module:augmented --class horse --images 1000 \\
    --extractor classifier=classifier.keras --minutes 15 --folder out/horses

A METHOD is the name of a preset, which trains by its own recipe, or `module:function` for your own method. The
function receives `image_shape`, `class_names` and `seed`, and returns a compiled DCGAN or ConditionalDCGAN.

The speed of each method is measured first, in turn, and kept in the folder. `--minutes` then trains each method on the
number of images that it reaches in this time, so that other work on the machine changes no result.

`--images` tries small sets. The column `copying` then shows memorization: the share of samples whose features are
nearer to a training image than to a real image that was not trained on, among equal numbers of both; 0.5 is none.

Run the same command again after an interruption, or with more methods and seeds: finished runs are not repeated, and
the last one continues. Another process can train other seeds into the same folder meanwhile. The folder holds the
results as JSON, the table, and a model and a grid of samples per run.
"""

import argparse
import functools
import importlib
import json
import math
import pathlib
import sys
import time

import keras
import numpy as np

import keras_dcgan
from keras_dcgan import metrics
from keras_dcgan.metrics import protocol
from keras_dcgan.training.files import replacing

HOW = ("speed_seconds", "steps_per_execution")  # options that do not change the results
CHOSEN = ("fid", "kid", "precision_recall", "density_coverage")
METRICS = ("fid", "kid", "precision", "recall", "density", "coverage", "label_accuracy", "copying")


def builder(method):
    """The function that makes the compiled model of a method. Imports its module, which may register classes."""
    if ":" in method:
        module, function = method.split(":")
        sys.path.insert(0, str(pathlib.Path.cwd()))
        return getattr(importlib.import_module(module), function)
    keras_dcgan.presets.get(method)
    return functools.partial(from_preset, method)


def from_preset(name, image_shape, class_names, seed):
    if keras_dcgan.presets.get(name).conditional:
        model, options = keras_dcgan.ConditionalDCGAN, {"class_names": class_names}
    else:
        model, options = keras_dcgan.DCGAN, {}
    gan = model.from_preset(name, image_shape=image_shape, seed=seed, **options)
    gan.compile()
    return gan


class Counter(keras.callbacks.Callback):
    """Counts the images that were trained on; several steps may end at once."""

    def __init__(self, n, batch_size, seen=0):
        super().__init__()
        self.n, self.batch_size, self.seen = n, batch_size, seen

    def on_epoch_begin(self, epoch, logs=None):
        self.before = self.seen

    def on_train_batch_end(self, batch, logs=None):
        self.seen = self.before + min((batch + 1) * self.batch_size, self.n)


class Speed(Counter):
    """Trains for some seconds after the first step, which compiles, and counts the images per second."""

    def __init__(self, n, batch_size, seconds):
        super().__init__(n, batch_size)
        self.seconds, self.start = seconds, None

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch)
        if self.start is None:
            self.start, self.first = time.perf_counter(), self.seen
            return
        elapsed = time.perf_counter() - self.start
        if elapsed >= self.seconds:
            self.images_per_second = (self.seen - self.first) / elapsed
            self.model.stop_training = True


class Budget(Counter):
    """Ends the training when enough images were seen. Saves the model after every epoch."""

    def __init__(self, n, batch_size, seen, budget, path):
        super().__init__(n, batch_size, seen)
        self.budget, self.path = budget, path

    def on_train_batch_end(self, batch, logs=None):
        super().on_train_batch_end(batch)
        self.model.stop_training = self.seen >= self.budget

    def on_epoch_end(self, epoch, logs=None):
        self.model.save(self.path)


def write(path, content):
    with replacing(path) as temporary:
        temporary.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))


def training_data(gan, images, labels):
    """The arguments of `fit`, for a model of any method."""
    n = len(images) // gan.discriminator_steps * gan.discriminator_steps
    return (images[:n], labels[:n]) if isinstance(gan, keras_dcgan.ConditionalDCGAN) else (images[:n],)


def fit(gan, data, epochs, callback, args):
    """Trains a model for more epochs."""
    gan.steps_per_execution = args.steps_per_execution
    options = {"initial_epoch": gan.epochs_trained, "epochs": gan.epochs_trained + epochs, "verbose": 0}
    gan.fit(*data, batch_size=callback.batch_size, callbacks=[callback], **options)


def measure_speeds(images, labels, class_names, args):
    """The images per second of each method, the fastest of three rounds; in the folder, those measured before."""
    path = args.folder / "speeds.json"
    speeds = json.loads(path.read_text()) if path.exists() else {}
    new = {
        method: builder(method)(image_shape=images.shape[1:], class_names=class_names, seed=0)
        for method in args.methods
        if method not in speeds
    }
    for _ in range(3):
        for method, gan in new.items():
            data = training_data(gan, images, labels)
            speed = Speed(len(data[0]), args.batch_size or gan.recipe.batch_size, args.speed_seconds)
            fit(gan, data, 10**6, speed, args)
            speeds[method] = max(speeds.get(method, 0), speed.images_per_second)
    write(path, speeds)
    return speeds


def train(method, seed, images, labels, class_names, speed, args):
    """The trained model, from its file if the training is finished, and the number of images that it has seen."""
    path = args.folder / f"{method.replace(':', '.')}-{seed}.keras"
    make = builder(method)
    if path.exists():
        gan = keras.saving.load_model(path)
    else:
        gan = make(image_shape=images.shape[1:], class_names=class_names, seed=seed)
    data = training_data(gan, images, labels)
    batch_size = args.batch_size or gan.recipe.batch_size
    budget = args.images_seen or (args.updates * batch_size if args.updates else 60 * args.minutes * speed)
    seen = gan.epochs_trained * len(data[0])
    if seen < budget:
        print(f"{method}, seed {seed}: {budget - seen:,.0f} images, {(budget - seen) / speed / 60:.1f} min", flush=True)
        keras.utils.set_random_seed(seed)
        callback = Budget(len(data[0]), batch_size, seen, budget, path)
        fit(gan, data, math.ceil((budget - seen) / len(data[0])), callback, args)
        seen = callback.seen
    sheet = keras_dcgan.images.grid(gan.generate(100, seed=1), 10, scale=2)
    keras_dcgan.images.save(sheet, path.with_suffix(".png"))
    return gan, min(seen, math.ceil(budget / batch_size) * batch_size)


def label_accuracy(gan, classifier, args):
    """The share of samples that the classifier assigns to the requested class."""
    requested = np.arange(args.samples) % gan.num_classes
    images = gan.generate(labels=requested, seed=1)
    return float(np.mean(classifier.predict(images, batch_size=500, verbose=0).argmax(axis=1) == requested))


def copying(gan, images, reference, extractor, args):
    """The share of samples that are nearer to a training image than to an image of the reference."""
    n = min(len(images), len(reference), args.samples)
    samples = gan.generate(min(args.samples, 2000), seed=1)
    features, training, unseen = (
        extractor.predict(x, batch_size=500, verbose=0) for x in (samples, images[:n], reference[:n])
    )
    return float(np.mean(metrics.nearest(features, training)[1] < metrics.nearest(features, unseen)[1]))


def table(rows):
    """One line per method in the order of their mean FID, with the standard deviation over the seeds."""
    lines = [
        f"| method | seeds | minutes | images seen | {' | '.join(METRICS)} |",
        "|---" * 2 + "|---:" * (2 + len(METRICS)) + "|",
    ]
    methods = {name: [row for row in rows if row["method"] == name] for name in {row["method"] for row in rows}}
    for name, own in sorted(methods.items(), key=lambda item: np.mean([row["fid"] for row in item[1]])):
        if "seed" in own[0]:
            seen = np.mean([row["images_seen"] for row in own])
            cells = [f"{len(own)}", f"{seen / own[0]['images_per_second'] / 60:.1f}", f"{seen:,.0f}"]
        else:
            cells = ["-"] * 3
        for metric in METRICS:
            values = [row[metric] for row in own if metric in row]
            spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3g}{spread}" if values else "-")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="source of the training images for keras_dcgan.datasets.load")
    parser.add_argument("methods", nargs="+", metavar="METHOD", help="name of a preset, or module:function")
    parser.add_argument("--size", type=int, help="side of the images, for folders")
    parser.add_argument("--class", dest="class_name", help="train on the images of this class only")
    parser.add_argument("--images", type=int, help="train on this many images; those left over are a test split")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="training time of each method")
    budget.add_argument("--images-seen", type=int, help="images that each method is trained on, epochs × images")
    budget.add_argument("--updates", type=int, help="updates of the generator")
    parser.add_argument("--batch-size", type=int, help="default: the batch size of each preset")
    parser.add_argument("--steps-per-execution", type=int, default=1, help="16 is faster with JAX on a GPU")
    parser.add_argument(
        "--speed-seconds", type=float, default=10, help="length of a round of measuring speeds; default: %(default)s"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--extractor",
        required=True,
        metavar="KIND=PATH",
        help="inception=PATH: the weights of FID's network; keras=PATH: a model from pixels to features; "
        "classifier=PATH: by examples/classifier.py, which also tells whether samples show the requested class",
    )
    parser.add_argument(
        "--reference",
        help="real images to compare with; default: the test split, or the training images if there is "
        "none; with --images, the training images left over, too",
    )
    parser.add_argument("--samples", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="folder for the results")
    args = parser.parse_args()
    kind, _, path = args.extractor.partition("=")
    if kind not in ("inception", "keras", "classifier") or not pathlib.Path(path).is_file():
        parser.error(
            "--extractor must be inception=PATH, keras=PATH or classifier=PATH, with the path of a file. "
            f"Received: {args.extractor}"
        )
    for method in args.methods:
        try:
            builder(method)
        except (ImportError, AttributeError, ValueError) as error:
            parser.error(f"{method} is not a method: {error}")
    settings = {name: vars(args)[name] for name in vars(args) if name not in ("methods", "seeds", "folder", *HOW)}
    path = args.folder / "settings.json"
    stored = json.loads(path.read_text()) if path.exists() else settings
    if changed := [name for name, value in settings.items() if stored.get(name) != value]:
        names = ", ".join(f"--{name.replace('_', '-')}" for name in changed)
        parser.error(f"the results in {args.folder} have another {names}: choose another --folder")
    args.folder.mkdir(parents=True, exist_ok=True)
    write(path, settings)
    return args


def read_extractor(kind, path):
    """The extractor of features, and the classifier, or None."""
    if kind == "inception":
        return metrics.inception(path), None
    model = keras.saving.load_model(path)
    return (keras.Model(model.inputs[0], model.layers[-2].output), model) if kind == "classifier" else (model, None)


def evaluate_real(images, reference, extractor):
    """The metrics of real training images, which no method can be expected to beat."""
    features = (extractor.predict(x.astype("float32"), batch_size=500, verbose=0) for x in (reference, images))
    return protocol.compare(CHOSEN, *(protocol.summarize(CHOSEN, [batch]) for batch in features))


def read_images(args):
    """The training images, their labels, the names of the classes, and the images of the reference."""

    def load(source, split):
        images, labels = data = keras_dcgan.datasets.load(source, split, image_size=args.size)
        class_names = data.class_names or ([] if labels is None else [str(i) for i in range(labels.max() + 1)])
        if args.class_name is not None:
            if args.class_name not in class_names:
                sys.exit(f"--class must be one of {', '.join(class_names)}. Received: {args.class_name}")
            images, labels = images[labels == class_names.index(args.class_name)], None
        return images, labels, class_names

    images, labels, class_names = load(args.data, "train")
    if args.reference:
        reference, _, _ = load(args.reference, "train")
    else:
        try:
            reference, _, _ = load(args.data, "test")
        except ValueError:  # there is no such split
            reference = images[:0]
        if args.images is not None:
            reference = np.concatenate([reference, images[args.images :]])
    images, labels = images[: args.images], labels if labels is None else labels[: args.images]
    return images, labels, class_names, reference if len(reference) else images


def main():
    args = arguments()
    images, labels, class_names, reference = read_images(args)
    extractor, classifier = read_extractor(*args.extractor.split("=", 1))
    results = args.folder / "results.json"

    def read_rows():
        return json.loads(results.read_text()) if results.exists() else []

    def add(row):
        rows = [*read_rows(), row]  # another process may have added rows
        write(results, rows)
        write(args.folder / "table.md", table(rows))

    rows = read_rows()
    finished = {(row["method"], row.get("seed")) for row in rows}
    if not rows and reference is not images:
        add({"method": "real training images"} | evaluate_real(images[: args.samples], reference, extractor))
    speeds = measure_speeds(images, labels, class_names, args)
    for seed in args.seeds:
        for method in args.methods:
            if (method, seed) in finished:
                continue
            gan, seen = train(method, seed, images, labels, class_names, speeds[method], args)
            row = {"method": method, "seed": seed, "images_seen": seen, "images_per_second": speeds[method]}
            row |= metrics.evaluate(
                gan, reference, extractor=extractor, metrics=CHOSEN, num_images=args.samples, seed=seed
            )
            if classifier is not None and isinstance(gan, keras_dcgan.ConditionalDCGAN):
                row["label_accuracy"] = label_accuracy(gan, classifier, args)
            if args.images is not None:
                row["copying"] = copying(gan, images, reference, extractor, args)
            add(row)
            print(f"{method}, seed {seed}: fid {row['fid']:.3g}", flush=True)
    print(table(read_rows()))


if __name__ == "__main__":
    main()

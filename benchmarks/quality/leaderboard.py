"""Trains methods on the same images with the same budget, and compares their samples: mean ± sd over seeds.

python benchmarks/quality/leaderboard.py fashion_mnist_10k radford_28 wgan_gp recommended \\
    --extractor keras=classifier.keras --minutes 8 --seeds 0 1 --folder out/leaderboard
python benchmarks/quality/leaderboard.py cifar10 sngan my_module:make \\
    --extractor inception=pt_inception-2015-12-05-6726825d.pth --images-seen 6400000 --folder out/cifar10

A METHOD is the name of a preset, which trains by its own recipe, or `module:function` for a method of your own. The
function receives `image_shape`, `class_names` and `seed`, and returns a compiled DCGAN or ConditionalDCGAN.

Run the same command again after a kill, or with more methods and seeds: finished trainings are not repeated, and the
last one continues. The folder holds the results as JSON, the table, and a model and a sheet of every training.
"""

import argparse
import functools
import importlib
import json
import pathlib
import sys
import time

import keras
import numpy as np

import keras_dcgan
from keras_dcgan import metrics
from keras_dcgan.training.files import replacing

METRICS = ("fid", "kid", "precision", "recall", "density", "coverage")
PROGRESS = {"seconds": 0.0, "images_seen": 0}


def builder(method):
    """The function that makes the compiled model of a method; imports its module, which may register classes."""
    if ":" in method:
        module, function = method.split(":")
        sys.path.insert(0, str(pathlib.Path.cwd()))
        return getattr(importlib.import_module(module), function)
    return functools.partial(from_preset, method)


def from_preset(name, image_shape, class_names, seed):
    if keras_dcgan.presets.get(name).conditional:
        model, options = keras_dcgan.ConditionalDCGAN, {"class_names": class_names}
    else:
        model, options = keras_dcgan.DCGAN, {}
    gan = model.from_preset(name, image_shape=image_shape, seed=seed, **options)
    gan.compile()
    return gan


class Budget(keras.callbacks.Callback):
    """Ends the training when its budget is spent. The time to compile the first step does not count.

    Saves the model and what has been spent after every epoch.
    """

    def __init__(self, path, n, batch_size, minutes, images_seen, spent):
        super().__init__()
        self.path, self.n, self.batch_size = path, n, batch_size
        self.minutes, self.images_seen = minutes, images_seen
        self.spent, self.steps = spent, 0

    def on_train_batch_begin(self, batch, logs=None):
        self.start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        self.steps += 1
        self.spent["images_seen"] += min(self.batch_size, self.n - batch * self.batch_size)
        if self.steps > 1:
            self.spent["seconds"] += time.perf_counter() - self.start
        if self.minutes is not None:
            self.model.stop_training = self.spent["seconds"] >= 60 * self.minutes
        else:
            self.model.stop_training = self.spent["images_seen"] >= self.images_seen

    def on_epoch_end(self, epoch, logs=None):
        write(self.path.with_suffix(".json"), self.spent | {"finished": self.model.stop_training})
        self.model.save(self.path)


def write(path, content):
    with replacing(path) as temporary:
        temporary.write_text(content if isinstance(content, str) else json.dumps(content, indent=1))


def train(method, seed, images, labels, class_names, args):
    """The trained model, from its file if the training is finished, and what it has spent."""
    path = args.folder / f"{method.replace(':', '.')}-{seed}.keras"
    make, spent = builder(method), dict(PROGRESS)
    if path.exists() and path.with_suffix(".json").exists():
        spent = json.loads(path.with_suffix(".json").read_text())
        gan = keras.saving.load_model(path)
    else:
        gan = make(image_shape=images.shape[1:], class_names=class_names, seed=seed)
    if not spent.pop("finished", False):
        keras.utils.set_random_seed(seed)
        batch_size = args.batch_size or gan.recipe.batch_size
        labels = labels if isinstance(gan, keras_dcgan.ConditionalDCGAN) else None
        images = images[: len(images) // gan.discriminator_steps * gan.discriminator_steps]
        labels = None if labels is None else labels[: len(images)]
        budget = Budget(path, len(images), batch_size, args.minutes, args.images_seen, spent)
        trained = gan.epochs_trained
        options = {"batch_size": batch_size, "initial_epoch": trained, "epochs": 10**9, "verbose": 0}
        gan.fit(images, labels, callbacks=[budget], **options)
    sheet = keras_dcgan.images.grid(gan.generate(100, seed=1), 10, scale=2)
    keras_dcgan.images.save(sheet, path.with_suffix(".png"))
    return gan, spent


def table(rows):
    """One line per method in the order of their mean FID, with the standard deviation over the seeds."""
    lines = [f"| method | seeds | minutes | images seen | {' | '.join(METRICS)} |", "|---" * 2 + "|---:" * 8 + "|"]
    methods = {
        name: [row for row in rows if row["method"] == name] for name in dict.fromkeys(r["method"] for r in rows)
    }
    for name, own in sorted(methods.items(), key=lambda item: np.mean([row["fid"] for row in item[1]])):
        cells = [f"{np.mean([r['seconds'] for r in own]) / 60:.1f}", f"{np.mean([r['images_seen'] for r in own]):,.0f}"]
        for metric in METRICS:
            values = [row[metric] for row in own]
            spread = f" ± {np.std(values, ddof=1):.2g}" if len(values) > 1 else ""
            cells.append(f"{np.mean(values):.3g}{spread}")
        lines.append(f"| {name} | {len(own)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="images to train on, as keras_dcgan.datasets.load takes them")
    parser.add_argument("methods", nargs="+", metavar="METHOD", help="name of a preset, or module:function")
    parser.add_argument("--size", type=int, help="side of the images, for folders")
    budget = parser.add_mutually_exclusive_group(required=True)
    budget.add_argument("--minutes", type=float, help="training time of each method")
    budget.add_argument("--images-seen", type=int, help="images that each method is trained on, epochs × images")
    parser.add_argument("--batch-size", type=int, help="default: that of each preset")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--extractor", required=True, metavar="inception=PATH|keras=PATH")
    parser.add_argument(
        "--reference", help="real images to compare with; default: the test split, or the training images"
    )
    parser.add_argument("--samples", type=int, default=10_000, help="default: %(default)s")
    parser.add_argument("--folder", type=pathlib.Path, required=True, help="folder for the results")
    args = parser.parse_args()
    settings = {name: value for name, value in vars(args).items() if name not in ("methods", "seeds", "folder")}
    stored = args.folder / "settings.json"
    if stored.exists() and json.loads(stored.read_text()) != settings:
        parser.error(f"{args.folder} holds results with other settings; choose another --folder")
    args.folder.mkdir(parents=True, exist_ok=True)
    write(stored, settings)
    return args


def main():
    args = arguments()
    size = None if args.size is None else (args.size, args.size)
    images, labels = data = keras_dcgan.datasets.load(args.data, image_size=size)
    try:
        source, split = (args.reference, "train") if args.reference else (args.data, "test")
        reference = keras_dcgan.datasets.load(source, split, image_size=size).images
    except ValueError:
        if args.reference:
            raise
        reference = images
    kind, _, path = args.extractor.partition("=")
    extractor = metrics.inception(path) if kind == "inception" else keras.saving.load_model(path)
    results = args.folder / "results.json"
    rows = json.loads(results.read_text()) if results.exists() else []
    finished = {(row["method"], row["seed"]) for row in rows}
    class_names = data.class_names or (None if labels is None else [str(i) for i in range(labels.max() + 1)])
    for seed in args.seeds:
        for method in args.methods:
            if (method, seed) not in finished:
                gan, spent = train(method, seed, images, labels, class_names, args)
                chosen = ["fid", "kid", "precision_recall", "density_coverage"]
                values = metrics.evaluate(
                    gan, reference, extractor=extractor, metrics=chosen, num_images=args.samples, seed=seed
                )
                rows.append({"method": method, "seed": seed} | spent | values)
                write(results, rows)
                write(args.folder / "table.md", table(rows))
                print(f"{method}, seed {seed}: fid {values['fid']:.3g}", flush=True)
    print(table(rows))


if __name__ == "__main__":
    main()

"""The command line, `keras-dcgan`: a thin layer over the Python API."""

import argparse
import csv
import importlib.util
import json
import math
import os
import pathlib
import re
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

import keras

import keras_dcgan
from keras_dcgan import backend, callbacks, datasets, images, latents, presets
from keras_dcgan.training import files

_EXAMPLES = """examples:
  keras-dcgan train photos/ --size 64 --out runs/photos      rerun to resume
  keras-dcgan generate runs/photos -n 100 --out samples/
  keras-dcgan generate runs/photos -n 25 --out samples.png   one sheet
  keras-dcgan interpolate runs/photos --out walk.gif
  keras-dcgan export runs/photos generator.onnx
  keras-dcgan app runs/photos                                explore it in the browser

MODEL is a .keras file, an hf:// path, or the folder that `train` wrote. `keras-dcgan COMMAND --help` shows all options.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command.

    Args:
        argv: list of strings, the arguments. `None` takes those of the process.

    Returns:
        int, the exit code: 0, 2 after an error in the arguments or the data, 130 after Ctrl-C.
    """
    argv = sys.argv[1:] if argv is None else argv
    try:
        args = _parser().parse_args(argv)
        backend = getattr(args, "backend", None)
        if backend not in (None, keras.backend.backend()):  # it is chosen when Keras is imported
            if importlib.util.find_spec(backend) is None:
                raise ValueError(f"--backend {backend} is not installed: pip install {backend}")
            environment = os.environ | {"KERAS_BACKEND": backend}
            os.execve(sys.executable, [sys.executable, "-m", "keras_dcgan", *argv], environment)
        with warnings.catch_warnings():
            warnings.showwarning = lambda message, *_: print(f"keras-dcgan: warning: {message}", file=sys.stderr)
            args.run(args)
    except (ValueError, TypeError, OSError, ImportError, RuntimeError) as error:
        print("keras-dcgan: error:", " ".join(str(error).split()), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """Reports an error in one line, without the usage."""

    def error(self, message):
        self.exit(2, f"{self.prog}: error: {message}; {self.prog} --help shows all options\n")


def _parser():
    parser = _Parser(
        "keras-dcgan",
        description="Train GANs on your own images, and use them.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=keras_dcgan.__version__)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    train = _command(commands, "train", _train, "train a model; run the same command again to resume")
    train.add_argument("source", metavar="SOURCE", help='folder of images, .npz file, "fashion_mnist_10k", "mnist", …')
    train.add_argument("--out", metavar="RUN", type=pathlib.Path, required=True, help="folder for the results")
    train.add_argument("--preset", help="networks and training settings (default: recommended[_conditional])")
    train.add_argument("--size", type=_size, metavar="64|HEIGHTxWIDTH", help="crop and resize the images")
    labels = train.add_mutually_exclusive_group()
    labels.add_argument(
        "--conditional",
        action="store_true",
        default=None,
        help="train on images and labels (default if there are labels)",
    )
    labels.add_argument("--unconditional", action="store_false", dest="conditional", help="ignore the labels")
    train.add_argument(
        "--epochs", type=_count, help="number of epochs (default: about 6,000 steps, at least 20 epochs)"
    )
    train.add_argument("--batch-size", type=_count, help="images per batch (default: that of the preset)")
    train.add_argument(
        "--augment", action="store_true", help="differentiable augmentation, for long runs on small datasets"
    )
    train.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    train.add_argument(
        "--backend", choices=("tensorflow", "jax", "torch"), help="Keras backend (default: the configured one)"
    )
    train.add_argument(
        "--mixed-precision",
        choices=("auto", "yes", "no"),
        default="no",
        help="compute in bfloat16; auto: if the hardware has instructions for it (default: %(default)s)",
    )

    generate = _command(commands, "generate", _generate, "generate images")
    generate.add_argument("model", metavar="MODEL")
    generate.add_argument("-n", type=_count, default=25, help="number of images (default: %(default)s)")
    generate.add_argument("--class", dest="labels", metavar="NAME", help="name or number of the class (default: all)")
    generate.add_argument("--seed", type=int, help="random seed, for reproducible images")
    generate.add_argument(
        "--grid", action="store_true", help="save one sheet of all images (default if OUT is an image file)"
    )
    generate.add_argument("--out", metavar="FOLDER|FILE", required=True)

    interpolate = _command(commands, "interpolate", _interpolate, "animate an interpolation between latent vectors")
    interpolate.add_argument("model", metavar="MODEL")
    interpolate.add_argument("-n", type=_count, default=5, help="number of stops (default: %(default)s)")
    interpolate.add_argument("--class", dest="labels", metavar="NAME", help="name or number of the class (default: 0)")
    interpolate.add_argument("--seed", type=int, default=0, help="random seed (default: %(default)s)")
    interpolate.add_argument("--out", metavar="FILE", required=True, help=f"animation: {', '.join(images.ANIMATIONS)}")

    export = _command(commands, "export", _export, "export the generator for other runtimes")
    export.add_argument("model", metavar="MODEL")
    export.add_argument("out", metavar="FILE", help="*.onnx, *.tflite, or a folder for a SavedModel")

    evaluate = _command(commands, "evaluate", _evaluate, "compute losses and accuracies on held-out images")
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("--data", metavar="SOURCE", required=True, help="images as for train")
    evaluate.add_argument(
        "--split", default="test", help='split of SOURCE; "train" for a folder without splits (default: %(default)s)'
    )
    evaluate.add_argument(
        "--extractor",
        metavar="inception=PATH|keras=PATH",
        help="compute metrics of samples (FID, KID, …) instead of losses, with the Inception network or a Keras model "
        "from pixels to features",
    )
    evaluate.add_argument(
        "-n", type=_count, default=50_000, help="with --extractor: number of samples (default: %(default)s)"
    )
    evaluate.add_argument(
        "--metrics", nargs="+", metavar="METRIC", help="with --extractor: such as fid kid (default: all that apply)"
    )
    evaluate.add_argument("--seed", type=int, default=0, help="with --extractor: random seed (default: %(default)s)")
    evaluate.add_argument("--out", metavar="FILE", type=pathlib.Path, help="JSON file for the values")

    app = _command(commands, "app", _app, "explore a model in the browser")
    app.add_argument("model", metavar="MODEL")
    app.add_argument("--port", type=_count, help="port of the page (default: the first free one from 7860)")

    info = _command(commands, "info", _info, "describe a model")
    info.add_argument("model", metavar="MODEL")
    return parser


def _command(commands, name, run, text):
    command = commands.add_parser(
        name,
        help=text,
        description=f"{text[0].upper()}{text[1:]}.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _size(text):
    sides = re.fullmatch(r"(\d+)(?:[x×](\d+))?", text)
    if not sides:
        raise argparse.ArgumentTypeError("must be an integer or HEIGHTxWIDTH")
    height, width = sides.groups()
    size = int(height), int(width or height)
    if not all(1 <= side <= 1024 for side in size):
        raise argparse.ArgumentTypeError("must be from 1 to 1024")
    return size


def _count(text):
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a positive integer")
    return int(text)


# train


def _train(args):
    gan_path, recipe_path, log_path = (args.out / name for name in ("gan.keras", "recipe.json", "log.csv"))
    keras.config.set_dtype_policy(_dtype_policy(args.mixed_precision, recipe_path))
    loaded = datasets.load(args.source, image_size=args.size)
    labels = None if args.conditional is False else loaded.labels
    if args.conditional and labels is None:
        raise ValueError("--conditional needs labels: put the images into one folder per class.")
    preset = args.preset or ("recommended" if labels is None else "recommended_conditional")
    recipe = presets.get(preset).recipe
    settings = {
        "source": os.path.abspath(args.source) if os.path.exists(args.source) else args.source,
        "images": len(loaded.images),
        "image_shape": list(loaded.images.shape[1:]),
        "class_names": None if labels is None else loaded.class_names or [str(i) for i in range(labels.max() + 1)],
        "preset": preset,
        "batch_size": args.batch_size or recipe.batch_size,
        "augment": args.augment,
        "seed": args.seed,
        "backend": keras.backend.backend(),
        "dtype": keras.config.dtype_policy().name,
    }
    _check_settings(settings, args.out)
    if not gan_path.exists() and _epochs_in_log(log_path) > 1:  # the log is at most one row ahead of the model
        raise ValueError(f"gan.keras is missing in --out: restore it, or choose another folder. Received: {args.out}")
    epochs = args.epochs or max(20, math.ceil(6000 / math.ceil(len(loaded.images) / settings["batch_size"])))
    if gan_path.exists():
        gan = _load(str(gan_path))
        every = _read_recipe(recipe_path)["epochs_per_frame"]
    else:
        gan = _new_model(settings)
        gan.compile()
        every = max(1, epochs // 100)
        args.out.mkdir(parents=True, exist_ok=True)
        with files.replacing(recipe_path) as temporary:
            described = {"settings": settings, "epochs_per_frame": every, "recipe": recipe.get_config()}
            temporary.write_text(json.dumps(described, indent=2))
    trained = gan.epochs_trained
    _trim_log(log_path, trained)
    if trained:
        print(f"Resuming after epoch {trained}." if trained < epochs else f"Already trained for {trained} epochs.")
    try:
        gan.fit(
            loaded.images,
            labels,
            batch_size=settings["batch_size"],
            initial_epoch=trained,
            epochs=max(epochs, trained),
            verbose=0,
            callbacks=[
                callbacks.GifSnapshot(args.out / "samples.gif", every=every, scale=_scale(gan)),
                keras.callbacks.CSVLogger(log_path, append=True),
                keras.callbacks.TerminateOnNaN(raise_error=True),
                keras.callbacks.ModelCheckpoint(gan_path),
                _Progress(),
            ],
        )
    except KeyboardInterrupt:
        print("\nInterrupted: run the same command again to resume after the last complete epoch.", file=sys.stderr)
        raise
    images.save(_sheet(gan, 25 if labels is None else 5 * gan.num_classes, None, 0), args.out / "samples.png")
    for text, file in (
        ("Model", gan_path),
        ("Animation", args.out / "samples.gif"),
        ("Samples", args.out / "samples.png"),
    ):
        print(f"{text:<10} {file}")
    print(f"Next: keras-dcgan generate {args.out} -n 100 --out {args.out / 'samples'}")


def _dtype_policy(mixed_precision, recipe_path):
    """The dtype policy of a run; "auto" keeps that of an interrupted one."""
    if mixed_precision == "auto" and recipe_path.exists():
        return _read_recipe(recipe_path)["settings"].get("dtype", "float32")
    fast = backend.has_fast_bfloat16() if mixed_precision == "auto" else mixed_precision == "yes"
    return "mixed_bfloat16" if fast else keras.config.dtype_policy().name


def _new_model(settings):
    name, class_names, seed = settings["preset"], settings["class_names"], settings["seed"]
    overrides: dict[str, Any] = {"image_shape": settings["image_shape"], "seed": seed}
    if settings["augment"]:
        overrides["augmentation"] = keras_dcgan.augmentation.DiffAugment(seed=seed)
    if presets.get(name).conditional != (class_names is not None):
        cure = (
            "takes no labels: add --unconditional"
            if class_names
            else "needs labels: put the images into one folder per class"
        )
        raise ValueError(f"--preset {name} {cure}.")
    if class_names is None:
        return keras_dcgan.DCGAN.from_preset(name, **overrides)
    return keras_dcgan.ConditionalDCGAN.from_preset(name, class_names=class_names, **overrides)


def _check_settings(settings, out):
    """Raises ValueError if the folder belongs to a run with other settings, or to something else."""
    if not (out / "recipe.json").exists():
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise ValueError(f"--out must be a new or empty folder, or the folder of an earlier run. Received: {out}")
        return
    earlier = _read_recipe(out / "recipe.json")["settings"]
    changed = [f"{key} {earlier.get(key)} → {value}" for key, value in settings.items() if earlier.get(key) != value]
    if changed:
        raise ValueError(
            "--out holds a run with other settings: choose another folder, or the same settings. "
            f"Received: {out} with {'; '.join(changed)}"
        )


def _read_recipe(path):
    try:
        recipe = json.loads(path.read_text())
        if not recipe.keys() >= {"settings", "epochs_per_frame"}:
            raise ValueError("settings are missing")
    except (ValueError, AttributeError) as error:
        raise ValueError(f"This file is damaged: choose another folder. Received: {path} ({error})") from error
    return recipe


def _epochs_in_log(path):
    return max(0, len(path.read_text().splitlines()) - 1) if path.exists() else 0


def _trim_log(path, epochs):
    """Removes the rows of epochs that will be trained again, because a run was killed before it saved the model."""
    if not path.exists():
        return
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    with files.replacing(path) as temporary, open(temporary, "w", newline="") as file:
        csv.writer(file).writerows([*rows[:1], *(row for row in rows[1:] if row and int(row[0]) < epochs)])


class _Progress(keras.callbacks.Callback):
    """One line with the metrics and the time left; one line per epoch if the output is not a terminal."""

    def on_train_begin(self, logs=None):
        self.start: Any = None
        self.skipped, self.first, self.shown = 0.0, None, 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch
        self.first = epoch if self.first is None else self.first

    def on_train_batch_end(self, batch, logs=None):
        part = (batch + 1) / self.params["steps"]
        if self.start is None:  # the first batch also takes the time to compile the step
            self.start, self.skipped = time.monotonic(), part
        if sys.stdout.isatty() and time.monotonic() - self.shown > 0.5:
            self._show(part, logs, "\r")

    def on_epoch_end(self, epoch, logs=None):
        self._show(1, logs, "\r" if sys.stdout.isatty() and epoch + 1 < self.params["epochs"] else "\n")

    def _show(self, share, logs, end):
        self.shown = time.monotonic()
        done = self.epoch + share - self.first
        rate = (self.shown - self.start) / max(done - self.skipped, 1e-9)
        left = rate * (self.params["epochs"] - self.first - done)
        values = "  ".join(f"{name} {logs[name]:.3f}" for name in ("g_loss", "d_loss"))
        clock = f"{int(left) // 3600}:{int(left) // 60 % 60:02d}:{int(left) % 60:02d}"
        print(f"epoch {self.epoch + 1}/{self.params['epochs']}  {values}  {clock} left ", end=end, flush=True)


# other commands


def _load(model):
    path = pathlib.Path(model)
    if "://" not in model and path.is_dir():
        path = path / "gan.keras"
    try:
        if "://" not in model and (not path.is_file() or path.suffix != ".keras"):
            raise ValueError("there is no such file")
        gan = keras.saving.load_model(model if "://" in model else path)
    except (ValueError, OSError) as error:
        if path.is_file() and path.suffix == ".keras":
            error = ValueError(f"it is damaged, or it is not a saved model: {error}")
        raise ValueError(
            f"MODEL must be a .keras file, an hf:// path, or the folder that `train` wrote. Received: {model} ({error})"
        ) from error
    if not isinstance(gan, keras_dcgan.DCGAN):
        raise ValueError(f"MODEL must be a DCGAN or ConditionalDCGAN. Received: {model}, a {type(gan).__name__}")
    return gan


def _labels(gan, text):
    """The requested class: its name or number, or None for all."""
    names = gan.class_names
    if text is None or (names and text in names) or not text.isdecimal():
        return text
    return int(text)


def _is_conditional(gan):
    return isinstance(gan, keras_dcgan.ConditionalDCGAN)


def _scale(gan):
    """The factor by which images are enlarged for the screen."""
    return max(1, 96 // max(gan.image_shape[:2]))


def _sheet(gan, n, labels, seed):
    names = gan.class_names
    made = gan.generate(n, labels=labels, seed=seed)
    if labels is not None or not _is_conditional(gan):
        return images.grid(made, scale=_scale(gan))
    return images.grid(made, gan.num_classes, scale=_scale(gan), captions=names)


def _generate(args):
    gan = _load(args.model)
    labels = _labels(gan, args.labels)
    if args.grid or pathlib.Path(args.out).suffix:
        images.save(_sheet(gan, args.n, labels, args.seed), args.out)
    else:
        gan.save_samples(args.out, args.n, labels=labels, seed=args.seed)
    print(args.out)


def _interpolate(args):
    gan = _load(args.model)
    path = latents.walk(gan.sample_latents(args.n, seed=args.seed), 15, closed=True)
    label = _labels(gan, args.labels)
    made = gan.generate(latents=path, labels=0 if label is None and _is_conditional(gan) else label)
    images.save_animation([images.grid(image, gap=0, scale=_scale(gan)) for image in made], args.out, duration=60)
    print(args.out)


def _export(args):
    _load(args.model).export(args.out)
    print(args.out)


def _evaluate(args):
    gan = _load(args.model)
    loaded = datasets.load(args.data, args.split, image_size=gan.image_shape[:2])
    labels: Any = loaded.labels if _is_conditional(gan) else None
    if labels is not None and loaded.class_names and gan.class_names:  # by name: another folder may lack classes
        labels = [loaded.class_names[label] for label in labels]
    if args.extractor is None:
        results = gan.evaluate(loaded.images, labels, verbose=0, return_dict=True)
    else:
        results = _compare(gan, loaded.images, labels, args)
    for name, value in results.items():
        if isinstance(value, float):
            print(f"{name:<20} {value:.4f}")
    if args.out is not None:
        with files.replacing(args.out) as temporary:
            temporary.write_text(json.dumps(results, indent=2))
        print(args.out)


def _compare(gan, real, labels, args):
    from keras_dcgan import metrics  # needs scikit-learn, an extra

    kind, _, path = args.extractor.partition("=")
    if kind == "inception" and path:
        extractor = metrics.inception(path, "both")
    elif kind == "keras" and pathlib.Path(path).is_file():
        extractor = keras.saving.load_model(path)
    else:
        raise ValueError(
            f"--extractor must be inception=PATH or keras=PATH, the path of a file. Received: {args.extractor}"
        )
    return metrics.evaluate(
        gan,
        real,
        extractor=extractor,
        labels=labels,
        metrics=args.metrics,
        num_images=args.n,
        seed=args.seed,
        verbose=sys.stdout.isatty(),
    )


def _app(args):
    from keras_dcgan import app  # needs Gradio, an extra

    app.launch(app.create_app(_load(args.model)), args.port)


def _info(args):
    gan = _load(args.model)
    described = {
        "model": type(gan).__name__,
        "image shape": "×".join(map(str, gan.image_shape)),
        "latent vectors": f"{gan.latent_dim}, {gan.latent_prior}",
        "classes": ", ".join(gan.class_names or [str(gan.num_classes or "none")]),
        "epochs": gan.epochs_trained,
        "parameters": f"generator {gan.generator.count_params():,}, discriminator {gan.discriminator.count_params():,}",
        "loss": type(gan.loss).__name__ if gan.compiled else "not compiled",
    }
    recipe = pathlib.Path(args.model) / "recipe.json"
    if recipe.exists():
        described = {"preset": json.loads(recipe.read_text())["settings"]["preset"]} | described
    for name, value in described.items():
        print(f"{name:<14} {value}")

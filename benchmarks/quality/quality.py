"""Common parts of the scripts in this folder: arguments, samples with a progress bar, and results in a file."""

import argparse
import contextlib
import importlib.metadata
import json
import pathlib
import sys

import keras
import numpy as np

import keras_dcgan
from keras_dcgan.training.files import replacing


def parser(doc, samples):
    """Returns a parser with the common arguments."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="source of real images with labels for keras_dcgan.datasets.load")
    parser.add_argument("models", nargs="*", type=pathlib.Path, metavar="MODEL", help="saved models")
    parser.add_argument("--samples", type=int, default=samples, help=f"images per model, default {samples:,}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file for the results")
    return parser


def samples(path, args, labelled=False):
    """Generates samples of a saved model, with a progress bar.

    Args:
        path: path of the model.
        args: the arguments of the command line.
        labelled: bool, whether to refuse a model without labels.

    Returns:
        `(images, labels)`: pixels, uint8 `(n, height, width, channels)`; the requested labels, each class in turn, or
        None for an unconditional model.
    """
    gan = keras.saving.load_model(path)
    given = {}
    if isinstance(gan, keras_dcgan.ConditionalDCGAN):
        given["labels"] = np.arange(args.samples) % gan.num_classes
    elif labelled:
        sys.exit(f"{path} holds an unconditional model; this metric needs a conditional one")
    given["latents"] = keras.ops.convert_to_numpy(gan.sample_latents(args.samples, seed=args.seed))
    parts = []
    with contextlib.redirect_stdout(sys.stderr):  # the table goes to stdout
        progress = keras.utils.Progbar(args.samples, unit_name="samples")
        for i in range(0, args.samples, 1000):
            parts.append(gan.generate(**{name: value[i : i + 1000] for name, value in given.items()}))
            progress.add(len(parts[-1]))
    return np.concatenate(parts), given.get("labels")


class Results:
    """A Markdown table on standard output, row by row, and the same as JSON in a file."""

    def __init__(self, args, **columns):
        """Columns: name and format, such as `error=".2%"`."""
        self.columns = columns
        self.path = args.out
        self.content = {
            "script": pathlib.Path(sys.argv[0]).name,
            "arguments": vars(args),
            "backend": keras.backend.backend(),
            "versions": {name: importlib.metadata.version(name) for name in ("keras-dcgan", "keras", "numpy")},
            "rows": [],
        }
        self._print("images", *(name.replace("_", " ") for name in columns))
        self._print("---", *("---:" for _ in columns))

    def add(self, images, **figures):
        """Adds a row: the name of the images and one value per column, or None."""
        cells = ((figures[name], spec) for name, spec in self.columns.items())
        self._print(images, *("-" if value is None else format(value, spec) for value, spec in cells))
        figures = {name: None if value is None else float(value) for name, value in figures.items()}
        self.content["rows"].append({"images": str(images)} | figures)
        if self.path is not None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self.path) as temporary:
                temporary.write_text(json.dumps(self.content, indent=1, default=str) + "\n")

    @staticmethod
    def _print(*cells):
        print("|", *(f"{cell} |" for cell in cells), flush=True)

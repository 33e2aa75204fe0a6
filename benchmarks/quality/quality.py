"""What the scripts of this folder share: their arguments, samples with a progress bar, and results in a file."""

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
    """A parser with the arguments of every script."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="the real images with labels, as keras_dcgan.datasets.load takes them")
    parser.add_argument("models", nargs="*", type=pathlib.Path, metavar="MODEL", help="files that DCGAN.save wrote")
    parser.add_argument("--samples", type=int, default=samples, help=f"images of each model, default {samples:,}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=pathlib.Path, help="JSON file for the results, beside the table")
    return parser


def samples(path, args, labelled=False):
    """Samples of the model that a file holds, with a progress bar.

    Args:
        path: of the file.
        args: the arguments of the command line.
        labelled: bool, whether a model without labels is refused.

    Returns:
        `(images, labels)`: pixels, uint8 `(n, height, width, channels)`; the labels that were asked for, each class in
        turn, None for a model without.
    """
    gan = keras.saving.load_model(path)
    given = {}
    if isinstance(gan, keras_dcgan.ConditionalDCGAN):
        given["labels"] = np.arange(args.samples) % gan.num_classes
    elif labelled:
        sys.exit(f"{path} holds a model without labels: this figure is for conditional models")
    given["latents"] = keras.ops.convert_to_numpy(gan.sample_latents(args.samples, seed=args.seed))
    parts = []
    with contextlib.redirect_stdout(sys.stderr):  # where the table does not go
        progress = keras.utils.Progbar(args.samples, unit_name="samples")
        for i in range(0, args.samples, 1000):
            parts.append(gan.generate(**{name: value[i : i + 1000] for name, value in given.items()}))
            progress.add(len(parts[-1]))
    return np.concatenate(parts), given.get("labels")


class Results:
    """A table in Markdown on standard output, line by line as the figures come, and the same as JSON in a file."""

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
        """One line: what the images are, and a figure a column, None for one that these images do not have."""
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

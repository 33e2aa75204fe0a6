"""The code of a page of the docs, as a program; run as a script, on a few images and for a few steps.

    python tests/slow/pages.py PAGE

A program consists of the ```python blocks of a page, in order, as readers see them. `% on: NAME` restricts the rest of
the section to a backend, or to something that is not installed; otherwise a block runs on TensorFlow.
"""

import pathlib
import sys

import keras
import numpy as np
from PIL import Image

import keras_dcgan

DOCS = pathlib.Path(__file__).parents[2] / "docs"
PAGES = {str(path.relative_to(DOCS)): path.read_text() for path in DOCS.rglob("*.md") if path.parent.name[0] != "_"}


def program(page, backend):
    """The code of a page for a backend; empty where it has none."""
    code, on, inside = [], "tensorflow", None
    for line in PAGES[page].splitlines():
        if line.startswith("```"):
            inside = None if inside is not None else line[3:]
        elif inside is not None:
            code.append(line if (inside, on) == ("python", backend) else "")
            continue
        elif line.startswith("#"):
            on = "tensorflow"
        elif line.startswith("% on: "):
            on = line.removeprefix("% on: ")
        code.append("")  # the same line numbers as in the page
    return "\n".join(code) if any(code) else ""


def few_images():
    """The first images of the embedded dataset, of every class."""
    images, labels = whole = keras_dcgan.datasets.load("fashion_mnist_10k")
    few = keras_dcgan.datasets.ImageSet(images[:40], labels[:40])
    few.class_names = whole.class_names
    return few


def shorten(set_attribute):
    """Makes programs short: sets are 40 images, `fit` trains for two epochs at the most, and nothing is downloaded.

    Args:
        set_attribute: `setattr`, or pytest's, which undoes it.
    """
    load, fit, inception = keras_dcgan.datasets.load, keras_dcgan.DCGAN.fit, keras.applications.InceptionV3
    evaluate = keras_dcgan.callbacks.EvaluateSamples
    few = few_images()

    def load_few(source, split="train", **options):
        if pathlib.Path(source).exists():
            return load(source, split, **options)
        return few

    def fit_shortly(self, *args, epochs=1, initial_epoch=0, **options):
        epochs = min(epochs, initial_epoch + 2)
        return fit(self, *args, epochs=epochs, initial_epoch=initial_epoch, **options)

    set_attribute(keras_dcgan.datasets, "load", load_few)
    set_attribute(keras_dcgan.DCGAN, "fit", fit_shortly)
    set_attribute(keras_dcgan.callbacks, "EvaluateSamples", lambda *a, **k: evaluate(*a, **(k | {"num_images": 32})))
    set_attribute(keras.applications, "InceptionV3", lambda **options: inception(**options, weights=None))


def write_photos(folder):
    """Writes the folder that pages call "photos": 35 pictures of several sizes in each of two class folders."""
    for name in ("cats", "dogs"):
        (folder / name).mkdir(parents=True)
        for i in range(35):
            pixels = np.random.default_rng(i).integers(0, 256, (40, 50 + i, 3), "uint8")
            Image.fromarray(pixels).save(folder / name / f"{i}.png")


def run(page, backend):
    """Runs a page's program in the current folder, in which readers have their own pictures."""
    write_photos(pathlib.Path("photos"))
    namespace: dict = {}
    exec(compile(program(page, backend), page, "exec"), namespace)


if __name__ == "__main__":
    shorten(setattr)
    run(sys.argv[1], keras.backend.backend())

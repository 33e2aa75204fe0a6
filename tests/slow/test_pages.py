"""The code of the README, of every page of the docs and of every docstring runs."""

import doctest
import importlib
import pathlib
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import sklearn.svm
from conftest import BACKEND
from pages import DOCS, PAGES, few_images, program, run, shorten
from PIL import Image
from test_exported_files import CONVERTERS

import keras_dcgan

ROOT = DOCS.parent
WITH_CODE = {page: () for page in PAGES if program(page, BACKEND)}
CONVERTING = [pytest.mark.compiled, *(pytest.mark.filterwarnings(text) for text in CONVERTERS)]
pytestmark = pytest.mark.eager
if "howto/evaluate.md" in WITH_CODE:
    WITH_CODE["howto/evaluate.md"] = [pytest.mark.compiled]  # Keras warns of an extractor whose inputs are a list
if "howto/export.md" in WITH_CODE:
    WITH_CODE["howto/export.md"] = CONVERTING


@pytest.mark.once
def test_every_python_block_of_the_readme_runs(tmp_path, monkeypatch):
    few = few_images()
    monkeypatch.setattr(keras_dcgan.datasets, "load", lambda name: few)
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for code in re.findall(r"^```python\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL):
        exec(compile(code, "README.md", "exec"), namespace)
    assert (tmp_path / "gan.keras").exists()
    with Image.open(tmp_path / "samples.gif") as file:
        assert file.n_frames == 11
    assert namespace["gan"].generate(25, seed=1).shape == (25, 28, 28, 1)


@pytest.mark.parametrize("page", [pytest.param(page, marks=marks) for page, marks in WITH_CODE.items()])
def test_the_code_of_every_page_runs(page, tmp_path, monkeypatch):
    if BACKEND != "tensorflow":  # what they do to devices and processes stays
        command = [sys.executable, pathlib.Path(__file__).with_name("pages.py"), page]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch.setattr)
    try:
        run(page, BACKEND)
    finally:
        keras.config.set_dtype_policy("float32")


def test_pages_have_code():
    """So that a change of the docs' syntax does not leave the test above without anything to run."""
    assert len([page for page in PAGES if program(page, "tensorflow")]) > 15
    assert all(program("howto/many_devices.md", backend) for backend in ("jax", "torch"))


def docstring_examples():
    """`(name, examples)` of everything that the package documents by one."""
    names = {path.stem for path in (ROOT / "keras_dcgan").glob("[a-z]*.py")} - {"app"}  # which needs Gradio
    names |= {f"callbacks.{path.stem}" for path in (ROOT / "keras_dcgan" / "callbacks").glob("[a-z]*.py")}
    names |= {"metrics.distances"}  # the others need the weights of the Inception network
    modules = [importlib.import_module(f"keras_dcgan.{name}") for name in sorted(names)]
    finder = doctest.DocTestFinder(exclude_empty=True)
    found = {}
    for module in (*modules, keras_dcgan.datasets, keras_dcgan.datasets.folders):
        found |= {test.name.removeprefix("keras_dcgan."): test.examples for test in finder.find(module)}
    return {name: examples for name, examples in found.items() if examples}


EXAMPLES = docstring_examples()


@pytest.fixture
def around(tmp_path, monkeypatch):
    """What the docstrings' examples take for granted."""
    load = keras_dcgan.datasets.load
    monkeypatch.chdir(tmp_path)
    shorten(monkeypatch.setattr)
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
    monkeypatch.setattr(keras_dcgan.datasets, "load", load)
    (tmp_path / "photos").mkdir()
    for i in range(64):
        keras_dcgan.images.save(Image.new("RGB", (40, 50 + i), (i, 0, 0)), tmp_path / "photos" / f"{i}.png")
    pixels = keras.Input((28, 28, 1))
    classifier = keras.Model(pixels, keras.layers.Dense(10)(keras.layers.Flatten()(pixels)))
    return {
        "np": np,
        "ops": keras.ops,
        "keras": keras,
        "keras_dcgan": keras_dcgan,
        "sklearn": sklearn,
        "data": few_images(),
        "images": images,
        "labels": labels,
        "test_images": images,
        "test_labels": labels,
        "batches": [images[:16], images[16:]],
        "classifier": classifier,
        "extractor": classifier,
        "g_opt": keras.optimizers.Adam(),
        "d_opt": keras.optimizers.Adam(),
    }


@pytest.mark.once
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=CONVERTING if name.endswith("export") else ()) for name in EXAMPLES]
)
def test_the_example_of_every_docstring_runs(name, around):
    if name.endswith(("EvaluateLabels", "MismatchedLabels")):
        gan = keras_dcgan.ConditionalDCGAN.from_preset("recommended_conditional", num_classes=10, width=0.1)
    else:
        shape = (64, 64, 3) if name.endswith("ImageFolder") else (28, 28, 1)
        gan = keras_dcgan.DCGAN.from_preset("recommended", image_shape=shape, width=0.1)
    gan.compile()
    around["gan"] = gan
    for example in EXAMPLES[name]:
        if example.want:
            assert repr(eval(example.source, around)) == example.want.strip()
        else:
            exec(example.source, around)

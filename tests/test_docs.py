"""The docs: their code runs, their commands exist, their pictures are small, shown and described."""

import doctest
import importlib
import os
import pathlib
import re
import subprocess
import sys
import tomllib

import keras
import numpy as np
import pytest
import sklearn.svm
from conftest import BACKEND
from pages import DOCS, PAGES, commands, program, run, shorten
from PIL import Image
from test_export import CONVERTERS

import keras_dcgan

ROOT = DOCS.parent
PICTURES = [path for path in (DOCS / "images").rglob("*") if path.suffix in (".png", ".gif")]
README = (ROOT / "README.md").read_text()


WITH_CODE = {page: () for page in PAGES if program(page, BACKEND)}
CONVERTING = [pytest.mark.filterwarnings(text) for text in CONVERTERS]
if "howto/export.md" in WITH_CODE:
    WITH_CODE["howto/export.md"] = CONVERTING


@pytest.mark.parametrize("page", [pytest.param(page, marks=marks) for page, marks in WITH_CODE.items()])
def test_the_code_of_every_page_runs(page, tmp_path, monkeypatch):
    if BACKEND != "tensorflow":  # what they do to devices and processes stays
        command = [sys.executable, pathlib.Path(__file__).with_name("pages.py"), page]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
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
    assert all(program("howto/many_machines.md", backend) for backend in ("jax", "torch"))


def test_commands_name_scripts_and_options_that_exist():
    lines = [line for text in (README, *PAGES.values()) for line in commands(text)]
    named = [found.groups() for line in lines if (found := re.search(r"python3? (\S+\.py)(.*)", line))]
    assert len(named) > 25
    for script, options in named:
        path = ROOT / script
        # scripts of benchmarks share options
        sources = [
            path.read_text(),
            *(other.read_text() for other in path.parent.glob("*.py") if "benchmarks" in script),
        ]
        for option in re.findall(r"--[\w-]+", options):
            assert any(f'"{option}"' in source for source in sources), f"{script} {option}"


def test_extras_that_are_named_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = re.findall(r"keras-dcgan\[([\w,]+)\]", "".join((README, *PAGES.values())))
    assert len(named) > 4
    assert {extra for group in named for extra in group.split(",")} <= extras.keys()


def test_every_example_is_in_the_gallery():
    shown = set(re.findall(r"item-card\} (\w+\.py)", PAGES["gallery.md"]))
    assert shown == {path.name for path in (ROOT / "examples").glob("*.py")}


def test_pictures_are_small():
    assert sum(path.stat().st_size for path in PICTURES) < 12_000_000
    assert not [path.name for path in PICTURES if path.stat().st_size >= 2_000_000]


def test_every_picture_is_shown_with_an_alternative_text():
    shown = set()
    for page, text in PAGES.items():
        figures = re.findall(r"^```\{figure\} (\S+)\n:alt: \S", text, re.MULTILINE)
        cards = re.findall(r"^:img-top: (\S+)\n:img-alt: \S", text, re.MULTILINE)
        assert len(figures) == text.count("```{figure}"), page
        assert len(cards) == text.count(":img-top:"), page
        shown |= {pathlib.Path(os.path.normpath((DOCS / page).parent / name)) for name in figures + cards}
    assert shown == set(PICTURES)


def test_every_link_of_the_readme_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert len(links) > 4
    assert not [link for link in links if not (ROOT / link).exists()]


def docstring_examples():
    """`(name, examples)` of everything that the package documents by one."""
    modules = [importlib.import_module(f"keras_dcgan.{path.stem}") for path in (ROOT / "keras_dcgan").glob("[a-z]*.py")]
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


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the same on every backend")
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=CONVERTING if name.endswith("export") else ()) for name in EXAMPLES]
)
def test_the_example_of_every_docstring_runs(name, around):
    if name.endswith("EvaluateLabels"):
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

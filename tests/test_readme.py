"""Every block of Python in the README runs, in order, as one program; every command is one that exists."""

import pathlib
import re

import pytest
from conftest import BACKEND

import keras_dcgan

README = (pathlib.Path(__file__).parents[1] / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(BACKEND != "tensorflow", reason="the same on every backend")
def test_every_python_block_runs(tmp_path, monkeypatch):
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
    monkeypatch.setattr(keras_dcgan.datasets, "load", lambda name: (images[:16], labels[:16]))
    monkeypatch.chdir(tmp_path)
    namespace = {}
    for code in blocks("python"):
        exec(compile(code, "README.md", "exec"), namespace)
    assert (tmp_path / "gan.keras").exists()
    from PIL import Image

    with Image.open(tmp_path / "samples.gif") as film:
        assert sum(film.seek(i) or film.info["duration"] for i in range(film.n_frames)) == 21 * 200
    assert namespace["gan"].generate(25, seed=1).shape == (25, 28, 28, 1)


def test_the_two_commands_name_files_and_extras_that_exist():
    first, second = (b for b in blocks("sh") if b.startswith("python3 -m venv"))
    assert first.strip().endswith("examples/quickstart.py")
    assert second.strip().endswith('-e ".[test]" && .venv/bin/python -m pytest')


def test_no_placeholder_is_left():
    assert not re.search(r"^[A-Z_]{6,}$", README, re.MULTILINE)

"""What importing the library brings along, and what the package promises."""

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import keras_dcgan

pytestmark = pytest.mark.once
OTHERS = {"tensorflow": ("jax", "torch"), "jax": ("tensorflow", "torch"), "torch": ("tensorflow", "jax")}


@pytest.mark.parametrize("backend", OTHERS)
def test_imports_no_backend_but_the_one_in_use(backend):
    if not importlib.util.find_spec(backend):
        pytest.skip(f"{backend} is not installed")
    code = "import sys, keras; before = set(sys.modules); import keras_dcgan; print(*(set(sys.modules) - before))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    added = {name.split(".")[0] for name in done.stdout.split()}
    assert "keras_dcgan" in added
    assert not added & {*OTHERS[backend], "matplotlib", "scipy", "sklearn", "pytest"}


def test_an_unknown_backend_is_refused():
    code = "import keras; keras.backend.backend = lambda: 'numpy'; import keras_dcgan"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode != 0
    assert "set the environment variable KERAS_BACKEND" in done.stderr


def test_metrics_are_there_when_asked_for_and_name_the_package_that_they_need(monkeypatch):
    assert keras_dcgan.metrics.frechet_distance
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "sklearn.neighbors", None)
        for name in ("keras_dcgan.metrics", "keras_dcgan.metrics.distances"):
            without.delitem(sys.modules, name)
        without.delattr(keras_dcgan, "metrics")
        with pytest.raises(ImportError, match=r'pip install "keras-dcgan\[metrics\]"'):
            keras_dcgan.metrics  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'metric'"):
        keras_dcgan.metric  # noqa: B018


def test_the_version_is_in_one_place():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert keras_dcgan.__version__ == importlib.metadata.version("keras-dcgan") == project["version"]

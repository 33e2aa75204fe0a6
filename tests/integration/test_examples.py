"""Examples run as they stand, on little data."""

import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
from conftest import BACKEND
from PIL import Image

import keras_dcgan

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


@pytest.mark.parametrize("options", [[], ["--conditional"]])
def test_quickstart(tmp_path, options):
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
    np.savez(tmp_path / "little.npz", x_train=images[:64], y_train=labels[:64])
    command = [sys.executable, EXAMPLES / "quickstart.py", "--epochs", "2", "--data", tmp_path / "little.npz"]
    done = subprocess.run(
        [*command, "--out", tmp_path / "new" / "out", *options],
        env=os.environ | {"KERAS_BACKEND": BACKEND, "PYTHONWARNINGS": "default"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    assert "Epoch 2/2" in done.stdout
    for name in ("samples.png", "samples.gif", "gan.keras"):
        assert str(tmp_path / "new" / "out" / name) in done.stdout
    gan = keras.saving.load_model(tmp_path / "new" / "out" / "gan.keras")
    assert isinstance(gan, keras_dcgan.ConditionalDCGAN) == bool(options)
    with Image.open(tmp_path / "new" / "out" / "samples.png") as sheet:
        assert sheet.size == (2 * (10 * 30 + 2),) * 2
        drawn = np.asarray(sheet)
    np.testing.assert_array_equal(drawn[4:60:2, 4:60:2], gan.generate(100, seed=1)[0, ..., 0])

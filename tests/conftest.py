"""What the tests share: tiny models and images, and what third parties warn of."""

import os
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# Most tests train the same tiny networks: compile them once, also for the processes that tests start. A cache for each
# of pytest's workers, since JAX reads what another process has written only half.
os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="keras_dcgan_jax_")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
if os.environ.get("KERAS_BACKEND") == "jax":  # most of the time goes into compiling, for a few steps of tiny networks
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import hypothesis
import keras
import numpy as np
import pytest

import keras_dcgan
from keras_dcgan.presets import PRESETS

BACKEND = keras.backend.backend()

# a new size costs JAX a compilation of every operation
hypothesis.settings.register_profile(
    "here", deadline=None, max_examples={"tensorflow": 25, "torch": 25, "jax": 8}[BACKEND], derandomize=True
)
hypothesis.settings.load_profile("here")


# of tests with a DataLoader's workers: JAX, which a test of OrbaxCheckpoint may have started in this process, warns of
# forks, and the workers do not use it
starts_workers = pytest.mark.filterwarnings("ignore:os.fork\\(\\) was called:RuntimeWarning")


def pytest_sessionfinish():
    shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


@pytest.fixture
def images():
    """24 uint8 images (8, 8, 1), no two alike."""
    return np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8")


@pytest.fixture
def labels():
    """Labels of the 24 images, three classes."""
    return np.arange(24, dtype="int64") % 3


@pytest.fixture
def little(tmp_path):
    """A .npz file of 64 training and 64 test images (28, 28, 1) with labels, for scripts."""
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
    path = tmp_path / "little.npz"
    np.savez(path, x_train=images[:64], y_train=labels[:64], x_test=images[64:128], y_test=labels[64:128])
    return path


def from_preset(name, **arguments):
    """A preset's model, with labels or without."""
    model = keras_dcgan.ConditionalDCGAN if PRESETS[name]["conditional"] else keras_dcgan.DCGAN
    return model.from_preset(name, **arguments)


def tiny(preset="radford_28", seed=0, **overrides):
    """A preset at 8x8 pixels and a few channels, compiled."""
    sizes = {"image_shape": (8, 8, 1), "latent_dim": 4, "width": 1 / 32}
    sizes |= {"num_classes": 3} if PRESETS[preset]["conditional"] else {}
    gan = from_preset(preset, seed=seed, **(sizes | overrides))
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5))
    return gan


def weights(model):
    """All weights, optimizer states and random states as NumPy arrays."""
    return [v.numpy() for v in (*model.variables, *model.optimizer.variables)]


def assert_identical(model, other):
    """Two models are equal to the last bit."""
    for a, b in zip(weights(model), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)

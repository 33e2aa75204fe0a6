"""Tiny models and images, how they run, and which tests run on which backend."""

import os
import shutil
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# One thread for each pytest worker: tiny models gain nothing from more, and PyTorch's threads would wait for cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
# Most tests train the same tiny networks: compile them once, for the processes that tests start as well. Each pytest
# worker has a cache of its own, since JAX may read a file that another process has only half written.
os.environ["JAX_COMPILATION_CACHE_DIR"] = tempfile.mkdtemp(prefix="keras_dcgan_jax_")
os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
# XLA would take longer to optimize than tiny networks to run.
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true")

import hypothesis
import keras
import numpy as np
import pytest

import keras_dcgan
from keras_dcgan.presets import PRESETS

BACKEND = keras.backend.backend()
# damaged copies that a test loads: chosen ones by default, many random ones in the nightly job
FUZZ = int(os.environ.get("KERAS_DCGAN_FUZZ", 0))

hypothesis.settings.register_profile("same", deadline=None, max_examples=10, derandomize=True)
hypothesis.settings.register_profile("random", deadline=None, max_examples=max(FUZZ, 1))
hypothesis.settings.load_profile("random" if FUZZ else "same")

if BACKEND == "tensorflow":
    import tensorflow as tf

# for tests that start the worker processes of a DataLoader: JAX, which a test of OrbaxCheckpoint may have started in
# this process, warns about forks, and the workers do not use it
starts_workers = pytest.mark.filterwarnings("ignore:os.fork\\(\\) was called:RuntimeWarning")


def once(*values):
    """A case of `parametrize` that is marked `once`."""
    return pytest.param(*values, marks=pytest.mark.once)


def pytest_collection_modifyitems(config, items):
    """On JAX and PyTorch, leaves out the tests marked `once`."""
    if BACKEND != "tensorflow":
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("once")])
        items[:] = [item for item in items if not item.get_closest_marker("once")]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """On TensorFlow, runs tf.functions eagerly, since tracing takes longer than a few steps of a tiny model.

    Tests marked `compiled` and those in tests/slow, unless marked `eager`, run as users do.
    """
    if BACKEND == "tensorflow":
        slow = "slow" in item.path.parts and not item.get_closest_marker("eager")
        compiled = item.get_closest_marker("compiled") or slow
        tf.config.run_functions_eagerly(not compiled)


def pytest_sessionfinish():
    shutil.rmtree(os.environ["JAX_COMPILATION_CACHE_DIR"], ignore_errors=True)


@pytest.fixture
def images():
    """24 different uint8 images (8, 8, 1)."""
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
    """A preset's model, conditional if the preset is."""
    model = keras_dcgan.ConditionalDCGAN if PRESETS[name].conditional else keras_dcgan.DCGAN
    return model.from_preset(name, **arguments)


def tiny(preset="radford_28", seed=0, **overrides):
    """A preset with 8x8 pixels and a few channels, compiled."""
    sizes = {"image_shape": (8, 8, 1), "latent_dim": 4, "width": 1 / 32}
    sizes |= {"num_classes": 3} if PRESETS[preset].conditional and "class_names" not in overrides else {}
    gan = from_preset(preset, seed=seed, **(sizes | overrides))
    gan.compile(keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5))
    return gan


def weights(model, optimizer=True):
    """All weights, optimizer states and random states as NumPy arrays."""
    return [v.numpy() for v in (*model.variables, *(model.optimizer.variables if optimizer else []))]


def assert_identical(model, other, optimizer=True):
    """Two models are equal to the last bit."""
    for a, b in zip(weights(model, optimizer), weights(other, optimizer), strict=True):
        np.testing.assert_array_equal(a, b)


def damaged(content, tries=40):
    """Yields copies of a file with one flipped bit or a cut-off end, in turn.

    The positions are spread over the whole file; in the nightly job they are random.
    """
    rng = np.random.default_rng()
    for i in range(FUZZ or tries):
        share = rng.random() if FUZZ else (i + 0.5) / tries
        position = int(share * len(content))
        if i % 2:
            yield content[:position]
        else:
            copy = bytearray(content)
            copy[position] ^= 1 << (rng.integers(8) if FUZZ else i % 8)
            yield bytes(copy)

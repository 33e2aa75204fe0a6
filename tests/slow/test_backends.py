"""The same weights, images and latents give the same training on every backend, each in its own process."""

import importlib.util
import itertools
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

SCRIPT = pathlib.Path(__file__).with_name("one_backend.py")
BACKENDS = ("tensorflow", "jax", "torch")


pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    installed = [b for b in BACKENDS if importlib.util.find_spec(b)]
    if len(installed) < 2:
        pytest.skip(f"only {installed[0]} is installed; pip install 'keras-dcgan[jax,torch]' brings the others")
    made = {}
    for backend in installed:
        out = tmp_path_factory.mktemp(backend) / "results.npz"
        environment = os.environ | {"KERAS_BACKEND": backend}
        subprocess.run([sys.executable, str(SCRIPT), str(out)], env=environment, check=True)
        made[backend] = dict(np.load(out))
    return made


def test_losses_gradients_and_moving_averages_agree(results):
    first, *others = results
    assert len(results[first]) > 100
    for other in others:
        assert results[other].keys() == results[first].keys()
        for key, expected in results[first].items():
            if key.startswith("ten_steps"):
                continue
            step = key.rpartition(".")[0]
            largest = max(np.abs(v).max() for k, v in results[first].items() if k.startswith(f"{step}.gradient"))
            # relative to this array's largest entry; where the true gradient is 0, as of a bias that batch norm
            # takes away again, all that there is is rounding, which goes with the step's largest gradient
            size = np.abs(expected).max()
            difference = np.abs(results[other][key] - expected).max()
            assert difference < 1e-4 * size + 1e-5 * largest, f"{key} on {other} and {first}: {difference} of {size}"


def test_ten_steps_of_every_method_agree(results):
    first, *others = results
    methods = [key for key in results[first] if key.startswith("ten_steps")]
    assert len(methods) == 36
    # hinge and Wasserstein loss train alike as long as no logit exceeds 1
    assert len({tuple(results[first][key].round(4)) for key in methods}) >= 30
    for other, key in itertools.product(others, methods):
        np.testing.assert_allclose(results[other][key], results[first][key], rtol=1e-3, atol=1e-5, err_msg=key)


def test_gradients_are_large_enough_to_compare(results):
    for made in results.values():
        sizes = [np.abs(value).max() for key, value in made.items() if "gradient" in key]
        assert np.median(sizes) > 1e-3

"""The example of a linear support vector machine, against one without the example's pipeline and search."""

import re

import numpy as np
import pytest
from conftest import tiny
from scripts import run
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

import keras_dcgan

pytestmark = pytest.mark.once
ROW = re.compile(r"^(raw pixels|untrained network|trained network) +(\d+) +(\S+) +([\d.]+)%$", re.MULTILINE)


@pytest.fixture(scope="module")
def data():
    """300 training images in the order of their classes, so that the first ones would not do, and 200 for the test."""
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
    by_class = np.argsort(labels[:300], kind="stable")
    return {
        "x_train": images[by_class],
        "y_train": labels[by_class],
        "x_test": images[300:500],
        "y_test": labels[300:500],
    }


def accuracy(c, x, y, test_x, test_y):
    low, high = x.min(axis=0), x.max(axis=0)
    width = np.where(high > low, high - low, 1)
    svm = LinearSVC(C=c, dual=True, tol=0.1, max_iter=10_000, random_state=0).fit((x - low) / width, y)
    return np.mean(svm.predict((test_x - low) / width) == test_y)


def test_rows_are_those_of_pixels_of_the_network_before_its_training_and_of_the_network_after(tmp_path, data):
    np.savez(tmp_path / "little.npz", **data)
    networks = [tiny(image_shape=(28, 28, 1), width=1 / 16) for _ in range(2)]
    # features that tell nothing, so that the rows cannot be alike by chance
    networks[1].discriminator.set_weights([np.zeros_like(w) for w in networks[1].discriminator.get_weights()])
    networks[1].save(tmp_path / "gan.keras")
    output = run("examples/linear_svm.py", tmp_path / "gan.keras", "--data", tmp_path / "little.npz", "--images", 200)
    assert "200 training images, 200 test images" in output
    rows = ROW.findall(output)
    assert [name for name, *_ in rows] == ["raw pixels", "untrained network", "trained network"]

    drawn = np.random.default_rng(0).permutation(300)[:200]
    y, test_y = data["y_train"][drawn], data["y_test"]
    descriptions = [lambda images: images.reshape(-1, 784).astype("float64"), *(gan.features for gan in networks)]
    for (_, features, c, printed), describe in zip(rows, descriptions, strict=True):
        x, test_x = describe(data["x_train"][drawn]), describe(data["x_test"])
        assert int(features) == x.shape[1]
        fitted, held_out, fitted_y, held_out_y = train_test_split(x, y, test_size=0.2, random_state=0)
        on_held_out = {
            value: accuracy(value, fitted, fitted_y, held_out, held_out_y) for value in (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
        }
        assert on_held_out[float(c)] == max(on_held_out.values())
        assert float(printed) / 100 == pytest.approx(accuracy(float(c), x, y, test_x, test_y), abs=1e-4)
    assert rows[1][1] == rows[2][1]
    assert float(rows[1][3]) > 2 * float(rows[2][3])

"""Trained weights of presets."""

import numpy as np
import pytest
from conftest import from_preset

import keras_dcgan
from keras_dcgan import presets


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder with trained weights of `radford_28`, and these weights."""
    generator = keras_dcgan.DCGAN.from_preset("radford_28", seed=5).generator
    arrays = [w.astype("float16") for w in generator.get_weights()]
    np.savez(tmp_path / "radford_28.npz", *arrays)
    monkeypatch.setattr(presets, "WEIGHTS", tmp_path)
    return arrays


def test_load_weights_gives_them_to_the_generator_alone(weights):
    gan = keras_dcgan.DCGAN.from_preset("radford_28", load_weights=True, ema_momentum=0.9, seed=0)
    for network in (gan.generator, gan.averaged_generator):
        for trained, loaded in zip(weights, network.get_weights(), strict=True):
            np.testing.assert_array_equal(loaded, trained.astype("float32"))
    new = keras_dcgan.DCGAN.from_preset("radford_28", seed=0)
    for one, other in zip(gan.discriminator.get_weights(), new.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (gan.generator.get_weights()[0] != new.generator.get_weights()[0]).mean() > 0.99


@pytest.mark.once
def test_load_weights_says_which_there_are(weights):
    with pytest.raises(
        ValueError, match=r'`load_weights`: there are trained weights of "radford_28"\. .*name=\'mnist\''
    ):
        keras_dcgan.DCGAN.from_preset("mnist", load_weights=True)


@pytest.mark.once
def test_load_weights_refuses_other_networks(weights):
    with pytest.raises(
        ValueError, match=r"only ema_momentum and augmentation may be given. Received: latent_dim, width"
    ):
        keras_dcgan.DCGAN.from_preset("radford_28", load_weights=True, width=0.5, latent_dim=3, ema_momentum=0.9)


@pytest.mark.once
def test_files_are_small_and_fit():
    files = sorted(presets.WEIGHTS.glob("*.npz"))
    assert [path.stem for path in files] == ["recommended_cifar10", "recommended_fashion_mnist"]
    assert max(path.stat().st_size for path in files) < 3e6
    assert sum(path.stat().st_size for path in files) < 8e6
    for path in files:
        generator = from_preset(path.stem, load_weights=True).generator
        with np.load(path) as file:
            assert {file[name].dtype.name for name in file.files} == {"float16"}
            for name, loaded in zip(file.files, generator.get_weights(), strict=True):
                np.testing.assert_array_equal(loaded, file[name].astype("float32"))


@pytest.mark.once
def test_trained_fashion_mnist_makes_the_class_asked_for():
    images, labels = keras_dcgan.datasets.load("fashion_mnist_10k")
    means = np.stack([images[labels == c].mean(axis=0) for c in range(10)])

    def nearest(images):
        return ((images[:, None] - means) ** 2).sum(axis=(2, 3, 4)).argmin(axis=1)

    asked = np.arange(500) % 10
    gan = from_preset("recommended_fashion_mnist", load_weights=True, seed=0)
    real = np.mean(nearest(images[:500].astype("float32")) == labels[:500])
    made = np.mean(nearest(gan.generate(labels=asked, seed=0).astype("float32")) == asked)
    assert real == pytest.approx(0.7, abs=0.05)
    assert made == pytest.approx(real, abs=0.1)


@pytest.mark.once
def test_trained_cifar10_has_blue_behind_aeroplanes_and_ships_alone():
    gan = from_preset("recommended_cifar10", load_weights=True, seed=0)
    colours = gan.generate(500, seed=0).mean(axis=(1, 2)).reshape(50, 10, 3).mean(axis=0)  # each class in turn
    blue = colours[:, 2] - colours[:, 0]
    assert sorted(np.argsort(blue)[-2:]) == [0, 8]
    assert blue[[0, 8]].min() > 10
    assert np.delete(blue, [0, 8]).max() < 0

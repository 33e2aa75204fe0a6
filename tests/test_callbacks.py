"""The contract of every callback: training with it is training without it, to the last bit."""

import keras
import numpy as np
import pytest
from conftest import assert_identical, tiny

from keras_dcgan.callbacks import Dashboard, EvaluateLabels, EvaluateSamples, GifSnapshot, TensorBoardSamples


def network(units):
    """A network from pixels to features or scores, the same in every test."""
    start = keras.initializers.GlorotUniform
    x = keras.Input((8, 8, 1))
    y = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(x))
    return keras.Model(x, keras.layers.Dense(units, kernel_initializer=start(seed=1))(y))


# name: makes the callback, given a folder and real images
CALLBACKS = {
    "GifSnapshot": lambda folder, images: GifSnapshot(folder / "samples.gif", frames_dir=folder / "sheets"),
    "Dashboard": lambda folder, images: Dashboard(),
    "TensorBoardSamples": lambda folder, images: TensorBoardSamples(folder / "logs"),
    "EvaluateSamples": lambda folder, images: EvaluateSamples(network(6), images, num_images=12),
    "EvaluateLabels": lambda folder, images: EvaluateLabels(network(3), num_images=12),
}
contract = pytest.mark.parametrize("name", CALLBACKS)
PRESET = "fashion_mnist_conditional"  # whose dropout makes every draw count


@contract
def test_training_is_the_same_with_and_without_it(tmp_path, images, labels, name):
    results = []
    for callbacks in ([CALLBACKS[name](tmp_path, images)], []):
        keras.utils.set_random_seed(4)  # for the order of shuffled images
        gan = tiny(PRESET)
        options = {"batch_size": 12, "epochs": 2, "verbose": 0}
        gan.fit(images, labels, **options, callbacks=callbacks)
        results.append(gan)
    assert_identical(*results)


@pytest.mark.once
@contract
def test_one_object_serves_several_trainings(tmp_path, images, labels, name):
    callback = CALLBACKS[name](tmp_path, images)
    histories = [
        tiny(PRESET).fit(images, labels, batch_size=24, shuffle=False, verbose=0, callbacks=[callback]).history
        for _ in range(2)
    ]
    assert histories[0].keys() == histories[1].keys()
    for key, values in histories[0].items():
        np.testing.assert_allclose(histories[1][key], values, rtol=1e-5)

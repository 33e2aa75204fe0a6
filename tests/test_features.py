"""The discriminator's features: which maps, how they are pooled, and when labels are needed."""

import keras
import numpy as np
import pytest
from conftest import assert_identical, tiny, weights

import keras_dcgan
from keras_dcgan.features import _pool

layers = keras.layers


def with_discriminator(make, side=8):
    """A GAN whose discriminator's output the function makes of its input."""
    generator = keras.Sequential(
        [keras.Input((4,)), layers.Dense(side * side, activation="tanh"), layers.Reshape((side, side, 1))]
    )
    x = keras.Input((side, side, 1))
    return keras_dcgan.DCGAN(generator, keras.Model(x, make(x)))


def maps_of(gan, names, images):
    """What the named layers give for images, by a model of its own."""
    network = keras.Model(gan.discriminator.inputs[0], [gan.discriminator.get_layer(name).output for name in names])
    pixels = images.astype("float32") / 127.5 - 1
    return [keras.ops.convert_to_numpy(x) for x in network(pixels, training=False)]


@pytest.mark.once
def test_maps_are_pooled_to_four_by_four():
    # 6 rows: cells of rows 0-1, 1-2, 3-4, 4-5; 4 columns: a cell each
    maps = np.arange(6 * 4, dtype="float32").reshape(1, 6, 4, 1)
    expected = np.array([[4, 5, 6, 7], [8, 9, 10, 11], [16, 17, 18, 19], [20, 21, 22, 23]], "float32")
    np.testing.assert_array_equal(_pool(maps), expected.reshape(1, 16))


@pytest.mark.once
@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7, 13, 14, 16])
def test_pooling_is_that_of_keras(side):
    maps = np.random.default_rng(side).normal(size=(3, side, side + 2, 5)).astype("float32")
    expected = keras.ops.convert_to_numpy(layers.AdaptiveMaxPooling2D(4)(maps))
    np.testing.assert_array_equal(_pool(maps), expected.reshape(3, -1))


def test_features_are_those_behind_the_activation_layer_after_layer(images):
    gan = tiny("radford_28", width=1 / 16)
    got = gan.features(images)
    first, second = maps_of(gan, [x.name for x in gan.discriminator.layers if isinstance(x, layers.LeakyReLU)], images)
    assert first.shape == (24, 4, 4, 8)
    assert second.shape == (24, 2, 2, 16)
    assert got.shape == (24, 16 * (8 + 16))
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[:, : 16 * 8], first.reshape(24, -1), atol=1e-6)
    # a map of 2 by 2 in a grid of 4 by 4: each of its cells fills four
    np.testing.assert_allclose(
        got[:, 16 * 8 :].reshape(24, 4, 4, 16), second.repeat(2, axis=1).repeat(2, axis=2), atol=1e-6
    )


@pytest.mark.once
def test_one_convolution_is_enough(images):
    gan = with_discriminator(lambda x: layers.Dense(1)(layers.Flatten()(layers.Conv2D(2, 3, padding="same")(x))))
    assert gan.features(images).shape == (24, 16 * 2)


def test_batches_do_not_matter_and_floats_are_as_good_as_pixels(images):
    gan = tiny()
    expected = gan.features(images)
    np.testing.assert_allclose(gan.features(images, batch_size=7), expected, atol=1e-6)
    np.testing.assert_allclose(gan.features(images / np.float32(127.5) - 1), expected, atol=1e-5)


def test_nothing_of_the_model_changes(images):
    gan, other = tiny(), tiny()
    before = len(weights(gan))
    for _ in range(2):
        gan.features(images)
    assert len(weights(gan)) == before
    assert_identical(gan, other)
    for model in (gan, other):
        model.fit(images, batch_size=8, verbose=0, shuffle=False)
    assert_identical(gan, other)


@pytest.mark.once
def test_a_block_ends_where_its_output_is_used_twice(images):
    def residual(x):
        x = layers.Conv2D(3, 3, 2, padding="same", name="a")(x)
        y = layers.Conv2D(3, 3, padding="same", name="b")(layers.ReLU(name="relu")(x))
        return layers.Dense(1)(layers.Flatten()(layers.Add()([x, y])))

    gan = with_discriminator(residual)
    a, b = maps_of(gan, ["a", "b"], images)
    expected = np.concatenate([a.reshape(24, -1), b.reshape(24, -1)], axis=1)
    np.testing.assert_allclose(gan.features(images), expected, atol=1e-6)


@pytest.mark.once
def test_a_wrapped_convolution_is_one_and_the_next_ends_the_block(images):
    def normalised(x):
        x = layers.SpectralNormalization(layers.Conv2D(2, 3, 2, padding="same"), name="a")(x)
        x = layers.Conv2D(2, 1, name="b")(x)
        return layers.Dense(1)(layers.Flatten()(x))

    gan = with_discriminator(normalised)
    a, b = maps_of(gan, ["a", "b"], images)
    expected = np.concatenate([a.reshape(24, -1), b.reshape(24, -1)], axis=1)
    np.testing.assert_allclose(gan.features(images), expected, atol=1e-6)


@pytest.mark.once
def test_labels_are_needed_where_a_convolution_sees_them(images, labels):
    gan = tiny("fashion_mnist_conditional")
    with pytest.raises(ValueError, match=r"`labels` is required: this discriminator.s convolutions"):
        gan.features(images)
    got = gan.features(images, labels, batch_size=7)
    np.testing.assert_array_equal(gan.features(images, labels[:, None], batch_size=7), got)
    assert np.abs(got - gan.features(images, (labels + 1) % 3, batch_size=7)).max() > 1e-4


@pytest.mark.once
def test_labels_may_be_left_out_where_they_meet_the_last_map_alone(images, labels):
    gan = tiny("radford_28_conditional")
    np.testing.assert_array_equal(gan.features(images), gan.features(images, labels))


@pytest.mark.once
def test_mixed_precision_gives_float32(images):
    expected = tiny().features(images)
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        got = tiny().features(images)
    finally:
        keras.config.set_dtype_policy("float32")
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, expected, rtol=0.05, atol=0.02 * np.abs(expected).max())


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"images": np.zeros((2, 9, 8, 1), "uint8")}, ValueError, "Images must have shape"),
        ({"images": np.full((2, 8, 8, 1), 2.0)}, ValueError, "Float images must lie in"),
        ({"batch_size": 0}, ValueError, "`batch_size` must be a positive integer"),
    ],
)
def test_refuses_nonsense(images, arguments, error, message):
    with pytest.raises(error, match=message):
        tiny().features(**({"images": images} | arguments))


@pytest.mark.once
def test_refuses_labels_that_do_not_exist(images, labels):
    with pytest.raises(ValueError, match="Labels must be integers"):
        tiny("fashion_mnist_conditional").features(images, labels + 3)


@pytest.mark.once
def test_refuses_a_discriminator_without_convolutions_of_its_own(images):
    inner = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3), layers.Flatten()])
    gan = with_discriminator(lambda x: layers.Dense(1)(inner(x)))
    with pytest.raises(ValueError, match=r"convolutional layers of its own.*InputLayer, Sequential, Dense"):
        gan.features(images)

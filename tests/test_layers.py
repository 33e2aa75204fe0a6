"""Layers: against NumPy, and in training."""

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical, once, tiny
from keras import layers, ops

import keras_dcgan
from keras_dcgan import backend
from keras_dcgan.layers import (
    BatchNormalization,
    ConditionalBatchNormalization,
    Conv2DTranspose,
    SpectralNormalization,
)


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    "options", [{}, {"dtype": "bfloat16"}, once({"scale": False, "center": False}), once({"axis": 1, "momentum": 0.5})]
)
def test_batch_normalization_computes_what_keras_computes(options):
    x = 2 * random(6, 4, 5, 3) + 1
    ours, theirs = BatchNormalization(**options), layers.BatchNormalization(**options)
    for training in (True, False):
        outputs = [ops.convert_to_numpy(layer(x, training=training)) for layer in (ours, theirs)]
        np.testing.assert_allclose(*outputs, rtol=1e-4, atol=1e-5)
        for a, b in zip(ours.weights, theirs.weights, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5)
    assert (outputs[0] != x).any()


def test_frozen_batch_normalization_uses_its_moving_averages():
    layer = BatchNormalization(epsilon=0.0)
    x = random(6, 3)
    layer(x)
    layer.trainable = False
    np.testing.assert_allclose(ops.convert_to_numpy(layer(x, training=True)), x, rtol=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"kernel_size": 4, "strides": 2},
        {"kernel_size": 5, "strides": 2, "activation": "relu"},
        {"kernel_size": 5, "strides": 1, "use_bias": False, "dtype": "bfloat16"},
        {"kernel_size": (3, 5), "strides": (3, 1)},
        once({"kernel_size": 2, "strides": 3}),
        once({"kernel_size": 4, "strides": 2, "padding": "valid"}),
        once({"kernel_size": 4, "strides": 2, "output_padding": 1}),
        once({"kernel_size": 3, "strides": 1, "dilation_rate": 2}),
    ],
)
def test_conv_2d_transpose_computes_what_keras_computes(options):
    x = ops.convert_to_tensor(random(6, 7, 5, 3))
    options = {"filters": 4, "padding": "same", "bias_initializer": "ones"} | options
    ours, theirs = Conv2DTranspose(**options), layers.Conv2DTranspose(**options)
    outputs = []
    for layer in (ours, theirs):
        assert tuple(layer.compute_output_shape(x.shape)) == tuple(layer(x).shape)
        layer.set_weights([random(*w.shape, seed=i) for i, w in enumerate(layer.weights)])
        gradient = backend.input_gradient(lambda x, layer=layer: ops.sum(ops.square(ops.cast(layer(x), "float32"))), x)
        outputs.append([ops.convert_to_numpy(ops.cast(y, "float32")) for y in (layer(x), gradient)])
    tolerance = {"rtol": 0.05, "atol": 1.0} if options.get("dtype") else {"rtol": 1e-4, "atol": 1e-3}
    for mine, kerass in zip(*outputs, strict=True):
        np.testing.assert_allclose(mine, kerass, **tolerance)
    assert Conv2DTranspose.from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.once
@pytest.mark.parametrize("name", ["scale", "center"])
def test_conditional_batch_normalization_has_its_own_scales_and_centers(name):
    with pytest.raises(TypeError, match=name):
        ConditionalBatchNormalization(10, **{name: True})


@pytest.mark.parametrize("options", [{}, once({"axis": 1, "epsilon": 0.1})])
def test_conditional_batch_normalization_scales_and_shifts_by_the_label(options):
    x, labels = 2 * random(6, 4, 5, 3) + 1, np.array([0, 2, 1, 2, 0, 0], "int32")
    layer, plain = ConditionalBatchNormalization(3, **options), layers.BatchNormalization(**options)
    axis = options.get("axis", 3)
    layer.build(x.shape, labels.shape)
    scales, centers = random(2, 3, x.shape[axis])
    layer.scales.assign(scales)
    layer.centers.assign(centers)
    for training in (True, False):
        normalized = ops.convert_to_numpy(plain(x, training=training))
        outputs = ops.convert_to_numpy(layer(x, labels, training=training))
        for image, label, before in zip(outputs, labels, normalized, strict=True):
            expected = np.moveaxis(before, axis - 1, -1) * scales[label] + centers[label]
            np.testing.assert_allclose(np.moveaxis(image, axis - 1, -1), expected, rtol=1e-3, atol=1e-4)
    assert layer.compute_output_shape(x.shape, labels.shape) == x.shape
    copy = ConditionalBatchNormalization.from_config(layer.get_config())
    copy(x, labels)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(*(ops.convert_to_numpy(each(x, labels)) for each in (layer, copy)))


def test_conditional_batch_normalization_learns_every_class_from_its_own_images():
    layer = ConditionalBatchNormalization(4)
    labels, x = keras.Input((), dtype="int32"), keras.Input((2,))
    model = keras.Model([x, labels], layer(x, labels))
    model.compile(keras.optimizers.SGD(0.1), "mse")
    model.train_on_batch([random(6, 2), np.array([0, 2, 2, 0, 0, 2])], random(6, 2, seed=1))
    for weights, start in ((layer.scales, 1), (layer.centers, 0)):
        changed = (weights.numpy() != start).any(axis=1)
        np.testing.assert_array_equal(changed, [True, False, True, False])


def test_conditional_batch_normalization_uses_the_initializers_of_keras():
    layer = ConditionalBatchNormalization(4, gamma_initializer="zeros", beta_initializer=keras.initializers.Constant(3))
    x = random(5, 2)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer(x, np.zeros(5, "int32"))), np.full_like(x, 3))


def test_the_number_of_classes_is_that_of_conditional_batch_normalization():
    z, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = layers.Reshape((8, 8, 1))(layers.Dense(64)(z))
    generator = keras.Model([z, labels], ConditionalBatchNormalization(7)(x, labels))
    images, own = keras.Input((8, 8, 1)), keras.Input((1,))
    discriminator = keras.Model([images, own], layers.Dense(1)(layers.Concatenate()([layers.Flatten()(images), own])))
    assert keras_dcgan.ConditionalDCGAN(generator, discriminator).num_classes == 7


def weight_of(layer):
    return layer.layer.kernel if hasattr(layer.layer, "kernel") else layer.layer.embeddings


SPECTRAL = {
    "dense": (lambda: layers.Dense(5), (7,)),
    "convolution": (lambda: layers.Conv2D(5, 3, strides=2, padding="same"), (8, 8, 2)),
    "embedding": (lambda: layers.Embedding(6, 4), ()),
}


@pytest.mark.parametrize("kind", ["convolution", once("dense"), once("embedding")])
def test_spectral_normalization_divides_the_kernel_by_its_largest_singular_value(kind):
    make, shape = SPECTRAL[kind]
    layer = SpectralNormalization(make(), power_iterations=100)
    x = np.arange(6) if kind == "embedding" else random(3, *shape)
    layer(x)
    before = layer.get_weights()
    outputs = ops.convert_to_numpy(layer(x, training=True))
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)  # the forward pass writes nothing
    kernel = weight_of(layer).numpy()
    largest = np.linalg.svd(kernel.reshape(-1, kernel.shape[-1]), compute_uv=False)[0]
    layer.layer.set_weights([kernel / largest, *layer.layer.get_weights()[1:]])
    np.testing.assert_allclose(outputs, ops.convert_to_numpy(layer.layer(x)), rtol=1e-3, atol=1e-5)


def test_spectral_normalization_iterates_once_per_update():
    layer = SpectralNormalization(layers.Dense(5))
    layer(random(3, 7))
    kernel, u = layer.layer.kernel.numpy(), layer.u.numpy()
    for _ in range(3):
        v = u @ kernel.T
        u = v / np.linalg.norm(v) @ kernel
        u /= np.linalg.norm(u)
        layer.update_state()
        np.testing.assert_allclose(layer.u.numpy(), u, rtol=1e-4, atol=1e-6)


def spectral(layer=SpectralNormalization):
    start = keras.initializers.GlorotUniform
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layer(layers.Conv2D(4, 3, strides=2, padding="same", kernel_initializer=start(1))),
            layers.LeakyReLU(0.1),
            layers.Flatten(),
            layer(layers.Dense(1, kernel_initializer=start(2))),
        ]
    )


@pytest.mark.compiled
@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
def test_models_update_spectral_normalization_once_per_step(images, update):
    gan = keras_dcgan.DCGAN(tiny().generator, spectral(), seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), update=update, discriminator_steps=2)
    layer = gan.discriminator.layers[0]
    expected = SpectralNormalization(layers.Conv2D(4, 3, strides=2, padding="same"))
    expected(images[:1].astype("float32"))
    expected.set_weights(layer.get_weights())
    for _ in range(2):
        expected.update_state()
        gan.train_on_batch(images)
        np.testing.assert_allclose(layer.u.numpy(), expected.u.numpy(), rtol=1e-4, atol=1e-6)
        expected.layer.set_weights(layer.layer.get_weights())


@pytest.mark.compiled
def test_spectral_normalization_bounds_the_discriminator_and_continues_exactly(tmp_path, images):
    gan = keras_dcgan.DCGAN(tiny().generator, spectral(), seed=0)
    gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), "wasserstein")
    gan.fit(images, batch_size=8, epochs=5, shuffle=False, verbose=0)
    dense = gan.discriminator.layers[-1]
    assert np.linalg.norm(dense.layer.kernel.numpy()) > 2
    x, y = random(1, 8, 8, 1), random(1, 8, 8, 1, seed=1)
    logits = [ops.convert_to_numpy(gan.discriminator(image))[0, 0] for image in (x, y)]
    # each layer has a Lipschitz constant of about 1: a convolution up to 3, the square root of its overlaps
    assert abs(logits[0] - logits[1]) < 4 * np.linalg.norm(x - y)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for model in (gan, loaded):
        model.fit(images, batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert_identical(loaded, gan)


def test_the_gradient_flows_through_the_singular_value(images):
    """Scaling a kernel changes nothing in its output, so the gradient along the kernel is zero."""
    gan = keras_dcgan.DCGAN(tiny().generator, spectral(lambda x: SpectralNormalization(x, 50)), seed=0)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(1.0), "wasserstein")
    kernels = [layer.layer.kernel for layer in (gan.discriminator.layers[0], gan.discriminator.layers[-1])]
    before = [kernel.numpy() for kernel in kernels]
    gan.train_on_batch(images)
    for old, kernel in zip(before, kernels, strict=True):
        gradient = old - kernel.numpy()
        assert np.linalg.norm(gradient) > 1e-3
        assert abs((gradient * old).sum()) < 1e-3 * np.linalg.norm(gradient) * np.linalg.norm(old)


def test_spectral_normalization_recovers_from_a_kernel_of_zeros(images):
    dense = layers.Dense(1, kernel_initializer="zeros")
    discriminator = keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), SpectralNormalization(dense)])
    gan = keras_dcgan.DCGAN(tiny().generator, discriminator, seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), "wasserstein")
    losses = [float(gan.train_on_batch(images, return_dict=True)["d_loss"]) for _ in range(5)]
    assert losses[0] == 0
    assert max(map(abs, losses)) < 20  # the images have 64 pixels in [-1, 1]
    assert np.linalg.norm(discriminator.layers[-1].u.numpy()) == pytest.approx(1, rel=1e-5)
    assert np.abs(dense.kernel.numpy()).max() > 1e-3


def test_spectral_normalization_computes_in_float32_under_mixed_precision():
    layer = SpectralNormalization(layers.Dense(5, dtype="mixed_bfloat16"), 20)
    x = random(3, 7)
    assert keras.backend.standardize_dtype(layer(x).dtype) == "bfloat16"
    kernel = layer.layer.kernel.numpy()
    expected = x @ kernel / np.linalg.norm(kernel, 2)
    np.testing.assert_allclose(ops.convert_to_numpy(ops.cast(layer(x), "float32")), expected, rtol=0.05, atol=0.02)


@pytest.mark.once
def test_spectral_normalization_refuses_what_has_no_kernel_and_no_iterations():
    with pytest.raises(ValueError, match="`layer` must have a kernel or embeddings"):
        SpectralNormalization(layers.LeakyReLU())(random(2, 3))
    with pytest.raises(ValueError, match="`power_iterations` must be a positive integer"):
        SpectralNormalization(layers.Dense(1), power_iterations=0)


@pytest.mark.filterwarnings("ignore:The structure of `inputs`")
def test_keras_spectral_normalization_trains_or_is_refused(images):
    gan = keras_dcgan.DCGAN(tiny().generator, spectral(layers.SpectralNormalization), seed=0)
    if BACKEND == "torch":
        with pytest.raises(ValueError, match=r"use keras_dcgan.layers.SpectralNormalization"):
            gan.compile()
        return
    gan.compile("sgd", "sgd", "wasserstein")
    for _ in range(20):
        gan.train_on_batch(images)
    kernel = gan.discriminator.layers[-1].layer.kernel.numpy()
    assert np.linalg.norm(kernel, 2) == pytest.approx(1, abs=0.05)  # except for the last step


@pytest.mark.once
def test_penalties_leave_other_packages_alone(images):
    import tensorflow as tf

    moments = tf.nn.moments
    gan = tiny("recommended")
    gan.compile()
    gan.train_on_batch(images)
    assert tf.nn.moments is moments

"""The R1 penalty: against its formula, and in its place in a step."""

import keras
import numpy as np
import pytest
from conftest import assert_identical, once, tiny
from keras import layers

import keras_dcgan
from keras_dcgan.losses import R1

UPDATES = ("simultaneous", "alternating")


def models(loss, update, make_discriminator, rate=0.0):
    """Two equal models, one with the penalty."""
    pair = []
    for one in (loss, loss.loss):
        generator = tiny().generator
        gan = keras_dcgan.DCGAN(generator, make_discriminator(), seed=0)
        gan.compile("sgd", keras.optimizers.SGD(rate), one, update=update)
        gan.g_opt.learning_rate = 0.0
        pair.append(gan)
    return pair


def linear():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(1)),
        ]
    )


def curved():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, 2, activation="tanh", kernel_initializer=keras.initializers.GlorotUniform(1)),
            layers.BatchNormalization(),
            layers.Activation("tanh"),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(2)),
        ]
    )


def difference_of_losses(gan, plain, images):
    d_losses = [float(m.train_on_batch(images, return_dict=True)["d_loss"]) for m in (gan, plain)]
    for model in (gan, plain):
        model.reset_metrics()
    return d_losses[0] - d_losses[1]


@pytest.mark.parametrize("update", UPDATES)
def test_of_a_linear_discriminator_is_half_gamma_times_its_squared_weights(images, update):
    gan, plain = models(R1("hinge", gamma=3.0), update, linear, rate=0.1)
    kernel = gan.discriminator.layers[-1].kernel.numpy()
    assert difference_of_losses(gan, plain, images) == pytest.approx(3.0 / 2 * (kernel**2).sum(), rel=1e-4)
    # one step of descent: γ w more
    after, plain_after = (m.discriminator.layers[-1].kernel.numpy() for m in (gan, plain))
    np.testing.assert_allclose(after - plain_after, -0.1 * 3.0 * kernel, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
def test_of_a_curved_discriminator_is_its_slope_by_finite_differences(images, update):
    gan, plain = models(R1(gamma=0.5), update, curved)
    x = (images[:2] / 127.5 - 1).astype("float32")
    d, step = gan.discriminator, 1e-2

    def total(x):  # with batch statistics; what the pass leaves behind is taken back
        before = d.get_weights()
        logits = keras.ops.convert_to_numpy(d(x, training=True)).astype("float64")
        d.set_weights(before)
        return logits.sum()

    # every image's own slope: the sum over the batch changes by it, batch statistics included
    slopes = np.zeros_like(x, "float64")
    for index in np.ndindex(x.shape):
        moved = x.copy(), x.copy()
        moved[0][index] += step
        moved[1][index] -= step
        slopes[index] = (total(moved[0]) - total(moved[1])) / (2 * step)
    expected = 0.5 / 2 * (slopes**2).sum((1, 2, 3)).mean()
    assert expected > 0.01
    assert difference_of_losses(gan, plain, images[:2]) == pytest.approx(expected, rel=0.02)


@pytest.mark.once
def test_keeps_the_penalty_of_the_loss_that_it_is_put_around(images):
    one, two = R1(gamma=2.0), R1(R1(gamma=1.5), gamma=0.5)
    found = [difference_of_losses(*models(loss, "simultaneous", linear), images) for loss in (one, two)]
    assert found[1] == pytest.approx(found[0] * 0.5 / 2.0, rel=1e-4)  # models() compares with the inner loss
    gan = models(two, "simultaneous", linear)[0]
    plain = models(one, "simultaneous", linear)[1]
    assert difference_of_losses(gan, plain, images) == pytest.approx(found[0], rel=1e-4)


@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
def test_is_computed_at_its_interval_with_as_much_more_weight(images, update):
    every, lazy = (models(R1(gamma=2.0, interval=i), update, linear) for i in (1, 3))
    always = difference_of_losses(*every, images)
    found = [difference_of_losses(*lazy, images) for _ in range(7)]
    np.testing.assert_allclose(found, [3 * always, 0, 0, 3 * always, 0, 0, 3 * always], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("update", UPDATES)
def test_leaves_moving_averages_and_random_states_alone(images, update):
    def discriminator():
        dropout = layers.Dropout(0.5, seed=1)
        return keras.Sequential([keras.Input((8, 8, 1)), *curved().layers[:-2], dropout, *curved().layers[-2:]])

    gan, plain = models(R1(gamma=0.5), update, discriminator)
    assert difference_of_losses(gan, plain, images) > 0
    assert_identical(gan, plain)


def test_is_saved_with_its_loss_and_continues_exactly(tmp_path, images, labels):
    gan, parts = tiny("radford_28_conditional"), (images, labels)
    gan.compile("adam", "adam", R1(keras_dcgan.losses.NonSaturating(0.1), gamma=2.0, interval=2))
    gan.fit(*parts, batch_size=8, epochs=1, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert (loaded.loss.gamma, loaded.loss.interval, loaded.loss.loss.label_smoothing) == (2.0, 2, 0.1)
    for model in (gan, loaded):
        model.fit(*parts, batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert_identical(loaded, gan)


@pytest.mark.once
@pytest.mark.parametrize("gamma", [0, -1.0, float("inf"), float("nan"), "1"])
def test_refuses_a_weight_that_is_not_positive(gamma):
    with pytest.raises(ValueError, match="`gamma` weighs the penalty and must be positive"):
        R1(gamma=gamma)


@pytest.mark.once
def test_refuses_an_interval_that_is_no_count_and_what_is_no_loss():
    with pytest.raises(ValueError, match="`interval` must be a positive integer"):
        R1(interval=0)
    with pytest.raises(TypeError, match="`interval` must be a positive integer"):
        R1(interval=1.5)
    with pytest.raises(ValueError, match="Unknown loss"):
        R1("r1")

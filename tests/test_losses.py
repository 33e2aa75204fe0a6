"""Losses against values computed by hand."""

import math

import keras
import numpy as np
import pytest
from keras import ops

from keras_dcgan import losses

REAL = np.array([[2.0], [-1.0]], "float32")
FAKE = np.array([[0.5], [-3.0]], "float32")


def softplus(x):
    return math.log1p(math.exp(x))


# -log σ(x) = softplus(-x), -log(1 - σ(x)) = softplus(x)
CROSS_ENTROPY_D = (softplus(-2) + softplus(1)) / 2 + (softplus(0.5) + softplus(-3)) / 2
EXPECTED = {
    "non_saturating": (CROSS_ENTROPY_D, (softplus(-0.5) + softplus(3)) / 2),
    "minimax": (CROSS_ENTROPY_D, -(softplus(0.5) + softplus(-3)) / 2),
    "least_squares": (0.5 * (1 + 4) / 2 + 0.5 * (0.25 + 9) / 2, 0.5 * (0.25 + 16) / 2),
    "hinge": ((0 + 2) / 2 + (1.5 + 0) / 2, -(0.5 - 3) / 2),
    "wasserstein": ((0.5 - 3) / 2 - (2 - 1) / 2, -(0.5 - 3) / 2),
}


def both(loss, real, fake):
    real, fake = ops.convert_to_tensor(real), ops.convert_to_tensor(fake)
    return float(loss.discriminator(real, fake)), float(loss.generator(fake))


@pytest.mark.parametrize("name", losses.LOSSES)
def test_equals_the_value_computed_by_hand(name):
    assert both(losses.get(name), REAL, FAKE) == pytest.approx(EXPECTED[name], rel=1e-6)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_is_a_float32_scalar(name):
    loss = losses.get(name)
    real, fake = ops.convert_to_tensor(REAL), ops.convert_to_tensor(FAKE)
    for value in (loss.discriminator(real, fake), loss.generator(fake)):
        assert tuple(value.shape) == ()
        assert keras.backend.standardize_dtype(value.dtype) == "float32"


@pytest.mark.parametrize("name", losses.LOSSES)
@pytest.mark.parametrize("size", [1e4, -1e4])
def test_is_finite_at_extreme_logits_and_prefers_the_right_side(name, size):
    loss = losses.get(name)
    real, fake = np.full((2, 1), size, "float32"), np.full((2, 1), -size, "float32")
    d_loss, g_loss = both(loss, real, fake)
    d_at_zero, g_at_zero = both(loss, 0 * real, 0 * fake)
    assert np.isfinite([d_loss, g_loss]).all()
    if name != "least_squares":  # which pulls to 1 and 0 from both sides
        assert d_loss < d_at_zero if size > 0 else d_loss > d_at_zero  # size > 0: the discriminator is right
        assert g_loss > g_at_zero if size > 0 else g_loss < g_at_zero  # and the generator found out


def test_cross_entropy_at_extreme_logits_is_the_logit():
    real, fake = np.full((2, 1), -1e4, "float32"), np.full((2, 1), 1e4, "float32")
    assert both(losses.NonSaturating(), real, fake) == pytest.approx((2e4, 0.0))
    assert both(losses.Minimax(), real, fake) == pytest.approx((2e4, -1e4))


def test_label_smoothing_means_what_it_means_in_keras():
    bce = keras.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.2)
    real, fake = ops.convert_to_tensor(REAL), ops.convert_to_tensor(FAKE)
    ones, zeros = ops.ones_like(real), ops.zeros_like(fake)
    keras_d = float(bce(ones, real)) + float(bce(zeros, fake))
    for loss in (losses.NonSaturating(label_smoothing=0.2), losses.get(bce)):
        assert both(loss, REAL, FAKE) == pytest.approx((keras_d, float(bce(ones, fake))), rel=1e-5)
    assert both(losses.Minimax(0.2), REAL, FAKE) == pytest.approx((keras_d, -float(bce(zeros, fake))), rel=1e-5)
    # by hand: target 1 becomes 0.9, and -0.9 log σ(x) - 0.1 log(1 - σ(x)) = 0.9 softplus(-x) + 0.1 softplus(x)
    by_hand = np.mean([0.9 * softplus(-x) + 0.1 * softplus(x) for x in FAKE.ravel().tolist()])
    assert both(losses.NonSaturating(0.2), REAL, FAKE)[1] == pytest.approx(by_hand, rel=1e-6)


@pytest.mark.once
@pytest.mark.parametrize("name", losses.LOSSES)
def test_survives_serialisation(name):
    loss = losses.get(name)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()


@pytest.mark.once
def test_smoothing_survives_serialisation():
    loss = losses.NonSaturating(label_smoothing=0.2)
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(loss))
    assert again.label_smoothing == 0.2


@pytest.mark.once
def test_default_is_non_saturating():
    assert type(losses.get(None)) is losses.NonSaturating


@pytest.mark.once
@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        ("unknown", ValueError, '"non_saturating", "minimax", "least_squares", "hinge", "wasserstein"'),
        (keras.losses.BinaryCrossentropy(), ValueError, "from_logits=True"),
        (keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum"), ValueError, "mean over the batch"),
        (losses.Hinge, TypeError, "pass an instance"),
        (keras.losses.MeanSquaredError(), TypeError, "generator"),
        (3, TypeError, "loss=3"),
    ],
)
def test_refuses_what_is_no_adversarial_loss(loss, error, message):
    with pytest.raises(error, match=message):
        losses.get(loss)


@pytest.mark.once
@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_refuses_smoothing_outside_its_range(smoothing):
    with pytest.raises(ValueError, match="label_smoothing"):
        losses.NonSaturating(label_smoothing=smoothing)

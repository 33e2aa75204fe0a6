"""Losses against values computed by hand."""

import math

import keras
import numpy as np
import pytest
from conftest import assert_identical, tiny, weights
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
    "relativistic": ((softplus(0.5 - 2) + softplus(-3 + 1)) / 2, (softplus(2 - 0.5) + softplus(-1 + 3)) / 2),
}


def both(loss, real, fake):
    real, fake = ops.convert_to_tensor(real), ops.convert_to_tensor(fake)
    return float(loss.discriminator(real, fake)), float(loss.generator(fake, real))


@pytest.mark.parametrize("name", losses.LOSSES)
def test_equals_the_value_computed_by_hand(name):
    assert both(losses.get(name), REAL, FAKE) == pytest.approx(EXPECTED[name], rel=1e-6)


@pytest.mark.parametrize("name", losses.LOSSES)
def test_is_a_float32_scalar(name):
    loss = losses.get(name)
    real, fake = ops.convert_to_tensor(REAL), ops.convert_to_tensor(FAKE)
    for value in (loss.discriminator(real, fake), loss.generator(fake, real)):
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


@pytest.mark.parametrize("name", losses.LOSSES)
def test_only_the_relativistic_loss_of_the_generator_reads_real_logits(name):
    loss, fake = losses.get(name), ops.convert_to_tensor(FAKE)
    values = [float(losses.generator_loss(loss, fake, ops.convert_to_tensor(real))) for real in (REAL, REAL + 1)]
    assert (values[0] != values[1]) == loss.relativistic == (name == "relativistic")
    if not loss.relativistic:
        assert float(loss.generator(fake)) == values[0]


@keras.saving.register_keras_serializable("tests")
def generator_loss(fake_logits):
    return keras.losses.BinaryCrossentropy(from_logits=True)(ops.ones_like(fake_logits), fake_logits)


@keras.saving.register_keras_serializable("tests")
def discriminator_loss(real_logits, fake_logits):
    cross_entropy = keras.losses.BinaryCrossentropy(from_logits=True)
    real_loss = cross_entropy(ops.ones_like(real_logits), real_logits)
    return real_loss + cross_entropy(ops.zeros_like(fake_logits), fake_logits)


def test_a_pair_of_functions_is_a_loss_also_in_a_saved_model(tmp_path, images):
    assert both(losses.get((generator_loss, discriminator_loss)), REAL, FAKE) == pytest.approx(
        EXPECTED["non_saturating"], rel=1e-5
    )
    gan, named = tiny(), tiny()
    gan.compile("sgd", "sgd", (generator_loss, discriminator_loss))
    named.compile("sgd", "sgd")
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    logs = [model.train_on_batch(images, return_dict=True) for model in (gan, named, loaded)]
    assert logs[0] == pytest.approx(logs[1], rel=1e-5)
    assert_identical(loaded, gan)


class NeedsRealLogits:
    """As AdversarialLoss, but without the attribute `relativistic`."""

    def discriminator(self, real_logits, fake_logits):
        return ops.mean(fake_logits - real_logits)

    def generator(self, fake_logits, real_logits):
        return ops.mean(real_logits - fake_logits)


@pytest.mark.once
@pytest.mark.parametrize("loss", [NeedsRealLogits(), (discriminator_loss, generator_loss)])
def test_says_how_the_methods_are_called(loss):
    with pytest.raises(TypeError, match=r"is called as discriminator\(real_logits, fake_logits\).*relativistic = True"):
        losses.get(loss)


NOT_SCALARS = {
    "one value per image": lambda logits: ops.softplus(logits)[:, 0],
    "integers": lambda logits: ops.sum(ops.cast(logits > 0, "int32")),
    "no tensor": lambda logits: None,
}


@pytest.mark.parametrize("side", ["generator", "discriminator"])
@pytest.mark.parametrize("fault", NOT_SCALARS)
def test_refuses_a_result_that_is_no_float_scalar_before_training(side, fault):
    gan = tiny()
    gan.compile()
    before = weights(gan)
    pair = {
        "generator": (NOT_SCALARS[fault], discriminator_loss),
        "discriminator": (generator_loss, lambda real, fake: NOT_SCALARS[fault](fake)),
    }[side]
    with pytest.raises(ValueError, match=f"The {side}'s loss must be a float scalar, the mean over the batch"):
        gan.compile(loss=pair)
    for old, new in zip(before, weights(gan), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.once
@pytest.mark.parametrize(
    ("loss", "error", "message"),
    [
        ("unknown", ValueError, '"non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic"'),
        ("binary_crossentropy", ValueError, "Did you mean `non_saturating`"),
        ("BCE", ValueError, "Did you mean `non_saturating`"),
        ("wgan", ValueError, "Did you mean `wasserstein`"),
        ("wgan-gp", ValueError, r"loss=\"wasserstein\" with penalties=\[keras_dcgan.penalties.GradientPenalty"),
        ("lsgan", ValueError, "Did you mean `least_squares`"),
        ("hinges", ValueError, "Did you mean `hinge`"),
        (keras.losses.BinaryCrossentropy(), ValueError, "from_logits=True"),
        (keras.losses.BinaryCrossentropy(from_logits=True, reduction="sum"), ValueError, "average over the batch"),
        (losses.Hinge, TypeError, "an instance of a class"),
        (keras.losses.MeanSquaredError(), TypeError, "a pair of functions"),
        (3, TypeError, "loss=3"),
        (None, TypeError, "loss=None"),
        ((generator_loss,), TypeError, "a pair of functions"),
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

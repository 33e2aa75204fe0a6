"""Penalties: against closed forms and finite differences, and as parts of a training step."""

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical, once, tiny
from keras import layers, ops

import keras_dcgan
from keras_dcgan.penalties import R1, R2, GradientPenalty, MismatchedLabels, Penalty

UPDATES = ("simultaneous", "alternating")
BatchNormalization = keras_dcgan.layers.BatchNormalization


# for a linear discriminator D(x) = w·x + b: the penalty's value and its gradient with respect to w
def of_linear(w, real):
    norm = np.linalg.norm(w)
    return {
        "R1": (R1(gamma=3.0), 1.5 * norm**2, 3 * w),
        "R2": (R2(gamma=3.0), 1.5 * norm**2, 3 * w),
        "GradientPenalty": (GradientPenalty(), 10 * (norm - 1) ** 2, 20 * (norm - 1) * w / norm),
    }


PENALTIES = {
    "R1": lambda interval=1: R1(gamma=0.5, interval=interval),
    "R2": lambda interval=1: R2(gamma=0.5, interval=interval),
    "GradientPenalty": lambda interval=1: GradientPenalty(weight=1.0, interval=interval),
}
penalties = pytest.mark.parametrize("name", PENALTIES)


def linear():
    start = keras.initializers.GlorotUniform(1)
    return keras.Sequential([keras.Input((8, 8, 1)), layers.Flatten(), layers.Dense(1, kernel_initializer=start)])


def curved():
    start = keras.initializers.GlorotUniform
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, 2, activation="tanh", kernel_initializer=start(1)),
            BatchNormalization(),
            layers.Activation("tanh"),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer=start(2)),
        ]
    )


class GivenLatents(keras_dcgan.DCGAN):
    """Trains on the same latent vectors in every step, so that penalties may draw random numbers."""

    def sample_latents(self, n, seed=None):
        return super().sample_latents(n, seed=0)


def model(penalties=(), make_discriminator=linear, rate=0.0, **options):
    """A model whose generator stays as it is."""
    gan = GivenLatents(tiny().generator, make_discriminator(), seed=0)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(rate), "hinge", penalties=penalties, **options)
    return gan


def d_loss(gan, images):
    logs = gan.train_on_batch(images, return_dict=True)
    gan.reset_metrics()
    return float(logs["d_loss"])


def value(make, penalties, images, **options):
    """The penalty's value in the first step: d_loss with it minus d_loss without."""
    return d_loss(make(penalties, **options), images) - d_loss(make((), **options), images)


@pytest.mark.parametrize("shape", [(6,), once((6, 1))])
def test_mismatched_labels_count_as_fake_where_they_differ(images, shape):
    labels = np.array([0, 0, 1, 2, 2, 0], "int32").reshape(shape)

    def loss(penalties):
        gan = tiny("radford_28_conditional")
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), penalties=penalties)
        return gan, float(gan.train_on_batch(images[:6], labels, return_dict=True)["d_loss"])

    (gan, with_penalty), (_, without) = loss([MismatchedLabels(2.0)]), loss([])
    real = images[:6].astype("float32") / 127.5 - 1
    logits = gan.discriminator([real[[5, 0, 1, 2, 3, 4]], labels.ravel()], training=True)
    terms = np.log1p(np.exp(ops.convert_to_numpy(logits)[:, 0]))
    assert with_penalty - without == pytest.approx(2 * terms[[2, 3, 5]].sum() / 6, rel=1e-4)


def test_mismatched_labels_teach_the_discriminator_the_classes():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 256).astype("int32")
    images = np.where(labels[:, None, None, None] == 0, 60, 200) + rng.integers(-20, 20, (256, 8, 8, 1))
    gan = tiny("radford_28_conditional", num_classes=2)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.Adam(1e-2), penalties=[MismatchedLabels()])
    gan.fit(images.astype("uint8"), labels, batch_size=32, epochs=5, verbose=0)
    right, wrong = (gan.discriminate(images.astype("uint8"), own) for own in (labels, 1 - labels))
    assert np.mean(right > wrong) > 0.95


def test_mismatched_labels_need_labels():
    gan = tiny()
    with pytest.raises(ValueError, match=r"MismatchedLabels needs labels.*Received: MismatchedLabels for a model"):
        gan.compile(penalties=[MismatchedLabels()])


@penalties
@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
def test_value_and_gradient_equal_the_closed_form_for_a_linear_discriminator(images, name, update):
    real = (images / np.float32(127.5) - 1).reshape(len(images), -1)
    w = linear().layers[-1].kernel.numpy()[:, 0]
    penalty, expected, gradient = of_linear(w, real)[name]
    assert value(model, [penalty], images, update=update) == pytest.approx(expected, rel=1e-4)
    kernels = []
    for listed in ([penalty], []):
        gan = model(listed, rate=0.1, update=update)
        gan.train_on_batch(images)
        kernels.append(gan.discriminator.layers[-1].kernel.numpy()[:, 0])
    np.testing.assert_allclose((kernels[1] - kernels[0]) / 0.1, gradient, rtol=1e-3, atol=1e-4)


@penalties
def test_gradient_equals_finite_differences_through_batch_normalization(images, name):
    direction = np.random.default_rng(1)

    def moved(step):
        gan = model([PENALTIES[name]()], curved)
        rng = np.random.default_rng(1)
        for variable in gan.discriminator.trainable_variables:
            variable.assign(variable.numpy() + step * rng.normal(size=variable.shape))
        return gan

    def penalty_at(step):
        gan = moved(step)
        with_penalty = d_loss(gan, images)
        gan = moved(step)
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), "hinge", penalties=())
        return with_penalty - d_loss(gan, images)

    step = 3e-3
    expected = (penalty_at(step) - penalty_at(-step)) / (2 * step)
    after = []
    for listed in ([PENALTIES[name]()], []):
        gan = model(listed, curved, rate=1.0)
        gan.train_on_batch(images)
        after.append([v.numpy() for v in gan.discriminator.trainable_variables])
    slopes = [
        ((without - with_penalty) * direction.normal(size=without.shape)).sum()
        for with_penalty, without in zip(*after, strict=True)
    ]
    assert abs(expected) > 0.01
    assert sum(slopes) == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
def test_r1_of_a_curved_discriminator_is_its_slope_by_finite_differences(images, update):
    x = (images[:2] / 127.5 - 1).astype("float32")
    d, step = curved(), 1e-2

    def total(x):
        return keras.ops.convert_to_numpy(d(x, training=True)).astype("float64").sum()

    # each image's slope of the sum over the batch, including its influence on the batch statistics
    slopes = np.zeros_like(x, "float64")
    for index in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[index] += step
        down[index] -= step
        slopes[index] = (total(up) - total(down)) / (2 * step)
    expected = 0.5 / 2 * (slopes**2).sum((1, 2, 3)).mean()
    assert expected > 0.01
    assert value(model, [R1(gamma=0.5)], images[:2], make_discriminator=curved, update=update) == pytest.approx(
        expected, rel=0.02
    )


def test_r1_reads_real_images_and_r2_generated_ones(images):
    seen = {}

    class Seen(Penalty):
        def __call__(self, discriminate, real, fake):
            seen.update(real=ops.convert_to_numpy(real), fake=ops.convert_to_numpy(fake))
            return 0 * ops.mean(discriminate(fake))

    gan = model([Seen(), R1(), R2()], run_eagerly=True)
    if BACKEND != "jax":  # which traces gradients even then
        gan.train_on_batch(images)
        np.testing.assert_allclose(seen["real"], images / np.float32(127.5) - 1, rtol=1e-6)
        assert seen["fake"].shape == seen["real"].shape
        assert np.abs(seen["fake"] - seen["real"]).max() > 0.1

    def slope(x):  # of D(x) = Σ x²/2, which is x: R1 and R2 are the squared norms
        return ops.sum(ops.square(x), axis=(1, 2, 3))[:, None] / 2

    real, fake = (np.full((3, 2, 2, 1), size, "float32") for size in (1.0, 2.0))
    for penalty, size in ((R1(gamma=1.0), 1.0), (R2(gamma=1.0), 2.0)):
        found = penalty(slope, ops.convert_to_tensor(real), ops.convert_to_tensor(fake))
        assert ops.convert_to_numpy(found) == pytest.approx(4 * size**2 / 2)


def test_gradient_penalty_interpolates_each_image_by_its_own_number(images):
    mixed = []

    def discriminate(x):  # linear in the position between the two: its gradient is known at every one
        if BACKEND != "jax":
            mixed.append(ops.convert_to_numpy(ops.stop_gradient(x)))
        return ops.sum(x, axis=(1, 2, 3))[:, None]

    discriminate.seed_generator = keras.random.SeedGenerator(0)
    real, fake = ops.ones((100, 2, 2, 1)), ops.zeros((100, 2, 2, 1))
    value = ops.convert_to_numpy(GradientPenalty()(discriminate, real, fake))
    assert value == pytest.approx(10 * (2 - 1) ** 2, rel=1e-5)
    for x in mixed:
        assert np.ptp(x.reshape(100, 4), axis=1).max() == 0
        positions = x[:, 0, 0, 0]
        assert len(np.unique(positions)) > 90
        assert 0.4 < positions.mean() < 0.6
        assert 0 <= positions.min() < 0.1 < 0.9 < positions.max() <= 1


@pytest.mark.parametrize("name", ["R1", once("R2"), "GradientPenalty"])
@pytest.mark.compiled
def test_is_applied_at_its_interval_with_as_much_more_weight(images, name):
    if name == "GradientPenalty":  # at a weight that hides its random numbers
        seen, lazy = GradientPenalty(2.0), GradientPenalty(2.0, 3)
    else:
        seen, lazy = PENALTIES[name](), PENALTIES[name](interval=3)
    plain, every, sometimes = model(), model([seen]), model([lazy])
    for i in range(4):
        expected = d_loss(plain, images)
        found = d_loss(every, images) - expected
        assert found > 1e-3
        assert d_loss(sometimes, images) - expected == pytest.approx(0 if i % 3 else 3 * found, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("name", ["R1", once("R2"), "GradientPenalty"])
def test_changes_neither_moving_averages_nor_the_random_states_of_layers(images, name):
    def discriminator():
        dropout = layers.Dropout(0.5, seed=1)
        return keras.Sequential([keras.Input((8, 8, 1)), *curved().layers[:-2], dropout, *curved().layers[-2:]])

    gan, plain = model([PENALTIES[name]()], discriminator), model([], discriminator)
    assert d_loss(gan, images) > d_loss(plain, images)
    assert_identical(gan.discriminator, plain.discriminator, optimizer=False)


@pytest.mark.compiled
def test_all_are_saved_and_continue_exactly(tmp_path, images, labels):
    gan, parts = tiny("radford_28_conditional"), (images, labels)
    penalties = [R1(2.0), *(make(interval=2) for make in PENALTIES.values())]
    gan.compile("adam", "adam", "wasserstein", penalties=penalties)
    gan.fit(*parts, batch_size=8, epochs=1, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert [(type(p), p.interval) for p in loaded.penalties] == [(type(p), p.interval) for p in gan.penalties]
    assert loaded.penalties[0].gamma == 2.0
    for one in (gan, loaded):
        one.fit(*parts, batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert_identical(loaded, gan)


def test_every_run_with_a_seed_draws_the_same_interpolations(images):
    def curved_model():
        return model([GradientPenalty()], curved)

    first, second = ([d_loss(gan, images) for _ in range(3)] for gan in (curved_model(), curved_model()))
    assert first == second
    assert len(set(first)) == 3


@pytest.mark.once
@pytest.mark.parametrize("weight", [0, -1.0, float("inf"), float("nan"), "1", True, np.float32(-1)])
@pytest.mark.parametrize(("make", "name"), [(R1, "gamma"), (R2, "gamma"), (GradientPenalty, "weight")])
def test_refuses_a_weight_that_is_not_positive(make, name, weight):
    with pytest.raises(ValueError, match=f"`{name}` must be a positive number"):
        make(weight)


@pytest.mark.once
def test_refuses_an_interval_that_is_not_a_positive_integer():
    with pytest.raises(ValueError, match="`interval` must be a positive integer"):
        R1(interval=0)
    with pytest.raises(TypeError, match="`interval` must be a positive integer"):
        R1(interval=1.5)


@pytest.mark.once
@pytest.mark.parametrize("given", [R1(), [R1], [lambda *args: 0.0], "r1"])
def test_refuses_what_is_no_list_of_penalties(given):
    with pytest.raises(TypeError, match="`penalties` must be a list of objects of keras_dcgan.penalties"):
        tiny().compile(penalties=given)


@pytest.mark.once
def test_wrong_penalties_leave_a_compiled_model_as_it_was(images):
    gan = model([R1()])
    gan.train_on_batch(images)
    optimizer, before = gan.optimizer, gan.get_compile_config()
    with pytest.raises(TypeError, match="`penalties` must be a list"):
        gan.compile("adam", "adam", penalties=[R1])
    assert gan.optimizer is optimizer
    assert gan.get_compile_config() == before
    assert gan.d_opt.iterations.numpy() == 1


@pytest.mark.compiled
@pytest.mark.parametrize("interval", [1, 2])
def test_a_penalty_may_read_the_weights_of_the_discriminator(images, interval):
    kernel = linear().layers[-1].kernel.numpy()

    class WeightDecay(Penalty):
        def __init__(self, variables):  # without the base class's
            self.variables, self.interval = variables, interval

        def __call__(self, discriminate, real, fake):
            return sum(ops.sum(ops.square(variable)) for variable in self.variables)

    after = []
    for decay in (True, False):
        gan = model(rate=0.1)
        listed = [WeightDecay([gan.discriminator.layers[-1].kernel])] if decay else []
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.1), "hinge", penalties=listed)
        gan.train_on_batch(images)
        after.append(gan.discriminator.layers[-1].kernel.numpy())
    np.testing.assert_allclose(after[1] - after[0], 0.1 * interval * 2 * kernel, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("result", [lambda logits: logits, lambda logits: ops.cast(ops.sum(logits), "int32")])
def test_refuses_a_result_that_is_no_float_scalar(images, result):
    class Faulty(Penalty):
        def __call__(self, discriminate, real, fake):
            return result(discriminate(real))

    gan = model([Faulty()])
    with pytest.raises(ValueError, match="Faulty must be a float scalar, the mean over the batch"):
        gan.train_on_batch(images)

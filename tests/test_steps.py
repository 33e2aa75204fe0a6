"""Training steps against adversarial training written by hand."""

import hypothesis
import keras
import numpy as np
import plain
import pytest
from conftest import BACKEND, FUZZ, once, tiny
from hypothesis import strategies as st
from keras import ops

import keras_dcgan
from keras_dcgan import backend
from keras_dcgan.backend import processor

BATCH = 6
UPDATES = ("simultaneous", "alternating")


class GivenLatents(keras_dcgan.DCGAN):
    """Trains on latent vectors that are the same in every update."""

    def sample_latents(self, n, seed=None):
        z = np.random.default_rng(3).normal(size=(BATCH, self.latent_dim)).astype("float32")
        return ops.convert_to_tensor(z[: BATCH // self.discriminator_steps])


def networks_without_batch_norm():
    """Networks whose forward pass changes no state: a plain loop may run them as often as it likes."""
    layers = keras.layers
    g = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Dense(4 * 4 * 3, kernel_initializer=keras.initializers.GlorotUniform(1)),
            layers.LeakyReLU(0.2),
            layers.Reshape((4, 4, 3)),
            layers.Conv2DTranspose(
                1, 4, 2, padding="same", activation="tanh", kernel_initializer=keras.initializers.GlorotUniform(2)
            ),
        ]
    )
    d = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(4, 3, 2, padding="same", kernel_initializer=keras.initializers.GlorotUniform(3)),
            layers.LeakyReLU(0.2),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer=keras.initializers.GlorotUniform(4)),
        ]
    )
    return g, d


def networks_with_batch_norm():
    gan = tiny("radford_28")
    # larger weights than N(0, 0.02), so that gradients are far from 0
    rng = np.random.default_rng(5)
    for v in gan.trainable_variables:
        if "kernel" in v.path:
            v.assign(rng.normal(0, 0.2, v.shape))
    return gan.generator, gan.discriminator


def pair(update, make_networks, make_optimizer):
    """The model, and the same networks and optimizers for a plain loop."""
    gan = GivenLatents(*make_networks())
    gan.compile(make_optimizer(), make_optimizer(), update=update)
    g, d = make_networks()
    g_opt, d_opt = make_optimizer(), make_optimizer()
    g_opt.build(g.trainable_variables)
    d_opt.build(d.trainable_variables)
    return gan, (g, d, g_opt, d_opt)


def real_images():
    return np.random.default_rng(7).uniform(-1, 1, (BATCH, 8, 8, 1)).astype("float32")


def gradients_by_descent(networks, step):
    """The gradients that a step with SGD at rate 1 applied: weights before less weights after."""
    before = [[v.numpy() for v in network.trainable_variables] for network in networks]
    result = step()
    after = [[v.numpy() for v in network.trainable_variables] for network in networks]
    return result, [[a - b for a, b in zip(old, new, strict=True)] for old, new in zip(before, after, strict=True)]


NETWORKS = (networks_with_batch_norm, once(networks_without_batch_norm))


@pytest.mark.compiled
@pytest.mark.parametrize("networks", NETWORKS)
@pytest.mark.parametrize("update", UPDATES)
def test_gradients_equal_those_of_a_plain_step(update, networks):
    gan, (g, d, g_opt, d_opt) = pair(update, networks, lambda: keras.optimizers.SGD(1.0))
    x = real_images()
    z = gan.sample_latents(BATCH)
    logs, ours = gradients_by_descent(
        [gan.generator, gan.discriminator], lambda: gan.train_on_batch(x, return_dict=True)
    )
    (g_loss, d_loss), plain_ones = gradients_by_descent(
        [g, d], lambda: plain.step(update, g, d, g_opt, d_opt, [(ops.convert_to_tensor(x), z)])
    )
    assert logs["g_loss"] == pytest.approx(float(g_loss), rel=1e-5)
    assert logs["d_loss"] == pytest.approx(float(d_loss), rel=1e-5)
    assert logs["loss"] == pytest.approx(float(g_loss) + float(d_loss), rel=1e-5)
    for our_network, plain_network in zip(ours, plain_ones, strict=True):
        for a, b in zip(our_network, plain_network, strict=True):
            assert np.abs(b).max() > 1e-4  # a gradient to speak of
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=2e-6)


@pytest.mark.compiled
@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
def test_mixed_bfloat16_has_the_gradients_of_float32(update):
    losses, gradients = [], []
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        try:
            start = tiny("mnist", dropout=0.0)  # each precision has dropout masks of its own
            gan = GivenLatents(start.generator, start.discriminator)
        finally:
            keras.config.set_dtype_policy("float32")
        gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), update=update)
        networks = [gan.generator, gan.discriminator]
        logs, parts = gradients_by_descent(
            networks, lambda gan=gan: gan.train_on_batch(real_images(), return_dict=True)
        )
        losses.append((logs["g_loss"], logs["d_loss"]))
        gradients.append([np.concatenate([part.ravel() for part in of_network]) for of_network in parts])
    np.testing.assert_allclose(losses[1], losses[0], rtol=0.02)
    for full, half in zip(*gradients, strict=True):
        # 8 bits of mantissa, 0.4 % per operation; 5.8 % in all were seen on JAX, less on the others
        assert np.linalg.norm(half - full) / np.linalg.norm(full) < 0.1


@pytest.mark.parametrize(("flags", "known"), [("avx512f avx512_bf16", True), ("amx_bf16", True), ("avx512f", False)])
def test_without_a_gpu_bfloat16_is_fast_if_the_processor_has_instructions_for_it(monkeypatch, tmp_path, flags, known):
    (tmp_path / "cpuinfo").write_text(f"model name\t: x\nflags\t\t: fpu {flags}\n")
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
    assert backend.has_fast_bfloat16() is (known and BACKEND != "jax")


@pytest.mark.compiled
@pytest.mark.parametrize("networks", NETWORKS)
@pytest.mark.parametrize("update", UPDATES)
def test_ten_steps_equal_ten_plain_steps_optimizer_states_included(update, networks):
    gan, (g, d, g_opt, d_opt) = pair(update, networks, lambda: keras.optimizers.Adam(1e-2, beta_1=0.5))
    x = real_images()
    z = gan.sample_latents(BATCH)
    start = [v.numpy() for v in g.variables]
    for _ in range(10):
        gan.train_on_batch(x)
        plain.step(update, g, d, g_opt, d_opt, [(ops.convert_to_tensor(x), z)])
    assert all(np.abs(a - v.numpy()).max() > 1e-2 for a, v in zip(start, g.variables, strict=True) if v.trainable)
    for ours, theirs in ((gan.generator, g), (gan.discriminator, d), (gan.g_opt, g_opt), (gan.d_opt, d_opt)):
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)
    assert int(gan.g_opt.iterations.numpy()) == int(gan.d_opt.iterations.numpy()) == 10
    assert int(gan.optimizer.iterations.numpy()) == 10


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("loss", "update", "steps"),
    [
        ("relativistic", "simultaneous", 1),
        ("relativistic", "alternating", 2),
        once("hinge", "simultaneous", 3),
        once("wasserstein", "alternating", 6),
    ],
)
def test_steps_of_any_method_equal_those_of_a_plain_loop(loss, update, steps):
    """All combinations run in tests/slow/test_methods.py."""
    equals_a_plain_loop(loss, update, steps, networks_with_batch_norm if steps < 3 else networks_without_batch_norm, 3)


def equals_a_plain_loop(loss, update, steps, networks, n, rtol=1e-4, atol=1e-5):
    """Trains for n steps and compares all weights and optimizer states."""
    gan, (g, d, g_opt, d_opt) = pair(update, networks, lambda: keras.optimizers.Adam(1e-3, beta_1=0.5))
    given = keras.optimizers.Adam(1e-3, beta_1=0.5), keras.optimizers.Adam(1e-3, beta_1=0.5)
    gan.compile(*given, loss, update=update, discriminator_steps=steps)
    x = real_images()
    size = BATCH // steps
    parts = [(ops.convert_to_tensor(x[i : i + size]), gan.sample_latents(size)) for i in range(0, BATCH, size)]
    for _ in range(n):
        gan.train_on_batch(x)
        plain.step(update, g, d, g_opt, d_opt, parts, loss)
    for ours, theirs in ((gan.generator, g), (gan.discriminator, d), (gan.g_opt, g_opt), (gan.d_opt, d_opt)):
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=rtol, atol=atol)
    assert int(gan.g_opt.iterations.numpy()) == n
    assert int(gan.d_opt.iterations.numpy()) == n * steps


@pytest.mark.skipif(BACKEND == "jax", reason="traces the networks even with run_eagerly")
@pytest.mark.parametrize("update", UPDATES)
def test_every_update_of_the_discriminator_gets_its_part_of_the_batch_and_new_latents(images, update):
    seen = []

    class Seen(keras_dcgan.ConditionalDCGAN):
        def sample_latents(self, n, seed=None):
            z = super().sample_latents(n, seed)
            seen.append(z)
            return z

        def _discriminate(self, x, labels, training):
            seen.append((x, labels))
            return super()._discriminate(x, labels, training)

    plain_gan = tiny("radford_28_conditional")
    gan = Seen(plain_gan.generator, plain_gan.discriminator, num_classes=3, seed=0)
    gan.compile("sgd", "sgd", update=update, discriminator_steps=3, run_eagerly=True)
    labels = np.arange(24, dtype="int32") % 3
    gan.train_on_batch(images, labels)
    latents = [ops.convert_to_numpy(item) for item in seen if hasattr(item, "shape") and len(item.shape) == 2]
    assert [len(z) for z in latents] == [8] * 3
    assert len(np.unique(np.concatenate(latents), axis=0)) == 24
    looks = [item for item in seen if isinstance(item, tuple)]
    for i in range(3):  # in each update, the discriminator looks at the real images first
        x, y = (ops.convert_to_numpy(part) for part in looks[2 * i])
        np.testing.assert_allclose(x, images[8 * i : 8 * i + 8] / np.float32(127.5) - 1, rtol=1e-6)
        np.testing.assert_array_equal(y, labels[8 * i : 8 * i + 8])
    assert len(looks) == 6 + (update == "alternating")


@pytest.mark.once
@pytest.mark.parametrize(
    ("n", "batch_size", "message"),
    [
        (24, 7, r"`batch_size` must be divisible by 3, .*such as 6 or 9\. Received: batch_size=7"),
        (22, 6, r"number of images must be divisible by 3.*pass images\[:21\]\. Received: 22 images"),
        (24, 2, r"such as 3\. Received: batch_size=2"),
    ],
)
def test_refuses_batches_that_the_discriminator_steps_do_not_divide(images, n, batch_size, message):
    gan = tiny()
    gan.compile(discriminator_steps=3)
    before = [v.numpy() for v in gan.variables]
    with pytest.raises(ValueError, match=message):
        gan.fit(images[:n], batch_size=batch_size, verbose=0)
    with pytest.raises(ValueError, match="Every batch must be divisible by 3.*Received: a batch of 7 images"):
        gan.train_on_batch(images[:7])
    for old, new in zip(before, gan.variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    gan.fit(images[:21], batch_size=6, verbose=0, validation_data=(images[:5],))  # of held-out images any number
    gan.evaluate(images[:7], verbose=0)


def test_discriminator_steps_may_be_an_integer_of_numpy(images):
    gan = tiny()
    gan.compile(discriminator_steps=np.int64(2))
    gan.train_on_batch(images)
    assert gan.d_opt.iterations.numpy() == 2


@pytest.mark.once
@pytest.mark.parametrize("steps", [0, 1.5, "2"])
def test_refuses_discriminator_steps_that_are_no_positive_integer(steps):
    with pytest.raises((ValueError, TypeError), match="`discriminator_steps` must be a positive integer"):
        tiny().compile(discriminator_steps=steps)


def schedule():
    return keras.optimizers.schedules.ExponentialDecay(1e-2, 3, 0.5)


@pytest.mark.parametrize(
    "make_optimizer",
    [
        lambda: keras.optimizers.Adam(schedule(), beta_1=0.5),
        lambda: keras.optimizers.Adam(1e-2, clipnorm=1e-3),
        once(lambda: keras.optimizers.SGD(0.1, momentum=0.9, global_clipnorm=1e-2)),
        once(lambda: keras.optimizers.SGD(0.1, clipvalue=1e-3)),
        once(lambda: keras.optimizers.AdamW(1e-2, weight_decay=0.1)),
        lambda: keras.optimizers.SGD(1.0, gradient_accumulation_steps=2),
    ],
    ids=["schedule", "clipnorm", "global_clipnorm", "clipvalue", "weight_decay", "accumulation"],
)
@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
def test_five_steps_of_any_optimizer_equal_five_plain_steps(update, make_optimizer):
    gan, (g, d, g_opt, d_opt) = pair(update, networks_without_batch_norm, make_optimizer)
    x = real_images()
    start = [v.numpy() for v in gan.trainable_variables]
    for _ in range(5):
        gan.train_on_batch(x)
        plain.step(update, g, d, g_opt, d_opt, [(ops.convert_to_tensor(x), gan.sample_latents(BATCH))])
    assert all(np.abs(a - b.numpy()).max() > 1e-5 for a, b in zip(start, gan.trainable_variables, strict=True))
    for ours, theirs in ((gan.generator, g), (gan.discriminator, d), (gan.g_opt, g_opt), (gan.d_opt, d_opt)):
        for a, b in zip(ours.variables, theirs.variables, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-4, atol=1e-5)


def test_the_update_modes_differ_only_in_what_the_generator_sees():
    results = {}
    for update in UPDATES:
        gan = GivenLatents(*networks_without_batch_norm())
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), update=update)
        gan.train_on_batch(real_images())
        results[update] = [[v.numpy() for v in network.variables] for network in (gan.generator, gan.discriminator)]
    for a, b in zip(*(results[update][1] for update in UPDATES), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert any(np.abs(a - b).max() > 1e-5 for a, b in zip(*(results[u][0] for u in UPDATES), strict=True))


def test_a_simultaneous_step_runs_each_network_once_a_set_of_images(monkeypatch):
    gan = tiny()
    gan.compile(run_eagerly=True)
    calls = []
    for name in ("_generate", "_discriminate"):
        original = getattr(gan, name)
        monkeypatch.setattr(
            gan, name, lambda *args, _f=original, _n=name, **kw: (calls.append(_n), _f(*args, **kw))[1], raising=False
        )
    gan.train_on_batch(real_images())
    assert calls.count("_generate") == 1
    assert calls.count("_discriminate") == 2


@pytest.mark.parametrize("preset", [once("radford_28"), "mnist", once("radford_28_conditional")])
def test_uint8_and_the_same_images_as_floats_give_the_same_step(images, labels, preset):
    one, other = tiny(preset), tiny(preset)
    y = {"y": labels} if "conditional" in preset else {}
    logs = one.train_on_batch(images, **y, return_dict=True)
    floats = images / np.float32(127.5) - 1
    assert other.train_on_batch(floats, **y, return_dict=True) == pytest.approx(logs, rel=1e-5)
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-5, atol=1e-7)


@pytest.mark.once
@hypothesis.settings(max_examples=FUZZ or 5)
@hypothesis.given(
    st.sampled_from(["mnist", "radford_28", "radford_28_conditional", "fashion_mnist_conditional"]),
    st.tuples(st.sampled_from([4, 8]), st.sampled_from([4, 8]), st.integers(1, 4)),
    st.integers(2, 5),
    st.sampled_from(["float32", "float64"]),
    st.integers(0, 1000),
)
def test_uint8_and_floats_give_the_same_step_at_any_size(preset, image_shape, n, dtype, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 256, (n, *image_shape), "uint8"), rng.integers(0, 3, n)
    steps = []
    for images in (x, (x / 127.5 - 1).astype(dtype)):
        gan = tiny(preset, seed=seed, image_shape=image_shape)
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), run_eagerly=True)
        logs = gan.train_on_batch(images, *([y] if "conditional" in preset else []), return_dict=True)
        steps.append((logs, [v.numpy() for v in gan.weights]))
    assert steps[0][0] == pytest.approx(steps[1][0], rel=1e-4)
    for a, b in zip(steps[0][1], steps[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("value_range", [once((0, 1)), (-2, 3)])
def test_uint8_is_rescaled_to_the_value_range(images, value_range):
    low, high = value_range
    one, other = tiny(value_range=value_range), tiny(value_range=value_range)
    logs = one.train_on_batch(images, return_dict=True)
    floats = (low + images.astype("float64") / 255 * (high - low)).astype("float32")
    assert other.train_on_batch(floats, return_dict=True) == pytest.approx(logs, rel=1e-5)


def test_weight_regularisers_count():
    def make(strength):
        g, _ = networks_without_batch_norm()
        d = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(1, kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(strength)),
            ]
        )
        gan = GivenLatents(g, d)
        gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(1.0))
        return gan, gan.train_on_batch(real_images(), return_dict=True)

    (without, plain_logs), (with_it, logs) = make(0.0), make(0.25)
    assert logs["d_loss"] - plain_logs["d_loss"] == pytest.approx(0.25 * 64, rel=1e-5)
    # the gradient of 0.25 w² at w = 1
    difference = without.discriminator.weights[0].numpy() - with_it.discriminator.weights[0].numpy()
    np.testing.assert_allclose(difference, 0.5, rtol=1e-4)


@pytest.mark.compiled
def test_a_frozen_layer_stays_as_it_is(images):
    gan = tiny()
    frozen, *others = [layer for layer in gan.generator.layers if layer.trainable_weights]
    frozen.trainable = False
    gan.compile()
    before = [layer.get_weights()[0] for layer in (frozen, *others)]
    gan.fit(images, batch_size=8, verbose=0)
    np.testing.assert_array_equal(frozen.get_weights()[0], before[0])
    assert all((layer.get_weights()[0] != w).any() for layer, w in zip(others, before[1:], strict=True))


def test_own_loss_is_what_is_minimised():
    class Twice(keras_dcgan.losses.NonSaturating):
        def discriminator(self, real_logits, fake_logits):
            return 2 * super().discriminator(real_logits, fake_logits)

        def generator(self, fake_logits, real_logits=None):
            return 3 * super().generator(fake_logits)

    steps = {}
    for name, loss in (("once", None), ("own", Twice())):
        gan = GivenLatents(*networks_without_batch_norm())
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), loss)
        before = [v.numpy() for v in gan.trainable_variables]
        logs = gan.train_on_batch(real_images(), return_dict=True)
        steps[name] = logs, [a - v.numpy() for a, v in zip(before, gan.trainable_variables, strict=True)]
    assert steps["own"][0]["g_loss"] == pytest.approx(3 * steps["once"][0]["g_loss"], rel=1e-5)
    factors = [3] * 4 + [2] * 4  # of the generator's and the discriminator's variables
    for factor, a, b in zip(factors, steps["own"][1], steps["once"][1], strict=True):
        np.testing.assert_allclose(a, factor * b, rtol=1e-3, atol=1e-7)


@pytest.mark.once
@pytest.mark.parametrize("loss", sorted(keras_dcgan.losses.LOSSES))
@pytest.mark.parametrize("update", UPDATES)
def test_each_loss_trains_in_each_mode(images, loss, update):
    gan = tiny()
    gan.compile(loss=loss, update=update)
    logs = gan.train_on_batch(images, return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert type(gan.loss) is keras_dcgan.losses.LOSSES[loss]


@pytest.mark.parametrize("policy", ["float32", once("mixed_bfloat16")])
@pytest.mark.parametrize("update", UPDATES)
def test_a_discriminator_that_wins_completely_still_teaches(update, policy):
    keras.config.set_dtype_policy(policy)
    try:
        d = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(1, 1, kernel_initializer="ones"),  # in bfloat16 under that policy
                keras.layers.Flatten(),
                keras.layers.Dense(1, dtype="float32", kernel_initializer=keras.initializers.Constant(1e4 / 64)),
            ]
        )
        g = keras.Sequential(
            [
                keras.Input((4,)),
                keras.layers.Dense(64, kernel_initializer="zeros", bias_initializer=keras.initializers.Constant(-1)),
                keras.layers.Reshape((8, 8, 1), dtype="float32"),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    gan = GivenLatents(g, d)
    gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), update=update)
    before = [v.numpy() for v in g.trainable_variables]
    logs = gan.train_on_batch(np.full((BATCH, 8, 8, 1), 255, "uint8"), return_dict=True)
    assert logs["g_loss"] == pytest.approx(1e4, rel=1e-3)  # logits are 10,000 and -10,000
    assert logs["d_loss"] == 0
    assert logs["real_accuracy"] == logs["fake_accuracy"] == 1
    for old, new in zip(before, g.trainable_variables, strict=True):
        assert np.isfinite(new.numpy()).all()
        assert np.abs(new.numpy() - old).max() > 1  # the gradient of the logit, not faded


def test_accuracies_are_the_shares_of_logits_on_the_right_side_of_zero():
    g, _ = networks_without_batch_norm()
    d = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    kernel = np.zeros((64, 1), "float32")
    kernel[0] = 1  # the logit is the first pixel
    d.set_weights([kernel, np.zeros(1, "float32")])
    gan = GivenLatents(g, d)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0))
    x = real_images()
    fake = keras.ops.convert_to_numpy(g(gan.sample_latents(BATCH)))
    for logs in (gan.train_on_batch(x, return_dict=True), gan.test_on_batch(x, return_dict=True)):
        assert logs["real_accuracy"] == pytest.approx((x[:, 0, 0, 0] > 0).mean())
        assert logs["fake_accuracy"] == pytest.approx((fake[:, 0, 0, 0] < 0).mean())


@pytest.mark.compiled
def test_epoch_logs_weigh_a_smaller_last_batch_by_its_size():
    g, _ = networks_without_batch_norm()
    d = keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    d.set_weights([np.full((64, 1), 0.1, "float32"), np.zeros(1, "float32")])
    gan = keras_dcgan.DCGAN(g, d)
    gan.compile(keras.optimizers.SGD(0.0), keras.optimizers.SGD(0.0), "wasserstein")
    x = np.concatenate([np.full((8, 8, 8, 1), 0.5, "float32"), np.full((2, 8, 8, 1), -0.5, "float32")])
    history = gan.fit(x, batch_size=8, shuffle=False, verbose=0).history
    assert history["real_accuracy"] == pytest.approx([0.8])


@pytest.mark.once
@pytest.mark.compiled
def test_compiled_or_not_a_step_is_the_same(images):
    z = tiny("mnist").sample_latents(24, seed=0)  # XLA has random numbers of its own
    trained = []
    for how in ({"run_eagerly": True}, {"jit_compile": False}, {"jit_compile": True})[: 2 if BACKEND == "torch" else 3]:
        gan = tiny("mnist", dropout=0.0)
        gan.sample_latents = lambda n, seed=None: z
        gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **how)
        gan.train_on_batch(images)
        trained.append(gan)
    eager, *others = trained
    for compiled in others:
        for a, b in zip(eager.weights, compiled.weights, strict=True):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-3, atol=1e-4)


class InfiniteGradient(keras_dcgan.losses.NonSaturating):
    """A generator's loss of 0 whose derivative is infinite."""

    def generator(self, fake_logits, real_logits=None):
        return ops.mean(ops.sqrt(fake_logits - ops.stop_gradient(fake_logits)))


@pytest.mark.compiled
@pytest.mark.parametrize("update", UPDATES)
def test_an_infinite_gradient_of_one_network_leaves_the_other_finite(images, update):
    gan = tiny()
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), InfiniteGradient(), update=update)
    gan.train_on_batch(images[:BATCH])
    assert all(np.isfinite(w).all() for w in gan.discriminator.get_weights())
    assert not all(np.isfinite(w).all() for w in gan.generator.get_weights())


class StopGradient(keras.layers.Layer):
    def call(self, x):
        return ops.stop_gradient(x)


@pytest.mark.compiled
def test_a_variable_without_influence_has_a_gradient_of_zero(images):
    g, d = networks_without_batch_norm()
    hidden = d.layers[0](d.inputs[0])
    unused = keras.layers.Dense(1, name="unused")(keras.layers.Flatten()(hidden))
    logits = keras.layers.Add()([d.outputs[0], StopGradient()(unused)])
    gan = keras_dcgan.DCGAN(g, keras.Model(d.inputs, logits), seed=0)
    gan.compile(d_opt=keras.optimizers.Adam(0.1, weight_decay=0.5))
    kernel = gan.discriminator.get_layer("unused").kernel
    before = kernel.numpy()
    gan.train_on_batch(images[:BATCH])
    # only the weight decay of Adam, learning rate times weight decay, changes it
    np.testing.assert_allclose(kernel.numpy(), before * (1 - 0.1 * 0.5), rtol=1e-6)

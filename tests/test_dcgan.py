"""The model's public surface: construction, compile, call, sampling, generation, configuration."""

import gc
import tracemalloc

import keras
import numpy as np
import pytest
from conftest import BACKEND, assert_identical, once, tiny, weights
from keras import layers
from PIL import Image

import keras_dcgan
from keras_dcgan import DCGAN, backend

LOGS = {"loss", "g_loss", "d_loss", "real_accuracy", "fake_accuracy"}


def generator(latents=(4,), activation="tanh", **last):
    return keras.Sequential(
        [
            keras.Input(latents),
            layers.Flatten(),
            layers.Dense(8 * 8, activation=activation, **last),
            layers.Reshape((8, 8, 1)),
        ]
    )


def discriminator(*last, shape=(8, 8, 1)):
    return keras.Sequential([keras.Input(shape), layers.Flatten(), *(last or [layers.Dense(1)])])


def test_trains_with_fit_and_logs_what_it_promises(images):
    gan = tiny()
    history = gan.fit(images, batch_size=8, epochs=2, validation_data=images[:8], verbose=0).history
    assert set(history) == LOGS | {f"val_{name}" for name in LOGS}
    for prefix in ("", "val_"):
        total = np.array(history[f"{prefix}g_loss"]) + history[f"{prefix}d_loss"]
        np.testing.assert_allclose(history[f"{prefix}loss"], total, rtol=1e-5)
    assert int(gan.g_opt.iterations.numpy()) == int(gan.d_opt.iterations.numpy()) == 6


@pytest.mark.once
@pytest.mark.compiled
def test_learns_the_brightness_of_its_images():
    bright, gan = np.full((64, 8, 8, 1), 230, "uint8"), tiny(width=1 / 16)
    gan.compile(keras.optimizers.Adam(5e-3, beta_1=0.5), keras.optimizers.Adam(5e-3, beta_1=0.5))
    before = gan.generate(64, seed=1).mean()
    gan.fit(bright, batch_size=16, epochs=40, verbose=0)
    assert abs(before - 128) < 40
    assert gan.generate(64, seed=1).mean() > 200


def test_own_networks():
    gan = DCGAN(generator(), discriminator(), latent_prior="uniform", seed=3)
    assert gan.latent_dim == 4
    assert gan.image_shape == (8, 8, 1)
    assert gan.built
    gan.compile()
    assert set(gan.train_on_batch(np.zeros((4, 8, 8, 1), "uint8"), return_dict=True)) == LOGS


@pytest.mark.once
def test_default_optimizers_and_loss_are_the_documented_ones():
    gan = tiny()
    gan.compile()
    for opt in (gan.g_opt, gan.d_opt):
        assert isinstance(opt, keras.optimizers.Adam().__class__)
        assert float(opt.learning_rate.numpy()) == pytest.approx(2e-4)
        assert opt.beta_1 == 0.5
    assert type(gan.loss) is keras_dcgan.losses.NonSaturating
    assert gan.update == "simultaneous"


@pytest.mark.once
def test_compile_takes_its_arguments_by_position_and_optimizers_by_name():
    gan = tiny()
    gan.compile("sgd", "rmsprop", "hinge", update="alternating")
    assert [type(x).__name__ for x in (gan.g_opt, gan.d_opt, gan.loss)] == ["SGD", "RMSprop", "Hinge"]
    assert gan.update == "alternating"


@pytest.mark.once
def test_compiling_again_starts_new_optimizers(images):
    gan = tiny()
    gan.train_on_batch(images)
    gan.compile("sgd", "sgd")
    gan.train_on_batch(images)
    assert int(gan.g_opt.iterations.numpy()) == 1


def test_call_and_predict_give_images_in_the_value_range():
    gan = tiny(value_range=(0, 1))
    z = np.random.default_rng(0).normal(0, 50, (5, 4)).astype("float32")
    called = keras.ops.convert_to_numpy(gan(z))
    assert called.shape == (5, 8, 8, 1)
    assert called.min() >= 0
    assert called.max() <= 1
    np.testing.assert_allclose(gan.predict(z, batch_size=2, verbose=0), called, atol=1e-6)
    np.testing.assert_allclose(gan.predict_on_batch(z), called, atol=1e-6)


def test_call_in_training_mode_uses_the_batchs_statistics():
    gan = tiny()
    z = gan.sample_latents(5, seed=0)
    inference, training = (keras.ops.convert_to_numpy(gan(z, training=t)) for t in (False, True))
    assert np.abs(inference - training).max() > 1e-4


def test_evaluate_gives_the_same_figures_each_time_and_leaves_training_alone(images):
    one, other = tiny(), tiny()
    first = one.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    assert set(first) == LOGS
    assert one.evaluate(images, batch_size=8, verbose=0, return_dict=True) == first
    one.fit(images, batch_size=8, epochs=2, shuffle=False, validation_data=images, verbose=0)
    other.fit(images, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_evaluate_computes_the_losses_in_inference_mode(images):
    gan = tiny()
    logs = gan.test_on_batch(images, return_dict=True)
    gan._evaluation_seeds.state.assign([0, 0])
    z = gan.sample_latents(24, seed=gan._evaluation_seeds)
    real = gan.discriminator(images / np.float32(127.5) - 1, training=False)
    fake = gan.discriminator(gan.generator(z, training=False), training=False)
    real, fake = (keras.ops.convert_to_numpy(x).astype("float64") for x in (real, fake))
    assert logs["g_loss"] == pytest.approx(np.log1p(np.exp(-fake)).mean(), rel=1e-5)
    assert logs["d_loss"] == pytest.approx(np.log1p(np.exp(-real)).mean() + np.log1p(np.exp(fake)).mean(), rel=1e-5)


def test_priors():
    normal, uniform = (tiny(latent_prior=prior) for prior in ("normal", "uniform"))
    for seed in (None, 1):
        z = keras.ops.convert_to_numpy(normal.sample_latents(4000, seed=seed))
        assert z.shape == (4000, 4)
        assert z.dtype == "float32"
        assert z.mean() == pytest.approx(0, abs=0.04)
        assert z.std() == pytest.approx(1, abs=0.03)
        z = keras.ops.convert_to_numpy(uniform.sample_latents(4000, seed=seed))
        assert -1 <= z.min() < -0.99
        assert 0.99 < z.max() <= 1
        assert z.std() == pytest.approx(1 / np.sqrt(3), abs=0.02)


def test_training_draws_new_latents_in_every_step_in_an_order_that_follows_from_the_seed(images):
    one, same, other = tiny(seed=1), tiny(seed=1), tiny(seed=2)
    draws = [[keras.ops.convert_to_numpy(gan.sample_latents(3)) for _ in range(3)] for gan in (one, same, other)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert (draws[0][0] != draws[2][0]).all()
    assert len(np.unique(np.reshape(draws[0], (9, 4)), axis=0)) == 9
    states = [one.seed_generator.state.numpy()]
    for _ in range(2):
        one.train_on_batch(images)
        states.append(one.seed_generator.state.numpy())
    assert len(np.unique(states, axis=0)) == 3


def test_latents_of_an_integer_seed_are_the_same_on_every_backend():
    expected = np.random.default_rng(7).uniform(-1, 1, (3, 4)).astype("float32")
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(tiny().sample_latents(3, seed=7)), expected)


SEEDED = {
    "model": lambda seed: tiny(seed=seed),
    "preset": lambda seed: keras_dcgan.presets.get("mnist").build(image_shape=(8, 8, 1), width=1 / 32, seed=seed),
    "builder": lambda seed: keras_dcgan.networks.tutorial_discriminator((8, 8, 1), width=1 / 32, seed=seed),
    "generate": lambda seed: tiny().generate(2, seed=seed),
    "sample_latents": lambda seed: tiny().sample_latents(2, seed=seed),
    "invert": lambda seed: tiny().invert(np.zeros((1, 8, 8, 1), "uint8"), steps=1, seed=seed),
    "callback": lambda seed: keras_dcgan.callbacks.GifSnapshot("a.gif", seed=seed),
    "augmentation": lambda seed: keras_dcgan.augmentation.DiffAugment(seed=seed)(np.ones((2, 8, 8, 1)), training=True),
}


@pytest.mark.once
@pytest.mark.parametrize("use", SEEDED)
def test_any_integer_is_a_seed_and_nothing_else(use):
    for seed in (np.int64(3), -1, 2**31, 2**63, -(2**70)):
        SEEDED[use](seed)
    for seed in (2.7, 2.0, True, "1"):
        with pytest.raises(TypeError, match=f"`seed` must be an integer.*Received: seed={seed!r}"):
            SEEDED[use](seed)


@pytest.mark.once
def test_seeds_outside_the_range_differ_from_each_other():
    seeds = (-1, 1, 2**31, 2**31 + 1, 2**32 + 1, 2**70, -(2**70))
    draws = {tuple(np.ravel(tiny().sample_latents(2, seed=seed)).tolist()) for seed in seeds}
    assert len(draws) == len(seeds)
    assert tiny(seed=-(2**70)).get_config()["seed"] == -(2**70)


def test_models_of_neighboring_seeds_draw_nothing_in_common():
    first, second = (
        np.concatenate([keras.ops.convert_to_numpy(gan.sample_latents(8)) for _ in range(4)])
        for gan in (tiny(seed=1), tiny(seed=2))
    )
    assert not np.isin(first, second).any()


@pytest.mark.once
def test_training_draws_through_sample_latents(images):
    class Zeros(DCGAN):
        def sample_latents(self, n, seed=None):
            return keras.ops.zeros((n, self.latent_dim))

    made = []

    class Generator(keras.layers.Layer):
        def call(self, z):
            made.append(backend.to_numpy_or_none(z))
            return z

        def compute_output_shape(self, shape):
            return shape

    plain = generator()
    z = keras.Input((4,))
    gan = Zeros(keras.Model(z, plain(Generator()(z))), discriminator())
    gan.compile(run_eagerly=True)
    gan.train_on_batch(images)
    assert made[-1].shape == (24, 4)
    assert not made[-1].any()
    assert (gan.generate(3, seed=1) == gan.generate(3, seed=2)).all()


def test_generate_gives_pixels_and_the_same_for_the_same_seed():
    gan = tiny()
    one = gan.generate(7, seed=1)
    assert one.dtype == "uint8"
    assert one.shape == (7, 8, 8, 1)
    np.testing.assert_array_equal(one, gan.generate(7, seed=1, batch_size=3))
    assert (one != gan.generate(7, seed=2)).any()
    assert (gan.generate(7) != gan.generate(7)).any()
    z = np.asarray(keras.ops.convert_to_numpy(gan.sample_latents(7, seed=1)))
    np.testing.assert_array_equal(one, gan.generate(latents=z))
    by_hand = np.rint((keras.ops.convert_to_numpy(gan.generator(z)).astype("float64") + 1) * 127.5)
    assert np.abs(by_hand - one).max() <= 1
    assert (by_hand == one).mean() > 0.99


def test_generating_disturbs_nothing(images):
    gan, other = tiny(), tiny()
    for model in (gan, other):
        model.fit(images, batch_size=8, shuffle=False, verbose=0)
        if model is gan:
            gan.generate(3)
            gan.generate(3, seed=1)
        model.fit(images, batch_size=8, shuffle=False, verbose=0)
    assert_identical(gan, other)


@pytest.mark.once
def test_same_seed_same_run(images):
    one, other = tiny("mnist"), tiny("mnist")
    for gan in (one, other):
        gan.fit(images, batch_size=8, shuffle=False, verbose=0)
    assert_identical(one, other)


def test_survives_its_config():
    gan = tiny(latent_prior="normal", value_range=(0, 1), seed=5)
    again = DCGAN.from_config(gan.get_config())
    assert again.get_config().keys() == gan.get_config().keys()
    for name in ("latent_prior", "value_range", "seed", "latent_dim", "image_shape"):
        assert getattr(again, name) == getattr(gan, name)
    assert again.count_params() == gan.count_params()


@pytest.mark.once
def test_summarises(capsys):
    gan = tiny()
    gan.summary(print_fn=print)
    assert "generator" in capsys.readouterr().out


@pytest.mark.once
def test_mixed_bfloat16_trains(images):
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        gan = tiny()
        history = gan.fit(images, batch_size=8, verbose=0).history
        assert gan.generator.get_layer("images").compute_dtype == "float32"
        assert gan.weights[0].dtype == "float32"
    finally:
        keras.config.set_dtype_policy("float32")
    assert np.isfinite(history["loss"]).all()


@pytest.mark.once
def test_mixed_float16_is_refused():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        with pytest.raises(ValueError, match="mixed_bfloat16"):
            tiny()
    finally:
        keras.config.set_dtype_policy("float32")


# what is refused


@pytest.mark.once
@pytest.mark.parametrize(
    ("last", "name"),
    [
        ([layers.Dense(1, activation="sigmoid")], "sigmoid"),
        ([layers.Dense(1, activation="tanh")], "tanh"),
        ([layers.Dense(1, activation="softmax")], "softmax"),
        ([layers.Dense(1), layers.Activation("tanh")], "tanh"),
        ([layers.Dense(1), layers.Softmax()], "softmax"),
        ([layers.Dense(1, activation="sigmoid"), layers.Reshape((1,)), layers.Dropout(0.1)], "sigmoid"),
        ([keras.Sequential([keras.Input((64,)), layers.Dense(1, activation="sigmoid")])], "sigmoid"),
        ([layers.Dense(1, activation="relu")], "relu"),
        ([layers.SpectralNormalization(layers.Dense(1, activation="sigmoid"))], "sigmoid"),
        ([layers.Dense(1), layers.ReLU()], "relu"),
    ],
)
def test_refuses_a_discriminator_that_does_not_end_in_logits(last, name):
    with pytest.raises(ValueError, match=f"training fails.*ends in {name}"):
        DCGAN(generator(), discriminator(*last))


@pytest.mark.once
def test_refuses_a_functional_discriminator_that_ends_in_an_operation():
    x = keras.Input((8, 8, 1))
    for operation in (keras.ops.sigmoid, keras.ops.tanh):
        d = keras.Model(x, operation(layers.Dense(1)(layers.Flatten()(x))))
        with pytest.raises(ValueError, match="training fails"):
            DCGAN(generator(), d)


@pytest.mark.once
@pytest.mark.parametrize(
    ("networks", "message"),
    [
        ((generator(), discriminator(shape=(9, 8, 1))), "must have images of the same shape"),
        ((generator(), discriminator(shape=(8, 8, 3))), "must have images of the same shape"),
        ((generator(), discriminator(layers.Dense(2))), r"\(batch, 1\)"),
        ((generator((2, 2)), discriminator()), "latent_dim"),
        ((discriminator(layers.Dense(4), shape=(4,)), discriminator()), "images of shape"),
        ((keras.Sequential([generator(), layers.Activation("tanh", dtype="float16")]), discriminator()), "float32"),
        ((generator(), discriminator(layers.Dense(1, dtype="bfloat16"))), "float32"),
    ],
)
def test_refuses_networks_that_do_not_fit(networks, message):
    with pytest.raises(ValueError, match=message):
        DCGAN(*networks)


@pytest.mark.once
def test_refuses_activity_regularizers():
    with pytest.raises(ValueError, match="activity regularizers are not supported"):
        DCGAN(generator(), discriminator(layers.Dense(1, activity_regularizer="l2")))


@pytest.mark.once
def test_refuses_networks_with_labels():
    gan = tiny("radford_28_conditional")
    with pytest.raises(ValueError, match="ConditionalDCGAN"):
        DCGAN(gan.generator, gan.discriminator)


@pytest.mark.once
def test_refuses_what_is_no_built_model():
    with pytest.raises(TypeError, match="`generator` must be a built"):
        DCGAN(lambda z: z, discriminator())
    with pytest.raises(TypeError, match="`discriminator` must be a built"):
        DCGAN(generator(), keras.Sequential([layers.Flatten(), layers.Dense(1)]))


@pytest.mark.once
@pytest.mark.parametrize(
    ("activation", "value_range"), [("tanh", (0, 1)), ("sigmoid", (-1, 1)), ("tanh", (0, 255)), ("sigmoid", (0, 255))]
)
def test_refuses_a_range_that_the_generator_does_not_make(activation, value_range):
    with pytest.raises(ValueError, match="`value_range` must be the range"):
        DCGAN(generator(activation=activation), discriminator(), value_range=value_range)


@pytest.mark.once
@pytest.mark.parametrize("value_range", [(1, -1), (0, 0), 5, (0, 1, 2), ("a", "b"), (0, float("nan")), None])
def test_refuses_what_is_no_range(value_range):
    with pytest.raises(ValueError, match=r"`value_range` must be two numbers"):
        DCGAN(generator(), discriminator(), value_range=value_range)


@pytest.mark.once
def test_refuses_an_unknown_prior():
    with pytest.raises(ValueError, match='"normal" or "uniform"'):
        DCGAN(generator(), discriminator(), latent_prior="gaussian")


@pytest.mark.once
def test_refuses_an_unknown_preset_or_override():
    with pytest.raises(ValueError, match='must be one of the presets "mnist", "cifar10", .*"sngan"'):
        DCGAN.from_preset("minst")
    with pytest.raises(ValueError, match="kernel_size, latent_dim, latent_prior, max_filters, value_range, width"):
        DCGAN.from_preset("radford_28", sizes=3)
    with pytest.raises(ValueError, match="Did you mean `latent_dim`"):
        DCGAN.from_preset("radford_28", latent_dims=3)
    with pytest.raises(ValueError, match="ConditionalDCGAN.from_preset"):
        DCGAN.from_preset("radford_28_conditional")
    with pytest.raises(ValueError, match=r"no labels: use DCGAN\.from_preset"):
        keras_dcgan.ConditionalDCGAN.from_preset("mnist")


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"g_opt": 3}, TypeError, "`g_opt` must be a Keras optimizer"),
        ({"d_opt": keras.optimizers.Adam}, TypeError, "`d_opt` must be a Keras optimizer"),
        ({"g_opt": "adma"}, ValueError, "adma"),
        ({"g_opt": keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD())}, TypeError, "`g_opt`"),
        ({"update": "both"}, ValueError, '"simultaneous" or "alternating"'),
        ({"loss": "bce"}, ValueError, '"non_saturating"'),
        ({"loss": keras.losses.BinaryCrossentropy()}, ValueError, "from_logits=True"),
        ({"metrics": ["accuracy"]}, TypeError, "metrics"),
        ({"optimizer": "adam"}, TypeError, "optimizer"),
    ],
)
def test_refuses_to_compile_nonsense_and_stays_compiled_as_before(images, arguments, error, message):
    gan = tiny()
    before = gan.g_opt, gan.d_opt, gan.loss
    with pytest.raises(error, match=message):
        gan.compile(**arguments)
    assert (gan.g_opt, gan.d_opt, gan.loss) == before
    gan.train_on_batch(images)


ARGUMENTS_ELSEWHERE = {
    "g_optimizer": "Did you mean `g_opt`",
    "generator_optimizer": "Did you mean `g_opt`",
    "gen_opt": "Did you mean `g_opt`",
    "optimizerG": "Did you mean `g_opt`",
    "d_optimizer": "Did you mean `d_opt`",
    "discriminator_optimizer": "Did you mean `d_opt`",
    "disc_opt": "Did you mean `d_opt`",
    "optimizer": "`optimizer` is set per network: pass the optimizers `g_opt` and `d_opt`",
    "learning_rate": "pass the optimizers `g_opt` and `d_opt`",
    "loss_fn": "Did you mean `loss`",
    "gan_loss": "Did you mean `loss`",
    "d_loss_fn": r"loss=\(generator_loss, discriminator_loss\)",
    "n_critic": "Did you mean `discriminator_steps`",
    "metrics": "`metrics` cannot be set; callbacks.EvaluateSamples",
    "epochs": "`epochs` is an argument of fit",
    "updates": "Did you mean `update`",
}


@pytest.mark.once
def test_compile_says_what_arguments_of_other_libraries_are_called_here():
    gan = tiny()
    for name, message in ARGUMENTS_ELSEWHERE.items():
        with pytest.raises(TypeError, match=rf"{message}.*Received: {name}"):
            gan.compile(**{name: None})


@pytest.mark.once
def test_every_unknown_argument_gets_its_suggestion():
    with pytest.raises(TypeError, match=r"mean `d_opt`\? Did you mean `g_opt`\? Did you mean `loss`\? Received: "):
        tiny().compile(d_optimizer="adam", g_optimizer="adam", loss_fn="hinge")


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "of_constructor", "of_preset"),
    [
        ("latent_dim", "`latent_dim` is read from the generator", None),
        ("latent_shape", "`latent_dim` is read from the generator", "Did you mean `latent_dim`"),
        ("noise_dim", "`latent_dim` is read from the generator", "Did you mean `latent_dim`"),
        ("image_shape", "`image_shape` is read from the generator", None),
        ("n_classes", "`num_classes` is an argument of ConditionalDCGAN", "`num_classes` is an argument of Cond"),
        ("g_optimizer", r"`g_opt` is an argument of compile\(\)", r"`g_opt` is an argument of compile\(\)"),
        ("loss", r"`loss` is an argument of compile\(\)", r"`loss` is an argument of compile\(\)"),
        ("metrics", "callbacks.EvaluateSamples", "callbacks.EvaluateSamples"),
        ("netG", "Did you mean `generator`", "`generator` is built by the preset"),
        ("latent_priors", "Did you mean `latent_prior`", "Did you mean `latent_prior`"),
    ],
)
def test_models_say_what_arguments_of_other_libraries_are_called_here(name, of_constructor, of_preset):
    with pytest.raises(ValueError, match=rf"DCGAN\(\) takes .*latent_prior.*{of_constructor}.*Received: {name}"):
        DCGAN(generator(), discriminator(), **{name: 3})
    if of_preset is not None:
        with pytest.raises(ValueError, match=rf"{of_preset}.*Received: {name}"):
            DCGAN.from_preset("radford_28", **{name: 3})


@pytest.mark.once
def test_networks_under_the_names_of_other_libraries_are_named():
    for names in (("gen", "disc"), ("netG", "netD")):
        with pytest.raises(TypeError, match="'generator' and 'discriminator'"):
            DCGAN(**dict(zip(names, (generator(), discriminator()), strict=True)))
    gan = tiny("radford_28_conditional")
    with pytest.raises(ValueError, match=r"ConditionalDCGAN\(\) takes .*num_classes.*Did you mean `num_classes`"):
        keras_dcgan.ConditionalDCGAN(gan.generator, gan.discriminator, n_classes=3)


@pytest.mark.skipif(BACKEND != "torch", reason="PyTorch's compiler")
def test_refuses_torch_compile_and_leaves_it_out_of_what_another_backend_was_told(images):
    gan = tiny()
    with pytest.raises(ValueError, match="torch.compile does not support two gradients"):
        gan.compile(jit_compile=True)
    gan.compile_from_config(gan.get_compile_config() | {"jit_compile": True, "steps_per_execution": 3})
    gan.fit(images, verbose=0)


@pytest.mark.once
def test_accepts_a_wrapped_linear_unit():
    DCGAN(generator(), discriminator(layers.SpectralNormalization(layers.Dense(1))))


@pytest.mark.once
def test_refuses_an_optimizer_that_has_trained_other_variables(images):
    gan, other = tiny(), tiny()
    for arguments in ({"g_opt": gan.g_opt}, {"d_opt": gan.d_opt}, {"g_opt": gan.d_opt, "d_opt": gan.g_opt}):
        with pytest.raises(ValueError, match="has trained other variables"):
            other.compile(**arguments)
    gan.compile(gan.g_opt, gan.d_opt)  # the same network is another matter
    gan.train_on_batch(images)


@pytest.mark.once
def test_refuses_a_scaled_loss():
    with pytest.raises(ValueError, match="loss_scale_factor"):
        tiny().compile(keras.optimizers.SGD(0.1, loss_scale_factor=2.0))


@pytest.mark.once
def test_numbers_may_be_numpys():
    gan = DCGAN.from_preset(
        "radford_28", seed=np.int64(3), image_shape=[np.int64(8), 8, np.int32(1)], latent_dim=np.int32(4), width=1 / 32
    )
    assert gan.image_shape == (8, 8, 1)
    assert gan.latent_dim == 4


@pytest.mark.once
@pytest.mark.parametrize("override", [{"value_range": 5}, {"image_shape": 28}, {"width": "wide"}])
def test_refuses_overrides_of_another_kind(override):
    with pytest.raises(ValueError, match=f"`{next(iter(override))}`"):
        DCGAN.from_preset("radford_28", **override)


@pytest.mark.once
def test_says_when_the_generator_makes_nan():
    gan = tiny()
    v = gan.generator.trainable_variables[-1]
    v.assign(np.full(v.shape, np.nan))
    with pytest.raises(ValueError, match="has diverged"):
        gan.generate(2, seed=1)


@pytest.mark.once
def test_a_file_in_a_folder_that_does_not_exist_is_refused_by_its_name(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"create the folder first.*nowhere/gan\.keras"):
        tiny().save(tmp_path / "nowhere" / "gan.keras")


@pytest.mark.once
def test_refuses_one_optimizer_for_both():
    opt = keras.optimizers.Adam()
    with pytest.raises(ValueError, match="two objects"):
        tiny().compile(opt, opt)


@pytest.mark.once
def test_refuses_to_fit_before_compile(images):
    gan = DCGAN(generator(), discriminator())
    with pytest.raises(ValueError, match=r"compile\(\)"):
        gan.fit(images)


@pytest.mark.once
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n": 0}, ValueError, "`n` must be a positive integer"),
        ({"n": -3}, ValueError, "`n` must be a positive integer"),
        ({"n": 2.0}, TypeError, "`n` must be a positive integer"),
        ({"n": True}, TypeError, "`n` must be a positive integer"),
        ({}, ValueError, "to determine the number of images"),
        ({"latents": np.zeros((2, 5))}, ValueError, r"`latents` must have shape \(n, 4\)"),
        ({"latents": np.zeros(4)}, ValueError, "`latents` must have shape"),
        ({"latents": [0, 0, 0, 0]}, ValueError, "`latents` must have shape"),
        ({"n": 3, "latents": np.zeros((2, 4))}, ValueError, "must have the same length"),
        ({"n": 3, "labels": [1, 2, 3]}, ValueError, "for conditional models"),
        ({"n": 3, "batch_size": 0}, ValueError, "`batch_size` must be"),
    ],
)
def test_refuses_to_generate_nonsense(arguments, error, message):
    with pytest.raises(error, match=message):
        tiny().generate(**arguments)


@pytest.mark.once
def test_refuses_latents_of_another_size():
    gan = tiny()
    for use in (gan, gan.predict_on_batch, lambda z: gan.predict(z, verbose=0)):
        with pytest.raises(ValueError, match=r"`latents` must have shape \(n, 4\)"):
            use(np.zeros((2, 5), "float32"))


def test_random_states_travel_with_the_weights(tmp_path, images):
    gan = tiny("mnist")
    gan.fit(images, batch_size=8, verbose=0, shuffle=False)
    gan.save_weights(tmp_path / "gan.weights.h5")
    other = tiny("mnist", seed=9)
    other.train_on_batch(images)
    other.load_weights(tmp_path / "gan.weights.h5")
    assert_identical(gan, other)
    before = weights(gan)
    for model in (gan, other):
        model.fit(images, batch_size=8, verbose=0, shuffle=False)
    assert_identical(gan, other)
    assert any((a != b).any() for a, b in zip(before, weights(gan), strict=True))


@pytest.mark.filterwarnings("ignore:Skipping nested container:UserWarning")  # what Keras says of it first
def test_refuses_random_states_of_another_model(tmp_path):
    with_dropout, without = tiny("mnist"), tiny("radford_28")
    with_dropout.save_weights(tmp_path / "gan.weights.h5")
    with pytest.raises(ValueError, match="different number of random states"):
        without.load_weights(tmp_path / "gan.weights.h5")


@pytest.mark.once
@pytest.mark.parametrize("trainable", [True, False])
def test_refuses_networks_that_share_a_layer(trainable):
    shared = layers.Embedding(3, 2, trainable=trainable)
    z, image, of_g, of_d = (
        keras.Input((4,)),
        keras.Input((8, 8, 1)),
        keras.Input((), dtype="int32"),
        keras.Input((), dtype="int32"),
    )
    made = layers.Dense(64, activation="tanh")(layers.Concatenate()([z, shared(of_g)]))
    g = keras.Model([z, of_g], layers.Reshape((8, 8, 1))(made))
    d = keras.Model([image, of_d], layers.Dense(1)(layers.Concatenate()([layers.Flatten()(image), shared(of_d)])))
    with pytest.raises(ValueError, match="must not share layers.*embeddings"):
        keras_dcgan.ConditionalDCGAN(g, d)


@pytest.mark.once
@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_refuses_to_train_a_frozen_network(name):
    gan = tiny()
    getattr(gan, name).trainable = False
    with pytest.raises(ValueError, match=f"`{name}` must have trainable weights"):
        gan.compile()


@pytest.mark.once
def test_refuses_to_train_a_frozen_model():
    gan = tiny()
    gan.trainable = False
    with pytest.raises(ValueError, match="must have trainable weights"):
        gan.compile()


@pytest.mark.parametrize("start", [True, once(False)])
@pytest.mark.parametrize("train", [lambda gan, x: gan.fit(x, verbose=0), lambda gan, x: gan.train_on_batch(x)])
def test_a_layer_that_is_frozen_or_thawed_needs_compile(images, start, train):
    gan = tiny()
    layer = gan.discriminator.layers[-1]
    layer.trainable = start
    gan.compile()
    train(gan, images)
    layer.trainable = not start
    before = layer.get_weights()[0]
    with pytest.raises(ValueError, match=r"`trainable` of a layer has changed.*compile\(\) again"):
        train(gan, images)
    with pytest.raises(ValueError, match="has trained other variables"):
        gan.compile(gan.g_opt, gan.d_opt)
    gan.compile()
    train(gan, images)
    assert (layer.get_weights()[0] != before).any() == layer.trainable


@pytest.mark.once
def test_generate_needs_the_memory_of_its_result_and_of_a_batch():
    gan = tiny(image_shape=(32, 32, 3))
    gan.generate(20, batch_size=20)  # which compiles
    n = 2000
    gc.collect()
    tracemalloc.start()
    made = gan.generate(n, batch_size=20)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert made.nbytes == n * 32 * 32 * 3
    assert peak < 1.5 * made.nbytes  # batches in a list, joined at the end: 2


def test_discriminate_gives_the_logits_of_inference(images):
    gan = tiny()
    gan.fit(images, verbose=0)
    floats = (images / 127.5 - 1).astype("float32")
    expected = np.asarray(keras.ops.convert_to_numpy(gan.discriminator(floats, training=False)))[:, 0]
    for given, batch_size in ((images, 128), (floats, 7)):
        logits = gan.discriminate(given, batch_size=batch_size)
        assert (logits.dtype, logits.shape) == ("float32", (24,))
        np.testing.assert_allclose(logits, expected, atol=1e-5)
    with pytest.raises(ValueError, match="Images must have shape"):
        gan.discriminate(images[:, :4])


@pytest.mark.once
def test_summary_shows_both_networks_once():
    lines = []
    gan = tiny(ema_momentum=0.9)
    gan.summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert text.count("Model: ") == 2
    for network in (gan.generator, gan.discriminator):
        assert all(text.count(layer.name.split("/")[-1]) >= 1 for layer in network.layers)
        assert text.count(f"Total params: {network.count_params():,}") == 1


@pytest.mark.once
def test_samples_are_saved_as_files(tmp_path):
    gan, folder = tiny(), tmp_path / "of" / "samples"
    gan.save_samples(folder, 5, seed=1, batch_size=2)
    assert sorted(path.name for path in folder.iterdir()) == [f"0000{i}.png" for i in range(5)]
    saved = [np.asarray(Image.open(folder / f"0000{i}.png")) for i in range(5)]
    np.testing.assert_array_equal(saved, gan.generate(5, seed=1)[..., 0])
    with pytest.raises(ValueError, match="`folder` must be empty or not exist"):
        gan.save_samples(folder, 5)
    with pytest.raises(ValueError, match="`n` must be a positive"):
        gan.save_samples(tmp_path / "none", 0)
    assert [path.name for path in tmp_path.iterdir()] == ["of"]


@pytest.mark.once
@pytest.mark.parametrize("names", [None, ["a/b", "moon", "sun"]])
def test_samples_of_a_conditional_model_are_saved_by_class(tmp_path, names):
    gan = tiny("radford_28_conditional", **({} if names is None else {"class_names": names}))
    gan.save_samples(tmp_path, 5, seed=1)
    first = "0" if names is None else "a_b"
    assert sorted(path.name for path in (tmp_path / first).iterdir()) == ["00000.png", "00003.png"]
    gan.save_samples(tmp_path / "two", 2, labels=2, seed=1)
    assert [path.name for path in (tmp_path / "two").iterdir()] == ["2" if names is None else "sun"]
    made = gan.generate(2, labels=2, seed=1)
    np.testing.assert_array_equal(np.asarray(Image.open(next((tmp_path / "two").glob("*/00001.png")))), made[1, ..., 0])


@pytest.mark.once
def test_samples_of_classes_with_similar_names_are_kept_apart(tmp_path):
    names = ["a/b", "a:b", ".."]
    tiny("radford_28_conditional", class_names=names).save_samples(tmp_path / "samples", 3)
    saved = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "samples").rglob("*.png"))
    assert saved == ["samples/0 a_b/00000.png", "samples/1 a_b/00001.png", "samples/2 _/00002.png"]

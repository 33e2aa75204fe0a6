"""Presets: networks, training recipes and trained weights."""

import dataclasses

import keras
import numpy as np
import pytest
from conftest import assert_identical, from_preset, once, tiny

import keras_dcgan
from keras_dcgan import losses, penalties, presets


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder with trained weights of `radford_28`, and these weights."""
    generator = keras_dcgan.DCGAN.from_preset("radford_28", seed=5).generator
    arrays = [w.astype("float16") for w in generator.get_weights()]
    np.savez(tmp_path / "radford_28.npz", *arrays)
    monkeypatch.setattr(presets, "WEIGHTS", tmp_path)
    return arrays


@pytest.mark.once
def test_load_weights_gives_them_to_the_generator_alone(weights):
    gan = keras_dcgan.DCGAN.from_preset("radford_28", load_weights=True, ema_momentum=0.9, seed=0)
    for network in (gan.generator, gan.ema_generator):
        for trained, loaded in zip(weights, network.get_weights(), strict=True):
            np.testing.assert_array_equal(loaded, trained.astype("float32"))
    new = keras_dcgan.DCGAN.from_preset("radford_28", seed=0)
    for one, other in zip(gan.discriminator.get_weights(), new.discriminator.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (gan.generator.get_weights()[0] != new.generator.get_weights()[0]).mean() > 0.99


@pytest.mark.once
def test_load_weights_says_which_there_are(weights):
    with pytest.raises(ValueError, match=r'needs a preset with trained weights: "radford_28"\. .*name=\'mnist\''):
        keras_dcgan.DCGAN.from_preset("mnist", load_weights=True)


@pytest.mark.once
def test_load_weights_refuses_other_networks(weights):
    with pytest.raises(
        ValueError, match=r"the only overrides allowed are ema_momentum and augmentation. Received: latent_dim, width"
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


ADAM = {"tutorial": (1e-4, 0.9, 0.999), "radford": (2e-4, 0.5, 0.999), "recommended": (1e-3, 0.0, 0.999)}
LAZY_R1 = ("R1", 0.1, 4)
BY_LABEL, MORE_BY_LABEL = ([LAZY_R1, ("MismatchedLabels", weight, 1)] for weight in (0.5, 1.0))
# as published: Adam's arguments, loss, penalties, update, discriminator steps, batch size, epochs, decay
RECIPES = {
    "mnist": (ADAM["tutorial"], "NonSaturating", [], "simultaneous", 1, 256, 50, None),
    "cifar10": (ADAM["tutorial"], "NonSaturating", [], "simultaneous", 1, 256, 100, None),
    "fashion_mnist_conditional": (ADAM["radford"], "NonSaturating", [], "simultaneous", 1, 128, 100, None),
    "radford_64": (ADAM["radford"], "NonSaturating", [], "simultaneous", 1, 128, None, None),
    "radford_28": (ADAM["radford"], "NonSaturating", [], "simultaneous", 1, 128, None, None),
    "radford_28_conditional": (ADAM["radford"], "NonSaturating", [], "simultaneous", 1, 128, None, None),
    "radford_mnist": (ADAM["radford"], "NonSaturating", [], "simultaneous", 1, 128, 200, 0.5),
    "all_convolutional_28": (ADAM["radford"], "NonSaturating", [], "simultaneous", 1, 128, None, None),
    "sngan": (ADAM["radford"], "Hinge", [], "alternating", 1, 64, None, None),
    "wgan_gp": ((1e-4, 0.0, 0.9), "Wasserstein", [("GradientPenalty", 10, 1)], "alternating", 5, 320, None, None),
    "rpgan": ((2e-4, 0.0, 0.99), "Relativistic", [("R1", 0.1, 1), ("R2", 0.1, 1)], "alternating", 1, 64, None, None),
    "recommended": (ADAM["recommended"], "NonSaturating", [LAZY_R1], "simultaneous", 1, 32, None, None),
    "recommended_conditional": (ADAM["recommended"], "NonSaturating", BY_LABEL, "simultaneous", 1, 32, None, None),
    "recommended_fashion_mnist": ((1e-3, 0.5, 0.999), "NonSaturating", [LAZY_R1], "simultaneous", 1, 32, 20, 1.0),
    "recommended_mnist": ((1e-3, 0.5, 0.999), "NonSaturating", [LAZY_R1], "simultaneous", 1, 64, 60, 1.0),
    "recommended_cifar10": (ADAM["recommended"], "NonSaturating", MORE_BY_LABEL, "simultaneous", 1, 32, 16, 1.0),
}  # fmt: skip


def small(name, **overrides):
    """A preset with few pixels and channels, not compiled."""
    side = 16 if name in ("radford_64", "all_convolutional_28") else 8
    classes = {"num_classes": 10} if presets.get(name).conditional else {}
    return from_preset(name, **({"image_shape": (side, side, 1), "width": 1 / 64, "seed": 0} | classes | overrides))


def described(gan):
    """What a compiled model trains with."""
    adams = []
    for optimizer in (gan.g_opt, gan.d_opt):
        assert type(optimizer) is type(keras.optimizers.Adam())
        adams.append((float(optimizer.learning_rate.numpy()), optimizer.beta_1, optimizer.beta_2))
    assert adams[0] == pytest.approx(adams[1])
    listed = [(type(p).__name__, getattr(p, "gamma", getattr(p, "weight", None)), p.interval) for p in gan.penalties]
    return tuple(adams[0]), type(gan.loss).__name__, listed, gan.update, gan.discriminator_steps


@pytest.mark.once
@pytest.mark.parametrize("name", presets.names())
def test_compile_and_fit_use_the_published_settings(name):
    gan = small(name)
    gan.compile()
    *expected, batch_size, epochs, decay = RECIPES[name]
    adam, *rest = described(gan)
    assert adam == pytest.approx(expected[0])
    assert rest == expected[1:]
    assert (gan.recipe.batch_size, gan.recipe.epochs, gan.recipe.decay) == (batch_size, epochs, decay)


@pytest.mark.once
def test_without_a_preset_the_defaults_are_those_documented():
    gan = keras_dcgan.DCGAN(small("mnist").generator, small("mnist").discriminator)
    gan.compile()
    adam, *rest = described(gan)
    assert adam == pytest.approx((2e-4, 0.5, 0.999))
    assert rest == ["NonSaturating", [], "simultaneous", 1]
    assert (gan.recipe.batch_size, gan.recipe.decay) == (32, None)


@pytest.mark.once
@pytest.mark.parametrize(
    ("argument", "changed"),
    [
        ({"loss": "hinge"}, {"loss": "Hinge"}),
        ({"penalties": ()}, {"penalties": []}),
        ({"penalties": [penalties.R2(2.0)]}, {"penalties": [("R2", 2.0, 1)]}),
        ({"update": "simultaneous"}, {"update": "simultaneous"}),
        ({"discriminator_steps": 2}, {"discriminator_steps": 2}),
    ],
)
def test_each_argument_overrides_one_part_of_the_recipe(argument, changed):
    gan = small("wgan_gp")
    gan.compile(**argument)
    names = ("adam", "loss", "penalties", "update", "discriminator_steps")
    expected = dict(zip(names, RECIPES["wgan_gp"], strict=False)) | changed
    found = dict(zip(names, described(gan), strict=True))
    assert found.pop("adam") == pytest.approx(expected.pop("adam"))
    assert found == expected


@pytest.mark.once
def test_an_optimizer_overrides_that_of_the_recipe_and_the_other_stays():
    gan = small("recommended")
    gan.compile(d_opt=keras.optimizers.SGD(0.5))
    assert isinstance(gan.d_opt, keras.optimizers.SGD)
    assert gan.g_opt.learning_rate.numpy() == pytest.approx(1e-3)


@pytest.mark.once
def test_two_models_of_a_preset_share_no_optimizer():
    one, other = small("recommended"), small("recommended")
    for gan in (one, other):
        gan.compile()
    assert len({id(optimizer) for gan in (one, other) for optimizer in (gan.g_opt, gan.d_opt)}) == 4


def images(n):
    return np.random.default_rng(0).integers(0, 256, (n, 8, 8, 1), "uint8")


@pytest.mark.once
def test_fit_uses_the_batch_size_of_the_recipe():
    gan = small("mnist")
    gan.compile()
    gan.fit(images(300), verbose=0)  # 256 and 44
    assert gan.optimizer.iterations.numpy() == 2
    gan.fit(images(300), batch_size=100, verbose=0)
    assert gan.optimizer.iterations.numpy() == 5


class Rates(keras.callbacks.Callback):
    """Records both learning rates in every epoch."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_batch_end(self, batch, logs=None):
        self.seen.append(tuple(float(opt.learning_rate.numpy()) for opt in (self.model.g_opt, self.model.d_opt)))


def decaying(decay, **options):
    gan = small("mnist")
    gan.recipe = dataclasses.replace(gan.recipe, decay=decay)
    gan.compile(**options)
    return gan


@pytest.mark.parametrize(
    ("decay", "factors"), [(1.0, [1, 0.75, 0.5, 0.25]), once(0.5, [1, 1, 1, 0.5]), once(None, [1, 1, 1, 1])]
)
def test_learning_rates_decay_over_the_epochs_of_fit(decay, factors):
    gan, rates = decaying(decay), Rates()
    gan.fit(images(8), epochs=4, verbose=0, callbacks=[rates])
    np.testing.assert_allclose(rates.seen, [[1e-4 * factor] * 2 for factor in factors], rtol=1e-5)


def test_decay_continues_after_loading_and_spares_the_optimizers_of_the_user(tmp_path):
    gan = decaying(1.0, d_opt=keras.optimizers.SGD(0.3))
    gan.fit(images(8), epochs=2, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded, rates = keras.saving.load_model(tmp_path / "gan.keras"), Rates()
    assert loaded.recipe.decay == 1.0
    loaded.fit(images(8), initial_epoch=2, epochs=4, verbose=0, callbacks=[rates])
    np.testing.assert_allclose(rates.seen, [[0.5e-4, 0.3], [0.25e-4, 0.3]], rtol=1e-5)


@pytest.mark.once
@pytest.mark.parametrize("name", ["wgan_gp", "sngan"])
def test_the_recipe_is_saved_with_the_model(tmp_path, name):
    gan, x = small(name), images(40)
    gan.recipe = dataclasses.replace(gan.recipe, batch_size=20)
    gan.compile()
    gan.fit(x, verbose=0, shuffle=False)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.recipe.batch_size == 20
    assert loaded.recipe.get_config() == gan.recipe.get_config()
    assert described(loaded) == described(gan)
    for model in (gan, loaded):
        model.fit(x, verbose=0, shuffle=False)
    assert_identical(loaded, gan)


@pytest.mark.once
@pytest.mark.parametrize("wrong", [{"decay": 0.0}, {"decay": -1.0}, {"decay": 3.0}, {"decay": "a"}, {"batch_size": -2}])
def test_a_recipe_refuses_impossible_values(wrong):
    (name,) = wrong
    with pytest.raises(ValueError, match=f"`{name}` must be"):
        presets.Recipe(**wrong)


@pytest.mark.once
def test_names_and_get():
    assert set(presets.names()) == set(RECIPES)
    assert "sngan" in presets.names(conditional=False)
    assert set(presets.names(conditional=True)).isdisjoint(presets.names(conditional=False))
    assert presets.get("wgan_gp").recipe.discriminator_steps == 5
    assert isinstance(presets.get("sngan").recipe.loss, losses.Hinge)
    with pytest.raises(ValueError, match='`name` must be one of the presets "mnist"'):
        presets.get("dcgan")


@pytest.mark.once
@pytest.mark.parametrize("name", ["projection", "conditional_batch_norm", "num_classes"])
def test_arguments_of_labels_are_refused_without_labels(name):
    with pytest.raises(ValueError, match=f"Received: .*{name}"):
        tiny("recommended", **{name: 3})


@pytest.mark.once
def test_an_unknown_preset_gets_a_suggestion():
    with pytest.raises(ValueError, match=r"Did you mean `radford_28`\?"):
        keras_dcgan.presets.get("radford28")


@pytest.mark.once
def test_numbers_of_numpy_are_numbers():
    gan = tiny(width=np.float32(1 / 16), ema_momentum=np.float32(0.5))
    assert keras_dcgan.DCGAN.from_config(gan.get_config()).ema_momentum == 0.5
    with pytest.raises(ValueError, match="`width` must be positive"):
        tiny(width=True)


@pytest.mark.once
def test_every_override_is_an_argument_of_a_builder_or_of_the_model():
    gan = tiny("recommended_conditional", filters=8, kernel_size=3, projection="average", ema_momentum=0.5, depth=1)
    assert gan.ema_momentum == 0.5
    convolutions = [layer for layer in gan.discriminator.layers if isinstance(layer, keras.layers.Conv2D)]
    assert [layer.kernel_size for layer in convolutions] == [(3, 3)]

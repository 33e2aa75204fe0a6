"""The generator's moving average: what it is, where it is used, and that it goes on exactly."""

import keras
import numpy as np
import pytest
from conftest import assert_identical, once, tiny

import keras_dcgan

PRESETS = (once("radford_28"), "radford_28_conditional")


def data(preset, images, labels):
    return (images, labels) if "conditional" in preset else (images,)


def values(network):
    return [v.numpy() for v in network.weights]


@pytest.mark.parametrize(
    ("preset", "momentum", "update"),
    [
        once("radford_28", 0.05, "simultaneous"),
        ("radford_28", 0.999, "alternating"),
        once("radford_28_conditional", 0.05, "alternating"),
        ("radford_28_conditional", 0.999, "simultaneous"),
    ],
)
def test_is_the_weighted_mean_of_all_steps(images, labels, preset, momentum, update):
    gan = tiny(preset, ema_momentum=momentum)
    gan.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2), update=update)
    seen = []
    for i in range(0, 24, 6):
        gan.train_on_batch(*(part[i : i + 6] for part in data(preset, images, labels)))
        seen.append(values(gan.generator))
        # update t goes max(1 − momentum, 10 / (t + 9)) of the way; what that leaves of earlier ones is their share
        rates = [max(1 - momentum, 10 / (t + 9)) for t in range(1, len(seen) + 1)]
        shares = [rate * np.prod([1 - later for later in rates[t + 1 :]]) for t, rate in enumerate(rates)]
        assert sum(shares) == pytest.approx(1)
        for average, *steps in zip(values(gan.ema_generator), *seen, strict=True):
            expected = np.tensordot(shares, steps, 1)
            np.testing.assert_allclose(average, expected, rtol=1e-4, atol=1e-6)
    moved = [np.abs(first - last).max() for first, last in zip(seen[0], seen[-1], strict=True)]
    assert min(moved) > 1e-5  # batch statistics too


def test_starts_as_the_generator_with_variables_of_its_own():
    gan = tiny(ema_momentum=0.9)
    for average, value in zip(gan.ema_generator.weights, gan.generator.weights, strict=True):
        assert average is not value
        np.testing.assert_array_equal(average.numpy(), value.numpy())
    assert len(gan.trainable_variables) == len(tiny().trainable_variables)


def test_training_is_the_same_with_and_without(images):
    gan, plain = tiny(ema_momentum=0.9), tiny()
    for model in (gan, plain):
        model.fit(images, batch_size=8, epochs=2, shuffle=False, verbose=0)
    for network in ("generator", "discriminator"):
        for a, b in zip(values(getattr(gan, network)), values(getattr(plain, network)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)  # two programs, which XLA may round differently
    assert plain.ema_generator is None
    assert len(plain.variables) == len(gan.variables) - len(gan.ema_generator.variables)


@pytest.mark.parametrize("preset", PRESETS)
def test_makes_all_images_outside_training(tmp_path, images, labels, preset):
    conditional = "conditional" in preset
    gan, other = tiny(preset, ema_momentum=0.9), tiny(preset, seed=1)
    gan.ema_generator.set_weights(other.generator.get_weights())
    latents = keras.ops.convert_to_numpy(other.sample_latents(6, seed=2))
    inputs = [latents, labels[:6].astype("int32")] if conditional else latents
    kwargs = {"labels": labels[:6]} if conditional else {}
    given = [labels[:2]] if conditional else []
    expected = other.predict(inputs, verbose=0)

    np.testing.assert_array_equal(gan.predict(inputs, verbose=0), expected)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(gan(inputs)), expected, atol=1e-6)
    np.testing.assert_array_equal(gan.generate(latents=latents, **kwargs), other.generate(latents=latents, **kwargs))
    np.testing.assert_array_equal(*(m.invert(images[:2], *given, steps=2) for m in (gan, other)))

    film, film_of_other = tmp_path / "a.gif", tmp_path / "b.gif"
    for model, path in ((gan, film), (other, film_of_other)):
        callback = keras_dcgan.callbacks.GifSnapshot(path, num_images=3, seed=0)
        callback.set_params({"epochs": 1})
        callback.set_model(model)
        callback.on_train_begin()
        callback.on_epoch_begin(0)
        callback.on_epoch_end(0)
    assert film.read_bytes() == film_of_other.read_bytes()


def test_is_what_evaluate_measures(images):
    gan, other = tiny(ema_momentum=0.9), tiny(seed=1)
    rng = np.random.default_rng(0)
    for model in (gan, other):  # far from N(0, 0.02), so that images and logits differ
        model.generator.set_weights([rng.normal(0.5, 0.5, v.shape) ** 2 for v in model.generator.weights])
    gan.ema_generator.set_weights(other.generator.get_weights())
    gan.discriminator.set_weights([abs(rng.normal(0, 0.05, v.shape)) for v in gan.discriminator.weights])
    other.discriminator.set_weights(gan.discriminator.get_weights())
    figures, expected = (m.evaluate(images, batch_size=8, verbose=0, return_dict=True) for m in (gan, other))
    assert figures == pytest.approx(expected, abs=1e-6)
    gan.ema_generator.set_weights(gan.generator.get_weights())
    of_generator = gan.evaluate(images, batch_size=8, verbose=0, return_dict=True)
    assert abs(of_generator["g_loss"] - figures["g_loss"]) > 1e-3


def test_is_saved_and_goes_on_exactly(tmp_path, images, labels):
    preset = "radford_28_conditional"
    gan = tiny(preset, ema_momentum=0.9)
    parts = data(preset, images, labels)
    gan.fit(*parts, batch_size=8, epochs=1, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    gan.save_weights(tmp_path / "gan.weights.h5")
    loaded, filled = keras.saving.load_model(tmp_path / "gan.keras"), tiny(preset, seed=5, ema_momentum=0.9)
    filled.load_weights(tmp_path / "gan.weights.h5")
    assert loaded.ema_momentum == 0.9
    for model in (loaded, filled):
        np.testing.assert_array_equal(model.generate(4, seed=1), gan.generate(4, seed=1))
    for model in (gan, loaded, filled):
        model.fit(*parts, batch_size=8, epochs=1, shuffle=False, verbose=0)
    for model in (loaded, filled):
        assert_identical(model, gan)


def test_a_file_without_an_average_is_of_another_model(tmp_path):
    tiny().save_weights(tmp_path / "plain.weights.h5")
    gan = tiny(ema_momentum=0.9)
    before = values(gan)
    with pytest.warns(UserWarning, match="Skipping"), pytest.raises(ValueError, match="variables"):
        gan.load_weights(tmp_path / "plain.weights.h5")
    for a, b in zip(values(gan), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.once
@pytest.mark.parametrize("momentum", [0, 1, 1.0, -0.1, 1.5, "0.9", True, float("nan")])
def test_refuses_a_momentum_that_is_none(momentum):
    with pytest.raises(ValueError, match="`ema_momentum` must be between 0 and 1"):
        tiny(ema_momentum=momentum)


def changes(gan, folder):
    """Ways to put the weights of another model into the generator, by name."""
    other = tiny(seed=1)
    other.generator.save_weights(folder / "other.weights.h5")

    def assign():
        for variable, value in zip(gan.generator.weights, other.generator.weights, strict=True):
            variable.assign(value)

    return {
        "set_weights": lambda: gan.generator.set_weights(other.generator.get_weights()),
        "load_weights": lambda: gan.generator.load_weights(folder / "other.weights.h5"),
        "layer by layer": lambda: [
            own.set_weights(layer.get_weights())
            for own, layer in zip(gan.generator.layers, other.generator.layers, strict=True)
        ],
        "assign": assign,
    }


@pytest.mark.parametrize("trained", [once(0), 1])
@pytest.mark.parametrize("way", ["set_weights", "load_weights", "layer by layer", "assign"])
def test_follows_weights_that_are_put_into_the_generator(tmp_path, images, way, trained):
    gan, source = tiny(ema_momentum=0.9), tiny(seed=1)
    for _ in range(trained):
        gan.fit(images, batch_size=8, verbose=0)
    changes(gan, tmp_path)[way]()
    z = gan.sample_latents(4, seed=0)
    np.testing.assert_array_equal(gan.generate(latents=z), source.generate(latents=z))


USES = {
    "call": lambda gan, z: keras.ops.convert_to_numpy(gan(z)),
    "generate": lambda gan, z: gan.generate(latents=z),
    "predict": lambda gan, z: gan.predict(z, verbose=0),
    "predict_on_batch": lambda gan, z: gan.predict_on_batch(z),
    "evaluate": lambda gan, z: gan.evaluate(np.zeros((8, 8, 8, 1), "uint8"), batch_size=8, verbose=0)[:2],
    "test_on_batch": lambda gan, z: gan.test_on_batch(np.zeros((8, 8, 8, 1), "uint8"))[:2],
    "invert": lambda gan, z: gan.invert(np.zeros((2, 8, 8, 1), "uint8"), steps=2),
}


@pytest.mark.parametrize("use", USES)
def test_every_use_of_the_average_follows_the_generator(images, use):
    gan, source = tiny(ema_momentum=0.9), tiny(seed=1)
    source.discriminator.set_weights(gan.discriminator.get_weights())
    gan.generator.set_weights(source.generator.get_weights())
    z = gan.sample_latents(4, seed=0)
    np.testing.assert_allclose(USES[use](gan, z), USES[use](source, z), rtol=1e-5, atol=1e-6)


def test_a_file_holds_the_average_that_follows(tmp_path, images):
    gan, source = tiny(ema_momentum=0.9), tiny(seed=1)
    gan.fit(images, batch_size=8, verbose=0)
    gan.generator.set_weights(source.generator.get_weights())
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    for average, value in zip(loaded.ema_generator.weights, source.generator.weights, strict=True):
        np.testing.assert_array_equal(average.numpy(), value.numpy())


def test_continues_after_compile(images):
    gan = tiny(ema_momentum=0.9)
    for _ in range(20):
        gan.train_on_batch(images[:8])
    before = values(gan.ema_generator)
    gan.compile(keras.optimizers.Adam(1e-2), keras.optimizers.Adam(1e-2))
    gan.train_on_batch(images[:8])
    for new, old, own in zip(values(gan.ema_generator), before, values(gan.generator), strict=True):
        np.testing.assert_allclose(new, old + (own - old) / 3, rtol=1e-4, atol=1e-6)  # 10 / (21 updates + 9)


def test_training_and_files_are_no_changes_from_outside(tmp_path, images):
    gan = tiny(ema_momentum=0.9)
    for way in ("fit", "train_on_batch", "load_model", "load_weights"):
        if way == "fit":
            gan.fit(images, batch_size=8, verbose=0)
        elif way == "train_on_batch":
            gan.train_on_batch(images[:8])
        elif way == "load_model":
            gan.save(tmp_path / "gan.keras")
            gan = keras.saving.load_model(tmp_path / "gan.keras")
        else:
            gan = tiny(ema_momentum=0.9)
            gan.load_weights(tmp_path / "gan.keras")
        average = values(gan.ema_generator)
        assert any((a != b).any() for a, b in zip(average, values(gan.generator), strict=True)), way
        gan.generate(2)
        for before, after in zip(average, values(gan.ema_generator), strict=True):
            np.testing.assert_array_equal(before, after, err_msg=way)


@pytest.mark.once
def test_a_file_that_fails_to_load_leaves_the_average_alone(tmp_path, images):
    gan, other = tiny(ema_momentum=0.9), tiny(ema_momentum=0.9, width=1 / 16)
    gan.fit(images, batch_size=8, verbose=0)
    other.save_weights(tmp_path / "other.weights.h5")
    average, epochs = values(gan.ema_generator), gan.epochs_trained
    with pytest.raises(ValueError, match="."):
        gan.load_weights(tmp_path / "other.weights.h5")
    gan.generate(2)
    assert gan.epochs_trained == epochs == 1
    for before, after in zip(average, values(gan.ema_generator), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.once
@pytest.mark.parametrize("name", ["generator", "discriminator"])
def test_a_network_cannot_be_replaced(name):
    gan = tiny()
    with pytest.raises(AttributeError, match=f"`{name}` cannot be replaced"):
        setattr(gan, name, getattr(tiny(), name))

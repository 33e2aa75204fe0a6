"""Differentiable augmentation: each change against its definition, and its place in training."""

import keras
import numpy as np
import pytest
from conftest import assert_identical, once, tiny
from keras import ops

import keras_dcgan
from keras_dcgan.augmentation import DiffAugment


def some_images(n=64, shape=(16, 12, 3)):
    return np.random.default_rng(0).uniform(-1, 1, (n, *shape)).astype("float32")


def augmented(x, policy, **kwargs):
    return ops.convert_to_numpy(DiffAugment(policy, seed=0, **kwargs)(x, training=True))


def test_color_moves_brightness_contrast_and_saturation_within_their_limits():
    x = some_images(2000, (4, 4, 3))
    y = augmented(x, "color")
    # brightness moves the mean, which contrast and saturation keep
    moved = (y - x).mean(axis=(1, 2, 3))
    assert -0.5 <= moved.min() < -0.45
    assert 0.45 < moved.max() <= 0.5
    # contrast alone scales the grey parts' distances from their mean
    grey_before, grey = x.mean(axis=3), y.mean(axis=3)
    contrast = (grey - grey.mean(axis=(1, 2), keepdims=True)) / (
        grey_before - grey_before.mean(axis=(1, 2), keepdims=True)
    )
    np.testing.assert_allclose(
        contrast, np.broadcast_to(np.median(contrast, (1, 2), keepdims=True), contrast.shape), rtol=0.02
    )
    contrast = np.median(contrast, axis=(1, 2))
    assert 0.5 <= contrast.min() < 0.55
    assert 1.45 < contrast.max() <= 1.5
    # saturation and contrast together scale the distances from the grey part
    both = np.std(y - grey[..., None], axis=(1, 2, 3)) / np.std(x - grey_before[..., None], axis=(1, 2, 3))
    saturation = both / contrast
    assert 0 <= saturation.min() < 0.05
    assert 1.95 < saturation.max() <= 2.01


def test_translation_moves_whole_images_by_up_to_an_eighth_and_fills_with_grey():
    x = some_images()
    seen = set()
    for before, after in zip(x, augmented(x, "translation"), strict=True):
        padded = np.pad(before, ((2, 2), (2, 2), (0, 0)))  # 16 / 8 and, rounded, 12 / 8
        shifts = [
            (dy, dx) for dy in range(5) for dx in range(5) if np.array_equal(after, padded[dy : dy + 16, dx : dx + 12])
        ]
        assert len(shifts) == 1
        seen.update(shifts)
    assert len(seen) > 20  # of 25


def test_cutout_greys_half_the_sides_with_its_centre_anywhere():
    x = some_images(300)
    y = augmented(x, "cutout")
    corners = set()
    for before, after in zip(x, y, strict=True):
        cut = (after == 0).all(axis=2)
        np.testing.assert_array_equal(after[~cut], before[~cut])
        rows, columns = np.flatnonzero(cut.any(axis=1)), np.flatnonzero(cut.any(axis=0))
        assert cut.sum() == len(rows) * len(columns)  # a rectangle
        assert 4 <= len(rows) <= 8
        assert 3 <= len(columns) <= 6
        corners.add((rows[0], rows[-1], columns[0], columns[-1]))
    assert {(0, 3), (0, 7), (12, 15)} <= {corner[:2] for corner in corners}
    assert {(0, 2), (0, 5), (9, 11)} <= {corner[2:] for corner in corners}


@pytest.mark.parametrize("policy", [*keras_dcgan.augmentation.POLICIES, keras_dcgan.augmentation.POLICIES])
def test_is_the_same_in_every_value_range(policy):
    x = some_images()
    expected = augmented(x, policy)
    np.testing.assert_allclose(augmented(3 + 2 * x, policy, value_range=(1, 5)), 3 + 2 * expected, atol=1e-5)


def test_images_of_a_batch_and_calls_differ_and_seeds_repeat():
    x = np.broadcast_to(some_images(1), (8, 16, 12, 3))
    layer = DiffAugment(seed=3)
    first, second = (ops.convert_to_numpy(layer(x, training=True)) for _ in range(2))
    assert len(np.unique(first.reshape(8, -1), axis=0)) == 8
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(ops.convert_to_numpy(DiffAugment(seed=3)(x, training=True)), first)
    assert not np.array_equal(ops.convert_to_numpy(DiffAugment(seed=4)(x, training=True)), first)


def test_changes_nothing_in_inference():
    x = some_images()
    np.testing.assert_array_equal(ops.convert_to_numpy(DiffAugment()(x)), x)


class Recorded(keras.layers.Layer):
    """Counts the images it gets, and makes them black: no gradient reaches the generator."""

    def build(self, shape):
        self.count = self.add_weight(shape=(), initializer="zeros", trainable=False)

    def call(self, images, training=False):
        self.count.assign_add(ops.cast(ops.shape(images)[0], "float32"))
        return images * 0 - 1


@pytest.mark.parametrize("update", ["simultaneous", once("alternating")])
@pytest.mark.parametrize("preset", [once("radford_28"), "radford_28_conditional"])
def test_the_discriminator_sees_real_and_generated_images_through_it(images, labels, preset, update):
    augmentation = Recorded()
    augmentation.build((None, 8, 8, 1))
    gan = tiny(preset, augmentation=augmentation)
    gan.compile("sgd", "sgd", update=update)
    before = gan.generator.get_weights()
    parts = (images, labels) if "conditional" in preset else (images,)
    logs = gan.train_on_batch(*parts, return_dict=True)
    # the alternating update looks at the generated images once more
    assert float(augmentation.count.numpy()) == 24 * {"simultaneous": 2, "alternating": 3}[update]
    # real and generated are alike for it: what says "real" says it of both
    assert float(logs["real_accuracy"]) == pytest.approx(1 - float(logs["fake_accuracy"]))
    trainable = {v.path for v in gan.generator.trainable_variables}
    for v, value in zip(gan.generator.weights, before, strict=True):
        if v.path in trainable:
            np.testing.assert_array_equal(v.numpy(), value)
    gan.test_on_batch(*parts)
    gan.generate(4)
    assert float(augmentation.count.numpy()) == 24 * {"simultaneous": 2, "alternating": 3}[update]


@pytest.mark.once
@pytest.mark.compiled
def test_the_generator_learns_through_it():
    bright, gan = np.full((64, 8, 8, 1), 230, "uint8"), tiny(width=1 / 16, augmentation=DiffAugment(seed=0))
    gan.compile(keras.optimizers.Adam(5e-3, beta_1=0.5), keras.optimizers.Adam(5e-3, beta_1=0.5))
    gan.fit(bright, batch_size=16, epochs=40, verbose=0)
    assert gan.generate(64, seed=1).mean() > 180


def test_is_saved_with_the_model_and_goes_on_exactly(tmp_path, images):
    gan = tiny(augmentation=DiffAugment(("cutout", "color"), seed=0))
    gan.fit(images, batch_size=8, epochs=1, shuffle=False, verbose=0)
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.augmentation.policy == ("color", "cutout")
    for model in (gan, loaded):
        model.fit(images, batch_size=8, epochs=1, shuffle=False, verbose=0)
    assert_identical(loaded, gan)


def test_one_of_keras_may_be_used(images):
    gan = tiny(augmentation=keras.layers.RandomFlip("horizontal", seed=0))
    gan.fit(images, batch_size=8, epochs=1, verbose=0)


@pytest.mark.once
@pytest.mark.parametrize("policy", ["colour", (), ("color", "blur")])
def test_refuses_an_unknown_policy(policy):
    with pytest.raises(ValueError, match='`policy` must be a list of names from "color", "translation", "cutout"'):
        DiffAugment(policy)


@pytest.mark.once
def test_the_model_refuses_what_is_no_layer_or_changes_the_shape():
    with pytest.raises(TypeError, match="`augmentation` must be a Keras layer"):
        tiny(augmentation="color")
    with pytest.raises(ValueError, match="must keep the shape of the images"):
        tiny(augmentation=keras.layers.Resizing(4, 4))


@pytest.mark.once
@pytest.mark.parametrize(
    "layer",
    [
        DiffAugment(value_range=(0, 1)),
        keras.layers.RandomBrightness(0.1),  # whose default is (0, 255)
        keras.Sequential([keras.layers.RandomFlip(), DiffAugment(value_range=(0, 1))]),
    ],
)
def test_the_model_refuses_an_augmentation_for_another_range(layer):
    with pytest.raises(ValueError, match=r"`augmentation` must have .*value_range=\(-1, 1\)\. Received: \w+ with"):
        tiny(augmentation=layer)
    tiny(value_range=(0, 1), augmentation=DiffAugment(value_range=[0.0, 1.0]))

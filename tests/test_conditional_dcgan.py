"""What ConditionalDCGAN does otherwise than DCGAN."""

import keras
import numpy as np
import pytest
from conftest import assert_identical, once, tiny
from keras import layers

from keras_dcgan import ConditionalDCGAN


@pytest.fixture(params=[once("radford_28_conditional"), "fashion_mnist_conditional"])
def gan(request):
    return tiny(request.param)


def own_networks(label_shape=(), classes=3, embed=True):
    def of_label(y, size):
        y = layers.Embedding(classes, size)(y) if embed else layers.Rescaling(1.0)(keras.ops.cast(y, "float32"))
        return layers.Flatten()(y) if embed else layers.Reshape((1,))(y)

    z, y = keras.Input((4,)), keras.Input(label_shape, dtype="int32")
    x = layers.Dense(64, activation="tanh")(layers.Concatenate()([z, of_label(y, 2)]))
    g = keras.Model([z, y], layers.Reshape((8, 8, 1))(x))
    x, y = keras.Input((8, 8, 1)), keras.Input(label_shape, dtype="int32")
    h = layers.Dense(1)(layers.Concatenate()([layers.Flatten()(x), of_label(y, 2)]))
    return g, keras.Model([x, y], h)


@pytest.mark.parametrize("label_shape", [once(()), (1,)])
def test_own_networks_with_labels_of_either_shape(images, labels, label_shape):
    gan = ConditionalDCGAN(*own_networks(label_shape))
    assert gan.num_classes == 3
    gan.compile()
    gan.fit(images, labels, verbose=0)
    gan.fit(images, labels[:, None], verbose=0)
    assert gan.generate(5).shape == (5, 8, 8, 1)


def test_num_classes_must_be_told_where_no_embedding_tells_it(images, labels):
    networks = own_networks(embed=False)
    with pytest.raises(ValueError, match="`num_classes` cannot be inferred from"):
        ConditionalDCGAN(*networks)
    gan = ConditionalDCGAN(*networks, num_classes=3)
    gan.compile()
    gan.fit(images, labels, verbose=0)


@pytest.mark.once
@pytest.mark.parametrize("name", ["recommended_conditional", "radford_28_conditional"])
def test_general_presets_need_the_number_of_classes(name):
    with pytest.raises(ValueError, match="needs the classes of the labels: pass `class_names` or `num_classes`"):
        ConditionalDCGAN.from_preset(name, width=1 / 32)
    assert ConditionalDCGAN.from_preset(name, width=1 / 32, num_classes=3).num_classes == 3


@pytest.mark.once
@pytest.mark.parametrize("name", ["fashion_mnist_conditional", "radford_mnist", "recommended_fashion_mnist"])
def test_presets_of_a_known_dataset_have_its_classes(name):
    assert ConditionalDCGAN.from_preset(name, width=1 / 32).num_classes == 10


@pytest.mark.once
@pytest.mark.parametrize("num_classes", [4, 20])
def test_refuses_more_classes_than_its_embeddings_know(num_classes):
    with pytest.raises(ValueError, match="must not exceed"):
        ConditionalDCGAN(*own_networks(), num_classes=num_classes)


@pytest.mark.once
@pytest.mark.parametrize("num_classes", [0, -1])
def test_refuses_no_classes(num_classes):
    with pytest.raises(ValueError, match="`num_classes` must be a positive integer"):
        ConditionalDCGAN(*own_networks(), num_classes=num_classes)


@pytest.mark.once
def test_refuses_networks_that_take_one_hot_labels():
    with pytest.raises(ValueError, match="as its second input"):
        ConditionalDCGAN(*own_networks((3,)))


@pytest.mark.once
def test_refuses_networks_without_labels():
    gan = tiny()
    with pytest.raises(ValueError, match=r"must take \[latent vectors, labels\]"):
        ConditionalDCGAN(gan.generator, gan.discriminator)


def test_trains_evaluates_and_predicts(gan, images, labels):
    history = gan.fit(images, labels, batch_size=8, validation_data=(images, labels), verbose=0).history
    assert np.isfinite(history["val_loss"]).all()
    assert gan.evaluate(images, labels, verbose=0, return_dict=True).keys() == gan.get_metrics_result().keys()
    z = np.zeros((3, 4), "float32")
    predicted = gan.predict([z, np.arange(3)], verbose=0)
    np.testing.assert_allclose(predicted, keras.ops.convert_to_numpy(gan([z, np.arange(3)])), atol=1e-6)


def test_the_label_reaches_both_networks(gan):
    # large weights, so that what a label does is not lost in rounding
    rng = np.random.default_rng(0)
    for v in gan.trainable_variables:
        if "kernel" in v.path or "embeddings" in v.path:
            v.assign(rng.normal(0, 0.1, v.shape))
    # the same latents and the same image three times
    z, x = (np.repeat(rng.normal(size=(1, *shape)), 3, axis=0).astype("float32") for shape in ((4,), (8, 8, 1)))
    labels = np.arange(3, dtype="int32")
    for network, inputs in ((gan.generator, z), (gan.discriminator, x)):
        outputs = keras.ops.convert_to_numpy(network([inputs, labels]))
        assert min(np.abs(outputs[i] - outputs[j]).max() for i, j in ((0, 1), (0, 2), (1, 2))) > 1e-4


@pytest.mark.once
@pytest.mark.compiled
def test_learns_which_images_go_with_which_label():
    images = np.repeat(np.array([30, 225], "uint8"), 32)[:, None, None, None] * np.ones((1, 8, 8, 1), "uint8")
    labels = np.repeat([0, 1], 32)
    keras.utils.set_random_seed(0)  # for the order of the images
    gan = tiny("radford_28_conditional", num_classes=2, width=1 / 16)
    gan.compile(keras.optimizers.Adam(2e-3, beta_1=0.5), keras.optimizers.Adam(2e-3, beta_1=0.5))
    for _ in range(10):  # a GAN oscillates: that it gets there is enough
        gan.fit(images, labels, batch_size=16, epochs=10, verbose=0)
        dark, bright = (gan.generate(32, labels=label, seed=1).mean() for label in (0, 1))
        if bright - dark > 100:  # 195 between the images; 0 if labels are ignored
            return
    raise AssertionError(f"{dark} and {bright}")


def test_generates_each_class_in_turn_or_the_labels_given(gan):
    z = keras.ops.convert_to_numpy(gan.sample_latents(5, seed=1))
    turns = gan.generate(5, seed=1)
    np.testing.assert_array_equal(turns, gan.generate(latents=z, labels=[0, 1, 2, 0, 1]))
    np.testing.assert_array_equal(turns, gan.generate(labels=np.array([[0], [1], [2], [0], [1]]), seed=1))
    np.testing.assert_array_equal(gan.generate(5, labels=np.array(1), seed=1), gan.generate(labels=[1] * 5, seed=1))


@pytest.mark.once
@pytest.mark.parametrize("labels", [[0, 3, 1], [0, -1, 1], [0.0, 1.0, 2.0], [[0, 1, 2]], [0, 1]])
def test_refuses_to_generate_labels_that_do_not_exist(gan, labels):
    with pytest.raises(ValueError, match="Labels must be integers|must have the same length"):
        gan.generate(3, labels=labels)


@pytest.mark.once
def test_refuses_inputs_that_are_no_pair(gan):
    with pytest.raises(ValueError, match=r"takes \[latents, labels\]"):
        gan.predict(np.zeros((3, 4), "float32"), verbose=0)


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="inside jax.vjp no value can be looked at")
def test_generated_images_get_the_labels_of_the_real_ones(images, labels):
    seen = {}

    class Watched(ConditionalDCGAN):
        def _generate(self, z, labels, training):
            if not training:  # the call that builds the model
                return super()._generate(z, labels, training)
            seen["generator"] = keras.ops.convert_to_numpy(labels)
            return super()._generate(z, labels, training)

        def _discriminate(self, x, labels, training):
            seen.setdefault("discriminator", []).append(keras.ops.convert_to_numpy(labels))
            return super()._discriminate(x, labels, training)

    gan = Watched(*own_networks())
    gan.compile(run_eagerly=True)
    seen.clear()
    gan.train_on_batch(images, labels)
    for given in (seen["generator"], *seen["discriminator"]):
        np.testing.assert_array_equal(given, labels)


def test_survives_its_config(gan):
    again = ConditionalDCGAN.from_config(gan.get_config())
    assert again.num_classes == gan.num_classes == 3
    assert again.count_params() == gan.count_params()


def test_takes_networks_whose_shapes_are_told_by_running_them(images, labels):
    # on PyTorch RepeatVector is run with labels of ones before the number of classes is known
    def label_maps(labels):
        return layers.Reshape((8, 8, 2))(layers.RepeatVector(64)(layers.Embedding(3, 2)(labels)))

    z, x, label = keras.Input((4,)), keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    made = layers.Concatenate()([layers.Reshape((8, 8, 1))(layers.Dense(64)(z)), label_maps(label)])
    generator = keras.Model([z, label], layers.Conv2D(1, 3, padding="same", activation="tanh")(made))
    seen = layers.Flatten()(layers.Concatenate()([x, label_maps(label)]))
    gan = ConditionalDCGAN(generator, keras.Model([x, label], layers.Dense(1)(seen)))
    assert gan.num_classes == 3
    gan.compile()
    gan.fit(images, labels, verbose=0)
    with pytest.raises(ValueError, match=r"integers in \[0, 3\)"):
        gan.generate(labels=[3])


NAMES = ["star", "moon", "sun"]


def test_labels_by_name(images, labels):
    """Every method that takes labels takes their names."""
    gan = tiny("fashion_mnist_conditional", class_names=NAMES)
    assert (gan.class_names, gan.num_classes) == (NAMES, 3)
    names = [NAMES[label] for label in labels]
    z = np.asarray(keras.ops.convert_to_numpy(gan.sample_latents(24, seed=0)))
    for method in (
        lambda y: gan.generate(labels=y, seed=1),
        lambda y: gan.features(images, y),
        lambda y: gan.discriminate(images, y),
        lambda y: gan.invert(images[:3], y[:3], steps=2),
        lambda y: gan.predict_on_batch([z, y]),
        lambda y: gan.predict([z, y], verbose=0),
        lambda y: gan.evaluate(images, y, verbose=0),
    ):
        for given in (names, np.array(names), np.array(names, dtype=object)):
            np.testing.assert_array_equal(method(given), method(labels))
    np.testing.assert_array_equal(gan.generate(2, labels="moon", seed=1), gan.generate(2, labels=1, seed=1))


@pytest.mark.once
def test_training_on_labels_by_name(images, labels):
    gan, same = (tiny("fashion_mnist_conditional", class_names=NAMES) for _ in range(2))
    for y, trained in ((labels, gan), (np.array(NAMES)[labels][:, None], same)):
        trained.fit(images, y, shuffle=False, verbose=0)
        trained.train_on_batch(images, y)
    assert_identical(gan, same)


@pytest.mark.once
def test_class_names_are_saved(tmp_path):
    gan = tiny("radford_28_conditional", class_names=np.array(NAMES))
    gan.save(tmp_path / "gan.keras")
    loaded = keras.saving.load_model(tmp_path / "gan.keras")
    assert loaded.class_names == NAMES
    np.testing.assert_array_equal(loaded.generate(2, labels="sun", seed=0), gan.generate(2, labels=2, seed=0))


@pytest.mark.once
@pytest.mark.parametrize(
    ("labels", "message"),
    [("sta", "star, moon, sun. Did you mean `star`"), (["moon", "earth"], "Received: earth"), (["moon", 1], "'?1'?")],
)
def test_unknown_names_are_refused(labels, message):
    gan = tiny("radford_28_conditional", class_names=NAMES)
    with pytest.raises(ValueError, match=message):
        gan.generate(2, labels=labels)


@pytest.mark.once
def test_names_need_class_names(images):
    gan = tiny("radford_28_conditional")
    assert gan.class_names is None
    with pytest.raises(ValueError, match="the model has no class names"):
        gan.generate(2, labels="star")


@pytest.mark.once
@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"class_names": NAMES, "num_classes": 4}, "`num_classes` must be the length of `class_names`"),
        ({"class_names": ["a", "a"]}, "`class_names` must be a list of different names"),
        ({"class_names": ["a", ""]}, "`class_names` must be"),
        ({"class_names": [0, 1]}, "`class_names` must be"),
        ({"class_names": "star"}, "`class_names` must be"),
        ({}, "pass `class_names` or `num_classes`"),
    ],
)
def test_impossible_class_names(overrides, message):
    with pytest.raises(ValueError, match=message):
        ConditionalDCGAN.from_preset("radford_28_conditional", **overrides)


@pytest.mark.once
def test_a_preset_with_trained_weights_has_the_names_of_its_dataset():
    gan = ConditionalDCGAN.from_preset("recommended_cifar10", load_weights=True)
    assert gan.class_names[6] == "frog"

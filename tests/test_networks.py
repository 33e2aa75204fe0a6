"""Networks: layer by layer against the published figures, and as promises over all sizes."""

import ast
import dataclasses
import functools
import re

import hypothesis
import keras
import numpy as np
import pytest
from conftest import BACKEND, FUZZ, from_preset, once
from hypothesis import strategies as st
from keras import layers

import keras_dcgan
from keras_dcgan import networks
from keras_dcgan.layers import BatchNormalization, ConditionalBatchNormalization
from keras_dcgan.presets import PRESETS

UNCONDITIONAL = [name for name, preset in PRESETS.items() if not preset.conditional]


def build(name, **overrides):
    return from_preset(name, seed=0, **(({"num_classes": 10} if PRESETS[name].conditional else {}) | overrides))


def outline(network):
    """(layer type, what tells it apart, parameters) of the layers that have any."""
    return [
        (
            type(layer).__name__,
            getattr(layer, "filters", getattr(layer, "units", getattr(layer, "output_dim", None))),
            getattr(layer, "kernel_size", (None,))[0],
            getattr(layer, "strides", (None,))[0],
            layer.count_params(),
        )
        for layer in network.layers
        if layer.count_params()
    ]


@pytest.mark.once
def test_mnist_is_the_tutorials_network_layer_by_layer():
    gan = build("mnist")
    assert outline(gan.generator) == [
        ("Dense", 7 * 7 * 256, None, None, 100 * 12544),
        ("BatchNormalization", None, None, None, 4 * 12544),
        ("Conv2DTranspose", 128, 5, 1, 25 * 256 * 128),
        ("BatchNormalization", None, None, None, 4 * 128),
        ("Conv2DTranspose", 64, 5, 2, 25 * 128 * 64),
        ("BatchNormalization", None, None, None, 4 * 64),
        ("Conv2DTranspose", 1, 5, 2, 25 * 64),
    ]
    assert gan.generator.count_params() == 2_330_944
    assert outline(gan.discriminator) == [
        ("Conv2D", 64, 5, 2, 25 * 64 + 64),
        ("Conv2D", 128, 5, 2, 25 * 64 * 128 + 128),
        ("Dense", 1, None, None, 7 * 7 * 128 + 1),
    ]
    assert gan.discriminator.count_params() == 212_865
    kinds = [type(layer).__name__ for layer in gan.discriminator.layers]
    assert kinds == ["Conv2D", "LeakyReLU", "Dropout"] * 2 + ["Flatten", "Dense"]
    assert [x.rate for x in gan.discriminator.layers if isinstance(x, keras.layers.Dropout)] == [0.3, 0.3]
    slopes = [
        x.negative_slope for x in (*gan.generator.layers, *gan.discriminator.layers) if hasattr(x, "negative_slope")
    ]
    assert slopes == pytest.approx([0.3] * 5)
    assert gan.latent_prior == "normal"


@pytest.mark.once
def test_cifar10_is_the_same_at_8x8_and_3_channels():
    gan = build("cifar10")
    assert [row[4] for row in outline(gan.generator)] == [
        100 * 16384, 4 * 16384, 25 * 256 * 128, 512, 25 * 128 * 64, 256, 25 * 64 * 3,
    ]  # fmt: skip
    assert [row[4] for row in outline(gan.discriminator)] == [25 * 3 * 64 + 64, 25 * 64 * 128 + 128, 8 * 8 * 128 + 1]
    assert gan.image_shape == (32, 32, 3)


@pytest.mark.once
def test_fashion_mnist_conditional_layer_by_layer():
    gan = build("fashion_mnist_conditional")
    counts = {row[:2]: row[4] for row in outline(gan.generator) if row[0] in ("Dense", "Embedding")}
    assert counts == {("Embedding", 50): 500, ("Dense", 49): 50 * 49, ("Dense", 7 * 7 * 128): 100 * 7 * 7 * 128}
    convolutions = [row for row in outline(gan.generator) if "Conv" in row[0]]
    assert convolutions == [
        ("Conv2DTranspose", 128, 4, 2, 16 * 129 * 128 + 128),
        ("Conv2DTranspose", 64, 4, 2, 16 * 128 * 64 + 64),
        ("Conv2D", 1, 7, 1, 49 * 64 + 1),
    ]
    slopes = [layer.negative_slope for layer in gan.generator.layers if hasattr(layer, "negative_slope")]
    assert slopes == pytest.approx([0.3, 0.3, 0.2])
    assert outline(gan.discriminator) == [
        ("Embedding", 50, None, None, 500),
        ("Dense", 784, None, None, 50 * 784 + 784),
        ("Conv2D", 128, 3, 2, 9 * 2 * 128 + 128),
        ("Conv2D", 128, 3, 2, 9 * 128 * 128 + 128),
        ("Dense", 1, None, None, 7 * 7 * 128 + 1),
    ]


@pytest.mark.once
def test_radford_mnist_layer_by_layer():
    gan = build("radford_mnist")
    assert outline(gan.generator) == [
        ("Embedding", 10, None, None, 100),
        ("Dense", 1024, None, None, 110 * 1024),
        ("BatchNormalization", None, None, None, 2 * 1024),
        ("Dense", 7 * 7 * 128, None, None, 1034 * 6272),
        ("BatchNormalization", None, None, None, 2 * 6272),
        ("Conv2DTranspose", 64, 5, 2, 25 * 138 * 64),
        ("BatchNormalization", None, None, None, 2 * 64),
        ("Conv2DTranspose", 1, 5, 2, 25 * 74),
    ]
    assert outline(gan.discriminator) == [
        ("Embedding", 10, None, None, 100),
        ("Conv2D", 64, 5, 2, 25 * 11 * 64),
        ("Conv2D", 128, 5, 2, 25 * 74 * 128),
        ("BatchNormalization", None, None, None, 2 * 128),
        ("Dense", 1024, None, None, 6282 * 1024),
        ("BatchNormalization", None, None, None, 2 * 1024),
        ("Dense", 1, None, None, 1034 + 1),
    ]


@pytest.mark.once
def test_recommended_mnist_joins_two_networks():
    gan = build("recommended_mnist")
    by_embedding = {"conditional_batch_norm": False, "latent_dim": 50, "filters": 96}
    assert outline(gan.generator) == outline(build("recommended_conditional", **by_embedding).generator)
    assert outline(gan.discriminator) == outline(build("radford_mnist", kernel_size=4).discriminator)


@pytest.mark.once
def test_labels_of_radford_mnist_stay_one_hot_through_training():
    gan = build("radford_mnist", image_shape=(8, 8, 1), width=1 / 32)
    gan.compile()
    gan.fit(np.zeros((10, 8, 8, 1), "uint8"), np.arange(10), verbose=0)
    for network in (gan.generator, gan.discriminator):
        (kernel,) = network.get_layer("one_hot").get_weights()
        np.testing.assert_array_equal(kernel, np.eye(10))


def test_radford_mnist_sees_the_label_everywhere():
    d = build("radford_mnist", image_shape=(8, 8, 1), width=1 / 32).discriminator
    joined = [layer for layer in d.layers if isinstance(layer, keras.layers.Concatenate)]
    outputs = keras.Model(d.inputs, [layer.output for layer in joined])(
        [np.zeros((2, 8, 8, 1), "float32"), np.array([3, 9], "int32")]
    )
    assert [tuple(x.shape) for x in outputs] == [(2, 8, 8, 11), (2, 4, 4, 12), (2, 26), (2, 42)]
    for x in outputs:
        label = keras.ops.convert_to_numpy(x)[..., -10:]
        wanted = np.eye(10)[[3, 9]].reshape(2, *(1,) * (label.ndim - 2), 10)
        np.testing.assert_array_equal(label, np.broadcast_to(wanted, label.shape))


@pytest.mark.once
def test_radford_64_layer_by_layer():
    gan = build("radford_64")
    assert outline(gan.generator) == [
        ("Dense", 4 * 4 * 1024, None, None, 100 * 16384),
        ("BatchNormalization", None, None, None, 4 * 1024),
        ("Conv2DTranspose", 512, 5, 2, 25 * 1024 * 512),
        ("BatchNormalization", None, None, None, 4 * 512),
        ("Conv2DTranspose", 256, 5, 2, 25 * 512 * 256),
        ("BatchNormalization", None, None, None, 4 * 256),
        ("Conv2DTranspose", 128, 5, 2, 25 * 256 * 128),
        ("BatchNormalization", None, None, None, 4 * 128),
        ("Conv2DTranspose", 3, 5, 2, 25 * 128 * 3 + 3),
    ]
    assert outline(gan.discriminator) == [
        ("Conv2D", 128, 5, 2, 25 * 3 * 128 + 128),
        ("Conv2D", 256, 5, 2, 25 * 128 * 256),
        ("BatchNormalization", None, None, None, 4 * 256),
        ("Conv2D", 512, 5, 2, 25 * 256 * 512),
        ("BatchNormalization", None, None, None, 4 * 512),
        ("Conv2D", 1024, 5, 2, 25 * 512 * 1024),
        ("BatchNormalization", None, None, None, 4 * 1024),
        ("Dense", 1, None, None, 4 * 4 * 1024 + 1),
    ]


@pytest.mark.once
@pytest.mark.parametrize(
    "name",
    ["radford_64", "radford_28", "radford_28_conditional", "radford_mnist", "all_convolutional_28"],
)
def test_radford_presets_carry_their_recipe(name):
    gan = build(name, width=1 / 4)
    layers = [*gan.generator.layers, *gan.discriminator.layers]
    assert {layer.negative_slope for layer in layers if isinstance(layer, keras.layers.LeakyReLU)} == {0.2}
    assert not [layer for layer in gan.generator.layers if isinstance(layer, keras.layers.LeakyReLU)]
    assert not [
        layer for layer in layers if "Pooling2D" in type(layer).__name__ and "Global" not in type(layer).__name__
    ]
    assert gan.latent_prior == "uniform"
    kernels = [layer.kernel.numpy() for layer in layers if hasattr(layer, "kernel")]
    for kernel in kernels:
        assert kernel.std() == pytest.approx(0.02, rel=5 / np.sqrt(kernel.size))
        assert abs(kernel.mean()) < 5 * 0.02 / np.sqrt(kernel.size)
    of_label = ("InputLayer", "Embedding", "Tile", "Reshape", "Concatenate")
    first = [kind for layer in gan.discriminator.layers if (kind := type(layer).__name__) not in of_label]
    assert first[:3] == ["Conv2D", "LeakyReLU", "Conv2D"]  # no batch normalisation on the first


@pytest.mark.once
def test_radford_28_has_a_7x7_base_and_a_kernel_that_its_stride_divides():
    gan = build("radford_28")
    assert gan.generator.layers[2].target_shape == (7, 7, 256)
    assert {row[2] for row in outline(gan.generator) if "Conv" in row[0]} == {4}


@pytest.mark.once
def test_batch_norm_without_scale_and_centre_is_an_option():
    with_affine, without = build("radford_28"), build("radford_28", batch_norm_affine=False)
    channels = 256 + 128 + 256  # two in the generator, one in the discriminator
    assert with_affine.count_params() - without.count_params() == 2 * channels
    norms = [layer for layer in without._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    assert len(norms) == 3
    assert not any(layer.scale or layer.center for layer in norms)


@pytest.mark.parametrize(
    "name",
    [name if name == "recommended" else once(name) for name in PRESETS if name != "fashion_mnist_conditional"],
)
def test_batch_norm_may_be_synchronised_over_replicas(name):
    def norms(**overrides):
        layers = build(name, width=1 / 32, **overrides)._flatten_layers()
        return [layer.synchronized for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]

    assert norms()
    assert not any(norms())
    if BACKEND == "torch":
        with pytest.raises(ValueError, match="only supported with the TensorFlow backend"):
            norms(batch_norm_synchronized=True)
    else:  # on JAX Keras does not know the argument, and a batch is one wherever its parts lie
        assert set(norms(batch_norm_synchronized=True)) == {BACKEND == "tensorflow"}


@pytest.mark.once
def test_presets_are_built_and_run_under_channels_first():
    keras.config.set_image_data_format("channels_first")
    try:
        for name, preset in PRESETS.items():
            gan = build(name, width=1 / 32)
            gan.compile()
            made = gan.generate(2, seed=0)
            assert made.shape == (2, *gan.image_shape)
            assert np.isfinite(gan.test_on_batch(made, np.arange(2) if preset.conditional else None)).all()
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.once
def test_a_discriminator_without_batch_norm_is_an_option():
    gan = build("recommended", image_shape=(64, 64, 3))
    assert outline(gan.discriminator) == [
        ("Conv2D", 32, 4, 2, 16 * 3 * 32 + 32),
        ("Conv2D", 64, 4, 2, 16 * 32 * 64 + 64),
        ("Conv2D", 128, 4, 2, 16 * 64 * 128 + 128),
        ("Conv2D", 256, 4, 2, 16 * 128 * 256 + 256),
        ("Dense", 1, None, None, 4 * 4 * 256 + 1),
    ]
    for layer in gan.discriminator.layers:
        if isinstance(layer, keras.layers.Conv2D):
            kernel = layer.kernel.numpy()
            fan_in = kernel[..., 0].size
            assert kernel.std() == pytest.approx(np.sqrt(2 / fan_in), rel=5 / np.sqrt(kernel.size))
    preset = keras_dcgan.presets.get("recommended")
    preset = dataclasses.replace(preset, discriminator=functools.partial(preset.discriminator, batch_norm=False))
    gan = keras_dcgan.DCGAN.from_preset(preset)
    kinds = [{type(layer).__name__ for layer in network.layers} for network in (gan.generator, gan.discriminator)]
    assert ["BatchNormalization" in names for names in kinds] == [True, False]


@pytest.mark.once
@pytest.mark.parametrize("name", keras_dcgan.presets.names())
def test_one_argument_leaves_batch_norm_out_of_both_networks(name):
    options = {"width": 1 / 32}
    options |= {"num_classes": 3} if keras_dcgan.presets.get(name).conditional else {}
    if "batch_norm" not in keras_dcgan.presets.get(name).arguments():
        assert not any("norm" in layer.name for layer in build(name, **options).generator.layers)
        return
    gan = build(name, batch_norm=False, **options)
    for network in (gan.generator, gan.discriminator):
        assert not any(isinstance(layer, keras.layers.BatchNormalization) for layer in network.layers)
    # a bias where batch normalization was, except in radford_mnist, which has none
    *hidden, _ = (layer for layer in gan.generator.layers if hasattr(layer, "use_bias"))
    assert all(layer.use_bias for layer in hidden) or name == "radford_mnist"
    assert gan.generate(1, seed=0).std() > 0


@pytest.mark.parametrize("projection", ["average", "spatial"])
def test_radford_28_conditional_adds_the_projection_to_the_logit(projection):
    gan = build("radford_28_conditional", image_shape=(8, 8, 1), width=1 / 32, projection=projection)
    x = np.random.default_rng(0).normal(size=(3, 8, 8, 1)).astype("float32")
    label = np.array([0, 4, 9], "int32")
    d = gan.discriminator
    embedding = next(layer for layer in d.layers if isinstance(layer, keras.layers.Embedding))
    last_map = keras.Model(d.inputs, [d.get_layer("logits").output, d.layers[-1].input[1]])
    logits, match = (keras.ops.convert_to_numpy(t) for t in last_map([x, label]))
    feature_map = keras.Model(d.inputs[0], [layer for layer in d.layers if hasattr(layer, "negative_slope")][-1].output)
    last = keras.ops.convert_to_numpy(feature_map(x))
    features = last.mean((1, 2)) if projection == "average" else last.reshape(3, -1)
    by_hand = (features * embedding.embeddings.numpy()[label]).sum(1, keepdims=True)
    np.testing.assert_allclose(match, by_hand, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(keras.ops.convert_to_numpy(d([x, label])), logits + by_hand, rtol=1e-5, atol=1e-6)


@pytest.mark.once
def test_labels_enter_the_generator_by_batch_normalization():
    generator = networks.radford_generator((16, 16, 1), 4, 3, filters=4, conditional_batch_norm=True, seed=0)
    normalizations = [x for x in generator.layers if isinstance(x, ConditionalBatchNormalization)]
    # by class for each unit of the projection, then for each feature map
    assert [x.centers.shape for x in normalizations] == [(3, 4 * 4 * 8), (3, 4)]
    assert not any(isinstance(x, layers.Embedding) for x in generator.layers)
    z, classes = np.ones((2, 4), "float32"), np.array([0, 1])
    for normalization in normalizations:
        np.testing.assert_array_equal(*generator.predict([z, classes], verbose=0))
        same = normalization.centers.numpy()
        normalization.centers.assign(same + np.arange(3.0)[:, None])
        first, second = generator.predict([z, classes], verbose=0)
        assert np.abs(first - second).max() > 1e-3
        normalization.centers.assign(same)
    for options in ({"batch_norm": False}, {"num_classes": None}):
        arguments = {"num_classes": 3, "conditional_batch_norm": True} | options
        generator = networks.radford_generator((8, 8, 1), 4, filters=4, **arguments)
        assert not any(isinstance(x, ConditionalBatchNormalization) for x in generator.layers)


def test_refuses_an_unknown_projection():
    with pytest.raises(ValueError, match='`projection` must be "average" or "spatial"'):
        build("radford_28_conditional", projection="flat")


@pytest.mark.once
def test_all_convolutional_28_layer_by_layer():
    gan = build("all_convolutional_28")
    assert [row[4] for row in outline(gan.generator)] == [204_928, 256, 204_864, 128, 4_097]
    assert [row[0] for row in outline(gan.generator)] == [
        "Conv2DTranspose", "BatchNormalization", "Conv2DTranspose", "BatchNormalization", "Conv2DTranspose",
    ]  # fmt: skip
    sides = [layer.output.shape[1] for layer in gan.generator.layers if isinstance(layer, keras.layers.Conv2DTranspose)]
    assert sides == [4, 11, 28]
    assert not [layer for layer in gan.generator.layers if isinstance(layer, keras.layers.Dense)]
    sides = [layer.output.shape[1] for layer in gan.discriminator.layers if isinstance(layer, keras.layers.Conv2D)]
    assert sides == [14, 7]


@pytest.mark.once
def test_sngan_layer_by_layer():
    gan = build("sngan")
    assert [row[:4] for row in outline(gan.generator)] == [
        ("Dense", 4 * 4 * 512, None, None),
        ("Conv2DTranspose", 256, 4, 2),
        ("BatchNormalization", None, None, None),
        ("Conv2DTranspose", 128, 4, 2),
        ("BatchNormalization", None, None, None),
        ("Conv2DTranspose", 64, 4, 2),
        ("BatchNormalization", None, None, None),
        ("Conv2D", 3, 3, 1),
    ]
    assert [layer.output.shape[1] for layer in gan.generator.layers if "Conv" in type(layer).__name__] == [
        8,
        16,
        32,
        32,
    ]
    wrapped = [layer for layer in gan.discriminator.layers if layer.weights]
    assert all(isinstance(layer, keras_dcgan.layers.SpectralNormalization) for layer in wrapped)
    *convolutions, logit = [layer.layer for layer in wrapped]
    assert [(x.filters, x.kernel_size[0], x.strides[0]) for x in convolutions] == [
        (64, 3, 1), (64, 4, 2), (128, 3, 1), (128, 4, 2), (256, 3, 1), (256, 4, 2), (512, 3, 1),
    ]  # fmt: skip
    assert logit.kernel.shape == (4 * 4 * 512, 1)
    slopes = [layer.negative_slope for layer in gan.discriminator.layers if hasattr(layer, "negative_slope")]
    assert slopes == pytest.approx([0.1] * 7)


@pytest.mark.once
def test_sngan_crops_sides_that_8_does_not_divide():
    gan = build("sngan", image_shape=(28, 28, 1))
    assert gan.image_shape == (28, 28, 1)
    sides = [layer.output.shape[1] for layer in gan.generator.layers if isinstance(layer, keras.layers.ReLU)]
    assert sides == [7, 14, 28]


@pytest.mark.once
@pytest.mark.parametrize("name", ["wgan_gp", "rpgan"])
@pytest.mark.parametrize(("shape", "convolutions"), [((32, 32, 3), [128, 256, 512]), ((28, 28, 1), [128, 256])])
def test_gradient_penalties_have_no_batch_normalization_in_the_discriminator(name, shape, convolutions):
    gan = build(name, image_shape=shape)
    rows = outline(gan.discriminator)
    assert [row[1] for row in rows if row[0] == "Conv2D"] == convolutions
    assert "BatchNormalization" not in [row[0] for row in rows]


@pytest.mark.once
def test_fashion_mnist_conditional_does_not_end_in_tanh():
    last = build("fashion_mnist_conditional").discriminator.layers[-1]
    assert last.activation is keras.activations.linear


def smallest(name):
    return {"radford_64": (16, 16), "all_convolutional_28": (4, 16)}.get(name, (4, 4))


@st.composite
def systems(draw):
    """A preset with sizes of its own."""
    name = draw(st.sampled_from(sorted(PRESETS)))
    step, least = smallest(name)
    side = st.integers(0, 2).map(lambda k: least + k * step)
    overrides = {
        "image_shape": (draw(side), draw(side), draw(st.integers(1, 4))),
        "latent_dim": draw(st.integers(1, 20)),
        "width": draw(st.sampled_from([1 / 64, 1 / 32])),
        "value_range": draw(st.sampled_from([(-1, 1), (0, 1), (-2.5, 4)])),
    }
    if PRESETS[name].conditional:
        overrides["num_classes"] = draw(st.integers(1, 12))
    return name, overrides


def inputs(gan, x, n):
    return [x, np.arange(n, dtype="int32") % gan.num_classes] if gan.num_classes is not None else x


@pytest.mark.once
@hypothesis.given(systems(), st.integers(1, 5), st.integers(0, 2**31 - 1))
def test_every_system_at_every_size(system, n, seed):
    name, overrides = system
    gan = build(name, **overrides)
    low, high = gan.value_range
    z = 10 * keras.ops.convert_to_numpy(gan.sample_latents(n, seed=seed))
    made = gan.generator(inputs(gan, z, n))
    assert tuple(made.shape) == (n, *gan.image_shape)
    assert keras.backend.standardize_dtype(made.dtype) == "float32"
    made = keras.ops.convert_to_numpy(made)
    assert made.min() >= low - 1e-5
    assert made.max() <= high + 1e-5
    # both fit each other, and the logit has no bound on either side
    last = gan.discriminator.get_layer("logits")
    for sign in (1, -1):
        last.bias.assign([sign * 1000.0])
        logits = gan.discriminator(inputs(gan, made, n))
        assert tuple(logits.shape) == (n, 1)
        assert keras.backend.standardize_dtype(logits.dtype) == "float32"
        assert (sign * keras.ops.convert_to_numpy(logits) > 500).all()


@pytest.mark.once
@hypothesis.given(
    st.sampled_from(sorted(PRESETS)), st.integers(1, 40), st.integers(1, 40), st.integers(1, 4), st.data()
)
@hypothesis.settings(max_examples=FUZZ or 40)
def test_a_size_is_made_or_refused_with_the_nearest_that_work(name, height, width, channels, data):
    sizes = {"width": 1 / 64, "image_shape": (height, width, channels)}
    try:
        gan = build(name, **sizes)
    except ValueError as error:
        step, least = smallest(name)
        assert height % step or width % step or min(height, width) < least
        found = [ast.literal_eval(shape) for shape in re.findall(r"\(\d+, \d+, \d\)", str(error))]
        nearest, received = found[:-1], found[-1]
        assert received == (height, width, channels)
        shape = data.draw(st.sampled_from(nearest))
        assert build(name, width=1 / 64, image_shape=shape).image_shape == shape
        assert all(abs(a - b) < step or b <= least for a, b in zip((height, width), shape[:2], strict=True))
    else:
        assert gan.image_shape == (height, width, channels)


@pytest.mark.once
@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 5), (28, 28, 0), (0, 28, 1), (28.0, 28, 1)])
@pytest.mark.parametrize("name", ["mnist", "radford_28", "all_convolutional_28", "fashion_mnist_conditional"])
def test_refuses_what_is_no_image_shape(name, shape):
    with pytest.raises(ValueError, match="image_shape"):
        build(name, image_shape=shape)


@pytest.mark.once
@pytest.mark.parametrize(
    ("override", "message"),
    [({"latent_dim": 0}, "latent_dim"), ({"width": 0}, "width"), ({"depth": 0}, "depth"), ({"width": -1.0}, "width")],
)
def test_refuses_impossible_numbers(override, message):
    with pytest.raises(ValueError, match=f"`{message}`"):
        build("radford_28", **override)


@pytest.mark.once
def test_refuses_no_classes():
    with pytest.raises(ValueError, match="`num_classes`"):
        build("radford_28_conditional", num_classes=0)


def test_the_same_seed_gives_the_same_weights_and_another_others():
    one, same, other = (keras_dcgan.DCGAN.from_preset("radford_28", seed=s, width=1 / 32) for s in (1, 1, 2))
    for a, b in zip(one.weights, same.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    kernels = [[w.numpy() for w in gan.weights if "kernel" in w.path] for gan in (one, other)]
    assert all((a != b).mean() > 0.99 for a, b in zip(*kernels, strict=True))


@pytest.mark.once
def test_no_two_layers_start_with_the_same_numbers():
    gan = build("radford_28", width=1 / 32)
    kernels = [w.numpy().ravel()[:50] for w in gan.weights if "kernel" in w.path]
    assert len({tuple(k.round(6)) for k in kernels}) == len(kernels)


@pytest.mark.once
def test_without_a_seed_weights_differ():
    one, other = (networks.tutorial_discriminator(width=1 / 32) for _ in range(2))
    assert (one.weights[0].numpy() != other.weights[0].numpy()).any()


@pytest.mark.once
def test_ends_in_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for name in PRESETS:
            sizes = {"image_shape": (16, 16, 1), "width": 1 / 64}
            gan = build(name, **sizes)
            assert gan.generator.outputs[0].dtype == "float32"
            assert gan.discriminator.outputs[0].dtype == "float32"
            computed = {
                getattr(layer, "compute_dtype", None)
                for layer in gan.generator.layers
                if "Conv" in type(layer).__name__
            }
            assert computed == {"bfloat16"}
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.once
@pytest.mark.parametrize(
    ("shape", "depth", "base", "normalized"),
    [
        ((28, 28, 1), 2, (7, 7, 64), True),
        ((32, 32, 3), 3, (4, 4, 128), True),
        ((48, 48, 3), 3, (6, 6, 128), True),
        ((64, 64, 3), 4, (4, 4, 256), False),
        ((64, 96, 3), 4, (4, 6, 256), False),
        ((96, 96, 3), 4, (6, 6, 256), False),
        ((100, 100, 3), 4, (7, 7, 256), False),
        ((128, 128, 3), 5, (4, 4, 512), False),
    ],
)
def test_recommended_at_every_size(shape, depth, base, normalized):
    gan = build("recommended", image_shape=shape)
    assert gan.image_shape == shape
    for network, kind in ((gan.generator, layers.Conv2DTranspose), (gan.discriminator, layers.Conv2D)):
        assert sum(isinstance(layer, kind) for layer in network.layers) == depth
    reshape = next(layer for layer in gan.generator.layers if isinstance(layer, layers.Reshape))
    assert reshape.output.shape[1:] == base
    assert any(isinstance(layer, BatchNormalization) for layer in gan.discriminator.layers) == normalized
    # neither network is a small fraction of the other
    assert 1 < gan.generator.count_params() / gan.discriminator.count_params() < 25


@pytest.mark.once
def test_an_image_whose_sides_do_not_divide_is_the_center_of_a_larger_one():
    larger, smaller = (build("radford_64", image_shape=(side, side, 1), depth=2, width=1 / 64) for side in (12, 9))
    smaller.generator.set_weights(larger.generator.get_weights())
    z = larger.sample_latents(2, seed=0)
    np.testing.assert_array_equal(smaller.predict_on_batch(z), larger.predict_on_batch(z)[:, 1:10, 1:10])


@pytest.mark.once
def test_max_filters_limits_the_channels():
    gan = build("radford_64", width=1, max_filters=24, filters=16)
    for network, own in ((gan.generator, layers.Conv2DTranspose), (gan.discriminator, layers.Conv2D)):
        filters = sorted(layer.filters for layer in network.layers if isinstance(layer, own))
        assert filters[-1] == 24
        assert 16 in filters

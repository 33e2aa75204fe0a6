"""Generators and discriminators, one pair of builders a system, any size as an argument.

A generator maps latents `(batch, latent_dim)` float32 to images `(batch, height, width, channels)` float32 in
`value_range`; a discriminator maps images to logits `(batch, 1)` float32. With `num_classes` they take
`[latents, labels]` and `[images, labels]`, labels `(batch,)` int32. Both end in float32 under any dtype policy.

All builders share these arguments:
    image_shape: `(height, width, channels)`, 1 to 4 channels, sides that the strides divide.
    width: positive float, a factor on all filter counts.
    seed: int for the same initial weights and dropout masks every time, None for others each time.

Generators also: `latent_dim`, and `value_range`, the range of the images they emit.

Builders of networks with batch normalisation also:
    batch_norm_synchronized: bool, True for statistics of the whole batch where several TensorFlow replicas share it. On
        JAX they are so in any case; Keras has none such on PyTorch and says so.
"""

import random
from collections.abc import Sequence
from typing import Literal

import numpy as np
from keras import Input, Model, Sequential, config, initializers, layers, models, ops

from keras_dcgan.images import check_value_range

__all__ = [
    "all_convolutional_discriminator",
    "all_convolutional_generator",
    "label_map_discriminator",
    "label_map_generator",
    "radford_discriminator",
    "radford_generator",
    "radford_mnist_discriminator",
    "radford_mnist_generator",
    "tutorial_discriminator",
    "tutorial_generator",
]  # the rest serves the models


def tutorial_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 100,
    *,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Sequential:
    """Generator of TensorFlow's DCGAN tutorial: presets `mnist` and `cifar10`.

    Latents are projected to a quarter of the image's sides and upsampled by transposed convolutions with kernel 5 and
    strides 1, 2, 2, each behind batch normalisation and LeakyReLU(0.3).

    Args:
        image_shape: `(height, width, channels)`, sides divisible by 4.
        latent_dim: int, size of a latent vector.
        batch_norm_synchronized: bool, as above.
        width: positive float, a factor on the filter counts 256, 128 and 64.
        value_range: `(low, high)`, range of the images.
        seed: int or None.

    Returns:
        `keras.Sequential`, `(batch, latent_dim)` to `(batch, *image_shape)` float32.

    Raises:
        ValueError: `image_shape` that the strides cannot make; the message names the nearest that they can.
    """
    rows, columns, channels = _base(image_shape, stride=4)
    projected, *hidden = _scale((256, 128, 64), width)
    seeds = _seeds(seed)
    model = Sequential([Input((_positive("latent_dim", latent_dim),))], name="generator")
    model.add(layers.Dense(rows * columns * projected, use_bias=False, kernel_initializer=_glorot(seeds)))
    model.add(_batch_norm(True, batch_norm_synchronized))
    model.add(layers.LeakyReLU(0.3))
    model.add(layers.Reshape((rows, columns, projected)))
    for filters, strides in zip(hidden, (1, 2), strict=True):
        model.add(_upsample(filters, 5, strides, kernel_initializer=_glorot(seeds)))
        model.add(_batch_norm(True, batch_norm_synchronized))
        model.add(layers.LeakyReLU(0.3))
    model.add(_upsample(channels, 5, 2, kernel_initializer=_glorot(seeds)))
    for layer in _to_images(value_range):
        model.add(layer)
    return model


def tutorial_discriminator(
    image_shape: Sequence[int] = (28, 28, 1), *, dropout: float = 0.3, width: float = 1.0, seed: int | None = None
) -> Sequential:
    """Discriminator of TensorFlow's DCGAN tutorial: presets `mnist` and `cifar10`.

    Convolutions with kernel 5 and stride 2, each with LeakyReLU(0.3) and dropout, then one linear unit.

    Args:
        image_shape: `(height, width, channels)`.
        dropout: float in `[0, 1)`, share of activations dropped in training.
        width: positive float, a factor on the filter counts 64 and 128.
        seed: int or None.

    Returns:
        `keras.Sequential`, `(batch, *image_shape)` to logits `(batch, 1)` float32.

    Raises:
        ValueError: `image_shape` that is no shape of an image.
    """
    _base(image_shape, stride=1)
    seeds = _seeds(seed)
    model = Sequential([Input(image_shape)], name="discriminator")
    for filters in _scale((64, 128), width):
        model.add(layers.Conv2D(filters, 5, strides=2, padding="same", kernel_initializer=_glorot(seeds)))
        model.add(layers.LeakyReLU(0.3))
        model.add(layers.Dropout(dropout, seed=next(seeds)))
    model.add(layers.Flatten())
    model.add(_to_logits(_glorot(seeds)))
    return model


def label_map_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 100,
    num_classes: int = 10,
    *,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Model:
    """Conditional generator whose label becomes one more feature map: preset `fashion_mnist_conditional`.

    The label's embedding (50 numbers) is projected to one map of a quarter of the image's sides and concatenated with
    the projected latents; two transposed convolutions (kernel 4, stride 2) and a convolution (kernel 7) follow.

    Args:
        image_shape: `(height, width, channels)`, sides divisible by 4.
        latent_dim: int, size of a latent vector.
        num_classes: int, labels lie in `[0, num_classes)`.
        width: positive float, a factor on the filter counts 128, 128 and 64.
        value_range: `(low, high)`, range of the images.
        seed: int or None.

    Returns:
        `keras.Model`, `[(batch, latent_dim), (batch,)]` to `(batch, *image_shape)` float32.

    Raises:
        ValueError: `image_shape` that the strides cannot make; the message names the nearest that they can.
    """
    rows, columns, channels = _base(image_shape, stride=4)
    projected, *hidden = _scale((128, 128, 64), width)
    seeds = _seeds(seed)
    latents = Input((_positive("latent_dim", latent_dim),), name="latents")
    labels = Input((), dtype="int32", name="labels")

    y = _embed(labels, num_classes, 50, seeds)
    y = layers.Dense(rows * columns, use_bias=False, kernel_initializer=_glorot(seeds))(y)
    y = layers.Reshape((rows, columns, 1))(y)
    x = layers.Dense(rows * columns * projected, use_bias=False, kernel_initializer=_glorot(seeds))(latents)
    x = layers.LeakyReLU(0.3)(x)
    x = layers.Reshape((rows, columns, projected))(x)
    x = layers.Concatenate()([x, y])
    for filters, slope in zip(hidden, (0.3, 0.2), strict=True):
        x = _upsample(filters, 4, 2, use_bias=True, kernel_initializer=_glorot(seeds))(x)
        x = layers.LeakyReLU(slope)(x)
    x = layers.Conv2D(channels, 7, padding="same", kernel_initializer=_glorot(seeds))(x)
    for layer in _to_images(value_range):
        x = layer(x)
    return Model([latents, labels], x, name="generator")


def label_map_discriminator(
    image_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    dropout: float = 0.3,
    width: float = 1.0,
    seed: int | None = None,
) -> Model:
    """Conditional discriminator whose label becomes one more channel: preset `fashion_mnist_conditional`.

    The label's embedding (50 numbers) is projected to one map of the image's size and concatenated with the image;
    convolutions with kernel 3 and stride 2 and LeakyReLU(0.3) follow, dropout, and one linear unit (published with a
    tanh there, which keeps the logits within ±1: a fault).

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: int, labels lie in `[0, num_classes)`.
        dropout: float in `[0, 1)`, share of activations dropped in training.
        width: positive float, a factor on the filter counts, 128 twice.
        seed: int or None.

    Returns:
        `keras.Model`, `[(batch, *image_shape), (batch,)]` to logits `(batch, 1)` float32.

    Raises:
        ValueError: `image_shape` that is no shape of an image.
    """
    rows, columns, _ = _base(image_shape, stride=1)
    seeds = _seeds(seed)
    images = Input(image_shape, name="images")
    labels = Input((), dtype="int32", name="labels")

    y = _embed(labels, num_classes, 50, seeds)
    y = layers.Dense(rows * columns, kernel_initializer=_glorot(seeds))(y)
    y = layers.Reshape((rows, columns, 1))(y)
    x = layers.Concatenate()([images, y])
    for filters in _scale((128, 128), width):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", kernel_initializer=_glorot(seeds))(x)
        x = layers.LeakyReLU(0.3)(x)
    x = layers.Flatten()(x)
    x = layers.Dropout(dropout, seed=next(seeds))(x)
    return Model([images, labels], _to_logits(_glorot(seeds))(x), name="discriminator")


def radford_generator(
    image_shape: Sequence[int] = (64, 64, 3),
    latent_dim: int = 100,
    num_classes: int | None = None,
    *,
    filters: int = 128,
    depth: int | None = None,
    kernel_size: int = 5,
    batch_norm_affine: bool = True,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Model:
    """Generator of Radford, Metz & Chintala: presets `radford_…` and `recommended…`.

    Latents are projected to a small image whose sides transposed convolutions with stride 2 double `depth` times, while
    the channels halve from `filters·2^(depth − 1)` to `filters` and end as the image's. Batch normalisation and ReLU
    follow all but the last; weights start at N(0, 0.02). With `num_classes`, an embedding of the label (50 numbers) is
    concatenated with the latents.

    Args:
        image_shape: `(height, width, channels)`, sides divisible by `2 ** depth`.
        latent_dim: int, size of a latent vector.
        num_classes: int, labels lie in `[0, num_classes)`; None for a generator without labels.
        filters: int, channels of the last hidden layer.
        depth: int, number of transposed convolutions; None for as many as the sides can be halved, ending at 4 to 7
            pixels: 4 at 64 pixels, 3 at 32, 2 at 28.
        kernel_size: int; where the stride 2 does not divide it, its windows overlap unevenly, which shows as a
            checkerboard.
        batch_norm_affine: bool, False leaves out the batch normalisations' learnt scale and centre.
        batch_norm_synchronized: bool, as above.
        width: positive float, a factor on all filter counts.
        value_range: `(low, high)`, range of the images.
        seed: int or None.

    Returns:
        `keras.Model`, `(batch, latent_dim)`, or with labels `[(batch, latent_dim), (batch,)]`, to
        `(batch, *image_shape)` float32.

    Raises:
        ValueError: `image_shape` that the strides cannot make; the message names the nearest that they can.

    Reference:
        Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
        Networks, 2016, sections 3 and 4, figure 1.
    """
    depth = _depth(image_shape, depth)
    rows, columns, channels = _base(image_shape, stride=2**depth)
    projected, *hidden = _scale([_positive("filters", filters) * 2**i for i in reversed(range(depth))], width)
    seeds = _seeds(seed)
    inputs = latents = x = Input((_positive("latent_dim", latent_dim),), name="latents")
    if num_classes is not None:
        labels = Input((), dtype="int32", name="labels")
        inputs = [latents, labels]
        x = layers.Concatenate()([latents, _embed(labels, num_classes, 50, seeds)])
    x = layers.Dense(rows * columns * projected, use_bias=False, kernel_initializer=_normal(seeds))(x)
    x = layers.Reshape((rows, columns, projected))(x)
    x = layers.ReLU()(_batch_norm(batch_norm_affine, batch_norm_synchronized)(x))
    for filters in hidden:
        x = _upsample(filters, kernel_size, 2, kernel_initializer=_normal(seeds))(x)
        x = layers.ReLU()(_batch_norm(batch_norm_affine, batch_norm_synchronized)(x))
    x = _upsample(channels, kernel_size, 2, use_bias=True, kernel_initializer=_normal(seeds))(x)
    for layer in _to_images(value_range):
        x = layer(x)
    return Model(inputs, x, name="generator")


def radford_discriminator(
    image_shape: Sequence[int] = (64, 64, 3),
    num_classes: int | None = None,
    *,
    filters: int = 128,
    depth: int | None = None,
    kernel_size: int = 5,
    batch_norm: bool = True,
    batch_norm_affine: bool = True,
    batch_norm_synchronized: bool = False,
    projection: Literal["average", "positions"] = "average",
    width: float = 1.0,
    seed: int | None = None,
) -> Model:
    """Discriminator of Radford, Metz & Chintala: presets `radford_…` and `recommended…`.

    `depth` convolutions with stride 2 and `filters`, `2 · filters`, … channels, batch normalisation (not on the first)
    and LeakyReLU(0.2); no pooling and no hidden dense layer; weights start at N(0, 0.02). With `num_classes`, the inner
    product of the label's embedding with the last feature map, or with its average over positions, is added to the
    logit: the projection of Miyato & Koyama.

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: int, labels lie in `[0, num_classes)`; None for a discriminator without labels.
        filters: int, channels of the first layer.
        depth: int, number of convolutions; None for the same as in the generator.
        kernel_size: int.
        batch_norm: bool, False leaves batch normalisation out, and starts the convolutions' weights as He et al. (2015)
            do. Real and generated images are normalised apart, so that with it much of what all generated images have
            in common, such as a weave, is hidden from the discriminator.
        batch_norm_affine: bool, False leaves out the batch normalisations' learnt scale and centre.
        batch_norm_synchronized: bool, as above.
        projection: "average", an embedding of as many numbers as the last feature map has channels; or "positions", one
            for every channel and position, so that the discriminator sees also where a class has its features.
        width: positive float, a factor on all filter counts.
        seed: int or None.

    Returns:
        `keras.Model`, `(batch, *image_shape)`, or with labels `[(batch, *image_shape), (batch,)]`, to logits
        `(batch, 1)` float32.

    Raises:
        ValueError: `image_shape` that is no shape of an image, or an unknown projection.

    Reference:
        Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
        Networks, 2016, sections 3 and 4; Miyato and Koyama, cGANs with Projection Discriminator, 2018, section 3.
    """
    if projection not in ("average", "positions"):
        raise ValueError(f'`projection` must be "average" or "positions". Received: projection={projection!r}')
    _base(image_shape, stride=1)
    seeds = _seeds(seed)
    initializer = _normal if batch_norm else _he
    images = x = Input(image_shape, name="images")
    channels = [_positive("filters", filters) * 2**i for i in range(_depth(image_shape, depth))]
    for i, units in enumerate(_scale(channels, width)):
        normalised = batch_norm and i > 0
        # a bias only where no batch normalisation follows to take it away again
        convolution = layers.Conv2D(
            units,
            kernel_size,
            strides=2,
            padding="same",
            use_bias=not normalised,
            kernel_initializer=initializer(seeds),
        )
        x = convolution(x)
        if normalised:
            x = _batch_norm(batch_norm_affine, batch_norm_synchronized)(x)
        x = layers.LeakyReLU(0.2)(x)
    logits = _to_logits(_normal(seeds))(layers.Flatten()(x))
    if num_classes is None:
        return Model(images, logits, name="discriminator")
    labels = Input((), dtype="int32", name="labels")
    pooling = layers.GlobalAveragePooling2D if projection == "average" else layers.Flatten
    features = pooling(dtype="float32")(x)
    match = layers.Dot(axes=1, dtype="float32")([features, _embed(labels, num_classes, features.shape[-1], seeds)])
    return Model([images, labels], layers.Add(dtype="float32")([logits, match]), name="discriminator")


def radford_mnist_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 100,
    num_classes: int = 10,
    *,
    kernel_size: int = 5,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Model:
    """Conditional generator that Radford, Metz & Chintala trained on MNIST: preset `radford_mnist`.

    Two dense layers (1024 units; a feature map of a quarter of the image's sides and 128 channels) and two transposed
    convolutions with stride 2 (64 channels; the image's), each but the last behind batch normalisation without scale
    and centre, and ReLU. The label, one-hot, is concatenated with what each of the four reads, as feature maps where
    these are. No biases; weights start at N(0, 0.02). Published with a sigmoid at the end, for images in [0, 1]; here
    it is a tanh, as in the other networks.

    Args:
        image_shape: `(height, width, channels)`, sides divisible by 4.
        latent_dim: int, size of a latent vector.
        num_classes: int, labels lie in `[0, num_classes)`.
        kernel_size: int, of the transposed convolutions.
        batch_norm_synchronized: bool, as above.
        width: positive float, a factor on 1024, 128 and 64.
        value_range: `(low, high)`, range of the images.
        seed: int or None.

    Returns:
        `keras.Model`, `[(batch, latent_dim), (batch,)]` to `(batch, *image_shape)` float32.

    Raises:
        ValueError: `image_shape` that the strides cannot make; the message names the nearest that they can.

    Reference:
        Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
        Networks, 2016, appendix A.1, and the code they published with it.
    """
    rows, columns, channels = _base(image_shape, stride=4)
    units, projected, hidden = _scale((1024, 128, 64), width)
    seeds = _seeds(seed)
    latents = Input((_positive("latent_dim", latent_dim),), name="latents")
    labels = Input((), dtype="int32", name="labels")
    label = _one_hot(labels, num_classes)
    x = latents
    for n in (units, rows * columns * projected):
        x = layers.Dense(n, use_bias=False, kernel_initializer=_normal(seeds))(_with_label(x, label))
        x = layers.ReLU()(_batch_norm(False, batch_norm_synchronized)(x))
    x = layers.Reshape((rows, columns, projected))(x)
    x = _upsample(hidden, kernel_size, 2, kernel_initializer=_normal(seeds))(_with_label(x, label))
    x = layers.ReLU()(_batch_norm(False, batch_norm_synchronized)(x))
    x = _upsample(channels, kernel_size, 2, kernel_initializer=_normal(seeds))(_with_label(x, label))
    for layer in _to_images(value_range):
        x = layer(x)
    return Model([latents, labels], x, name="generator")


def radford_mnist_discriminator(
    image_shape: Sequence[int] = (28, 28, 1),
    num_classes: int = 10,
    *,
    kernel_size: int = 5,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    seed: int | None = None,
) -> Model:
    """Conditional discriminator that Radford, Metz & Chintala trained on MNIST: preset `radford_mnist`.

    Two convolutions with stride 2 (64 and 128 channels) and a dense layer (1024 units), each with LeakyReLU(0.2), all
    but the first behind batch normalisation without scale and centre. The label, one-hot, is concatenated with what
    each of them and the last dense layer reads. No biases but that of the logit, which was published
    without; weights start at N(0, 0.02).

    Args:
        image_shape: `(height, width, channels)`.
        num_classes: int, labels lie in `[0, num_classes)`.
        kernel_size: int, of the convolutions.
        batch_norm_synchronized: bool, as above.
        width: positive float, a factor on 64, 128 and 1024.
        seed: int or None.

    Returns:
        `keras.Model`, `[(batch, *image_shape), (batch,)]` to logits `(batch, 1)` float32.

    Raises:
        ValueError: `image_shape` that is no shape of an image.

    Reference:
        As `radford_mnist_generator`.
    """
    _base(image_shape, stride=1)
    *filters, units = _scale((64, 128, 1024), width)
    seeds = _seeds(seed)
    images = x = Input(image_shape, name="images")
    labels = Input((), dtype="int32", name="labels")
    label = _one_hot(labels, num_classes)
    for i, n in enumerate(filters):
        x = layers.Conv2D(n, kernel_size, strides=2, padding="same", use_bias=False, kernel_initializer=_normal(seeds))(
            _with_label(x, label)
        )
        x = layers.LeakyReLU(0.2)(_batch_norm(False, batch_norm_synchronized)(x) if i > 0 else x)
    x = layers.Flatten()(x)
    x = layers.Dense(units, use_bias=False, kernel_initializer=_normal(seeds))(_with_label(x, label))
    x = layers.LeakyReLU(0.2)(_batch_norm(False, batch_norm_synchronized)(x))
    return Model([images, labels], _to_logits(_normal(seeds))(_with_label(x, label)), name="discriminator")


def all_convolutional_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 100,
    *,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Sequential:
    """Generator without any dense layer: preset `all_convolutional_28`.

    Latents, seen as an image of one pixel, grow through transposed convolutions with "valid" padding: to a first image
    (stride 1), to about twice (kernel 5, stride 2) and about four times its sides (kernel 8, stride 2): 4, 11 and 28
    pixels. Batch normalisation without scale and centre, ReLU, and weights that start at N(0, 0.02).

    Args:
        image_shape: `(height, width, channels)`, sides `4 k + 12` with `k` the first image's: 16, 20, 24, 28, ….
        latent_dim: int, size of a latent vector.
        batch_norm_synchronized: bool, as above.
        width: positive float, a factor on the filter counts 128 and 64.
        value_range: `(low, high)`, range of the images.
        seed: int or None.

    Returns:
        `keras.Sequential`, `(batch, latent_dim)` to `(batch, *image_shape)` float32.

    Raises:
        ValueError: `image_shape` that the strides cannot make; the message names the nearest that they can.
    """
    rows, columns, channels = _base(image_shape, stride=4, smallest=16)
    first = rows - 3, columns - 3
    seeds = _seeds(seed)
    model = Sequential([Input((_positive("latent_dim", latent_dim),))], name="generator")
    model.add(layers.Reshape((1, 1, latent_dim)))
    for filters, kernel_size, strides in zip(_scale((128, 64), width), (first, 5), (1, 2), strict=True):
        model.add(layers.Conv2DTranspose(filters, kernel_size, strides=strides, kernel_initializer=_normal(seeds)))
        model.add(_batch_norm(False, batch_norm_synchronized))
        model.add(layers.ReLU())
    model.add(layers.Conv2DTranspose(channels, 8, strides=2, kernel_initializer=_normal(seeds)))
    for layer in _to_images(value_range):
        model.add(layer)
    return model


def all_convolutional_discriminator(
    image_shape: Sequence[int] = (28, 28, 1),
    *,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    seed: int | None = None,
) -> Model:
    """Discriminator of preset `all_convolutional_28`.

    Convolutions with kernel 5 and stride 2, LeakyReLU(0.2), batch normalisation without scale and centre on all but
    the first, then one linear unit; weights start at N(0, 0.02).

    Args:
        image_shape: `(height, width, channels)`.
        batch_norm_synchronized: bool, as above.
        width: positive float, a factor on the filter counts 64 and 128.
        seed: int or None.

    Returns:
        `keras.Model`, `(batch, *image_shape)` to logits `(batch, 1)` float32.

    Raises:
        ValueError: `image_shape` that is no shape of an image.
    """
    return radford_discriminator(
        image_shape,
        filters=64,
        depth=2,
        batch_norm_affine=False,
        batch_norm_synchronized=batch_norm_synchronized,
        width=width,
        seed=seed,
    )


def frozen_copy(network: Model) -> Model:
    """A copy of a network with the same weights, which no training changes.

    Args:
        network: functional or sequential Keras model.

    Returns:
        Keras model, not trainable.
    """
    copy = models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


def _upsample(filters, kernel_size, strides, *, use_bias=False, kernel_initializer):
    return layers.Conv2DTranspose(
        filters,
        kernel_size,
        strides=strides,
        padding="same",
        use_bias=use_bias,
        kernel_initializer=kernel_initializer,
    )


def _batch_norm(affine, synchronized):
    if config.backend() == "jax":  # a batch is one, wherever its parts lie
        synchronized = False
    return layers.BatchNormalization(scale=affine, center=affine, synchronized=synchronized)


def _embed(labels, num_classes, size, seeds):
    initializer = initializers.RandomUniform(seed=next(seeds))
    return layers.Embedding(_positive("num_classes", num_classes), size, embeddings_initializer=initializer)(labels)


def _one_hot(labels, num_classes):
    n = _positive("num_classes", num_classes)
    return layers.Embedding(n, n, embeddings_initializer="identity", trainable=False, name="one_hot")(labels)


def _with_label(x, label):
    """Vectors, or every position of feature maps, concatenated with the label's vector."""
    if len(x.shape) == 4:
        _, rows, columns, _ = x.shape
        # neither RepeatVector nor UpSampling2D, whose shape PyTorch cannot tell without running them
        label = ops.tile(layers.Reshape((1, 1, -1))(label), (1, rows, columns, 1))
    return layers.Concatenate()([x, label])


def _to_images(value_range):
    """The generator's last layers: tanh, moved from [-1, 1] to `value_range`, in float32 under any policy."""
    low, high = check_value_range(value_range)
    yield layers.Activation("tanh", dtype="float32", name="images")
    if (low, high) != (-1, 1):
        yield layers.Rescaling((high - low) / 2, (high + low) / 2, dtype="float32", name="value_range")


def _to_logits(initializer):
    """The discriminator's last layer: one linear unit in float32 under any policy."""
    return layers.Dense(1, kernel_initializer=initializer, dtype="float32", name="logits")


def _glorot(seeds):
    return initializers.GlorotUniform(seed=next(seeds))


def _he(seeds):
    return initializers.HeNormal(seed=next(seeds))


def _normal(seeds):
    return initializers.RandomNormal(stddev=0.02, seed=next(seeds))


def _seeds(seed):
    """A seed for each layer in turn, so that no two layers start with the same numbers; all None for None."""
    source = random.Random(seed if seed is None else int(seed))
    while True:
        yield None if seed is None else source.randrange(2**31)


def _scale(filters, width):
    if not isinstance(width, int | float) or not width > 0:
        raise ValueError(f"`width` is a factor on all filter counts and must be positive. Received: width={width}")
    return [max(1, round(width * f)) for f in filters]


def _positive(name, value):
    if not isinstance(value, int | np.integer) or isinstance(value, bool) or value < 1:
        raise ValueError(f"`{name}` must be a positive integer. Received: {name}={value!r}")
    return int(value)


def _depth(image_shape, depth):
    """How often the sides are halved: as given, or as often as they are even and above 7 pixels."""
    if depth is not None:
        return _positive("depth", depth)
    rows, columns, _ = _base(image_shape, stride=1)
    depth = 1
    while all(side % 2 ** (depth + 1) == 0 and side // 2**depth > 7 for side in (rows, columns)):
        depth += 1
    return depth


def _base(image_shape, stride, smallest=None):
    """Checks an image shape; gives its sides divided by `stride`, and its channels."""
    smallest = smallest or stride
    shape = tuple(image_shape) if isinstance(image_shape, tuple | list) else ()
    if len(shape) != 3 or not all(isinstance(n, int | np.integer) and n > 0 for n in shape) or shape[2] > 4:
        raise ValueError(
            "`image_shape` must be (height, width, channels) with positive sides and 1 to 4 channels. "
            f"Received: image_shape={image_shape}"
        )
    height, width, channels = (int(n) for n in shape)
    if any(side % stride or side < smallest for side in (height, width)):
        lower, upper = (
            (*(max(smallest, (side + step) // stride * stride) for side in (height, width)), channels)
            for step in (0, stride - 1)
        )
        nearest = f"{lower}" if lower == upper else f"{lower} and {upper}"
        raise ValueError(
            f"`image_shape`: these strides make only sides that {stride} divides, {smallest} at the least. "
            f"The nearest that work: {nearest}. Received: image_shape={shape}"
        )
    return height // stride, width // stride, channels

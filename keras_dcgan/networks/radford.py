"""Networks of Radford, Metz & Chintala (2016): presets `radford_…` and `recommended…`."""

from collections.abc import Sequence
from typing import Literal

from keras import Input, Model, layers

from keras_dcgan.networks import blocks
from keras_dcgan.training.validation import check_count


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
    depth = blocks.default_depth(image_shape, depth)
    rows, columns, channels = blocks.base_shape(image_shape, stride=2**depth)
    projected, *hidden = blocks.scale_filters(
        [check_count("filters", filters) * 2**i for i in reversed(range(depth))], width
    )
    seeds = blocks.seeds_from(seed)
    inputs = latents = x = Input((check_count("latent_dim", latent_dim),), name="latents")
    if num_classes is not None:
        labels = Input((), dtype="int32", name="labels")
        inputs = [latents, labels]
        x = layers.Concatenate()([latents, blocks.embed(labels, num_classes, 50, seeds)])
    x = layers.Dense(rows * columns * projected, use_bias=False, kernel_initializer=blocks.normal(seeds))(x)
    x = layers.Reshape((rows, columns, projected))(x)
    x = layers.ReLU()(blocks.batch_norm(batch_norm_affine, batch_norm_synchronized)(x))
    for filters in hidden:
        x = blocks.upsample(filters, kernel_size, 2, kernel_initializer=blocks.normal(seeds))(x)
        x = layers.ReLU()(blocks.batch_norm(batch_norm_affine, batch_norm_synchronized)(x))
    x = blocks.upsample(channels, kernel_size, 2, use_bias=True, kernel_initializer=blocks.normal(seeds))(x)
    for layer in blocks.image_layers(value_range):
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
    projection: Literal["average", "spatial"] = "average",
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
        projection: "average", an embedding of as many numbers as the last feature map has channels; or "spatial", one
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
    if projection not in ("average", "spatial"):
        raise ValueError(f'`projection` must be "average" or "spatial". Received: projection={projection!r}')
    blocks.base_shape(image_shape, stride=1)
    seeds = blocks.seeds_from(seed)
    initializer = blocks.normal if batch_norm else blocks.he
    images = x = Input(image_shape, name="images")
    channels = [check_count("filters", filters) * 2**i for i in range(blocks.default_depth(image_shape, depth))]
    for i, units in enumerate(blocks.scale_filters(channels, width)):
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
            x = blocks.batch_norm(batch_norm_affine, batch_norm_synchronized)(x)
        x = layers.LeakyReLU(0.2)(x)
    logits = blocks.logits_layer(blocks.normal(seeds))(layers.Flatten()(x))
    if num_classes is None:
        return Model(images, logits, name="discriminator")
    labels = Input((), dtype="int32", name="labels")
    pooling = layers.GlobalAveragePooling2D if projection == "average" else layers.Flatten
    features = pooling(dtype="float32")(x)
    match = layers.Dot(axes=1, dtype="float32")(
        [features, blocks.embed(labels, num_classes, features.shape[-1], seeds)]
    )
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
    rows, columns, channels = blocks.base_shape(image_shape, stride=4)
    units, projected, hidden = blocks.scale_filters((1024, 128, 64), width)
    seeds = blocks.seeds_from(seed)
    latents = Input((check_count("latent_dim", latent_dim),), name="latents")
    labels = Input((), dtype="int32", name="labels")
    label = blocks.one_hot(labels, num_classes)
    x = latents
    for n in (units, rows * columns * projected):
        x = layers.Dense(n, use_bias=False, kernel_initializer=blocks.normal(seeds))(blocks.concatenate_label(x, label))
        x = layers.ReLU()(blocks.batch_norm(False, batch_norm_synchronized)(x))
    x = layers.Reshape((rows, columns, projected))(x)
    x = blocks.upsample(hidden, kernel_size, 2, kernel_initializer=blocks.normal(seeds))(
        blocks.concatenate_label(x, label)
    )
    x = layers.ReLU()(blocks.batch_norm(False, batch_norm_synchronized)(x))
    x = blocks.upsample(channels, kernel_size, 2, kernel_initializer=blocks.normal(seeds))(
        blocks.concatenate_label(x, label)
    )
    for layer in blocks.image_layers(value_range):
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
    blocks.base_shape(image_shape, stride=1)
    *filters, units = blocks.scale_filters((64, 128, 1024), width)
    seeds = blocks.seeds_from(seed)
    images = x = Input(image_shape, name="images")
    labels = Input((), dtype="int32", name="labels")
    label = blocks.one_hot(labels, num_classes)
    for i, n in enumerate(filters):
        x = layers.Conv2D(
            n, kernel_size, strides=2, padding="same", use_bias=False, kernel_initializer=blocks.normal(seeds)
        )(blocks.concatenate_label(x, label))
        x = layers.LeakyReLU(0.2)(blocks.batch_norm(False, batch_norm_synchronized)(x) if i > 0 else x)
    x = layers.Flatten()(x)
    x = layers.Dense(units, use_bias=False, kernel_initializer=blocks.normal(seeds))(blocks.concatenate_label(x, label))
    x = layers.LeakyReLU(0.2)(blocks.batch_norm(False, batch_norm_synchronized)(x))
    return Model(
        [images, labels],
        blocks.logits_layer(blocks.normal(seeds))(blocks.concatenate_label(x, label)),
        name="discriminator",
    )

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
    max_filters: int | None = None,
    depth: int | None = None,
    kernel_size: int = 5,
    batch_norm: bool = True,
    batch_norm_affine: bool = True,
    batch_norm_synchronized: bool = False,
    conditional_batch_norm: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Model:
    """Generator of Radford, Metz & Chintala: presets `radford_…` and `recommended…`.

    Latent vectors are projected to a small image. `depth` transposed convolutions with stride 2 double its sides, while
    the channels halve from `filters·2^(depth − 1)` to `filters` and end as the image's. Batch normalization and ReLU
    follow all but the last; initial weights are N(0, 0.02). With `num_classes`, an embedding of the label (50 numbers)
    is concatenated with the latent vector; with `conditional_batch_norm`, the label selects the scales and centers of
    every batch normalization instead.

    Args:
        image_shape: `(height, width, channels)`. If `2 ** depth` does not divide the sides, the images are the center
            of larger ones.
        num_classes: int, or None for a generator without labels.
        filters: int, channels of the last hidden layer.
        max_filters: int or None, a limit for the channels of all layers.
        depth: int, number of transposed convolutions. By default, the sides are halved until the smaller one has at
            most 7 pixels: 5 times at 128 pixels, 4 at 64 and 100, 3 at 32 and 48, 2 at 28.
        kernel_size: int. Odd sizes overlap unevenly at stride 2, which shows as a checkerboard.
        batch_norm: bool, False for no batch normalization, and He initialization.
        batch_norm_affine: bool, False for batch normalization without scale and center.
        conditional_batch_norm: bool, True for `keras_dcgan.layers.ConditionalBatchNormalization` in place of the
            label's embedding, if there are labels and batch normalization: a scale and a center per class for each
            unit of the projection, then for each feature map. `batch_norm_affine` has no effect then.

    Reference:
        Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
        Networks, 2016, sections 3 and 4, figure 1; Miyato and Koyama, cGANs with Projection Discriminator, 2018,
        section 5, on conditional batch normalization.
    """
    by_class = conditional_batch_norm and batch_norm and num_classes is not None
    depth = blocks.default_depth(image_shape, depth)
    *sides, channels = blocks.base_shape(image_shape, stride=1)
    rows, columns = (-(-side // 2**depth) for side in sides)
    *hidden, projected = blocks.doubled_filters(filters, max_filters, depth, width)
    seeds = blocks.seeds_from(seed)
    inputs = latents = x = Input((check_count("latent_dim", latent_dim),), name="latents")
    if num_classes is not None:
        labels = Input((), dtype="int32", name="labels")
        inputs = [latents, labels]
        if not by_class:
            x = layers.Concatenate()([latents, blocks.embed(labels, num_classes, 50, seeds)])

    def normalize(x):
        if by_class:
            return blocks.conditional_batch_norm(num_classes, batch_norm_synchronized)(x, labels)
        return blocks.batch_norm(batch_norm_affine, batch_norm_synchronized)(x) if batch_norm else x

    initializer, bias = (blocks.normal, False) if batch_norm else (blocks.he, True)
    x = layers.Dense(rows * columns * projected, use_bias=bias, kernel_initializer=initializer(seeds))(x)
    reshape = layers.Reshape((rows, columns, projected))
    # conditional: a scale and a center per unit, so that the label also controls positions
    x = layers.ReLU()(reshape(normalize(x)) if by_class else normalize(reshape(x)))
    for filters in reversed(hidden):
        x = blocks.upsample(filters, kernel_size, 2, use_bias=bias, kernel_initializer=initializer(seeds))(x)
        x = layers.ReLU()(normalize(x))
    x = blocks.upsample(channels, kernel_size, 2, use_bias=True, kernel_initializer=blocks.normal(seeds))(x)
    x = blocks.crop(x, image_shape)
    for layer in blocks.image_layers(value_range):
        x = layer(x)
    return Model(inputs, x, name="generator")


def radford_discriminator(
    image_shape: Sequence[int] = (64, 64, 3),
    num_classes: int | None = None,
    *,
    filters: int = 128,
    max_filters: int | None = None,
    depth: int | None = None,
    kernel_size: int = 5,
    batch_norm: bool | None = True,
    batch_norm_affine: bool = True,
    batch_norm_synchronized: bool = False,
    projection: Literal["average", "spatial"] = "average",
    width: float = 1.0,
    seed: int | None = None,
) -> Model:
    """Discriminator of Radford, Metz & Chintala: presets `radford_…` and `recommended…`.

    `depth` convolutions with stride 2 and `filters`, `2 · filters`, … channels, batch normalization (not on the first)
    and LeakyReLU(0.2), without pooling or hidden dense layers; initial weights are N(0, 0.02). With `num_classes`, the
    inner product of the label's embedding with the last feature map, or with its spatial average, is added to the
    logit: the projection of Miyato & Koyama.

    Args:
        num_classes: int, or None for a discriminator without labels.
        filters: int, channels of the first layer.
        max_filters: int or None, a limit for the channels of all layers.
        depth: int, number of convolutions. Default: as in the generator.
        batch_norm: bool, False for no batch normalization, and He initialization. Real and generated images are
            normalized separately, which hides from the discriminator much of what all generated images have in common,
            such as a weave. `None`: True if the smaller side has less than 64 pixels.
        batch_norm_affine: bool, False for batch normalization without scale and center.
        projection: "average" for an embedding with one number per channel of the last feature map; "spatial" for one
            per channel and position, so the discriminator also sees where the features of a class are.

    Reference:
        Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
        Networks, 2016, sections 3 and 4; Miyato and Koyama, cGANs with Projection Discriminator, 2018, section 3.
    """
    if projection not in ("average", "spatial"):
        raise ValueError(f'`projection` must be "average" or "spatial". Received: projection={projection!r}')
    rows, columns, _ = blocks.base_shape(image_shape, stride=1)
    batch_norm = min(rows, columns) < 64 if batch_norm is None else batch_norm
    seeds = blocks.seeds_from(seed)
    initializer = blocks.normal if batch_norm else blocks.he
    images = x = Input(image_shape, name="images")
    depth = blocks.default_depth(image_shape, depth)
    for i, units in enumerate(blocks.doubled_filters(filters, max_filters, depth, width)):
        normalized = batch_norm and i > 0
        # batch normalization would remove a bias
        x = blocks.convolve(units, kernel_size, 2, use_bias=not normalized, kernel_initializer=initializer(seeds))(x)
        if normalized:
            x = blocks.batch_norm(batch_norm_affine, batch_norm_synchronized)(x)
        x = layers.LeakyReLU(0.2)(x)
    logits = blocks.logits_layer(blocks.normal(seeds))(blocks.flatten()(x))
    if num_classes is None:
        return Model(images, logits, name="discriminator")
    labels = Input((), dtype="int32", name="labels")
    pooling = layers.GlobalAveragePooling2D if projection == "average" else layers.Flatten
    features = pooling(data_format="channels_last", dtype="float32")(x)
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
    batch_norm: bool = True,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Model:
    """Conditional generator that Radford, Metz & Chintala trained on MNIST: preset `radford_mnist`.

    Two dense layers (1024 units; a feature map of a quarter of the image's sides and 128 channels) and two transposed
    convolutions with stride 2 (64 channels; the image's), each but the last with batch normalization without scale
    and center, and ReLU. The one-hot label is concatenated with the input of each of the four, as feature maps where
    needed. No biases; initial weights are N(0, 0.02). Published with a sigmoid at the end, for images in [0, 1]; here
    with tanh, as in the other networks.

    Args:
        image_shape: `(height, width, channels)`, sides divisible by 4.

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

    def normalize(x):
        return blocks.batch_norm(False, batch_norm_synchronized)(x) if batch_norm else x

    for n in (units, rows * columns * projected):
        x = layers.Dense(n, use_bias=False, kernel_initializer=blocks.normal(seeds))(blocks.concatenate_label(x, label))
        x = layers.ReLU()(normalize(x))
    x = layers.Reshape((rows, columns, projected))(x)
    x = blocks.upsample(hidden, kernel_size, 2, kernel_initializer=blocks.normal(seeds))(
        blocks.concatenate_label(x, label)
    )
    x = layers.ReLU()(normalize(x))
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
    batch_norm: bool = True,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    seed: int | None = None,
) -> Model:
    """Conditional discriminator that Radford, Metz & Chintala trained on MNIST: preset `radford_mnist`.

    Two convolutions with stride 2 (64 and 128 channels) and a dense layer (1024 units), each with LeakyReLU(0.2), all
    but the first with batch normalization without scale and center. The one-hot label is concatenated with the input
    of each of them and of the last dense layer. No biases except that of the logit, which was published without;
    initial weights are N(0, 0.02).

    Reference:
        As `radford_mnist_generator`.
    """
    blocks.base_shape(image_shape, stride=1)
    *filters, units = blocks.scale_filters((64, 128, 1024), width)
    seeds = blocks.seeds_from(seed)
    images = x = Input(image_shape, name="images")
    labels = Input((), dtype="int32", name="labels")
    label = blocks.one_hot(labels, num_classes)

    def normalize(x):
        return blocks.batch_norm(False, batch_norm_synchronized)(x) if batch_norm else x

    for i, n in enumerate(filters):
        x = blocks.convolve(n, kernel_size, 2, use_bias=False, kernel_initializer=blocks.normal(seeds))(
            blocks.concatenate_label(x, label)
        )
        x = layers.LeakyReLU(0.2)(normalize(x) if i > 0 else x)
    x = blocks.flatten()(x)
    x = layers.Dense(units, use_bias=False, kernel_initializer=blocks.normal(seeds))(blocks.concatenate_label(x, label))
    x = layers.LeakyReLU(0.2)(normalize(x))
    return Model(
        [images, labels],
        blocks.logits_layer(blocks.normal(seeds))(blocks.concatenate_label(x, label)),
        name="discriminator",
    )

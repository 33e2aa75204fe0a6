"""Networks that take the label as one more feature map: preset `fashion_mnist_conditional`."""

from collections.abc import Sequence

from keras import Input, Model, layers

from keras_dcgan.networks import blocks
from keras_dcgan.training.validation import check_count


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
    """
    rows, columns, channels = blocks.base_shape(image_shape, stride=4)
    projected, *hidden = blocks.scale_filters((128, 128, 64), width)
    seeds = blocks.seeds_from(seed)
    latents = Input((check_count("latent_dim", latent_dim),), name="latents")
    labels = Input((), dtype="int32", name="labels")

    y = blocks.embed(labels, num_classes, 50, seeds)
    y = layers.Dense(rows * columns, use_bias=False, kernel_initializer=blocks.glorot(seeds))(y)
    y = layers.Reshape((rows, columns, 1))(y)
    x = layers.Dense(rows * columns * projected, use_bias=False, kernel_initializer=blocks.glorot(seeds))(latents)
    x = layers.LeakyReLU(0.3)(x)
    x = layers.Reshape((rows, columns, projected))(x)
    x = layers.Concatenate()([x, y])
    for filters, slope in zip(hidden, (0.3, 0.2), strict=True):
        x = blocks.upsample(filters, 4, 2, use_bias=True, kernel_initializer=blocks.glorot(seeds))(x)
        x = layers.LeakyReLU(slope)(x)
    x = blocks.convolve(channels, 7, kernel_initializer=blocks.glorot(seeds))(x)
    for layer in blocks.image_layers(value_range):
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
    convolutions with kernel 3 and stride 2 and LeakyReLU(0.3) follow, dropout, and one linear unit. (It was published
    with a tanh there, which bounds the logits: a fault.)

    Args:
        dropout: float in `[0, 1)`, fraction of activations dropped in training.
    """
    rows, columns, _ = blocks.base_shape(image_shape, stride=1)
    seeds = blocks.seeds_from(seed)
    images = Input(image_shape, name="images")
    labels = Input((), dtype="int32", name="labels")

    y = blocks.embed(labels, num_classes, 50, seeds)
    y = layers.Dense(rows * columns, kernel_initializer=blocks.glorot(seeds))(y)
    y = layers.Reshape((rows, columns, 1))(y)
    x = layers.Concatenate()([images, y])
    for filters in blocks.scale_filters((128, 128), width):
        x = blocks.convolve(filters, 3, 2, kernel_initializer=blocks.glorot(seeds))(x)
        x = layers.LeakyReLU(0.3)(x)
    x = blocks.flatten()(x)
    x = layers.Dropout(dropout, seed=next(seeds))(x)
    return Model([images, labels], blocks.logits_layer(blocks.glorot(seeds))(x), name="discriminator")

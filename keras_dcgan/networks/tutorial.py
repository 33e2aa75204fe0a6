"""Networks of TensorFlow's DCGAN tutorial: presets `mnist` and `cifar10`."""

from collections.abc import Sequence

from keras import Input, Sequential, layers

from keras_dcgan.networks import blocks
from keras_dcgan.training.validation import check_count


def tutorial_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 100,
    *,
    batch_norm: bool = True,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Sequential:
    """Generator of TensorFlow's DCGAN tutorial: presets `mnist` and `cifar10`.

    Latent vectors are projected to a quarter of the image's sides and upsampled by transposed convolutions with kernel
    5 and strides 1, 2, 2, each after batch normalization and LeakyReLU(0.3).

    Args:
        image_shape: `(height, width, channels)`, sides divisible by 4.
    """
    rows, columns, channels = blocks.base_shape(image_shape, stride=4)
    projected, *hidden = blocks.scale_filters((256, 128, 64), width)
    seeds = blocks.seeds_from(seed)
    model = Sequential([Input((check_count("latent_dim", latent_dim),))], name="generator")
    bias = not batch_norm  # batch normalization would remove it
    model.add(layers.Dense(rows * columns * projected, use_bias=bias, kernel_initializer=blocks.glorot(seeds)))
    if batch_norm:
        model.add(blocks.batch_norm(True, batch_norm_synchronized))
    model.add(layers.LeakyReLU(0.3))
    model.add(layers.Reshape((rows, columns, projected)))
    for filters, strides in zip(hidden, (1, 2), strict=True):
        model.add(blocks.upsample(filters, 5, strides, use_bias=bias, kernel_initializer=blocks.glorot(seeds)))
        if batch_norm:
            model.add(blocks.batch_norm(True, batch_norm_synchronized))
        model.add(layers.LeakyReLU(0.3))
    model.add(blocks.upsample(channels, 5, 2, kernel_initializer=blocks.glorot(seeds)))
    for layer in blocks.image_layers(value_range):
        model.add(layer)
    return model


def tutorial_discriminator(
    image_shape: Sequence[int] = (28, 28, 1), *, dropout: float = 0.3, width: float = 1.0, seed: int | None = None
) -> Sequential:
    """Discriminator of TensorFlow's DCGAN tutorial: presets `mnist` and `cifar10`.

    Convolutions with kernel 5 and stride 2, each with LeakyReLU(0.3) and dropout, then one linear unit.

    Args:
        dropout: float in `[0, 1)`, fraction of activations dropped in training.
    """
    blocks.base_shape(image_shape, stride=1)
    seeds = blocks.seeds_from(seed)
    model = Sequential([Input(image_shape)], name="discriminator")
    for filters in blocks.scale_filters((64, 128), width):
        model.add(blocks.convolve(filters, 5, 2, kernel_initializer=blocks.glorot(seeds)))
        model.add(layers.LeakyReLU(0.3))
        model.add(layers.Dropout(dropout, seed=next(seeds)))
    model.add(blocks.flatten())
    model.add(blocks.logits_layer(blocks.glorot(seeds)))
    return model

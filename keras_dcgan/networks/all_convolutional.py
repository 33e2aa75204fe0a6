"""Networks without dense layers: preset `all_convolutional_28`."""

from collections.abc import Sequence

from keras import Input, Model, Sequential, layers

from keras_dcgan.networks import blocks
from keras_dcgan.networks.radford import radford_discriminator
from keras_dcgan.training.validation import check_count


def all_convolutional_generator(
    image_shape: Sequence[int] = (28, 28, 1),
    latent_dim: int = 100,
    *,
    batch_norm: bool = True,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Sequential:
    """Generator without dense layers: preset `all_convolutional_28`.

    Transposed convolutions with "valid" padding upsample the latent vector, as an image of one pixel, to sides of `k`
    (stride 1), `2 k + 3` (kernel 5, stride 2) and `4 k + 12` pixels (kernel 8, stride 2): 4, 11 and 28. Batch
    normalization without scale and center, ReLU; initial weights are N(0, 0.02).

    Args:
        image_shape: `(height, width, channels)`, sides of `4 k + 12` pixels: 16, 20, 24, 28, ….
    """
    rows, columns, channels = blocks.base_shape(image_shape, stride=4, smallest=16)
    first = rows - 3, columns - 3
    seeds = blocks.seeds_from(seed)
    model = Sequential([Input((check_count("latent_dim", latent_dim),))], name="generator")
    model.add(layers.Reshape((1, 1, latent_dim)))
    for filters, kernel_size, strides in zip(blocks.scale_filters((128, 64), width), (first, 5), (1, 2), strict=True):
        layer = blocks.upsample(
            filters, kernel_size, strides, padding="valid", use_bias=True, kernel_initializer=blocks.normal(seeds)
        )
        model.add(layer)
        if batch_norm:
            model.add(blocks.batch_norm(False, batch_norm_synchronized))
        model.add(layers.ReLU())
    model.add(blocks.upsample(channels, 8, 2, padding="valid", use_bias=True, kernel_initializer=blocks.normal(seeds)))
    for layer in blocks.image_layers(value_range):
        model.add(layer)
    return model


def all_convolutional_discriminator(
    image_shape: Sequence[int] = (28, 28, 1),
    *,
    batch_norm: bool = True,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    seed: int | None = None,
) -> Model:
    """Discriminator of preset `all_convolutional_28`.

    Convolutions with kernel 5 and stride 2, LeakyReLU(0.2), batch normalization without scale and center on all but
    the first, then one linear unit; initial weights are N(0, 0.02).
    """
    return radford_discriminator(
        image_shape,
        filters=64,
        depth=2,
        batch_norm=batch_norm,
        batch_norm_affine=False,
        batch_norm_synchronized=batch_norm_synchronized,
        width=width,
        seed=seed,
    )

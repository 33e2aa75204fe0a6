"""Networks of Miyato et al. (2018), the standard CNN with spectral normalization: preset `sngan`."""

from collections.abc import Sequence

from keras import Input, Sequential, layers

from keras_dcgan.layers import SpectralNormalization
from keras_dcgan.networks import blocks
from keras_dcgan.training.validation import check_count


def sndcgan_generator(
    image_shape: Sequence[int] = (32, 32, 3),
    latent_dim: int = 128,
    *,
    batch_norm: bool = True,
    batch_norm_synchronized: bool = False,
    width: float = 1.0,
    value_range: Sequence[float] = (-1, 1),
    seed: int | None = None,
) -> Sequential:
    """Generator of Miyato et al.: preset `sngan`.

    Latent vectors are projected to an eighth of the image's sides and 512 channels and upsampled by three transposed
    convolutions (kernel 4, stride 2; 256, 128 and 64 channels), each followed by batch normalization and ReLU; a
    convolution (kernel 3) and tanh follow. Sides that 8 does not divide are rounded up on the way and cropped: 28
    pixels are made from 4, 7 and 14.

    Reference:
        Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, appendix B.4, table 3.
    """
    *shape, channels = blocks.base_shape(image_shape, stride=1)
    shapes = [[-(-side // 2**i) for side in shape] for i in (3, 2, 1, 0)]
    projected, *hidden = blocks.scale_filters((512, 256, 128, 64), width)
    seeds = blocks.seeds_from(seed)
    rows, columns = shapes[0]
    model = Sequential([Input((check_count("latent_dim", latent_dim),))], name="generator")
    model.add(layers.Dense(rows * columns * projected, kernel_initializer=blocks.glorot(seeds)))
    model.add(layers.Reshape((rows, columns, projected)))
    for filters, before, after in zip(hidden, shapes, shapes[1:], strict=False):
        model.add(blocks.upsample(filters, 4, 2, use_bias=not batch_norm, kernel_initializer=blocks.glorot(seeds)))
        excess = [2 * small - large for small, large in zip(before, after, strict=True)]
        if any(excess):
            model.add(layers.Cropping2D([(0, n) for n in excess], "channels_last"))
        if batch_norm:
            model.add(blocks.batch_norm(True, batch_norm_synchronized))
        model.add(layers.ReLU())
    model.add(blocks.convolve(channels, 3, kernel_initializer=blocks.glorot(seeds)))
    for layer in blocks.image_layers(value_range):
        model.add(layer)
    return model


def sndcgan_discriminator(
    image_shape: Sequence[int] = (32, 32, 3), *, width: float = 1.0, seed: int | None = None
) -> Sequential:
    """Discriminator of Miyato et al.: preset `sngan`.

    Convolutions, alternately with kernel 3 and stride 1 and with kernel 4 and stride 2 (64, 64, 128, 128, 256, 256 and
    512 channels), each with LeakyReLU(0.1), and one linear unit, all with spectral normalization.

    Reference:
        Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018, appendix B.4, table 3.
    """
    blocks.base_shape(image_shape, stride=1)
    seeds = blocks.seeds_from(seed)
    model = Sequential([Input(image_shape)], name="discriminator")
    for i, filters in enumerate(blocks.scale_filters((64, 64, 128, 128, 256, 256, 512), width)):
        kernel_size, strides = (4, 2) if i % 2 else (3, 1)
        convolution = blocks.convolve(filters, kernel_size, strides, kernel_initializer=blocks.glorot(seeds))
        model.add(SpectralNormalization(convolution))
        model.add(layers.LeakyReLU(0.1))
    model.add(blocks.flatten())
    model.add(SpectralNormalization(blocks.logits_layer(blocks.glorot(seeds)), dtype="float32"))
    return model

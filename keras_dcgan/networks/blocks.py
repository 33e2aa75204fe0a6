"""Parts that the networks share: layers, initializers, and checks of sizes."""

import math
import random

import numpy as np
from keras import Model, config, initializers, layers, models, ops

from keras_dcgan.images import check_value_range
from keras_dcgan.layers import BatchNormalization, ConditionalBatchNormalization, Conv2DTranspose
from keras_dcgan.training.validation import check_count, check_seed, is_number


def frozen_copy(network: Model) -> Model:
    """Returns a copy of a network with the same weights, not trainable.

    Args:
        network: functional or sequential Keras model.
    """
    copy = models.clone_model(network)
    copy.set_weights(network.get_weights())
    copy.trainable = False
    return copy


# Images are (batch, height, width, channels), whatever `keras.config.image_data_format()` says.


def convolve(filters, kernel_size, strides=1, **kwargs):
    return layers.Conv2D(filters, kernel_size, strides, padding="same", data_format="channels_last", **kwargs)


def upsample(filters, kernel_size, strides, *, padding="same", use_bias=False, **kwargs):
    return Conv2DTranspose(
        filters, kernel_size, strides, padding, data_format="channels_last", use_bias=use_bias, **kwargs
    )


def flatten():
    return layers.Flatten(data_format="channels_last")


def batch_norm(affine, synchronized):
    return BatchNormalization(scale=affine, center=affine, synchronized=_synchronized(synchronized))


def conditional_batch_norm(num_classes, synchronized):
    return ConditionalBatchNormalization(num_classes, synchronized=_synchronized(synchronized))


def _synchronized(synchronized):
    return synchronized and config.backend() != "jax"  # where statistics are always those of the whole batch


def embed(labels, num_classes, size, seeds):
    initializer = initializers.RandomUniform(seed=next(seeds))
    return layers.Embedding(check_count("num_classes", num_classes), size, embeddings_initializer=initializer)(labels)


def one_hot(labels, num_classes):
    n = check_count("num_classes", num_classes)
    return layers.Embedding(n, n, embeddings_initializer="identity", trainable=False, name="one_hot")(labels)


def concatenate_label(x, label):
    """Concatenates the label's vector with vectors, or with every position of feature maps."""
    if len(x.shape) == 4:
        _, rows, columns, _ = x.shape
        # not RepeatVector or UpSampling2D, whose output shape PyTorch only infers by running them
        label = ops.tile(layers.Reshape((1, 1, -1))(label), (1, rows, columns, 1))
    return layers.Concatenate()([x, label])


def image_layers(value_range):
    """The generator's last layers: tanh, rescaled from [-1, 1] to `value_range`, in float32 under any dtype policy."""
    low, high = check_value_range(value_range)
    yield layers.Activation("tanh", dtype="float32", name="images")
    if (low, high) != (-1, 1):
        yield layers.Rescaling((high - low) / 2, (high + low) / 2, dtype="float32", name="value_range")


def logits_layer(initializer):
    """The discriminator's last layer: one linear unit in float32 under any dtype policy."""
    return layers.Dense(1, kernel_initializer=initializer, dtype="float32", name="logits")


def glorot(seeds):
    return initializers.GlorotUniform(seed=next(seeds))


def he(seeds):
    return initializers.HeNormal(seed=next(seeds))


def normal(seeds):
    return initializers.RandomNormal(stddev=0.02, seed=next(seeds))


def seeds_from(seed):
    """Yields a different seed for each layer, or None forever if `seed` is None."""
    source = random.Random(check_seed(seed, optional=True))
    while True:
        yield None if seed is None else source.randrange(2**31)


def scale_filters(filters, width):
    if not is_number(width) or width <= 0:
        raise ValueError(f"`width` must be positive; it scales all filter counts. Received: width={width}")
    return [max(1, round(width * f)) for f in filters]


def doubled_filters(filters, max_filters, depth, width):
    """Channels of `depth` layers, which double from layer to layer, at most `max_filters`; all scaled by `width`."""
    channels = [check_count("filters", filters) * 2**i for i in range(depth)]
    if max_filters is not None:
        channels = [min(n, check_count("max_filters", max_filters)) for n in channels]
    return scale_filters(channels, width)


def default_depth(image_shape, depth):
    """The number of times the sides are halved: `depth`, or by default until the smaller has at most 7 pixels."""
    if depth is not None:
        return check_count("depth", depth)
    rows, columns, _ = base_shape(image_shape, stride=1)
    return max(1, math.ceil(math.log2(min(rows, columns) / 7)))


def crop(x, image_shape):
    """The center of feature maps, of the height and width of `image_shape`."""
    extra = [own - side for own, side in zip(x.shape[1:3], image_shape[:2], strict=True)]
    if not any(extra):
        return x
    return layers.Cropping2D([(n // 2, n - n // 2) for n in extra], data_format="channels_last")(x)


def base_shape(image_shape, stride, smallest=None):
    """Checks an image shape and returns its sides divided by `stride`, and its channels."""
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
            f"`image_shape`: the sides must be divisible by {stride} and at least {smallest}. "
            f"The nearest valid shapes: {nearest}. Received: image_shape={shape}"
        )
    return height // stride, width // stride, channels

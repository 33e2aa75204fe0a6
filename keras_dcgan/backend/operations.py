"""Keras operations, for TensorFlow and JAX."""

from keras import ops


def normalize(x, axis, scale, center, epsilon):
    """See `keras_dcgan.backend`."""
    axes = [i for i in range(len(x.shape)) if i != axis % len(x.shape)]
    mean = ops.mean(x, axes)
    # as Keras does on JAX and PyTorch, and faster than the mean of squared differences
    variance = ops.maximum(ops.mean(ops.square(x), axes) - ops.square(mean), 0)
    return ops.batch_normalization(x, mean, variance, axis, center, scale, epsilon), mean, variance


def conv_transpose(x, kernel, strides):
    """See `keras_dcgan.backend`."""
    return ops.conv_transpose(x, kernel, strides, "same", data_format="channels_last")

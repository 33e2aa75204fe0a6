"""Functions that two backends share; `keras_dcgan.backend` says what they do."""

import contextlib

from keras import ops


def normalize(x, axis, scale, center, epsilon):
    """With Keras operations."""
    axes = [i for i in range(len(x.shape)) if i != axis % len(x.shape)]
    mean = ops.mean(x, axes)
    # as Keras does on JAX and PyTorch, and faster than the mean of squared differences
    variance = ops.maximum(ops.mean(ops.square(x), axes) - ops.square(mean), 0)
    return ops.batch_normalization(x, mean, variance, axis, center, scale, epsilon), mean, variance


def conv_transpose(x, kernel, strides):
    """With Keras operations."""
    return ops.conv_transpose(x, kernel, strides, "same", data_format="channels_last")


def apply(optimizer, gradients, variables):
    """Lets the optimizer update the variables."""
    optimizer.apply(gradients, variables)


def readable(model):
    """Does nothing: variables always have values."""
    return contextlib.nullcontext()


def restored(model):
    """Does nothing: variables keep their values."""
    return contextlib.nullcontext()


def predict(network, inputs):
    """The outputs of a network in inference mode."""
    return network.predict_on_batch(inputs)


def shard(tensor):
    """The tensor: each replica or process draws its own."""
    return tensor


def local_scope():
    """Does nothing: there is one process, or they compute independently."""
    return contextlib.nullcontext()

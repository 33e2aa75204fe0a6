"""Features that a discriminator extracts from images."""

import keras
import numpy as np

from keras_dcgan.images import rescale
from keras_dcgan.training import validation
from keras_dcgan.training.inference import predict_on_batch

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D, keras.layers.SeparableConv2D)
_GRID = 4  # rows and columns that each feature map is pooled to


def extract(discriminator, images, labels, value_range, batch_size):
    """Extracts features, see `DCGAN.features`. `labels` have the discriminator's input shape, or are None.

    Raises:
        ValueError: the discriminator has no convolutional layers, or requires labels.
    """
    model = _convolutional(discriminator)
    needs_labels = len(model.inputs) == 2
    if needs_labels and labels is None:
        raise ValueError(
            "`labels` is required: this discriminator's convolutions process images together with labels. "
            "Received: labels=None"
        )
    batches = predict_images(model, images, labels if needs_labels else None, value_range, batch_size)
    return np.concatenate([np.concatenate([_pool(x) for x in keras.tree.flatten(maps)], axis=1) for maps in batches])


def predict_images(network, images, labels, value_range, batch_size):
    """Yields the outputs of a network for batches of images, with their labels unless these are None."""
    for i in range(0, len(images), batch_size):
        part = slice(i, i + batch_size)
        x = rescale(keras.ops.convert_to_tensor(images[part]), value_range)
        yield predict_on_batch(network, x if labels is None else [x, keras.ops.convert_to_tensor(labels[part])])


def _convolutional(discriminator):
    """The model from a discriminator's inputs to the list of outputs of its convolutional blocks.

    A block is a convolution with the normalization, activation and dropout that follow. The model takes images alone if
    no convolution depends on the labels.
    """
    by_depth = keras.Function(discriminator.inputs, discriminator.outputs)._nodes_by_depth
    # the greatest depth is computed first
    nodes = [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]
    outputs = [_end_of_block(node.output_tensors[0], nodes) for node in nodes if _convolves(node)]
    if not outputs:
        raise ValueError(
            "features() needs a discriminator with convolutional layers of its own, not inside a nested model. "
            "Received: a discriminator of "
            f"{', '.join(dict.fromkeys(type(layer).__name__ for layer in discriminator.layers))}"
        )
    see_labels = {id(tensor) for tensor in discriminator.inputs[1:]}
    for node in nodes:
        if any(id(tensor) in see_labels for tensor in node.input_tensors):
            see_labels |= {id(tensor) for tensor in node.output_tensors}
    needs_labels = any(id(tensor) in see_labels for tensor in outputs)
    return keras.Model(discriminator.inputs if needs_labels else discriminator.inputs[:1], outputs)


def _end_of_block(tensor, nodes):
    """Follows a tensor through layers that keep its shape, as long as it has one consumer."""
    while True:
        users = [node for node in nodes if any(x is tensor for x in node.input_tensors)]
        if len(users) != 1 or len(users[0].input_tensors) != 1 or _convolves(users[0]):
            return tensor
        (following,) = users[0].output_tensors
        if following.shape != tensor.shape:
            return tensor
        tensor = following


def _convolves(node):
    return isinstance(validation.unwrapped(node.operation), _CONVOLUTIONS)


def _pool(maps):
    """Max-pools `(n, rows, columns, filters)` to a grid; its cells overlap if the sides are not divisible.

    In NumPy: pooling layers would stay connected to the discriminator's layers.
    """
    rows, columns = (
        [slice(i * side // _GRID, -(-(i + 1) * side // _GRID)) for i in range(_GRID)] for side in maps.shape[1:3]
    )
    cells = [maps[:, row, column].max(axis=(1, 2)) for row in rows for column in columns]
    return np.concatenate(cells, axis=1).astype("float32")

"""Outputs of networks for batches, outside of training."""

import keras
import numpy as np

from keras_dcgan import backend
from keras_dcgan.training import validation


def predict_on_batch(network, inputs):
    """Computes the outputs of a network for a batch, in inference mode.

    Not `predict`: on PyTorch its DataLoader draws from the global stream that `fit` shuffles by.

    Args:
        network: Keras model.
        inputs: array or tensor, or a list of these, with one row per sample.

    Returns:
        NumPy array, or a structure of arrays like the network's outputs.
    """
    n = len(keras.tree.flatten(inputs)[0])
    # under tf.distribute, every replica computes the whole batch, and Keras joins the results
    return keras.tree.map_structure(lambda x: validation.as_numpy(x)[:n], backend.predict(network, inputs))


def predict_in_batches(network, images_of, n, batch_size, *, unit, verbose):
    """Yields the outputs of a network for n images, batch by batch, under a progress bar.

    Args:
        network: Keras model.
        images_of: function from a slice to images.
        n: int, number of images.
        batch_size: int, images per batch.
        unit: str, what the progress bar counts.
        verbose: bool, whether to show it.
    """
    progress = keras.utils.Progbar(n, verbose=int(verbose), unit_name=unit)
    for i in range(0, n, batch_size):
        batch = np.asarray(images_of(slice(i, i + batch_size)), "float32")
        outputs = predict_on_batch(network, batch)
        progress.add(len(batch))
        yield outputs

"""What networks make of batches, outside of training."""

import keras

from keras_dcgan import backend
from keras_dcgan.training import validation


def predict_on_batch(network, inputs):
    """What a network makes of a batch, in inference mode.

    Not `predict`: on PyTorch its DataLoader draws from the global stream that `fit` shuffles by.

    Args:
        network: Keras model.
        inputs: array or tensor, or a list of such, a row each for every sample.

    Returns:
        NumPy array or a structure of such, as the network's outputs.
    """
    n = len(keras.tree.flatten(inputs)[0])
    # under tf.distribute every replica makes the whole batch, and Keras joins them
    return keras.tree.map_structure(lambda x: validation.as_numpy(x)[:n], backend.predict(network, inputs))

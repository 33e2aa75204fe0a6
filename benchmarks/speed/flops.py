"""Counts the operations of a training step."""

import keras
import numpy as np


def layer_flops(layer):
    """Multiplications and additions of one pass of one image."""
    match layer:
        case keras.layers.Dense():
            return 2 * np.prod(layer.kernel.shape)
        case keras.layers.Conv2DTranspose():
            return 2 * np.prod(layer.kernel.shape) * np.prod(layer.input.shape[1:3])
        case keras.layers.Conv2D():
            return 2 * np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:3])
    return 0


def step_flops(gan):
    """The same for a simultaneous update per image, without what a backend may compute in addition.

    The generator runs forward, and back to its weights and to each layer's input. The discriminator does all that for
    real and for generated images, and runs from the generator's loss back to the generated images once more. To
    latents and real images no gradient leads.
    """
    g = [flops for layer in gan.generator.layers if (flops := layer_flops(layer))]
    d = [flops for layer in gan.discriminator.layers if (flops := layer_flops(layer))]
    return 3 * sum(g) - g[0] + 7 * sum(d) - 2 * d[0]

"""What differs between TensorFlow, JAX and PyTorch: seven functions.

`step` decorates a method `(self, data) -> logs`, written as if variables could simply be assigned to, so that it has
the signature this backend's trainer calls. `gradients(model, forward, *variables)` runs `forward()`, which returns as
many scalar losses as there are lists of variables, and anything else, and differentiates each loss by its own list:
several gradients from one forward pass. `input_gradient(function, x)` differentiates by an input, and can itself be
differentiated. `apply` lets an optimizer use gradients. `train_function(model)` makes what the trainer calls for each
step or several, or is None for its own. `concrete` gives a tensor's values, or None while a step is being traced.
`kept` sees to it that a model survives data that cannot be read.
"""

import keras

if keras.backend.backend() == "tensorflow":
    from keras_dcgan.backend.tensorflow import apply, concrete, gradients, input_gradient, kept, step, train_function
elif keras.backend.backend() == "jax":
    from keras_dcgan.backend.jax import apply, concrete, gradients, input_gradient, kept, step, train_function
elif keras.backend.backend() == "torch":
    from keras_dcgan.backend.torch import apply, concrete, gradients, input_gradient, kept, step, train_function
else:
    raise ImportError(
        "keras_dcgan trains on TensorFlow, JAX and PyTorch: set the environment variable KERAS_BACKEND to "
        f'"tensorflow", "jax" or "torch" before Keras is imported. Received: "{keras.backend.backend()}"'
    )

__all__ = ["apply", "concrete", "gradients", "input_gradient", "kept", "step", "train_function"]

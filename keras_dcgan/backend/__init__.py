"""What differs between TensorFlow, JAX and PyTorch: fifteen functions.

`step` decorates a method `(self, data) -> logs`, written as if variables could simply be assigned to, so that it has
the signature this backend's trainer calls. `gradients(model, forward, *variables)` runs `forward()`, which returns as
many scalar losses as there are lists of variables, and anything else, and differentiates each loss by its own list:
several gradients from one forward pass. `input_gradient(function, x)` differentiates by an input, and can itself be
differentiated. `cond` computes one of two things. `apply` lets an optimizer use gradients. `train_function(model)`
makes what the trainer calls for each step or several, or is None for its own. `concrete` gives a tensor's values, or
None while a step is being traced. `kept` sees to it that a model survives data that cannot be read.

Many devices: `share(model)` is what the size of a batch must be a multiple of, `spread` lays out what a step has drawn
as its batch is. Many processes that train one model: `num_processes` counts them, `process_id` numbers them, `agree`
brings together what they start with, `mean` what they compute, and in `alone` one does what the others do not.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import keras

# to a type checker one is as good as the other, and two packages less to read
if TYPE_CHECKING or keras.backend.backend() == "tensorflow":
    from keras_dcgan.backend import tensorflow as chosen
elif keras.backend.backend() == "jax":
    from keras_dcgan.backend import jax as chosen
elif keras.backend.backend() == "torch":
    from keras_dcgan.backend import torch as chosen
else:
    raise ImportError(
        "keras_dcgan trains on TensorFlow, JAX and PyTorch: set the environment variable KERAS_BACKEND to "
        f'"tensorflow", "jax" or "torch" before Keras is imported. Received: "{keras.backend.backend()}"'
    )

agree = chosen.agree
alone = chosen.alone
apply = chosen.apply
concrete = chosen.concrete
cond = chosen.cond
gradients = chosen.gradients
input_gradient = chosen.input_gradient
kept = chosen.kept
mean = chosen.mean
num_processes = chosen.num_processes
process_id = chosen.process_id
share = chosen.share
spread = chosen.spread
step: Callable[[Callable[..., Any]], Callable[..., Any]] = chosen.step
train_function = chosen.train_function

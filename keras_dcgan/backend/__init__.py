"""The functions that differ between TensorFlow, JAX and PyTorch.

The trainer:
- `Trainer` is the base class of models: `keras.Model` with what a backend's trainer lacks.
- `readable(model)` lets its body read the variables of a model that may be training, here or in another thread.
- `restored(model)` keeps a model intact, whatever ends its body, which trains or evaluates it.
- `predict(network, inputs)` computes the outputs of a network in inference mode; several threads may call it.

A training step:
- `step` decorates a method `(self, data) -> logs`, written as if variables could simply be assigned to, and gives it
  the signature that the backend's trainer calls.
- `gradients(model, forward, *variables)` runs `forward()` once, which returns `(losses, rest)`, one scalar loss per
  list of variables, and differentiates each loss with respect to its own list. It returns
  `(losses, rest, gradients)`, with zeros for unconnected variables.
- `input_gradient(function, x)` differentiates with respect to an input, and can itself be differentiated.
- `cond(model, condition, then, otherwise)` computes one of two results, which may draw random numbers.
- `normalize(x, axis, scale, center, epsilon)` applies batch normalization and returns `(outputs, mean, variance)`, with
  the biased variance of the batch. Its second derivative is exact.
- `conv_transpose(x, kernel, strides)` convolves with padding "same"; no side of the kernel is below its stride.
- `apply` lets an optimizer use gradients.
- `to_numpy_or_none` returns the values of a tensor, or None while a step is being traced.
- `has_fast_bfloat16()`: the devices have instructions for bfloat16, so that mixed_bfloat16 is faster than float32.

Several devices or processes that train one model:
- `batch_multiple(model)`: the size of a batch must be a multiple of it.
- `shard` lays out tensors that a step has drawn in the way its batch is laid out.
- `num_processes` counts the processes, and `process_id` numbers them.
- `synchronize_processes(model, amounts)` returns the lists of ints of all processes, `mean` averages what they compute,
  and in `local_scope` a process computes without the others.
"""

import importlib.util
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

_BACKENDS = ("tensorflow", "jax", "torch")

try:
    import keras
except ModuleNotFoundError as error:
    if error.name not in _BACKENDS:
        raise
    installed = [name for name in _BACKENDS if importlib.util.find_spec(name)]
    raise ImportError(
        f"The backend that Keras is set to is not installed: pip install {error.name}, or set the environment variable "
        f"KERAS_BACKEND to another one ({', '.join(installed) or 'none'} installed) before Keras is imported. "
        f"Received: {error}"
    ) from error

# type checkers read one of them only: all have the same interface
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

Trainer = chosen.Trainer
apply = chosen.apply
batch_multiple = chosen.batch_multiple
cond = chosen.cond
conv_transpose = chosen.conv_transpose
gradients = chosen.gradients
has_fast_bfloat16 = chosen.has_fast_bfloat16
input_gradient = chosen.input_gradient
local_scope = chosen.local_scope
mean = chosen.mean
normalize = chosen.normalize
num_processes = chosen.num_processes
predict = chosen.predict
process_id = chosen.process_id
readable = chosen.readable
restored = chosen.restored
shard = chosen.shard
synchronize_processes = chosen.synchronize_processes
to_numpy_or_none = chosen.to_numpy_or_none
step: Callable[[Callable[..., Any]], Callable[..., Any]] = chosen.step

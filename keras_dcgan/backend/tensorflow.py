"""The TensorFlow backend: trainer, gradients, inference and replicas."""

import contextlib
import functools
from typing import Any

import keras
import tensorflow as tf

from keras_dcgan.backend import processor, random_states, signals
from keras_dcgan.backend.shared import (
    apply as apply,
    conv_transpose as conv_transpose,
    local_scope as local_scope,
    normalize as normalize,
    predict as predict,
    readable as readable,
    restored as restored,
    shard as shard,
)


class Trainer(keras.Model):
    """Keras's trainer with a faster function for single steps."""

    train_function: Any  # Keras sets it

    def make_train_function(self, force: bool = False) -> None:
        """Creates the function that `fit` calls for every `steps_per_execution` steps."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = _single_step(self) or self.train_function


def step(method):
    """TensorFlow's trainer calls `(self, data)` once per replica and tracks assignments itself.

    It may trace the step and the fetching of its batch into one graph. Nothing in the step, not even drawing latent
    vectors, may run before the batch is there, because a refused batch must change nothing.
    """

    @functools.wraps(method)
    def after_data(self, data):
        given = [part for part in tf.nest.flatten(data) if part is not None]
        with signals.deferred(), tf.control_dependencies(given), _own_random_states(self):
            return method(self, data)

    return after_data


def _own_random_states(model):
    """Gives every replica its own random states while a body runs."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return contextlib.nullcontext()
    away = tf.cast(context.replica_id_in_sync_group, "int64") * tf.constant([0x61C88647, 0], "int64")
    return random_states.shifted(model, away)


def gradients(model, forward, *variables):
    """Differentiates losses. Optimizers sum the gradients of all replicas, so each is divided by their number."""
    with tf.GradientTape(persistent=True) as tape:
        losses, rest = forward()
        shares = [loss / model.distribute_strategy.num_replicas_in_sync for loss in losses]
    results = []
    for share, group in zip(shares, variables, strict=True):
        found = zip(tape.gradient(share, group), group, strict=True)
        results.append([tf.zeros(v.shape, v.dtype) if gradient is None else gradient for gradient, v in found])
    return losses, rest, results


def cond(model, condition, then, otherwise):
    """One of two results.

    On several replicas `then` is computed in any case: a layer in it may communicate with other replicas, such as
    synchronized batch normalization, which TensorFlow cannot do inside a condition.
    """
    if tf.distribute.get_strategy().num_replicas_in_sync == 1:
        return tf.cond(condition, then, otherwise)
    return tf.where(condition, then(), otherwise())


def input_gradient(function, x):
    """The gradient of the sum of `function(x)` with respect to x, which can itself be differentiated."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(function(x))
    return tape.gradient(total, x)


def batch_multiple(model):
    """The number of replicas, so that means over replicas are means over all images."""
    return model.distribute_strategy.num_replicas_in_sync


def synchronize_processes(model, amounts):
    """The amounts of the only process.

    Raises:
        ValueError: a strategy under which Keras 3 cannot train.
    """
    strategy = model.distribute_strategy
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy | tf.distribute.ParameterServerStrategy):
        raise ValueError(
            "Keras 3 does not train on several machines with TensorFlow: set KERAS_BACKEND=jax, and before you "
            "create the model, call keras.distribution.initialize() and "
            "keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False)). "
            f"Received: {type(strategy).__name__}"
        )
    return [amounts]


def mean(values):
    """The values: Keras aggregates the metrics of all replicas."""
    return values


def has_fast_bfloat16():
    """Whether all GPUs, or the processor if there are none, have instructions for bfloat16."""
    gpus = tf.config.list_physical_devices("GPU")
    if not gpus:
        return processor.has_bfloat16()
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return all(one.get("compute_capability", (0, 0)) >= (8, 0) for one in details)


def num_processes():
    """1."""
    return 1


def process_id():
    """0."""
    return 0


def _single_step(model):
    """A function that saves about a millisecond per step over the trainer's own.

    The trainer's function fetches the batch inside the graph, nests the step in another function, and wraps its
    outputs. None if that does more: for several steps per call, several replicas, or steps that are not compiled.
    """
    if model.steps_per_execution > 1 or model.run_eagerly or model.distribute_strategy.num_replicas_in_sync > 1:
        return None
    step = tf.function(model.train_step, jit_compile=model.jit_compile, reduce_retracing=True, autograph=False)
    step = model._autoconvert_optionals(step)
    return lambda iterator: step(next(iterator))


def to_numpy_or_none(tensor):
    """The tensor as a NumPy array, or None while a graph is being traced."""
    return tensor.numpy() if isinstance(tensor, tf.Tensor) and hasattr(tensor, "numpy") else None

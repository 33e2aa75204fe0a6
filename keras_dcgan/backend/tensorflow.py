"""One gradient step on TensorFlow."""

import contextlib
import functools

import tensorflow as tf

from keras_dcgan.backend import random_states


def step(method):
    """TensorFlow's trainer calls `(self, data)`, once a replica, and tracks assignments itself.

    It may trace the step and the fetching of its batch into one graph: nothing of the step, no drawing of latents
    either, may run before the batch is there, since a batch that is refused must change nothing.
    """

    @functools.wraps(method)
    def after_data(self, data):
        given = [part for part in tf.nest.flatten(data) if part is not None]
        with tf.control_dependencies(given), _own_random_states(self):
            return method(self, data)

    return after_data


def _own_random_states(model):
    """Gives every replica random states of its own while a body runs."""
    context = tf.distribute.get_replica_context()
    if context is None or context.num_replicas_in_sync == 1:
        return contextlib.nullcontext()
    away = tf.cast(context.replica_id_in_sync_group, "int64") * tf.constant([0x61C88647, 0], "int64")
    return random_states.shifted(model, away)


def gradients(model, forward, *variables):
    """Runs `forward` once and differentiates each of its losses by its own variables.

    Optimizers sum up the gradients of all replicas, so that each takes its share.

    Args:
        model: the model whose step this is.
        forward: callable without arguments that returns `(losses, rest)`, one scalar loss a list of variables.
        *variables: lists of `keras.Variable`.

    Returns:
        `(losses, rest, gradients)`, one list of gradients a list of variables, None for an unconnected variable.
    """
    with tf.GradientTape(persistent=True) as tape:
        losses, rest = forward()
        shares = [loss / model.distribute_strategy.num_replicas_in_sync for loss in losses]
    return losses, rest, [tape.gradient(share, group) for share, group in zip(shares, variables, strict=True)]


def cond(condition, then, otherwise, state):
    """One of two results; `state` lists the variables that `then` may change.

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


def apply(optimizer, gradients, variables):
    """Lets the optimizer update the variables."""
    optimizer.apply(gradients, variables)


def batch_multiple(model):
    """What the size of a batch must be a multiple of, so that means of replicas are means of all images."""
    return model.distribute_strategy.num_replicas_in_sync


def shard(tensor):
    """The tensor: a replica makes its own."""
    return tensor


def synchronize_processes(model, amounts):
    """What all processes give for `amounts`, a list of ints: one list a process, of which there is one.

    Raises:
        ValueError: a strategy under which Keras 3 cannot train.
    """
    strategy = model.distribute_strategy
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy | tf.distribute.ParameterServerStrategy):
        raise ValueError(
            "Keras 3 does not train on several machines with TensorFlow: set KERAS_BACKEND=jax, and before the model "
            "is made call keras.distribution.initialize() and "
            "keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False)). "
            f"Received: {type(strategy).__name__}"
        )
    return [amounts]


def mean(values):
    """The values: metrics of all replicas are brought together by Keras."""
    return values


def local_scope():
    """Lets the body do what concerns this process alone, as in any case."""
    return contextlib.nullcontext()


def num_processes():
    """How many processes train one model together."""
    return 1


def process_id():
    """Number of this process: the only one."""
    return 0


def train_function(model):
    """What the trainer is to call in place of its own function, which takes a millisecond more for every step.

    It fetches the batch inside of the graph, calls the step as a function in a function, and wraps what comes out.

    Args:
        model: the compiled model.

    Returns:
        callable `(iterator) -> logs`, or None where the trainer's own does more: for several steps in one call, which
        are a loop in its graph, for several replicas, and for steps that are not compiled.
    """
    if model.steps_per_execution > 1 or model.run_eagerly or model.distribute_strategy.num_replicas_in_sync > 1:
        return None
    step = tf.function(model.train_step, jit_compile=model.jit_compile, reduce_retracing=True, autograph=False)
    step = model._autoconvert_optionals(step)
    return lambda iterator: step(next(iterator))


def to_numpy_or_none(tensor):
    """The tensor as a NumPy array, or None while a graph is being traced."""
    return tensor.numpy() if isinstance(tensor, tf.Tensor) and hasattr(tensor, "numpy") else None


def restore_on_error(model):
    """Variables keep their values, whatever fails."""
    return contextlib.nullcontext()

"""One gradient step on JAX."""

import contextlib
import functools
import itertools

import jax
import keras
import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.experimental import multihost_utils

from keras_dcgan.backend.random_states import random_states


def step(method):
    """JAX's trainer calls `(self, state, data)` and keeps only the state that is returned.

    State is four lists of values (three in a test step, which has no optimizer). Inside a `StatelessScope`, variables
    can be assigned to; their last values are returned in the same order.
    """

    @functools.wraps(method)
    def stateless(self, state, data):
        variables = [self.trainable_variables, self.non_trainable_variables, self.metrics_variables]
        if len(state) == 4:
            variables.insert(2, self.optimizer.variables)
        values = itertools.chain(*state)
        with keras.StatelessScope(list(zip(itertools.chain(*variables), values, strict=True))) as scope:
            logs = method(self, data)
        return logs, tuple([scope.get_current_value(v) for v in group] for group in variables)

    return stateless


def gradients(model, forward, *variables):
    """Differentiates losses; assignments in `forward` to variables of the model and the optimizer are kept."""
    state = [*model.variables, *model.optimizer.variables]
    before = [(v, v.value) for v in state]

    def pure(*values):
        inputs = zip(itertools.chain(*variables), itertools.chain(*values), strict=True)
        with keras.StatelessScope([*before, *inputs]) as scope:
            losses, rest = forward()
        return losses, (rest, [scope.get_current_value(v) for v in state])

    losses, pull_back, (rest, after) = jax.vjp(pure, *([v.value for v in group] for group in variables), has_aux=True)
    for variable, value in zip(state, after, strict=True):
        variable.assign(value)
    # one pullback per loss: a one for itself, zeros for the others
    weights = [
        tuple(jnp.asarray(float(i == j), loss.dtype) for j, loss in enumerate(losses)) for i in range(len(losses))
    ]
    return losses, rest, [pull_back(weight)[i] for i, weight in enumerate(weights)]


def cond(model, condition, then, otherwise):
    """One of two results; changes of the model's random states are kept."""
    before = [(v, v.value) for v in model.variables]
    states = random_states(model)

    def pure(branch):
        def run():
            with keras.StatelessScope(before) as scope:
                result = branch()
            return result, [scope.get_current_value(v) for v in states]

        return run

    result, after = lax.cond(condition, pure(then), pure(otherwise))
    for variable, value in zip(states, after, strict=True):
        variable.assign(value)
    return result


def input_gradient(function, x):
    """The gradient of the sum of `function(x)` with respect to x, which can itself be differentiated."""
    return jax.grad(lambda x: jnp.sum(function(x)))(x)


def apply(optimizer, gradients, variables):
    """Lets the optimizer update the variables."""
    optimizer.apply(gradients, variables)


def batch_multiple(model):
    """The number of devices per process: JAX cannot split a batch unevenly."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return 1
    mesh = distribution.device_mesh
    return max(1, mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)] // num_processes())


def shard(tensor):
    """The tensor, laid out as the batch is; otherwise every device would compute all of it."""
    distribution = keras.distribution.distribution()
    if distribution is None:
        return tensor
    return keras.distribution.distribute_tensor(tensor, distribution.get_data_layout(tensor.shape))


def synchronize_processes(model, amounts):
    """The amounts of all processes.

    Raises:
        ValueError: each of several processes would train a model of its own.
    """
    if num_processes() == 1:
        return [amounts]
    if keras.distribution.distribution() is None:
        raise ValueError(
            "Processes train one model together if, before it is made, each calls "
            "keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False)). "
            f"Received: {num_processes()} processes, no distribution"
        )
    return multihost_utils.process_allgather(np.array(amounts)).tolist()


def mean(values):
    """The values: they are those of the whole batch already."""
    return values


@contextlib.contextmanager
def local_scope():
    """Lets the body create variables and read batches in this process only, without the others.

    Keras's savers create variables, too. Batches are not sharded in the body: each device computes all of them.
    """
    distribution = keras.distribution.distribution()
    keras.distribution.set_distribution(None)
    try:
        yield
    finally:
        keras.distribution.set_distribution(distribution)


def num_processes():
    """The number of processes that train one model together."""
    return jax.process_count()


def process_id():
    """The number of this process; 0 is the one that writes files."""
    return jax.process_index()


def train_function(model):
    """A function that runs `steps_per_execution` steps in one call, as a loop on the device.

    It saves the time that a GPU waits for the host between small steps. None for single steps, and on a CPU, where XLA
    runs the convolutions of a loop on one thread.
    """
    if model.steps_per_execution == 1 or model.run_eagerly or not model.jit_compile:
        return None
    if jax.default_backend() == "cpu" or keras.distribution.distribution() is not None:
        return None

    @functools.partial(jax.jit, donate_argnums=0)
    def several(state, batches):
        batches = jax.tree.map(lambda *parts: jnp.stack(parts), *batches)
        state, logs = lax.scan(lambda state, batch: model.train_step(state, batch)[::-1], state, batches)
        return jax.tree.map(lambda values: values[-1], logs), state

    def shapes(batch):
        return [(part.shape, part.dtype) for part in jax.tree.leaves(batch)]

    def function(state, iterator):
        batches = [next(iterator), *itertools.islice(iterator, model.steps_per_execution - 1)]
        for _, alike in itertools.groupby(batches, shapes):  # the last batch of an epoch may be smaller
            logs, state = several(state, list(alike))
        return logs, state

    return function


def to_numpy_or_none(tensor):
    """The tensor as a NumPy array, or None while a step is being traced."""
    return None if isinstance(tensor, jax.core.Tracer | keras.KerasTensor) else jax.device_get(tensor)


@contextlib.contextmanager
def restore_on_error(model):
    """Restores the values of a model if the first batch cannot be fetched.

    Keras 3.15 takes the values out of all variables before it fetches the first batch, and puts them back only after
    the first step.
    """
    variables = [*model.variables, *model.metrics_variables, *(model.optimizer.variables if model.compiled else [])]
    values = [v.value for v in variables]
    try:
        yield
    except BaseException:
        for variable, value in zip(variables, values, strict=True):
            if variable._value is None and not value.is_deleted():
                variable.assign(value)
        raise

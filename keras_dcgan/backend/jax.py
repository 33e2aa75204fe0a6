"""The JAX backend: trainer, gradients, inference and distribution."""

import contextlib
import functools
import itertools
import re
import threading
from typing import Any

import jax
import keras
import numpy as np
from jax import lax, numpy as jnp
from jax.experimental import multihost_utils
from jax.interpreters import ad

from keras_dcgan.backend import signals
from keras_dcgan.backend.random_states import random_states
from keras_dcgan.backend.shared import apply as apply, conv_transpose as conv_transpose, normalize as normalize


class Trainer(keras.Model):
    """Keras's trainer for a model that survives interruptions and can be read while it trains.

    In `fit`, `evaluate` and `predict`, Keras takes the values out of the variables and donates them to the compiled
    steps. Interrupted at the wrong moment it loses them, and a reader finds variables without values, or donated ones.
    Here the values after the last finished step are kept in `_live`, under a lock that a running step holds.
    """

    # Keras sets these
    train_function: Any
    test_function: Any
    predict_function: Any

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._live = _Live()

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "_jax_state":  # set after every step; Keras would search its hundreds of arrays for layers
            object.__setattr__(self, name, value)
        else:
            super().__setattr__(name, value)

    def _get_jax_state(self, purge_model_variables=False, **groups):
        """The values for the first step; Keras calls it before it takes them out of the variables."""
        with signals.deferred(), self._live.lock:
            state = super()._get_jax_state(**groups)
            variables = [self.optimizer.variables if "optimizer" in name else getattr(self, name) for name in groups]
            self._live.variables, self._live.state = list(itertools.chain(*variables)), state
            if purge_model_variables:
                self._purge_model_variables(**groups)
        return state

    def jax_state_sync(self):
        """Puts the values after the last finished step into the variables."""
        with signals.deferred(), self._live.lock:
            for variable, value in _not_in_variables(self):
                variable.assign(value)
            self._live.variables, self._live.state = [], []
            self._jax_state_synced = True

    def make_train_function(self, force: bool = False) -> None:
        """Creates the function that `fit` calls for every `steps_per_execution` steps."""
        if self.train_function is None or force:
            super().make_train_function(force)
            self.train_function = self._whole(_scan(self) or self.train_function)

    def make_test_function(self, force: bool = False) -> None:
        """Creates the function that `evaluate` calls for every `steps_per_execution` steps."""
        if self.test_function is None or force:
            super().make_test_function(force)
            self.test_function = self._whole(self.test_function)

    def make_predict_function(self, force: bool = False) -> None:
        """Creates the function that `predict` calls for every `steps_per_execution` steps."""
        if self.predict_function is None or force:
            super().make_predict_function(force)
            self.predict_function = self._whole(self.predict_function)

    def _whole(self, function):
        """The function, during which signals and readers wait. They do not wait for the data."""

        def run(state, iterator):
            batches = list(itertools.islice(iterator, self.steps_per_execution))
            if not batches:
                raise StopIteration
            with signals.deferred(), self._live.lock:
                outputs, state = function(state, iter(batches))
                self._live.state = state
            return outputs, state

        return run


class _Live:
    """Variables and groups of their values after the last finished step; empty while all variables have values."""

    def __init__(self):
        self.lock = threading.RLock()
        self.variables, self.state = [], []


def _not_in_variables(model):
    """Variables whose values Keras has taken out or donated, and their values."""
    live = zip(model._live.variables, itertools.chain(*model._live.state), strict=True)
    return [(v, value) for v, value in live if v._value is None or not model._jax_state_synced]


@contextlib.contextmanager
def readable(model):
    """Lets the body read the variables of a model that may be training, in this thread or in another."""
    with model._live.lock:
        for variable, value in _not_in_variables(model):
            variable._value = value
        yield


def predict(network, inputs):
    """The outputs of a network in inference mode. Keras's `predict_on_batch` would donate the weights."""
    variables = network.variables
    if not hasattr(network, "_inference"):

        @jax.jit
        def inference(values, inputs):
            with keras.StatelessScope(list(zip(variables, values, strict=True))):
                return network(inputs, training=False)

        network._inference = inference
    return network._inference([v.value for v in variables], inputs)


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

    values = [[v.value for v in group] for group in variables]
    losses, pull_back, (rest, after) = jax.vjp(pure, *values, has_aux=True)
    for variable, value in zip(state, after, strict=True):
        variable.assign(value)
    # the cotangents of the other losses are symbolic zeros: a number, times an infinite derivative, would be NaN
    zeros = [ad.Zero(jax.typeof(loss).to_tangent_aval()) for loss in losses]
    results = []
    for i, loss in enumerate(losses):
        cotangents = (*zeros[:i], jnp.ones_like(loss), *zeros[i + 1 :])
        results.append(pull_back(cotangents)[i])
    return losses, rest, results


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
            "To train one model with several processes, let each process call "
            "keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False)) before it "
            "creates the model. "
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


def has_fast_bfloat16():
    """Whether all GPUs or TPUs have instructions for bfloat16. XLA does not use those of a CPU."""
    if jax.default_backend() == "cpu":
        return False
    # a number on NVIDIA's devices; AMD's name an architecture, and TPUs nothing
    versions = [str(getattr(device, "compute_capability", "")) for device in jax.local_devices()]
    return all(float(version) >= 8 for version in versions if re.fullmatch(r"\d+(\.\d+)?", version))


def num_processes():
    """The number of processes that train one model together."""
    return jax.process_count()


def process_id():
    """The number of this process; 0 is the one that writes files."""
    return jax.process_index()


def _scan(model):
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
def restored(model):
    """Puts the values of a model into its variables, before and after a body that trains it, whatever ends the body."""
    model.jax_state_sync()
    try:
        yield
    finally:
        model.jax_state_sync()

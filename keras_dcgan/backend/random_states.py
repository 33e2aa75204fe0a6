"""The states of the random generators in a model."""

import contextlib


def random_states(model):
    """The seed variables of a model, including those of its layers, such as Dropout."""
    weights = {id(variable) for variable in model.weights}
    return [variable for variable in model.variables if id(variable) not in weights]


@contextlib.contextmanager
def shifted(model, offset):
    """Shifts all random states of the model while the body runs.

    Afterwards all replicas or processes have the same states again, so a file of the first one is complete.

    Args:
        model: Keras model.
        offset: integer tensor `(2,)`, different for each replica or process.
    """
    states = random_states(model)
    for state in states:
        state.assign(state.value + offset)
    try:
        yield
    finally:
        for state in states:
            state.assign(state.value - offset)

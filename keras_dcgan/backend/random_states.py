"""Random states of the model that a replica, or a process, trains with."""

import contextlib


@contextlib.contextmanager
def shifted(model, away):
    """Moves the state of every random generator of the model while the body runs.

    Afterwards all replicas or processes have the first one's again, and its file holds all that there is to know.

    Args:
        model: Keras model.
        away: integer tensor `(2,)`, different for each of them.
    """
    states = [source.state for layer in model._flatten_layers() for source in layer._seed_generators]
    for state in states:
        state.assign(state.value + away)
    try:
        yield
    finally:
        for state in states:
            state.assign(state.value - away)

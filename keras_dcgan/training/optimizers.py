"""The optimizers of both networks, and the decay of their learning rates."""

import keras


class _ByNetwork(keras.optimizers.OptimizerMap):
    """Maps the generator's variables to `g_opt` and all others to `d_opt`.

    Variables are identified by identity: Keras's own map uses their paths, which change when a model is loaded.
    """

    def __init__(self, g_opt, d_opt, generator):
        super().__init__(d_opt, {"generator": g_opt})
        self._own = {id(v) for v in generator.variables}

    def __call__(self, variable):
        return self["generator"] if id(variable) in self._own else self.default_optimizer


class _BothOptimizers(keras.optimizers.MultiOptimizer):
    """Both optimizers as the single one that Keras's trainers, callbacks and savers expect."""

    @keras.optimizers.MultiOptimizer.learning_rate.getter
    def learning_rate(self):
        """That of `g_opt`, for callbacks that log one learning rate."""
        return self.optimizers[0].learning_rate

    def save_own_variables(self, store):
        # each optimizer saves its own variables; Keras's version would write all of them once more
        store["iterations"] = self.iterations.numpy()

    def load_own_variables(self, store):
        self.iterations.assign(store["iterations"])


def get(name, value, network):
    """Returns a Keras optimizer for a network.

    Args:
        name: "g_opt" or "d_opt".
        value: optimizer, name or config.
        network: the network that it trains.

    Raises:
        TypeError: `value` is not an optimizer for one network.
        ValueError: the optimizer scales losses, or has trained other variables.
    """
    if isinstance(value, str | dict):
        value = keras.optimizers.get(value)
    nested = keras.optimizers.MultiOptimizer | keras.optimizers.LossScaleOptimizer
    if not isinstance(value, keras.optimizers.Optimizer) or isinstance(value, nested):
        raise TypeError(
            f"`{name}` must be a Keras optimizer for one network, such as keras.optimizers.Adam(2e-4, beta_1=0.5), or "
            f'a name such as "adam". Received: {name}={value!r}'
        )
    if value.loss_scale_factor is not None:
        raise ValueError(
            f"`{name}` must not scale losses: leave out loss_scale_factor. "
            f"Received: loss_scale_factor={value.loss_scale_factor}"
        )
    trainable = {id(v) for v in network.trainable_variables}
    if value.built and {id(v) for v in value._trainable_variables} != trainable:
        raise ValueError(
            f"`{name}` has trained other variables and keeps their moments: pass a new optimizer. "
            f"Received: {name}={value.name}, built on other variables"
        )
    return value


def both(recipe, generator, discriminator):
    """Returns the optimizers of a recipe for the two networks, and both as one.

    Raises:
        TypeError, ValueError: as `get`, or if they are the same object.
    """
    g_opt, d_opt = get("g_opt", recipe.g_opt, generator), get("d_opt", recipe.d_opt, discriminator)
    if g_opt is d_opt:
        raise ValueError(
            "`g_opt` and `d_opt` must be two objects: an optimizer keeps its own step count and moments. "
            f"Received: {g_opt.name} twice"
        )
    return g_opt, d_opt, _BothOptimizers(_ByNetwork(g_opt, d_opt, generator), name="both")


class LinearDecay(keras.callbacks.Callback):
    """Decays the learning rates of optimizers linearly toward 0, epoch by epoch.

    Args:
        initial_rates: list of pairs of an optimizer and its initial learning rate.
        share: float in (0, 1], the share of the epochs, at their end, with decay.
        epochs: int.
    """

    def __init__(self, initial_rates, share, epochs):
        super().__init__()
        self.initial_rates = initial_rates
        self.share = share
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        factor = min(1.0, (1 - epoch / self.epochs) / self.share)
        for optimizer, rate in self.initial_rates:
            optimizer.learning_rate = factor * rate

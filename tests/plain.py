"""Adversarial training as a plain custom loop on each backend: the reference for the library's training step.

Nothing of the library is used here. `step` takes two networks, two Keras optimizers and the parts of a batch, pairs of
images and latent vectors: the discriminator is updated on each part, the generator on the last.
"""

import keras
from keras import ops

BACKEND = keras.backend.backend()


def mean_log_sigmoid(x):
    return -ops.mean(ops.softplus(-x))


# name: the generator's and the discriminator's loss, both of (real logits, fake logits)
LOSSES = {
    "non_saturating": (
        lambda real, fake: -mean_log_sigmoid(fake),
        lambda real, fake: -mean_log_sigmoid(real) - mean_log_sigmoid(-fake),
    ),
    "minimax": (
        lambda real, fake: mean_log_sigmoid(-fake),
        lambda real, fake: -mean_log_sigmoid(real) - mean_log_sigmoid(-fake),
    ),
    "least_squares": (
        lambda real, fake: ops.mean((fake - 1) ** 2) / 2,
        lambda real, fake: ops.mean((real - 1) ** 2 + fake**2) / 2,
    ),
    "hinge": (
        lambda real, fake: -ops.mean(fake),
        lambda real, fake: ops.mean(ops.maximum(1 - real, 0) + ops.maximum(1 + fake, 0)),
    ),
    "wasserstein": (lambda real, fake: -ops.mean(fake), lambda real, fake: ops.mean(fake - real)),
    "relativistic": (
        lambda real, fake: -mean_log_sigmoid(fake - real),
        lambda real, fake: -mean_log_sigmoid(real - fake),
    ),
}


if BACKEND == "tensorflow":
    import tensorflow as tf

    def _apply(tape, loss, opt, network):
        grads = tape.gradient(loss, network.trainable_variables)
        opt.apply_gradients(zip(grads, network.trainable_variables, strict=True))

    def _update_discriminator(d, d_opt, x, fake, loss_of):
        with tf.GradientTape() as tape:
            loss = loss_of(d(x, training=True), d(fake, training=True))
        _apply(tape, loss, d_opt, d)
        return loss

    def step(update, g, d, g_opt, d_opt, parts, loss="non_saturating"):
        """One step of training; returns the losses of the generator and, on the last part, of the discriminator."""
        g_loss_of, d_loss_of = LOSSES[loss]
        *first, (x, z) = parts
        for own_x, own_z in first:
            _update_discriminator(d, d_opt, own_x, g(own_z, training=True), d_loss_of)
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = g(z, training=True)
            if update == "alternating":
                with g_tape.stop_recording():
                    d_loss = _update_discriminator(d, d_opt, x, fake, d_loss_of)
                fake_logits = d(fake, training=True)
                g_loss = g_loss_of(d(x, training=True) if loss == "relativistic" else None, fake_logits)
            else:
                real_logits, fake_logits = d(x, training=True), d(fake, training=True)
                g_loss, d_loss = g_loss_of(real_logits, fake_logits), d_loss_of(real_logits, fake_logits)
        _apply(g_tape, g_loss, g_opt, g)
        if update == "simultaneous":
            _apply(d_tape, d_loss, d_opt, d)
        return g_loss, d_loss

elif BACKEND == "torch":
    import torch

    def _update(opt, loss, network, **options):
        grads = torch.autograd.grad(loss, [v.value for v in network.trainable_variables], **options)
        with torch.no_grad():
            opt.apply(grads, network.trainable_variables)

    def _update_discriminator(d, d_opt, x, fake, loss_of):
        loss = loss_of(d(x, training=True), d(fake.detach(), training=True))
        _update(d_opt, loss, d)
        return loss

    def step(update, g, d, g_opt, d_opt, parts, loss="non_saturating"):
        """One step of training; returns the losses of the generator and, on the last part, of the discriminator."""
        g_loss_of, d_loss_of = LOSSES[loss]
        *first, (x, z) = parts
        for own_x, own_z in first:
            _update_discriminator(d, d_opt, own_x, g(own_z, training=True), d_loss_of)
        fake = g(z, training=True)
        if update == "alternating":
            d_loss = _update_discriminator(d, d_opt, x, fake, d_loss_of)
            fake_logits = d(fake, training=True)
            g_loss = g_loss_of(d(x, training=True) if loss == "relativistic" else None, fake_logits)
        else:
            real_logits, fake_logits = d(x, training=True), d(fake, training=True)
            g_loss, d_loss = g_loss_of(real_logits, fake_logits), d_loss_of(real_logits, fake_logits)
            d_grads = torch.autograd.grad(d_loss, [v.value for v in d.trainable_variables], retain_graph=True)
        _update(g_opt, g_loss, g)
        if update == "simultaneous":
            with torch.no_grad():
                d_opt.apply(d_grads, d.trainable_variables)
        return g_loss.detach(), d_loss.detach()

else:
    import functools

    import jax

    # compiled, since every operation that runs by itself is compiled by itself

    def _values(variables):
        return [v.value for v in variables]

    def _assign(variables, values):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    @functools.cache
    def _apply(opt):
        return jax.jit(opt.stateless_apply)

    def _update(opt, grads, variables):
        new, opt_new = _apply(opt)(_values(opt.variables), grads, _values(variables))
        _assign(variables, new)
        _assign(opt.variables, opt_new)

    def _call(network, values, state, x):
        return network.stateless_call(values, state, x, training=True)

    @functools.cache
    def _discriminator_gradients(d, loss_of):
        def forward(values, state, x, fake):
            real_logits, state = _call(d, values, state, x)
            fake_logits, state = _call(d, values, state, fake)
            return loss_of(real_logits, fake_logits), state

        return jax.jit(jax.value_and_grad(forward, has_aux=True))

    @functools.cache
    def _generator_gradients(g, d, update, loss):
        def forward(g_values, g_state, d_values, d_state, x, z):
            fake, g_state = _call(g, g_values, g_state, z)
            real_logits = None
            if update == "simultaneous":
                real_logits, d_state = _call(d, d_values, d_state, x)
            fake_logits, d_state = _call(d, d_values, d_state, fake)
            if update == "alternating" and loss == "relativistic":
                real_logits, d_state = _call(d, d_values, d_state, x)
            return LOSSES[loss][0](real_logits, fake_logits), (g_state, d_state)

        return jax.jit(jax.value_and_grad(forward, has_aux=True))

    @functools.cache
    def _forward(g):
        return jax.jit(lambda values, state, z: _call(g, values, state, z))

    def _state(network):
        return _values(network.trainable_variables), _values(network.non_trainable_variables)

    def _update_discriminator(d, d_opt, x, fake, loss_of):
        (loss, state), grads = _discriminator_gradients(d, loss_of)(*_state(d), x, fake)
        _assign(d.non_trainable_variables, state)
        _update(d_opt, grads, d.trainable_variables)
        return loss

    def step(update, g, d, g_opt, d_opt, parts, loss="non_saturating"):
        """One step of training; returns the losses of the generator and, on the last part, of the discriminator."""
        d_loss_of = LOSSES[loss][1]
        *first, (x, z) = parts
        for own_x, own_z in first:
            fake, state = _forward(g)(*_state(g), own_z)
            _assign(g.non_trainable_variables, state)
            _update_discriminator(d, d_opt, own_x, fake, d_loss_of)
        fake, _ = _forward(g)(*_state(g), z)
        if update == "alternating":
            d_loss = _update_discriminator(d, d_opt, x, fake, d_loss_of)
        else:
            (d_loss, _), d_grads = _discriminator_gradients(d, d_loss_of)(*_state(d), x, fake)
        gradients = _generator_gradients(g, d, update, loss)
        (g_loss, (g_state, d_state)), g_grads = gradients(*_state(g), *_state(d), x, z)
        _assign(g.non_trainable_variables, g_state)
        _assign(d.non_trainable_variables, d_state)
        _update(g_opt, g_grads, g.trainable_variables)
        if update == "simultaneous":
            _update(d_opt, d_grads, d.trainable_variables)
        return g_loss, d_loss

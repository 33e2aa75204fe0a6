"""Adversarial training written by hand, plainly, once for each backend: what the library is measured against.

Nothing of the library is used here. Each `*_step` takes two networks, two Keras optimizers, images and latents, and
makes one update; losses are written out as log(1 + exp(x)).
"""

import keras
from keras import ops

BACKEND = keras.backend.backend()


def g_loss_of(fake_logits):
    return ops.mean(ops.softplus(-fake_logits))


def d_loss_of(real_logits, fake_logits):
    return ops.mean(ops.softplus(-real_logits)) + ops.mean(ops.softplus(fake_logits))


if BACKEND == "tensorflow":
    import tensorflow as tf

    def simultaneous_step(g, d, g_opt, d_opt, x, z):
        with tf.GradientTape() as g_tape, tf.GradientTape() as d_tape:
            fake = g(z, training=True)
            real_logits, fake_logits = d(x, training=True), d(fake, training=True)
            g_loss, d_loss = g_loss_of(fake_logits), d_loss_of(real_logits, fake_logits)
        g_grads = g_tape.gradient(g_loss, g.trainable_variables)
        d_grads = d_tape.gradient(d_loss, d.trainable_variables)
        g_opt.apply_gradients(zip(g_grads, g.trainable_variables, strict=True))
        d_opt.apply_gradients(zip(d_grads, d.trainable_variables, strict=True))
        return g_loss, d_loss

    def alternating_step(g, d, g_opt, d_opt, x, z):
        with tf.GradientTape() as g_tape:
            fake = g(z, training=True)
            with g_tape.stop_recording():
                with tf.GradientTape() as d_tape:
                    d_loss = d_loss_of(d(x, training=True), d(fake, training=True))
                d_grads = d_tape.gradient(d_loss, d.trainable_variables)
                d_opt.apply_gradients(zip(d_grads, d.trainable_variables, strict=True))
            g_loss = g_loss_of(d(fake, training=True))
        g_grads = g_tape.gradient(g_loss, g.trainable_variables)
        g_opt.apply_gradients(zip(g_grads, g.trainable_variables, strict=True))
        return g_loss, d_loss


elif BACKEND == "torch":
    import torch

    def _update(opt, loss, variables):
        grads = torch.autograd.grad(loss, [v.value for v in variables])
        with torch.no_grad():
            opt.apply(grads, variables)

    def simultaneous_step(g, d, g_opt, d_opt, x, z):
        fake = g(z, training=True)
        real_logits, fake_logits = d(x, training=True), d(fake, training=True)
        g_loss, d_loss = g_loss_of(fake_logits), d_loss_of(real_logits, fake_logits)
        g_grads = torch.autograd.grad(g_loss, [v.value for v in g.trainable_variables], retain_graph=True)
        _update(d_opt, d_loss, d.trainable_variables)
        with torch.no_grad():
            g_opt.apply(g_grads, g.trainable_variables)
        return g_loss.detach(), d_loss.detach()

    def alternating_step(g, d, g_opt, d_opt, x, z):
        fake = g(z, training=True)
        d_loss = d_loss_of(d(x, training=True), d(fake.detach(), training=True))
        _update(d_opt, d_loss, d.trainable_variables)
        g_loss = g_loss_of(d(fake, training=True))
        _update(g_opt, g_loss, g.trainable_variables)
        return g_loss.detach(), d_loss.detach()

else:
    import jax

    def _values(variables):
        return [v.value for v in variables]

    def _assign(variables, values):
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _update(opt, grads, variables):
        new, opt_new = opt.stateless_apply(_values(opt.variables), grads, _values(variables))
        _assign(variables, new)
        _assign(opt.variables, opt_new)

    def _d_forward(d_values, d_state, d, x, fake):
        real_logits, d_state = d.stateless_call(d_values, d_state, x, training=True)
        fake_logits, d_state = d.stateless_call(d_values, d_state, fake, training=True)
        return d_loss_of(real_logits, fake_logits), d_state

    def simultaneous_step(g, d, g_opt, d_opt, x, z):
        g_values, g_state = _values(g.trainable_variables), _values(g.non_trainable_variables)
        d_values, d_state = _values(d.trainable_variables), _values(d.non_trainable_variables)

        def g_forward(g_values):
            fake, new = g.stateless_call(g_values, g_state, z, training=True)
            fake_logits, _ = d.stateless_call(d_values, d_state, fake, training=True)
            return g_loss_of(fake_logits), (fake, new)

        (g_loss, (fake, g_new)), g_grads = jax.value_and_grad(g_forward, has_aux=True)(g_values)
        (d_loss, d_new), d_grads = jax.value_and_grad(_d_forward, has_aux=True)(d_values, d_state, d, x, fake)
        _assign(g.non_trainable_variables, g_new)
        _assign(d.non_trainable_variables, d_new)
        _update(g_opt, g_grads, g.trainable_variables)
        _update(d_opt, d_grads, d.trainable_variables)
        return g_loss, d_loss

    def alternating_step(g, d, g_opt, d_opt, x, z):
        g_state = _values(g.non_trainable_variables)
        fake, g_new = g.stateless_call(_values(g.trainable_variables), g_state, z, training=True)
        d_values, d_state = _values(d.trainable_variables), _values(d.non_trainable_variables)
        (d_loss, d_state), d_grads = jax.value_and_grad(_d_forward, has_aux=True)(d_values, d_state, d, x, fake)
        _update(d_opt, d_grads, d.trainable_variables)

        def g_forward(g_values):
            fake, _ = g.stateless_call(g_values, g_state, z, training=True)
            fake_logits, d_new = d.stateless_call(_values(d.trainable_variables), d_state, fake, training=True)
            return g_loss_of(fake_logits), d_new

        (g_loss, d_new), g_grads = jax.value_and_grad(g_forward, has_aux=True)(_values(g.trainable_variables))
        _assign(g.non_trainable_variables, g_new)
        _assign(d.non_trainable_variables, d_new)
        _update(g_opt, g_grads, g.trainable_variables)
        return g_loss, d_loss

"""A hand-written JAX loop: one jitted step on lists of arrays, both gradients from one forward pass."""

import functools

import jax
import keras
import numpy as np
from jax import lax, nn, numpy as jnp

LAYOUT = ("NHWC", "HWIO", "NHWC")


def network(keras_network):
    """`(forward, weights)` of a Keras network: `forward(weights, x, key)` trains, and gives `(outputs, weights)`.

    The weights that come out of it are those that went in but for moving averages. It computes in the dtype of x, and
    batch statistics in float32.
    """
    layers = [x for x in keras_network.layers if not isinstance(x, keras.layers.InputLayer)]

    def forward(weights, x, key):
        after = []
        for i, (layer, own) in enumerate(zip(layers, weights, strict=True)):
            x, own = _apply(layer, own, x, jax.random.fold_in(key, i))
            after.append(own)
        return x, after

    return forward, [[jnp.asarray(w.numpy()) for w in layer.weights] for layer in layers]


def _apply(layer, own, x, key):
    match layer:
        case keras.layers.Dense():
            x = x @ own[0].astype(x.dtype)
        case keras.layers.Conv2DTranspose():
            kernel = own[0].astype(x.dtype)
            x = lax.conv_transpose(x, kernel, layer.strides, "SAME", dimension_numbers=LAYOUT, transpose_kernel=True)
        case keras.layers.Conv2D():
            kernel = own[0].astype(x.dtype)
            x = lax.conv_general_dilated(x, kernel, layer.strides, "SAME", dimension_numbers=LAYOUT)
        case keras.layers.BatchNormalization():
            gamma, beta, *moving = own
            axes, dtype = tuple(range(x.ndim - 1)), x.dtype
            x = x.astype("float32")
            mean, variance = x.mean(axes), x.var(axes)
            x = ((x - mean) * lax.rsqrt(variance + layer.epsilon) * gamma + beta).astype(dtype)
            m = layer.momentum
            own = [gamma, beta] + [m * old + (1 - m) * new for old, new in zip(moving, (mean, variance), strict=True)]
        case keras.layers.LeakyReLU():
            x = nn.leaky_relu(x, layer.negative_slope)
        case keras.layers.ReLU():
            x = nn.relu(x)
        case keras.layers.Dropout():
            x = jnp.where(jax.random.bernoulli(key, 1 - layer.rate, x.shape), x / (1 - layer.rate), 0)
        case keras.layers.Reshape():
            x = x.reshape(-1, *layer.target_shape)
        case keras.layers.Flatten():
            x = x.reshape(len(x), -1)
        case keras.layers.Activation():
            x = jnp.tanh(x)
    if getattr(layer, "use_bias", False):
        x = x + own[1].astype(x.dtype)
    return x, own


def adam(weights, gradients, moments, t, rate, beta_1, beta_2=0.999, epsilon=1e-7):
    """Kingma and Ba (2015), algorithm 1."""
    first, second = moments
    first = jax.tree.map(lambda m, g: beta_1 * m + (1 - beta_1) * g, first, gradients)
    second = jax.tree.map(lambda v, g: beta_2 * v + (1 - beta_2) * g**2, second, gradients)
    rate = rate * jnp.sqrt(1 - beta_2**t) / (1 - beta_1**t)
    return jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + epsilon), weights, first, second), (first, second)


class Loop:
    def __init__(self, generator, discriminator, images, batch_size, rate, beta_1, dtype="float32"):
        self.images = images.astype("float32") / 127.5 - 1
        self.batch_size, self.latent_dim = batch_size, generator.input_shape[1]
        g_forward, g_weights = network(generator)
        d_forward, d_weights = network(discriminator)
        zeros = functools.partial(jax.tree.map, jnp.zeros_like)
        # weights and moments of both networks, steps so far
        self.state = [(w, (zeros(w), zeros(w))) for w in (g_weights, d_weights)], 0
        self.key = jax.random.key(0)

        @functools.partial(jax.jit, donate_argnums=0)
        def train_step(state, real, z, key):
            ((g_weights, g_moments), (d_weights, d_moments)), t = state
            keys = jax.random.split(key, 3)

            def losses(g_weights, d_weights):
                fake, g_after = g_forward(g_weights, z.astype(dtype), keys[0])
                real_logits, d_after = d_forward(d_weights, real.astype(dtype), keys[1])
                fake_logits, d_after = d_forward(d_after, fake, keys[2])
                real_logits, fake_logits = real_logits.astype("float32"), fake_logits.astype("float32")
                g_loss = nn.softplus(-fake_logits).mean()
                d_loss = nn.softplus(-real_logits).mean() + nn.softplus(fake_logits).mean()
                return (g_loss, d_loss), (g_after, d_after)

            (g_loss, d_loss), pull_back, (g_after, d_after) = jax.vjp(losses, g_weights, d_weights, has_aux=True)
            g_gradients, d_gradients = pull_back((1.0, 0.0))[0], pull_back((0.0, 1.0))[1]
            # the gradients of moving averages are zeros, and Adam leaves them as they are
            g = adam(g_after, g_gradients, g_moments, t + 1, rate, beta_1)
            d = adam(d_after, d_gradients, d_moments, t + 1, rate, beta_1)
            return ([g, d], t + 1), (g_loss, d_loss)

        self.train_step = train_step

    def train(self, starter):
        rng = np.random.default_rng(0)
        while starter.go():
            order = rng.permutation(len(self.images))
            for i in range(0, len(order), self.batch_size):
                real = self.images[order[i : i + self.batch_size]]
                self.key, z_key, key = jax.random.split(self.key, 3)
                z = jax.random.normal(z_key, (len(real), self.latent_dim))
                self.state, losses = self.train_step(self.state, real, z, key)
            jax.block_until_ready(losses)
            starter.done()

"""The loops of benchmarks/speed against `train_step`: the same losses, step by step, from the same weights."""

import importlib
import pathlib
from unittest import mock

import keras
import numpy as np
import pytest
from conftest import BACKEND

import keras_dcgan
from keras_dcgan import networks

STEPS = 4
RATE = 1e-4  # higher rates amplify rounding where a gradient is almost 0, and Adam steps at full size


@pytest.fixture(params=["radford", "tutorial"])
def gan(request, monkeypatch):
    """Kernels of 4 and of 5, strides of 1 and of 2, batch normalisation before and behind the reshaping; no dropout."""
    monkeypatch.syspath_prepend(pathlib.Path(__file__).parent.parent / "benchmarks" / "speed")
    if request.param == "radford":
        return keras_dcgan.DCGAN.from_preset("radford_28", image_shape=(8, 8, 1), latent_dim=4, width=1 / 16, seed=0)
    return keras_dcgan.DCGAN(
        networks.tutorial_generator((8, 12, 3), latent_dim=4, width=1 / 16, seed=0),
        networks.tutorial_discriminator((8, 12, 3), dropout=0.0, width=1 / 16, seed=1),
    )


@pytest.fixture
def drawn(gan):
    """Images of each step, and the latents that the model is going to draw."""
    images = np.random.default_rng(0).integers(0, 256, (STEPS, 6, *gan.image_shape), "uint8")
    before = gan.seed_generator.state.numpy()
    latents = [keras.ops.convert_to_numpy(gan.sample_latents(6)) for _ in images]
    gan.seed_generator.state.assign(before)
    return images, latents


def ours(gan, images, update):
    """Losses of the generator and the discriminator in each step, in which the model is trained."""
    gan.compile(keras.optimizers.Adam(RATE), keras.optimizers.Adam(RATE), update=update)
    losses = []
    for real in images:
        gan.reset_metrics()
        logs = gan.train_on_batch(real, return_dict=True)
        losses.append([logs["g_loss"], logs["d_loss"]])
    return losses


@pytest.mark.once
def test_the_loop_of_tensorflows_tutorial_is_our_simultaneous_update(gan, drawn):
    import tensorflow as tf

    module = importlib.import_module("tensorflow_tutorial")
    copies = [keras.models.clone_model(network) for network in (gan.generator, gan.discriminator)]
    for copy, network in zip(copies, (gan.generator, gan.discriminator), strict=True):
        copy.set_weights(network.get_weights())
    loop = module.Loop(*copies, drawn[0][0], 6, keras.optimizers.Adam(RATE), keras.optimizers.Adam(RATE))
    tf.config.run_functions_eagerly(True)
    try:
        losses = []
        for real, z in zip(*drawn, strict=True):
            with mock.patch.object(tf.random, "normal", return_value=tf.constant(z)):
                losses.append(loop.train_step(real.astype("float32") / 127.5 - 1))
    finally:
        tf.config.run_functions_eagerly(False)
    np.testing.assert_allclose(losses, ours(gan, drawn[0], "simultaneous"), rtol=1e-4)


@pytest.mark.skipif(BACKEND != "torch", reason="a loop in PyTorch")
@pytest.mark.parametrize("layout", ["contiguous_format", "channels_last"])
def test_the_loop_of_pytorchs_example_is_our_alternating_update_seen_in_a_mirror(gan, drawn, layout):
    import torch

    module = importlib.import_module("pytorch_example")
    adam = {"lr": RATE, "eps": 1e-7}
    loop = module.Loop(gan.generator, gan.discriminator, drawn[0][0], 6, adam, adam, getattr(torch, layout))
    losses = []
    for real, z in zip(*drawn, strict=True):
        mirrored = torch.tensor(real[:, ::-1, ::-1].transpose(0, 3, 1, 2) / 127.5 - 1, dtype=torch.float32)
        with mock.patch.object(torch, "randn", return_value=torch.from_numpy(z)):
            losses.append(loop.train_step(mirrored))
    np.testing.assert_allclose(losses, ours(gan, drawn[0], "alternating"), rtol=1e-4)


@pytest.mark.skipif(BACKEND != "jax", reason="a loop in JAX")
@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 1e-4), ("bfloat16", 0.02)])
def test_the_loop_in_jax_is_our_simultaneous_update(gan, drawn, dtype, rtol):
    import jax

    module = importlib.import_module("jax_loop")
    loop = module.Loop(gan.generator, gan.discriminator, drawn[0][0], 6, RATE, 0.9, dtype)
    losses = []
    for real, z in zip(*drawn, strict=True):
        real = real.astype("float32") / 127.5 - 1
        loop.state, both = loop.train_step(loop.state, real, z, jax.random.key(0))
        losses.append(both)
    np.testing.assert_allclose(losses, ours(gan, drawn[0], "simultaneous"), rtol=rtol)
    program = str(jax.make_jaxpr(loop.train_step)(loop.state, real, z, jax.random.key(0)))
    assert ("bf16" in program) == (dtype == "bfloat16")

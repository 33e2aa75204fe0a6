"""Training steps of given networks on given numbers; run in a process of its own, once per backend.

    python one_backend.py OUT.npz

Weights, images and latents come from NumPy, so that they are the same everywhere. Gradients are read off a step with
SGD at rate 1: weights before less weights after.
"""

import itertools
import sys

import keras
import numpy as np

import keras_dcgan

PRESETS = ("mnist", "radford_28", "all_convolutional_28", "radford_28_conditional", "fashion_mnist_conditional")


def main(out):
    results = {}
    for preset in PRESETS:
        for update in ("simultaneous", "alternating"):
            for loss in ("non_saturating", "hinge", "r1") if preset == "radford_28" else ("non_saturating",):
                step(preset, update, loss, results)
    for method in itertools.product(keras_dcgan.losses.LOSSES, ("simultaneous", "alternating"), (1, 2, 5)):
        ten_steps(*method, results)
    np.savez(out, **results)


def step(preset, update, loss, results):
    rng = np.random.default_rng(0)
    side = 16 if preset == "all_convolutional_28" else 8
    sizes = {"image_shape": (side, side, 3), "latent_dim": 4, "width": 1 / 16}
    conditional = "conditional" in preset and preset != "all_convolutional_28"
    if "dropout" in keras_dcgan.presets.get(preset).arguments():
        sizes["dropout"] = 0.0
    if conditional:
        sizes["num_classes"] = 10
    model = keras_dcgan.ConditionalDCGAN if conditional else keras_dcgan.DCGAN
    gan = model.from_preset(preset, **sizes)
    for v in gan.trainable_variables:
        # spread as by Glorot, so that signals neither fade nor grow
        scale = np.sqrt(2 / (np.prod(v.shape[:-1]) + v.shape[-1])) if len(v.shape) > 1 else 0.1
        v.assign(rng.normal(0, scale, v.shape) + ("gamma" in v.path))
    z = keras.ops.convert_to_tensor(rng.normal(size=(6, 4)).astype("float32"))
    gan.sample_latents = lambda n, seed=None: z
    given = {"penalties": [keras_dcgan.penalties.R1(gamma=0.1, interval=2)]} if loss == "r1" else {"loss": loss}
    gan.compile(keras.optimizers.SGD(1.0), keras.optimizers.SGD(1.0), update=update, **given)
    before = [v.numpy() for v in gan.trainable_variables]
    images = rng.integers(0, 256, (6, side, side, 3), "uint8")
    labels = [rng.integers(0, 10, 6)] if conditional else []
    logs = gan.train_on_batch(images, *labels, return_dict=True)
    key = f"{preset}.{update}.{loss}"
    results[f"{key}.losses"] = np.array([logs["g_loss"], logs["d_loss"]])
    for i, (old, v) in enumerate(zip(before, gan.trainable_variables, strict=True)):
        results[f"{key}.gradient_{i:02d}"] = old - v.numpy()
    for i, v in enumerate(gan.non_trainable_variables):
        if "moving" in v.path:
            results[f"{key}.moving_{i:02d}"] = v.numpy()


def ten_steps(loss, update, discriminator_steps, results):
    layers = keras.layers
    generator = [layers.Dense(16, "tanh"), layers.Reshape((4, 4, 1))]
    discriminator = [layers.Flatten(), layers.Dense(3, "tanh"), layers.Dense(1)]
    gan = keras_dcgan.DCGAN(
        keras.Sequential([keras.Input((3,)), *generator]), keras.Sequential([keras.Input((4, 4, 1)), *discriminator])
    )
    rng = np.random.default_rng(1)
    for v in gan.trainable_variables:
        v.assign(rng.normal(0, 0.3, v.shape))
    latents = rng.normal(size=(10, 3)).astype("float32")
    gan.sample_latents = lambda n, seed=None: keras.ops.convert_to_tensor(latents[:n])
    options = {"update": update, "discriminator_steps": discriminator_steps}
    options["run_eagerly"] = keras.backend.backend() != "jax"
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), loss, **options)
    images = rng.integers(0, 256, (10, 4, 4, 1), "uint8")
    for _ in range(10):
        gan.train_on_batch(images)
    key = f"ten_steps.{loss}.{update}.{discriminator_steps}"
    results[key] = np.concatenate([v.numpy().ravel() for v in gan.trainable_variables])


if __name__ == "__main__":
    main(sys.argv[1])

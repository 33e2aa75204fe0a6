"""Trains tiny models on several devices, or as one of several processes; test_devices.py starts it.

    python on_devices.py TASK[,TASK ...] FOLDER DEVICES [PROCESSES PROCESS ADDRESS]

Each process writes the results of each task to FOLDER/TASK.PROCESS.npz and reads its own shard of every batch.
"""

import contextlib
import functools
import os
import pathlib
import sys

import keras
import numpy as np
from keras import layers

import keras_dcgan

BATCH = 8
IMAGES = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 1), "uint8")
LABELS = np.arange(24, dtype="int32") % 3
LOSSES = ("non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic")
# the images of a batch, cut into two parts by each of two replicas, in the order in which one device cuts them
CUT_BY_TWO = [0, 1, 4, 5, 2, 3, 6, 7]


def given_latents(model):
    """The model with latents from the images: what is computed of an image does not depend on where."""

    class Given(model):
        def _draw_latents(self, real, seed=None):
            return real[:, 0, :4, 0] if seed is None else super()._draw_latents(real, seed)

    return Given


def networks(labels=False):
    """Two networks without dropout and without batch normalisation."""
    latents, images, label = keras.Input((4,)), keras.Input((8, 8, 1)), keras.Input((), dtype="int32")
    seeds = iter(range(100))

    def start():
        return keras.initializers.GlorotUniform(seed=next(seeds))

    def embedded(size):
        return layers.Flatten()(layers.Embedding(3, size, embeddings_initializer=start())(layers.Reshape((1,))(label)))

    x = layers.Concatenate()([latents, embedded(4)]) if labels else latents
    x = layers.Reshape((4, 4, 4))(layers.Dense(64, "relu", kernel_initializer=start())(x))
    x = layers.Conv2DTranspose(1, 4, 2, "same", activation="tanh", kernel_initializer=start())(x)
    y = layers.Conv2D(8, 4, 2, "same", activation="leaky_relu", kernel_initializer=start())(images)
    y = layers.Flatten()(y)
    y = layers.Concatenate()([y, embedded(8)]) if labels else y
    y = layers.Dense(1, kernel_initializer=start(), kernel_regularizer=keras.regularizers.L2(0.01))(y)
    generator = keras.Model([latents, label] if labels else latents, x)
    return generator, keras.Model([images, label] if labels else images, y)


def trained(model, networks, *data, fit=(), compile=(), **options):
    gan = model(*networks, seed=0, **options)
    # not Adam: where a gradient is 0 but for rounding, its first step is of full size
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1), **dict(compile))
    history = gan.fit(*data, **({"shuffle": False} | dict(fit)), batch_size=BATCH // PROCESSES, epochs=2, verbose=0)
    return {
        "weights": np.concatenate([np.ravel(v.numpy()) for v in gan.weights]),
        # latents are given in training alone: of evaluation what depends on real images
        "logs": np.array(
            [x for name, x in sorted(history.history.items()) if name.startswith("val_real") or name[:4] != "val_"]
        ),
    }


def one_training(results):
    """The same figures on any number of devices."""
    plain, conditional = given_latents(keras_dcgan.DCGAN), given_latents(keras_dcgan.ConditionalDCGAN)
    penalty = {"penalties": [keras_dcgan.penalties.R1(gamma=0.1, interval=2)]}
    again = BACKEND == "jax" and (DEVICES, PROCESSES) in ((4, 1), (1, 2))  # all losses are tried on two devices
    for update, losses in (("simultaneous", LOSSES), ("alternating", ("non_saturating", "relativistic"))):
        methods = {loss: {"loss": loss} for loss in (LOSSES[:1] if again else losses)}
        if not again:
            methods["r1"] = penalty
        for name, method in methods.items():
            method = {"update": update, **method}
            results[f"{update}.{name}"] = trained(plain, networks(), mine(IMAGES), compile=method)
        data = mine(IMAGES), mine(LABELS)
        results[f"{update}.labels"] = trained(conditional, networks(labels=True), *data, compile={"update": update})
        # JAX cuts the whole batch, the others each replica's own images
        images = IMAGES
        if BACKEND != "jax" and DEVICES * PROCESSES == 1:
            images = IMAGES.reshape(-1, BATCH, *IMAGES.shape[1:])[:, CUT_BY_TWO].reshape(IMAGES.shape)
        twice = {"update": update, "discriminator_steps": 2}
        results[f"{update}.twice"] = trained(plain, networks(), mine(images), compile=twice)
    evaluation = {"validation_data": (mine(IMAGES),), "validation_batch_size": BATCH // PROCESSES}
    results["average"] = trained(plain, networks(), mine(IMAGES), ema_momentum=0.9, fit=evaluation)
    if BACKEND == "tensorflow":
        results["shuffled"] = trained(plain, networks(), IMAGES, fit={"shuffle": True})
    if BACKEND != "torch":
        size = {"image_shape": (8, 8, 1), "width": 1 / 32, "batch_norm_synchronized": True, "seed": 0}
        normalised = (
            keras_dcgan.networks.radford_generator(latent_dim=4, **size),
            keras_dcgan.networks.radford_discriminator(**size),
        )
        results["batch_norm"] = trained(plain, normalised, mine(IMAGES), compile=penalty)


class Kept(layers.Layer):
    """Keeps what it was last given in training."""

    def build(self, input_shape):
        self.seen = self.add_weight(shape=(SHARE, input_shape[-1]), trainable=False)

    def call(self, inputs, training=False):
        if training:
            self.seen.assign(inputs)
        return inputs


def random_numbers(results):
    """Latents and masks of a step, one row an image, and weights, of three runs from a seed, the last one resumed."""
    for run in ("first", "second", "resumed"):
        gan, latents, masks = with_masks()
        options = {"batch_size": BATCH // PROCESSES, "shuffle": False, "verbose": 0}
        if run == "resumed":
            gan.fit(mine(IMAGES), epochs=1, **options)
            gan.save_weights(FOLDER / "half.weights.h5")
            gan.evaluate(mine(IMAGES), batch_size=BATCH // PROCESSES, verbose=0)  # all wait for the file
            gan, latents, masks = with_masks()
            gan.load_weights(FOLDER / "half.weights.h5")
        gan.fit(mine(IMAGES), epochs=2, initial_epoch=1 if run == "resumed" else 0, **options)
        results[run] = {
            "latents": parts(latents.seen),
            "masks": parts(masks.seen),
            "weights": np.concatenate([np.ravel(v.numpy()) for v in gan.trainable_variables]),
        }


def with_masks():
    """A compiled model, and the layers that keep its latents and its dropout masks."""
    generator, discriminator = networks()
    latents, masks = Kept(), Kept()
    z = keras.Input((4,))
    x = discriminator.layers[-2].output
    mask = masks(layers.Dropout(0.5, seed=7)(keras.ops.ones_like(x)))
    logits = layers.Dense(1, kernel_initializer="ones")(layers.Multiply()([x, mask]))
    gan = keras_dcgan.DCGAN(keras.Model(z, generator(latents(z))), keras.Model(discriminator.input, logits), seed=0)
    gan.compile()
    return gan, latents, masks


def parts(variable):
    """What each device of this process holds, one below the other."""
    if BACKEND == "tensorflow" and DEVICES > 1:
        return np.concatenate([np.asarray(part) for part in STRATEGY.experimental_local_results(variable.value)])
    return variable.numpy()


def to_the_end(results, epochs=4):
    """A training with everything that writes files; it dies in its third epoch where a file tells its process to."""
    folder = FOLDER / f"files_{PROCESS}"
    gan = given_latents(keras_dcgan.DCGAN)(*networks(), seed=0)
    gan.compile(keras.optimizers.SGD(0.1), keras.optimizers.SGD(0.1))

    def die(epoch, logs):
        if epoch == 2 and (FOLDER / f"die_{PROCESS}").exists():
            os._exit(1)

    callbacks = [
        keras_dcgan.callbacks.GifSnapshot(folder / "samples.gif"),
        keras.callbacks.ModelCheckpoint(folder / "gan.keras"),
        keras.callbacks.BackupAndRestore(FOLDER / "backup", delete_checkpoint=False),
        keras.callbacks.LambdaCallback(on_epoch_begin=die),
    ]
    gan.fit(mine(IMAGES), batch_size=BATCH // PROCESSES, epochs=epochs, shuffle=False, callbacks=callbacks)
    results["end"] = {
        "weights": np.concatenate([np.ravel(v.numpy()) for v in gan.trainable_variables]),
        "samples": gan.generate(5, seed=0),
        "features": gan.features(IMAGES[:5], batch_size=3),
        "predicted": gan.predict(np.ones((7, 4), "float32"), verbose=0),
        "latents": gan.invert(IMAGES[:5], steps=3),
    }


def refusals(results):
    """What is said of batches that devices cannot share, and of processes that have not as much to do."""
    gan = keras_dcgan.DCGAN(*networks(), seed=0)
    gan.compile()
    before = [v.numpy() for v in (*gan.variables, *gan.optimizer.variables)]
    # of one process 11, which leave a batch of 3; of two 6 and 5
    odd, size = mine(IMAGES)[: 11 // PROCESSES + (PROCESSES > PROCESS + 1)], BATCH // PROCESSES
    attempts = {
        "fit": lambda: gan.fit(odd, batch_size=size, verbose=0),
        "validation": lambda: gan.fit(mine(IMAGES), validation_data=odd, batch_size=size, verbose=0),
        "evaluate": lambda: gan.evaluate(odd, batch_size=size, verbose=0),
    }
    if PROCESSES > 1 and BACKEND == "jax":

        def undistributed():
            distribution = keras.distribution.distribution()
            keras.distribution.set_distribution(None)
            try:
                gan.fit(mine(IMAGES), verbose=0)
            finally:
                keras.distribution.set_distribution(distribution)

        attempts["undistributed"] = undistributed
    if PROCESSES == 1:
        attempts |= {
            "batches": lambda: gan.fit((batch for batch in [odd[:7]]), verbose=0),
            "train_on_batch": lambda: gan.train_on_batch(odd[:7]),
            "test_on_batch": lambda: gan.test_on_batch(odd[:7]),
        }
    for name, attempt in attempts.items():
        try:
            attempt()
            results[name] = {"said": ""}
        except ValueError as error:
            results[name] = {"said": str(error)}
    after = [v.numpy() for v in (*gan.variables, *gan.optimizer.variables)]
    results["change"] = {"most": max(abs(a - b).max() for a, b in zip(after, before, strict=True))}


def own_files(results):
    """Which images each process reads of a folder, in two epochs."""
    folder = keras_dcgan.datasets.ImageFolder(FOLDER / "images", (2, 2, 1), 2, seed=0)
    for epoch in (0, 1):
        folder.set_epoch(epoch)
        results[f"epoch_{epoch}"] = {"pixels": np.concatenate([folder[i][0][:, 0, 0, 0] for i in range(len(folder))])}


def mine(array):
    """This process's share of every batch."""
    shares = array.reshape((-1, PROCESSES, BATCH // PROCESSES, *array.shape[1:]))
    return shares[:, PROCESS].reshape((-1, *array.shape[1:]))


TASKS, FOLDER, DEVICES = sys.argv[1].split(","), pathlib.Path(sys.argv[2]), int(sys.argv[3])
PROCESSES, PROCESS = (int(sys.argv[4]), int(sys.argv[5])) if len(sys.argv) > 4 else (1, 0)
BACKEND = keras.backend.backend()
SHARE = BATCH  # images of a batch that a replica sees
STRATEGY = contextlib.nullcontext()
if BACKEND == "tensorflow":
    import tensorflow as tf

    SHARE //= DEVICES
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * DEVICES)
    if DEVICES > 1:
        STRATEGY = tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(DEVICES)])
elif BACKEND == "jax":
    if PROCESSES > 1:
        import jax

        if any(FOLDER.glob("die_*")):  # where a process is going to die, the others miss it after 10 seconds, not 100
            jax.distributed.initialize = functools.partial(jax.distributed.initialize, heartbeat_timeout_seconds=10)
        keras.distribution.initialize(sys.argv[6], PROCESSES, PROCESS)
    if DEVICES * PROCESSES > 1:
        devices = keras.distribution.list_devices("cpu")
        assert len(devices) == DEVICES * PROCESSES
        keras.distribution.set_distribution(keras.distribution.DataParallel(devices=devices, auto_shard_dataset=False))
elif PROCESSES > 1:
    import torch

    SHARE //= PROCESSES
    torch.distributed.init_process_group("gloo", f"tcp://{sys.argv[6]}", rank=PROCESS, world_size=PROCESSES)

for task in TASKS:
    made = {}
    with STRATEGY if DEVICES == 1 or BACKEND != "tensorflow" else STRATEGY.scope():
        globals()[task](made)
    arrays = {f"{key}.{name}": x for key, value in made.items() for name, x in value.items()}
    np.savez(FOLDER / f"{task}.{PROCESS}.npz", **arrays)

"""One contender of compare.py: runs its work once per line on standard input, and prints seconds and peak memory.

KERAS_BACKEND=tensorflow python benchmarks/speed/contender.py fit mnist
"""

import argparse
import dataclasses
import pathlib
import tempfile

import keras
import numpy as np
from starter import Starter

import keras_dcgan
from keras_dcgan import presets
from keras_dcgan.training import pipelines


@dataclasses.dataclass
class Setting:
    """A preset, its batch size, and the steps per epoch: about twenty seconds on two cores."""

    preset: str
    batch_size: int
    steps: int
    width: float = 1.0
    options: dict = dataclasses.field(default_factory=dict)

    @property
    def adam(self):
        """The arguments of Adam in the preset's recipe."""
        return presets.get(self.preset).recipe.g_opt["config"]

    def model(self):
        return keras_dcgan.DCGAN.from_preset(self.preset, width=self.width, seed=0, **self.options)

    def optimizers(self):
        return [keras.optimizers.Adam(**self.adam) for _ in range(2)]

    def model_and_images(self):
        """A model, and an epoch of noise: the time of a step does not depend on the images."""
        gan = self.model()
        shape = (self.steps * self.batch_size, *gan.image_shape)
        return gan, np.random.default_rng(0).integers(0, 256, shape, "uint8")


NETWORKS = {
    "mnist": Setting("mnist", 256, 40),
    "cifar10": Setting("cifar10", 256, 16),
    "radford_64": Setting("radford_64", 128, 32, width=0.25),
    "radford_28": Setting("radford_28", 64, 900, width=0.25),
    "radford_64_whole": Setting("radford_64", 128, 8),
    "recommended": Setting("recommended", 32, 1250),
    "tiny": Setting("radford_28", 8, 1000, width=1 / 32, options={"image_shape": (8, 8, 1)}),
}
# the others need a GPU, have a penalty that the other contenders lack, or show only the time between the steps
SMALL = [name for name in NETWORKS if name not in ("radford_64_whole", "recommended", "tiny")]


def setting_of(network, steps=None):
    """The setting of a network, with another number of steps per epoch if given."""
    setting = NETWORKS[network]
    return setting if steps is None else dataclasses.replace(setting, steps=steps)


def fit(setting, starter, **options):
    """Our `fit` as users run it: uint8 images in memory, an animation of samples."""
    gan, images = setting.model_and_images()
    gan.compile(**options)
    with tempfile.TemporaryDirectory() as folder:
        animation = keras_dcgan.callbacks.GifSnapshot(pathlib.Path(folder, "samples.gif"))
        gan.fit(images, batch_size=setting.batch_size, epochs=10_000, verbose=0, callbacks=[animation, starter])


def alternating(setting, starter):
    """The same with alternating updates."""
    fit(setting, starter, update="alternating")


def bare_loop(setting, starter):
    """Our compiled step in a plain Python loop."""
    gan, images = setting.model_and_images()
    gan.compile()
    run = {"tensorflow": bare_tensorflow, "jax": bare_jax, "torch": bare_torch}[keras.backend.backend()](gan)
    seed = (gan.seed_generator.state, gan.optimizer.iterations)
    if keras.backend.backend() == "tensorflow":
        batches = pipelines.of_arrays(images, None, setting.batch_size, seed)
    else:
        batches = [images[i : i + setting.batch_size] for i in range(0, len(images), setting.batch_size)]
    while starter.go():
        run(batches)
        starter.done()


def bare_tensorflow(gan):
    import tensorflow as tf

    step = tf.function(gan.train_step)

    def run(batches):
        for batch in batches:
            step(batch)

    return run


def bare_jax(gan):
    import jax

    groups = gan.trainable_variables, gan.non_trainable_variables, gan.optimizer.variables, gan.metrics_variables
    state = tuple([jax.numpy.copy(v.value) for v in group] for group in groups)  # the step overwrites it
    step = jax.jit(gan.train_step, donate_argnums=0)

    def run(batches):
        nonlocal state
        for batch in batches:
            _, state = step(state, batch)
        jax.block_until_ready(state)

    return run


def bare_torch(gan):
    def run(batches):
        for batch in batches:
            gan.train_step(keras.ops.convert_to_tensor(batch))

    return run


def tensorflow_tutorial(setting, starter):
    from tensorflow_tutorial import Loop

    gan, images = setting.model_and_images()
    loop = Loop(gan.generator, gan.discriminator, images, setting.batch_size, *setting.optimizers())
    loop.data = pipelines.untuned(loop.data)  # otherwise epochs would wait at their end: docs/benchmarks/speed.md
    loop.train(starter)


def keras_example(setting, starter):
    import tensorflow as tf
    from keras_example import GAN

    ours, images = setting.model_and_images()
    gan = GAN(ours.generator, ours.discriminator)
    g_opt, d_opt = setting.optimizers()
    gan.compile(g_opt=g_opt, d_opt=d_opt, loss_fn=keras.losses.BinaryCrossentropy(from_logits=True))
    images = images.astype("float32") / 127.5 - 1
    batches = tf.data.Dataset.from_tensor_slices(images).shuffle(1024).batch(setting.batch_size)
    gan.fit(pipelines.untuned(batches), epochs=10_000, verbose=0, callbacks=[starter])  # as above


def pytorch_example(setting, starter, channels_last=False):
    import torch
    from pytorch_example import Loop

    gan, images = setting.model_and_images()
    options = {"lr": setting.adam["learning_rate"], "betas": (setting.adam["beta_1"], setting.adam["beta_2"])}
    layout = torch.channels_last if channels_last else torch.contiguous_format
    loop = Loop(gan.generator, gan.discriminator, images, setting.batch_size, options, options, layout)
    with torch.autocast(loop.device.type, torch.bfloat16, enabled=gan.compute_dtype == "bfloat16"):
        loop.train(starter)


def jax_loop(setting, starter):
    from jax_loop import Loop

    gan, images = setting.model_and_images()
    arguments = setting.batch_size, setting.adam["learning_rate"], setting.adam["beta_1"], gan.compute_dtype
    Loop(gan.generator, gan.discriminator, images, *arguments).train(starter)


def generate(setting, starter, images):
    """`generate`, from latent vectors to pixels."""
    gan = setting.model()
    while starter.go():
        gan.generate(images, seed=0)
        starter.done()


def predict(setting, starter, images, batch_size):
    """The generator's `predict` on given latent vectors, to float images."""
    generator = setting.model().generator
    latents = np.random.default_rng(0).standard_normal((images, generator.input_shape[1]), "float32")
    while starter.go():
        generator.predict(latents, batch_size=batch_size, verbose=0)
        starter.done()


CONTENDERS = {
    contender.__name__: contender
    for contender in (
        fit,
        alternating,
        bare_loop,
        tensorflow_tutorial,
        keras_example,
        pytorch_example,
        jax_loop,
        generate,
        predict,
    )
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("network", choices=NETWORKS)
    parser.add_argument("--dtype-policy", default="float32", help="float32 or mixed_bfloat16")
    parser.add_argument("--steps", type=int, help="steps of an epoch")
    parser.add_argument("--steps-per-execution", type=int, help="of fit")
    parser.add_argument("--jit-compile", action="store_true", help="of fit")
    parser.add_argument("--images", type=int, help="of generate and predict, how many")
    parser.add_argument("--batch-size", type=int, help="of predict")
    parser.add_argument("--channels-last", action="store_true", help="of PyTorch's example")
    args = parser.parse_args()
    keras.config.set_dtype_policy(args.dtype_policy)
    names = ("images", "batch_size", "steps_per_execution", "jit_compile", "channels_last")
    options = {name: getattr(args, name) for name in names if getattr(args, name)}
    CONTENDERS[args.name](setting_of(args.network, args.steps), Starter(), **options)

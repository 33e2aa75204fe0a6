"""Variants of `recommended_conditional`, most with one change, as methods for `leaderboard.py`.

python benchmarks/quality/leaderboard.py cifar10 recommended_conditional candidates:beta_5 candidates:hinge \\
    --extractor classifier=cifar10.keras --images-seen 75000 --seeds 0 1 --folder out/candidates
"""

import dataclasses
import functools

import keras
from keras import layers, ops

import keras_dcgan
from keras_dcgan import losses, networks, penalties
from keras_dcgan.augmentation import DiffAugment
from keras_dcgan.backend.random_states import random_states
from keras_dcgan.layers import SpectralNormalization
from keras_dcgan.networks import blocks

BASE = keras_dcgan.presets.get("recommended_conditional")
R1, MISMATCHED = BASE.recipe.penalties


def method(
    generator=BASE.generator,
    discriminator=BASE.discriminator,
    recipe=None,
    compile=None,
    model=keras_dcgan.ConditionalDCGAN,
    augment=False,
    **options,
):
    """A method of the leaderboard: builders, changes of the recipe, arguments of `compile`, the model, its options."""
    preset = dataclasses.replace(
        BASE, generator=generator, discriminator=discriminator, recipe=dataclasses.replace(BASE.recipe, **recipe or {})
    )

    def make(image_shape, class_names, seed):
        augmentation = DiffAugment(seed=seed) if augment else None
        gan = model.from_preset(
            preset, image_shape=image_shape, class_names=class_names, augmentation=augmentation, seed=seed, **options
        )
        gan.compile(**compile or {})
        return gan

    return make


def optimizers(**changes):
    """Both optimizers of the recipe, with changes."""
    config = BASE.recipe.g_opt["config"] | changes
    return {name: {"class_name": "Adam", "config": config} for name in ("g_opt", "d_opt")}


@keras.saving.register_keras_serializable("candidates")
class JoinedBatches(keras_dcgan.ConditionalDCGAN):
    """Real and generated images in one batch, which the discriminator normalizes together."""

    def _discriminator_loss(self, real, fake, labels):
        images, labels_of_both = ops.concatenate([real, fake]), ops.concatenate([labels, labels])
        logits = ops.split(self._discriminate(images, labels_of_both, training=True), 2)
        return self._d_loss(*logits) + self._penalty(real, fake, labels), logits


# optimization
beta_5 = method(recipe=optimizers(beta_1=0.5))
beta_2_99 = method(recipe=optimizers(beta_2=0.99))
decay = method(recipe={"decay": 1.0})
half_rate = method(recipe=optimizers(learning_rate=5e-4))
batch_128 = method(recipe={"batch_size": 128})
joined_batches = method(model=JoinedBatches)
augmented = method(augment=True)
ema_9999 = method(ema_momentum=0.9999)
no_ema = method(ema_momentum=None)

# losses and penalties


@keras.saving.register_keras_serializable("candidates")
class Consistency(penalties.Penalty):
    """`E[(D(x) − D(T(x)))²]` for random translations T of real images (Zhang et al., 2020, equation 3)."""

    def __init__(self, interval=2):
        super().__init__(interval)
        self.translation = DiffAugment("translation")

    def __call__(self, discriminate, real, fake):
        states = random_states(self.translation)  # from the model's stream
        drawn = [keras.random.randint(x.shape, 0, 2**31 - 1, seed=discriminate.seed_generator) for x in states]
        with keras.StatelessScope(list(zip(states, drawn, strict=True))):
            translated = self.translation(real, training=True)
        return ops.mean(ops.square(discriminate(real) - discriminate(translated)))


hinge = method(compile={"loss": "hinge"})
relativistic = method(compile={"loss": "relativistic"})
no_r1 = method(compile={"penalties": [MISMATCHED]})
r1_1 = method(compile={"penalties": [penalties.R1(gamma=1.0, interval=4), MISMATCHED]})
r2 = method(compile={"penalties": [R1, MISMATCHED, penalties.R2(gamma=0.1, interval=4)]})
consistency = method(compile={"penalties": [R1, MISMATCHED, Consistency()]})
no_mismatched_labels = method(compile={"penalties": [R1]})
mismatched_labels_quarter = method(compile={"penalties": [R1, penalties.MismatchedLabels(0.25)]})
mismatched_labels_1 = method(compile={"penalties": [R1, penalties.MismatchedLabels(1.0)]})


@keras.saving.register_keras_serializable("candidates")
class TopK(losses.NonSaturating):
    """The generator learns from the three quarters of a batch with the highest logits (Sinha et al., 2020)."""

    def generator(self, fake_logits, real_logits=None):
        kept = ops.cast(fake_logits >= ops.quantile(fake_logits, 0.25), fake_logits.dtype)
        return ops.mean(ops.softplus(-fake_logits) * kept) / ops.mean(kept)


top_k = method(compile={"loss": TopK()})

# networks
no_norm = functools.partial(BASE.discriminator, batch_norm=False)
no_batch_norm = method(discriminator=no_norm)
wide = method(functools.partial(BASE.generator, filters=64))
wide_discriminator = method(discriminator=functools.partial(BASE.discriminator, filters=64))
wide_discriminator_no_batch_norm = method(discriminator=functools.partial(no_norm, filters=64))
by_embedding = functools.partial(BASE.generator, conditional_batch_norm=False)
label_embedding = method(by_embedding)
label_embedding_no_mismatched_labels = method(by_embedding, compile={"penalties": [R1]})
wide_by_embedding = functools.partial(by_embedding, filters=64)
former = method(wide_by_embedding, recipe=optimizers(beta_1=0.5), compile={"penalties": [R1]})


@functools.wraps(networks.radford_discriminator)
def spectral_discriminator(**options):
    """The discriminator with spectral normalization of all layers with kernels (Miyato et al., 2018)."""

    def normalize(layer):
        copy = type(layer).from_config(layer.get_config())
        kernel = isinstance(layer, layers.Conv2D | layers.Dense | layers.Embedding)
        return SpectralNormalization(copy, dtype="float32") if kernel else copy

    return keras.models.clone_model(networks.radford_discriminator(**options), clone_function=normalize)


spectral = method(discriminator=functools.partial(spectral_discriminator, **no_norm.keywords))


def residual_generator(image_shape, latent_dim=100, num_classes=10, *, filters=12, seed=None):
    """Residual blocks: each doubles the sides by repeating pixels, with two convolutions beside the shortcut."""
    depth = blocks.default_depth(image_shape, None)
    rows, columns = (-(-side // 2**depth) for side in image_shape[:2])
    seeds = blocks.seeds_from(seed)
    latents, labels = keras.Input((latent_dim,)), keras.Input((), dtype="int32")

    def activate(x):
        return layers.ReLU()(blocks.conditional_batch_norm(num_classes, synchronized=False)(x, labels))

    x = layers.Dense(rows * columns * filters * 4, kernel_initializer=blocks.he(seeds))(latents)
    x = layers.Reshape((rows, columns, filters * 4))(x)
    for i in range(depth):
        n = max(filters, filters * 4 // 2**i)
        y = layers.UpSampling2D()(activate(x))
        y = blocks.convolve(n, 3, kernel_initializer=blocks.he(seeds))(y)
        y = blocks.convolve(n, 3, kernel_initializer=blocks.he(seeds))(activate(y))
        x = blocks.convolve(n, 1, kernel_initializer=blocks.he(seeds))(x) if x.shape[-1] != n else x
        x = layers.UpSampling2D()(x) + y
    x = blocks.convolve(image_shape[2], 3, kernel_initializer=blocks.normal(seeds))(activate(x))
    x = layers.Activation("tanh", dtype="float32")(blocks.crop(x, image_shape))
    return keras.Model([latents, labels], x, name="generator")


def residual_discriminator(image_shape, num_classes=10, *, filters=12, seed=None):
    """Residual blocks without normalization: each halves the sides by averaging; projection of the label."""
    seeds = blocks.seeds_from(seed)
    images, labels = keras.Input(image_shape), keras.Input((), dtype="int32")
    x = blocks.convolve(filters, 3, kernel_initializer=blocks.he(seeds))(images)
    for i in range(blocks.default_depth(image_shape, None)):
        n = filters * 2 ** (i + 1)
        y = blocks.convolve(n, 3, kernel_initializer=blocks.he(seeds))(layers.LeakyReLU(0.2)(x))
        y = layers.LeakyReLU(0.2)(layers.AveragePooling2D(2, padding="same")(y))
        y = blocks.convolve(n, 3, kernel_initializer=blocks.he(seeds))(y)
        x = (
            blocks.convolve(n, 1, kernel_initializer=blocks.he(seeds))(layers.AveragePooling2D(2, padding="same")(x))
            + y
        )
    features = layers.Flatten(dtype="float32")(layers.LeakyReLU(0.2)(x))
    match = layers.Dot(axes=1)([features, blocks.embed(labels, num_classes, features.shape[-1], seeds)])
    return keras.Model([images, labels], blocks.logits_layer(blocks.normal(seeds))(features) + match)


residual = method(residual_generator, residual_discriminator)
residual_slow = method(residual_generator, residual_discriminator, recipe=optimizers(learning_rate=3e-4))

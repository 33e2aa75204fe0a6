"""Presets: published systems and recommended ones, with the training settings of each.

`DCGAN.from_preset(name)` builds the networks of a preset; `compile()` and `fit()` then use its recipe.
"""

import inspect
import pathlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Self

import keras
import numpy as np

from keras_dcgan import networks
from keras_dcgan.datasets import CLASS_NAMES
from keras_dcgan.losses import Hinge, NonSaturating, Relativistic, Wasserstein
from keras_dcgan.penalties import R1, R2, GradientPenalty, MismatchedLabels, Penalty
from keras_dcgan.training.validation import check_count, check_seed, is_number, suggestions

__all__ = ["Preset", "Recipe", "get", "names"]  # the rest is internal

WEIGHTS = pathlib.Path(__file__).parent / "weights"


def adam(learning_rate: float = 2e-4, beta_1: float = 0.5, beta_2: float = 0.999) -> dict[str, Any]:
    """Config of `keras.optimizers.Adam`: unlike an optimizer, it has no state and can be used many times."""
    return {
        "class_name": "Adam",
        "config": {"learning_rate": learning_rate, "beta_1": beta_1, "beta_2": beta_2},
    }


@keras.saving.register_keras_serializable("keras_dcgan")
@dataclass(frozen=True)
class Recipe:
    """Training settings: the defaults of `compile` and `fit` for a model.

    Args:
        g_opt: the generator's optimizer: a name or a config, as `keras.optimizers.get` takes it.
        d_opt: the discriminator's.
        loss: a name or an object of `keras_dcgan.losses`.
        penalties: objects of `keras_dcgan.penalties`.
        update: "simultaneous" or "alternating".
        discriminator_steps: int, updates of the discriminator per update of the generator.
        batch_size: int, images per batch, for all `discriminator_steps` together.
        epochs: int or None, the number of epochs of the published run, for information.
        decay: float in (0, 1] or None. Learning rates decay linearly toward 0 over this last share of the epochs of
            `fit`. They are set at the beginning of every epoch, before the callbacks run. The rates of optimizers that
            are passed to `compile` do not decay.
    """

    g_opt: Any = field(default_factory=adam)
    d_opt: Any = field(default_factory=adam)
    loss: Any = field(default_factory=NonSaturating)
    penalties: Sequence[Penalty] = ()
    update: str = "simultaneous"
    discriminator_steps: int = 1
    batch_size: int = 32
    epochs: int | None = None
    decay: float | None = None

    def __post_init__(self) -> None:
        check_count("batch_size", self.batch_size)
        if self.decay is not None and not (is_number(self.decay) and 0 < self.decay <= 1):
            raise ValueError(f"`decay` must be in (0, 1] or None. Received: decay={self.decay!r}")

    def get_config(self) -> dict[str, Any]:
        """Returns the fields, serialized."""
        return {x.name: keras.saving.serialize_keras_object(getattr(self, x.name)) for x in fields(self)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Creates a recipe from its config."""
        parts = {name: keras.saving.deserialize_keras_object(config[name]) for name in ("loss", "penalties")}
        return cls(**(config | parts | {"penalties": tuple(parts["penalties"])}))  # JSON has no tuples


@dataclass(frozen=True)
class Preset:
    """A system: the builders of its networks, the arguments of the model, and its recipe.

    Args:
        generator: function of `keras_dcgan.networks` or of your own, with arguments bound by `functools.partial`.
        discriminator: the same for the discriminator.
        model: arguments of the model, such as `latent_prior`.
        recipe: `Recipe`.
        reference: str, the publication.
    """

    generator: Callable[..., keras.Model]
    discriminator: Callable[..., keras.Model]
    model: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    reference: str = ""

    @property
    def conditional(self) -> bool:
        """Whether the networks take labels."""
        argument = inspect.signature(self.generator).parameters.get("num_classes")
        return argument is not None and argument.default is not None

    def arguments(self) -> set[str]:
        """The names of the builders' arguments that can be overridden."""
        names = {name for x in (self.generator, self.discriminator) for name in inspect.signature(x).parameters}
        of_labels = {"num_classes", "projection", "conditional_batch_norm"}
        return names - ({"seed"} if self.conditional else {"seed"} | of_labels)

    def build(self, *, seed: int | None = None, **overrides: Any) -> tuple[keras.Model, keras.Model]:
        """Builds the networks.

        Args:
            seed: int or None, for the initial weights and dropout masks.
            **overrides: arguments of the builders. An argument of both builders is passed to both.

        Returns:
            `(generator, discriminator)`.

        Raises:
            TypeError: the seed is not an integer.
            ValueError: `num_classes` is missing.
        """
        required = inspect.signature(self.generator).parameters.get("num_classes")
        if required is not None and required.default is _REQUIRED and "num_classes" not in overrides:
            raise ValueError(
                "This preset needs the classes of the labels: pass `class_names` or `num_classes`. Received: neither"
            )
        seed = check_seed(seed, optional=True)
        # two seeds from one, so that the networks do not start with the same numbers
        seeds = (None, None) if seed is None else (2 * seed, 2 * seed + 1)
        built = []
        for builder, own_seed in zip((self.generator, self.discriminator), seeds, strict=True):
            known = inspect.signature(builder).parameters
            own = {name: value for name, value in overrides.items() if name in known}
            built.append(builder(**own, seed=own_seed))
        return built[0], built[1]


_TUTORIAL = "TensorFlow's DCGAN tutorial"
_RADFORD = "Radford, Metz and Chintala, Unsupervised Representation Learning with DCGANs, 2016"
_PROJECTION = "Miyato and Koyama, cGANs with Projection Discriminator, 2018"
_MISMATCHED = "Reed et al., Generative Adversarial Text to Image Synthesis, 2016"
_MEASURED = "settings chosen by this library's measurements"


def _both(generator: Any, discriminator: Any, **arguments: Any) -> dict[str, Any]:
    """The builders of both networks, with the same arguments bound."""
    return {"generator": partial(generator, **arguments), "discriminator": partial(discriminator, **arguments)}


_tutorial = partial(_both, networks.tutorial_generator, networks.tutorial_discriminator)
_radford = partial(_both, networks.radford_generator, networks.radford_discriminator)
_TUTORIAL_RECIPE = Recipe(g_opt=adam(1e-4, 0.9), d_opt=adam(1e-4, 0.9), batch_size=256, epochs=50)
_RADFORD_RECIPE = Recipe(batch_size=128)
_R1 = R1(gamma=0.1, interval=4)
_RECOMMENDED_RECIPE = Recipe(g_opt=adam(1e-3, 0.0), d_opt=adam(1e-3, 0.0), penalties=(_R1,))
_UNIFORM = {"latent_prior": "uniform"}
_REQUIRED: Any = inspect.Parameter.empty  # in a signature, the default of an argument that must be passed

PRESETS = {
    "mnist": Preset(**_tutorial(), recipe=_TUTORIAL_RECIPE, reference=_TUTORIAL),
    "cifar10": Preset(
        **_tutorial(image_shape=(32, 32, 3)), recipe=replace(_TUTORIAL_RECIPE, epochs=100), reference=_TUTORIAL
    ),
    "fashion_mnist_conditional": Preset(
        networks.label_map_generator,
        networks.label_map_discriminator,
        recipe=Recipe(batch_size=128, epochs=100),
        reference="a course's conditional GAN on Fashion-MNIST, without the tanh at the end of its discriminator",
    ),
    "radford_64": Preset(**_radford(depth=4), model=_UNIFORM, recipe=_RADFORD_RECIPE, reference=_RADFORD),
    "radford_28": Preset(
        **_radford(image_shape=(28, 28, 1), depth=2, kernel_size=4),
        model=_UNIFORM,
        recipe=_RADFORD_RECIPE,
        reference=_RADFORD,
    ),
    "radford_28_conditional": Preset(
        **_radford(image_shape=(28, 28, 1), depth=2, kernel_size=4, num_classes=_REQUIRED),
        model=_UNIFORM,
        recipe=_RADFORD_RECIPE,
        reference=f"{_RADFORD}; {_PROJECTION}",
    ),
    "radford_mnist": Preset(
        networks.radford_mnist_generator,
        networks.radford_mnist_discriminator,
        model=_UNIFORM,
        recipe=replace(_RADFORD_RECIPE, epochs=200, decay=0.5),
        reference=f"{_RADFORD}, appendix A.1, without its weight decay of 2.5e-5",
    ),
    "all_convolutional_28": Preset(
        networks.all_convolutional_generator,
        networks.all_convolutional_discriminator,
        model=_UNIFORM,
        recipe=_RADFORD_RECIPE,
        reference=f"{_RADFORD}, with a transposed convolution in place of the projection",
    ),
    "sngan": Preset(
        networks.sndcgan_generator,
        networks.sndcgan_discriminator,
        recipe=Recipe(loss=Hinge(), update="alternating", batch_size=64),
        reference="Miyato et al., Spectral Normalization for Generative Adversarial Networks, 2018",
    ),
    "wgan_gp": Preset(
        partial(networks.radford_generator, image_shape=(32, 32, 3), latent_dim=128),
        partial(networks.radford_discriminator, image_shape=(32, 32, 3), batch_norm=False),
        recipe=Recipe(
            g_opt=adam(1e-4, 0.0, 0.9),
            d_opt=adam(1e-4, 0.0, 0.9),
            loss=Wasserstein(),
            penalties=(GradientPenalty(),),
            update="alternating",
            discriminator_steps=5,
            batch_size=5 * 64,
        ),
        reference="Gulrajani et al., Improved Training of Wasserstein GANs, 2017, with the networks of their CIFAR-10 "
        "code",
    ),
    "rpgan": Preset(
        partial(networks.radford_generator, image_shape=(32, 32, 3)),
        partial(networks.radford_discriminator, image_shape=(32, 32, 3), batch_norm=False),
        model={"ema_momentum": 0.999},
        recipe=Recipe(
            g_opt=adam(2e-4, 0.0, 0.99),
            d_opt=adam(2e-4, 0.0, 0.99),
            loss=Relativistic(),
            penalties=(R1(gamma=0.1), R2(gamma=0.1)),
            update="alternating",
            batch_size=64,
        ),
        reference="Huang et al., The GAN is dead; long live the GAN! A Modern GAN Baseline, 2024, with the networks of "
        "DCGAN",
    ),
    "recommended": Preset(
        partial(networks.radford_generator, image_shape=(28, 28, 1), filters=32, max_filters=512, kernel_size=4),
        partial(
            networks.radford_discriminator,
            image_shape=(28, 28, 1),
            filters=32,
            max_filters=512,
            kernel_size=4,
            batch_norm=None,
        ),
        model=_UNIFORM | {"ema_momentum": 0.999},
        recipe=_RECOMMENDED_RECIPE,
        reference=f"{_RADFORD}; {_MEASURED}",
    ),
}
_RECOMMENDED = PRESETS["recommended"]
_CONDITIONAL = replace(
    _RECOMMENDED,
    generator=partial(_RECOMMENDED.generator, num_classes=10, conditional_batch_norm=True),
    discriminator=partial(_RECOMMENDED.discriminator, num_classes=10, projection="spatial"),
    recipe=replace(_RECOMMENDED_RECIPE, penalties=(_R1, MismatchedLabels(weight=0.5))),
    reference=f"{_RADFORD}; {_PROJECTION}; {_MISMATCHED}; {_MEASURED}",
)
PRESETS["recommended_conditional"] = replace(
    _CONDITIONAL, **_both(_CONDITIONAL.generator, _CONDITIONAL.discriminator, num_classes=_REQUIRED)
)
_LONG = Recipe(g_opt=adam(1e-3), d_opt=adam(1e-3), penalties=(_R1,), epochs=20, decay=1.0)
PRESETS["recommended_fashion_mnist"] = replace(
    _CONDITIONAL,
    generator=partial(_RECOMMENDED.generator, num_classes=10, filters=64),
    discriminator=partial(_CONDITIONAL.discriminator, filters=64),
    recipe=_LONG,
    reference=f"{_RADFORD}; {_PROJECTION}; {_MEASURED}",
)
PRESETS["recommended_mnist"] = replace(
    _CONDITIONAL,
    generator=partial(_RECOMMENDED.generator, num_classes=10, latent_dim=50, filters=96),
    discriminator=partial(networks.radford_mnist_discriminator, kernel_size=4),
    recipe=replace(_LONG, batch_size=64, epochs=60),
    reference=f"{_RADFORD}, appendix A.1; {_MEASURED}",
)
PRESETS["recommended_cifar10"] = replace(
    _CONDITIONAL,
    **_both(_CONDITIONAL.generator, _CONDITIONAL.discriminator, image_shape=(32, 32, 3)),
    recipe=replace(_CONDITIONAL.recipe, penalties=(_R1, MismatchedLabels(weight=1.0)), epochs=16, decay=1.0),
)


def names(*, conditional: bool | None = None) -> list[str]:
    """Returns the names of the presets.

    Args:
        conditional: bool, True for those of `ConditionalDCGAN` only, False for those of `DCGAN` only. `None` returns
            all.
    """
    return [name for name, preset in PRESETS.items() if conditional in (None, preset.conditional)]


def get(name: str | Preset) -> Preset:
    """Returns a preset.

    Args:
        name: one of `names()`. A `Preset` is returned as it is.

    Raises:
        ValueError: the name is unknown.

    Example:
        >>> keras_dcgan.presets.get("wgan_gp").recipe.discriminator_steps
        5
    """
    if isinstance(name, Preset):
        return name
    if name not in PRESETS:
        known, hint = ", ".join(f'"{n}"' for n in PRESETS), suggestions([str(name)], PRESETS)
        raise ValueError(f"`name` must be one of the presets {known}. {hint}Received: name={name!r}")
    return PRESETS[name]


def load_weights(name: str | Preset, generator: keras.Model) -> list[str] | None:
    """Loads the trained weights of a preset into its generator.

    A file of trained weights holds the arrays of `get_weights()` in half precision.

    Returns:
        The names of the classes in the dataset that they were trained on, or None.

    Raises:
        ValueError: the preset has no trained weights.
    """
    trained = sorted(path.stem for path in WEIGHTS.glob("*.npz"))
    if not isinstance(name, str) or name not in trained:
        known = ", ".join(f'"{n}"' for n in trained)
        raise ValueError(f"`load_weights=True` needs a preset with trained weights: {known}. Received: name={name!r}")
    with np.load(WEIGHTS / f"{name}.npz") as file:
        generator.set_weights([file[key] for key in file.files])
    return CLASS_NAMES.get(name.removeprefix("recommended_"))

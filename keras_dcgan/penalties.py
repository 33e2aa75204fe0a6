"""Penalties: regularization terms added to the discriminator's loss.

A penalty is called as `penalty(discriminate, real, fake)` and returns a float32 scalar. To write your own, subclass
`Penalty`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Self

import keras
from keras import ops

from keras_dcgan import backend
from keras_dcgan.losses import check_scalar
from keras_dcgan.training import validation

__all__ = ["R1", "R2", "GradientPenalty", "MismatchedLabels", "Penalty"]  # the rest is internal


class Penalty:
    """Base class of the penalties on the discriminator.

    Subclass it, define `__call__`, and decorate the class with `keras.saving.register_keras_serializable()` so that
    saved models can be loaded. If the subclass has arguments of its own, extend `get_config`.

    Args:
        interval: int, apply the penalty in every `interval`-th update of the discriminator only, with `interval` times
            the weight. This saves time at little cost in quality.

    Raises:
        ValueError, TypeError: `interval` is not a positive integer.

    Example:
        >>> @keras.saving.register_keras_serializable("my_package")
        ... class SmallLogits(keras_dcgan.penalties.Penalty):
        ...     def __call__(self, discriminate, real, fake):
        ...         return 0.001 * keras.ops.mean(keras.ops.square(discriminate(real)))

    Reference:
        Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, section 3.1, for the interval.
    """

    interval = 1

    def __init__(self, interval: int = 1) -> None:
        self.interval = validation.check_count("interval", interval)

    def __call__(self, discriminate: Callable[[Any], Any], real: Any, fake: Any) -> Any:
        """Computes the penalty for a batch.

        Args:
            discriminate: callable from images to logits `(batch, 1)`: the discriminator in training mode, with the
                labels bound. Changes to its state, such as moving averages, are discarded. Its attribute `labels` holds
                the labels, int32 `(batch,)`, or None. Its attribute `seed_generator` is the model's random stream:
                pass it as `seed` to `keras.random` functions, so that training resumes exactly.
            real: `(batch, height, width, channels)` float32, real images in `value_range`.
            fake: generated images of the same shape. No gradient flows to the generator.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define __call__(discriminate, real, fake).")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {"interval": self.interval}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Creates a penalty from its config."""
        return cls(**config)


@keras.saving.register_keras_serializable("keras_dcgan")
class R1(Penalty):
    """Gradient penalty on real images: `γ/2 · E[‖∇ₓ D(x)‖²]`, where `D` is the logit.

    It keeps the discriminator from becoming overconfident and makes training converge locally. On TensorFlow, use
    `keras_dcgan.layers.BatchNormalization` in a discriminator of your own: the second derivative of Keras's layer lacks
    a term there.

    Args:
        gamma: positive float, the weight of the penalty. In short runs at 28×28 pixels, 0.1 works better than 1.
        interval: int, as in `Penalty`.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> gan.compile(penalties=[keras_dcgan.penalties.R1(gamma=0.1, interval=4)])

    Reference:
        Mescheder, Geiger and Nowozin, Which Training Methods for GANs do actually Converge?, 2018, equation 9.
    """

    def __init__(self, gamma: float = 1.0, interval: int = 1) -> None:
        super().__init__(interval)
        _check_weight("gamma", gamma)
        self.gamma = gamma

    def __call__(self, discriminate: Callable[[Any], Any], real: Any, fake: Any) -> Any:
        return self.gamma / 2 * ops.mean(_squared_gradient_norm(discriminate, real))

    def get_config(self) -> dict[str, Any]:
        return {"gamma": self.gamma, **super().get_config()}


@keras.saving.register_keras_serializable("keras_dcgan")
class R2(R1):
    """Gradient penalty on generated images: `γ/2 · E[‖∇ₓ D(x)‖²]` with `x = G(z)`, where `D` is the logit.

    Args:
        gamma: positive float, the weight of the penalty.
        interval: int, as in `Penalty`.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> gan.compile(
        ...     loss="relativistic", penalties=[keras_dcgan.penalties.R1(0.1), keras_dcgan.penalties.R2(0.1)]
        ... )

    Reference:
        Mescheder, Geiger and Nowozin, Which Training Methods for GANs do actually Converge?, 2018, section 4.1.
    """

    def __call__(self, discriminate: Callable[[Any], Any], real: Any, fake: Any) -> Any:
        return super().__call__(discriminate, fake, real)


@keras.saving.register_keras_serializable("keras_dcgan")
class GradientPenalty(Penalty):
    """The gradient penalty of WGAN-GP: `λ · E[(‖∇ₓ D(x̂)‖ − 1)²]`, where `D` is the logit.

    `x̂ = ε x + (1 − ε) G(z)` is a random interpolation between a real and a generated image, with one
    `ε ~ U(0, 1)` per image.

    Args:
        weight: positive float, λ.
        interval: int, as in `Penalty`.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> gan.compile(
        ...     loss="wasserstein", penalties=[keras_dcgan.penalties.GradientPenalty()], discriminator_steps=5
        ... )

    Reference:
        Gulrajani et al., Improved Training of Wasserstein GANs, 2017, algorithm 1.
    """

    def __init__(self, weight: float = 10.0, interval: int = 1) -> None:
        super().__init__(interval)
        _check_weight("weight", weight)
        self.weight = weight

    def __call__(self, discriminate: Callable[[Any], Any], real: Any, fake: Any) -> Any:
        epsilon = keras.random.uniform((ops.shape(real)[0], 1, 1, 1), seed=discriminate.seed_generator)  # type: ignore[attr-defined]
        squared_norm = _squared_gradient_norm(discriminate, epsilon * real + (1 - epsilon) * fake)
        norm = ops.sqrt(squared_norm + 1e-12)  # the square root has no gradient at 0
        return self.weight * ops.mean(ops.square(norm - 1))

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight, **super().get_config()}


@keras.saving.register_keras_serializable("keras_dcgan")
class MismatchedLabels(Penalty):
    """Real images with the label of another image count as fake: `λ · E[log(1 + exp D(x, y'))]`, `y' ≠ y`.

    The discriminator of a conditional model then learns early whether an image shows the class of its label, so
    that more samples show the requested class. But images that could belong to several classes become rare, which costs
    variety: watch the recall. Each image gets the label of the next one in the batch; where both are equal, it does not
    count.

    Args:
        weight: positive float, λ.
        interval: int, as in `Penalty`.

    Raises:
        ValueError, TypeError: an argument is invalid, or in `compile`, the model takes no labels.

    Example:
        >>> gan.compile(penalties=[keras_dcgan.penalties.MismatchedLabels(), keras_dcgan.penalties.R1(0.1)])

    Reference:
        Reed et al., Generative Adversarial Text to Image Synthesis, 2016, section 4.1: the matching-aware
        discriminator.
    """

    def __init__(self, weight: float = 1.0, interval: int = 1) -> None:
        super().__init__(interval)
        _check_weight("weight", weight)
        self.weight = weight

    def __call__(self, discriminate: Callable[[Any], Any], real: Any, fake: Any) -> Any:
        labels = discriminate.labels  # type: ignore[attr-defined]
        logits = discriminate(ops.roll(real, 1, axis=0))[:, 0]
        return self.weight * ops.mean(ops.where(labels == ops.roll(labels, 1, axis=0), 0.0, ops.softplus(logits)))

    def get_config(self) -> dict[str, Any]:
        return {"weight": self.weight, **super().get_config()}


def _squared_gradient_norm(discriminate, images):
    """‖∇ₓ D(x)‖² for each image, `(batch,)`."""
    return ops.sum(ops.square(backend.input_gradient(discriminate, images)), axis=(1, 2, 3))


def _check_weight(name, weight):
    if not validation.is_number(weight) or weight <= 0:
        raise ValueError(f"`{name}` must be a positive number, the weight of the penalty. Received: {name}={weight!r}")


def get(penalties: Sequence[Penalty], conditional: bool) -> tuple[Penalty, ...]:
    """Returns penalties as a tuple.

    Raises:
        TypeError: they are not a list of objects of this module.
        ValueError: one needs labels, and the model is not conditional.
    """
    if not isinstance(penalties, list | tuple) or not all(isinstance(penalty, Penalty) for penalty in penalties):
        raise TypeError(
            "`penalties` must be a list of objects of keras_dcgan.penalties, such as [R1(gamma=0.1)]. "
            f"Received: penalties={penalties!r}"
        )
    if not conditional and any(isinstance(penalty, MismatchedLabels) for penalty in penalties):
        raise ValueError(
            "`penalties`: MismatchedLabels needs labels: leave it out, or use ConditionalDCGAN. "
            "Received: MismatchedLabels for a model without labels"
        )
    return tuple(penalties)


def total_penalty(model: Any, discriminate: Callable[[Any], Any], real: Any, fake: Any) -> Any:
    """The sum of a model's penalties in one update of the discriminator; arguments as in `Penalty.__call__`."""
    result = 0.0
    for penalty in model.penalties:

        def value(penalty=penalty):
            return check_scalar(type(penalty).__name__, penalty(discriminate, real, fake))

        if penalty.interval == 1:
            result += value()
        else:
            due = model.d_opt.iterations % penalty.interval == 0
            result += penalty.interval * backend.cond(model, due, value, lambda: ops.zeros(()))
    return result

"""Adversarial losses: pure functions of the discriminator's logits.

A loss has two methods: `discriminator(real_logits, fake_logits)` and `generator(fake_logits, real_logits=None)`. Both
take float32 logits of shape `(batch, 1)`, positive for "real", and return a float32 scalar, the mean over the batch.
The sigmoid is part of the loss, where it is numerically safe; the discriminator never applies one.

To write your own loss, subclass `AdversarialLoss` or pass `compile` a pair of functions.
"""

from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from keras_dcgan.training.validation import is_number, suggestions

__all__ = [
    "AdversarialLoss",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Relativistic",
    "Wasserstein",
    "get",
]  # the rest is internal


class AdversarialLoss:
    """Base class of the adversarial losses: two pure functions of logits, and a config.

    Subclass it, define both methods, and decorate the class with `keras.saving.register_keras_serializable()` so that
    saved models can be loaded.

    Attributes:
        relativistic: bool. Set it to True if the generator's loss reads `real_logits`; they are passed only then.

    Example:
        >>> @keras.saving.register_keras_serializable("my_package")
        ... class Margin(keras_dcgan.losses.AdversarialLoss):
        ...     def discriminator(self, real_logits, fake_logits):
        ...         return keras.ops.mean(keras.ops.relu(1 - real_logits + fake_logits))
        ...     def generator(self, fake_logits, real_logits=None):
        ...         return -keras.ops.mean(fake_logits)
    """

    relativistic = False

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        """The loss that the discriminator minimizes.

        Args:
            real_logits: `(batch, 1)` float32, the discriminator's logits for real images.
            fake_logits: `(batch, 1)` float32, its logits for generated images.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define discriminator(real_logits, fake_logits).")

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        """The loss that the generator minimizes.

        Args:
            fake_logits: `(batch, 1)` float32, the discriminator's logits for generated images.
            real_logits: `(batch, 1)` float32, its logits for the real images of the same batch if the loss is
                relativistic, otherwise None.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define generator(fake_logits, real_logits=None).")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Creates a loss from its config."""
        return cls(**config)


class _CrossEntropy(AdversarialLoss):
    """The discriminator's side of both cross-entropy losses, and label smoothing."""

    def __init__(self, label_smoothing: float = 0.0) -> None:
        if not is_number(label_smoothing) or not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` must be in [0, 1). It is the fraction by which the targets 0 and 1 move toward 0.5: "
                f"0.2 turns them into 0.1 and 0.9. Received: label_smoothing={label_smoothing!r}"
            )
        self.label_smoothing = label_smoothing

    def _mean_cross_entropy(self, label, logits):
        # −label·log σ(x) − (1 − label)·log(1 − σ(x)) in a form that does not overflow for large logits
        label = label * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        return ops.mean(ops.softplus(logits) - label * logits)

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return self._mean_cross_entropy(1.0, real_logits) + self._mean_cross_entropy(0.0, fake_logits)

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("keras_dcgan")
class NonSaturating(_CrossEntropy):
    """Cross-entropy with the non-saturating generator loss. This is the default.

    With `D = σ(logit)`, the discriminator minimizes `−E[log D(x)] − E[log(1 − D(G(z)))]` and the generator
    `−E[log D(G(z))]`. The generator's gradient is strong while the discriminator rejects the samples, where that of
    `Minimax` vanishes.

    Args:
        label_smoothing: float in `[0, 1)`, as in `keras.losses.BinaryCrossentropy`: every target `y` becomes
            `y·(1 − label_smoothing) + label_smoothing / 2`.

    Raises:
        ValueError: `label_smoothing` is outside `[0, 1)`.

    Reference:
        Goodfellow et al., Generative Adversarial Nets, 2014, section 3.
    """

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        return self._mean_cross_entropy(1.0, fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class Minimax(_CrossEntropy):
    """The original zero-sum game.

    With `D = σ(logit)`, the discriminator minimizes `−E[log D(x)] − E[log(1 − D(G(z)))]` and the generator
    `E[log(1 − D(G(z)))]`. The generator's gradient vanishes while the discriminator is confident; use this loss to
    demonstrate that, or as a baseline.

    Args:
        label_smoothing: float in `[0, 1)`, as in `keras.losses.BinaryCrossentropy`.

    Raises:
        ValueError: `label_smoothing` is outside `[0, 1)`.

    Reference:
        Goodfellow et al., Generative Adversarial Nets, 2014, equation 1.
    """

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        return -self._mean_cross_entropy(0.0, fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class LeastSquares(AdversarialLoss):
    """Least squares: pulls the logits toward 1 for real images and toward 0 for generated ones.

    The discriminator minimizes `½E[(D(x) − 1)²] + ½E[D(G(z))²]`, the generator `½E[(D(G(z)) − 1)²]`, where `D` is the
    logit. The decision boundary of this loss is ½, but the accuracies in the logs count logits above 0 as "real". They
    overestimate `real_accuracy` and underestimate `fake_accuracy`.

    Reference:
        Mao et al., Least Squares Generative Adversarial Networks, 2017, equation 9 (a = 0, b = c = 1).
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return 0.5 * ops.mean(ops.square(real_logits - 1)) + 0.5 * ops.mean(ops.square(fake_logits))

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        return 0.5 * ops.mean(ops.square(fake_logits - 1))


@keras.saving.register_keras_serializable("keras_dcgan")
class Hinge(AdversarialLoss):
    """Hinge loss: ignores images that the discriminator classifies with a margin of at least 1.

    The discriminator minimizes `E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]`, the generator `−E[D(G(z))]`, where `D`
    is the logit.

    Reference:
        Lim and Ye, Geometric GAN, 2017, section 3; Miyato et al., Spectral Normalization for Generative Adversarial
        Networks, 2018, equations 16 and 17.
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return ops.mean(ops.relu(1 - real_logits)) + ops.mean(ops.relu(1 + fake_logits))

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        return -ops.mean(fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class Wasserstein(AdversarialLoss):
    """Wasserstein loss: the difference between the mean logits.

    The discriminator minimizes `E[D(G(z))] − E[D(x)]`, the generator `−E[D(G(z))]`, where `D` is the logit. It
    estimates a distance only if `D` is Lipschitz: combine it with `penalties.GradientPenalty`, with
    `layers.SpectralNormalization`, or with a `kernel_constraint` (the paper clips the weights).

    Reference:
        Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, algorithm 1.
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return ops.mean(fake_logits) - ops.mean(real_logits)

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        return -ops.mean(fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class Relativistic(AdversarialLoss):
    """Relativistic pairing loss (RpGAN): compares each generated image with a real one.

    The discriminator minimizes `E[softplus(D(G(z)) − D(x))]` and the generator `E[softplus(D(x) − D(G(z)))]`, where `D`
    is the logit and each generated image is paired with the real image at the same position of the batch.

    Reference:
        Jolicoeur-Martineau, On Relativistic f-Divergences, 2020, section 3; Huang et al., The GAN is dead; long live
        the GAN! A Modern GAN Baseline (R3GAN), 2024, equation 2.
    """

    relativistic = True

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return ops.mean(ops.softplus(fake_logits - real_logits))

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        return ops.mean(ops.softplus(real_logits - fake_logits))


@keras.saving.register_keras_serializable("keras_dcgan")
class _FunctionPair(AdversarialLoss):
    """The two functions that tutorials write, as a loss."""

    def __init__(self, generator_loss: Callable[[Any], Any], discriminator_loss: Callable[[Any, Any], Any]) -> None:
        self.generator_loss = generator_loss
        self.discriminator_loss = discriminator_loss

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return self.discriminator_loss(real_logits, fake_logits)

    def generator(self, fake_logits: Any, real_logits: Any = None) -> Any:
        return self.generator_loss(fake_logits)

    def get_config(self) -> dict[str, Any]:
        return {name: keras.saving.serialize_keras_object(value) for name, value in vars(self).items()}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        return cls(**{name: keras.saving.deserialize_keras_object(value) for name, value in config.items()})


LOSSES = {
    "non_saturating": NonSaturating,
    "minimax": Minimax,
    "least_squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
    "relativistic": Relativistic,
}


def get(loss: Any) -> Any:
    """Returns the loss object for an argument of `compile`.

    Args:
        loss: a name ("non_saturating", "minimax", "least_squares", "hinge", "wasserstein", "relativistic"), an object
            with the two methods of `AdversarialLoss`, a `keras.losses.BinaryCrossentropy(from_logits=True)`, which
            becomes `NonSaturating` with its label smoothing, or a pair of functions
            `(generator_loss(fake_logits), discriminator_loss(real_logits, fake_logits))`. To load a saved model,
            register the functions with `keras.saving.register_keras_serializable()`.

    Returns:
        An object with the methods `discriminator(real_logits, fake_logits)` and `generator(fake_logits, …)`.

    Raises:
        ValueError: the name is unknown, the cross-entropy expects probabilities or is no mean over the batch, or a
            method does not return a float scalar.
        TypeError: anything else.
    """
    if isinstance(loss, keras.losses.BinaryCrossentropy):
        return _from_binary_crossentropy(loss)
    known = ", ".join(f'"{name}"' for name in LOSSES)
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ValueError(
                f"`loss` must be one of the names {known}. {suggestions([loss], LOSSES)}Received: loss={loss!r}"
            )
        return LOSSES[loss]()
    if isinstance(loss, tuple | list) and len(loss) == 2 and all(map(callable, loss)):
        loss = _FunctionPair(*loss)
    if isinstance(loss, type) or not all(callable(getattr(loss, m, None)) for m in ("generator", "discriminator")):
        raise TypeError(
            f"`loss` must be a name ({known}), an instance of a class of keras_dcgan.losses, "
            "keras.losses.BinaryCrossentropy(from_logits=True), or a pair of functions (generator_loss(fake_logits), "
            f"discriminator_loss(real_logits, fake_logits)). Received: loss={loss!r}"
        )
    logits = ops.zeros((2, 1))  # a trial, before anything is trained
    try:
        results = loss.discriminator(logits, logits), generator_loss(loss, logits, logits)
    except TypeError as error:
        raise TypeError(
            "`loss` is called as discriminator(real_logits, fake_logits) and generator(fake_logits), or, with the "
            f"attribute relativistic = True, generator(fake_logits, real_logits). Received: loss={loss!r} ({error})"
        ) from error
    check_scalar("The discriminator's loss", results[0])
    check_scalar("The generator's loss", results[1])
    return loss


def generator_loss(loss: Any, fake_logits: Any, real_logits: Any) -> Any:
    """The generator's loss, which gets the real logits only if it is relativistic."""
    return loss.generator(fake_logits, real_logits) if is_relativistic(loss) else loss.generator(fake_logits)


def is_relativistic(loss: Any) -> bool:
    """Whether the generator's loss reads the real logits."""
    return getattr(loss, "relativistic", False)


def check_scalar(name: str, value: Any) -> Any:
    """Returns `value`, and raises ValueError unless it is a float scalar tensor.

    Args:
        name: str, what it is, for the message.
        value: the result of a loss or a penalty.
    """
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or len(shape) or "float" not in keras.backend.standardize_dtype(dtype):
        received = type(value).__name__ if shape is None else f"shape {tuple(shape)}, dtype {dtype}"
        raise ValueError(
            f"{name} must be a float scalar, the mean over the batch: end it in keras.ops.mean(…). Received: {received}"
        )
    return value


def _from_binary_crossentropy(loss):
    config = loss.get_config()
    if not config["from_logits"]:
        raise ValueError(
            "`loss` must take logits, because the discriminator ends in a linear unit; with from_logits=False, "
            "training does not converge. Pass keras.losses.BinaryCrossentropy(from_logits=True). "
            "Received: loss=BinaryCrossentropy(from_logits=False)"
        )
    if config["reduction"] not in ("sum_over_batch_size", "mean"):
        raise ValueError(
            '`loss` must average over the batch: use reduction="sum_over_batch_size", the default. Received: '
            f"loss=BinaryCrossentropy(reduction={config['reduction']!r})"
        )
    return NonSaturating(label_smoothing=config["label_smoothing"])

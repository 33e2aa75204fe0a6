"""Adversarial losses: pure functions of logits.

A loss has two methods. `discriminator(real_logits, fake_logits)` is what the discriminator minimises,
`generator(fake_logits)` what the generator minimises. Both take float32 logits of shape `(batch, 1)`, positive where
the discriminator says "real", and return a float32 scalar, the mean over the batch. Nothing else in the library
applies a sigmoid: the cross-entropy losses do it here, in the one numerically safe place.

A loss of your own subclasses `AdversarialLoss`.
"""

import math
from collections.abc import Callable
from typing import Any, Self

import keras
from keras import ops

from keras_dcgan import backend, checks

__all__ = [
    "R1",
    "AdversarialLoss",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Wasserstein",
    "get",
]  # the rest serves the models


class AdversarialLoss:
    """Base of all losses: two pure functions of logits, and a config.

    Subclass it, define both methods, and decorate the class with `keras.saving.register_keras_serializable()` so that
    a saved model finds it again.

    Example:
        >>> @keras.saving.register_keras_serializable("my_package")
        ... class Margin(keras_dcgan.losses.AdversarialLoss):
        ...     def discriminator(self, real_logits, fake_logits):
        ...         return ops.mean(fake_logits - real_logits)
        ...     def generator(self, fake_logits):
        ...         return -ops.mean(fake_logits)
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        """What the discriminator minimises.

        Args:
            real_logits: `(batch, 1)` float32, the discriminator's logits of real images.
            fake_logits: `(batch, 1)` float32, its logits of generated images.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define discriminator(real_logits, fake_logits).")

    def generator(self, fake_logits: Any) -> Any:
        """What the generator minimises.

        Args:
            fake_logits: `(batch, 1)` float32, the discriminator's logits of generated images.

        Returns:
            float32 scalar.
        """
        raise NotImplementedError(f"{type(self).__name__} must define generator(fake_logits).")

    def penalty(self, discriminate: Callable[[Any], Any], real: Any, step: Any) -> Any:
        """What is added to the discriminator's loss in training, beside what the logits tell: nothing.

        Args:
            discriminate: callable from images to logits, the discriminator as it is in training; what its layers
                would remember of the images, such as moving averages, is not kept.
            real: `(batch, height, width, channels)` float32, real images in the model's value range.
            step: int32 scalar, number of updates so far.

        Returns:
            float32 scalar.
        """
        return 0.0

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments as a dict, for saving."""
        return {}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the loss again from what `get_config` gave."""
        return cls(**config)


class _CrossEntropy(AdversarialLoss):
    """What both cross-entropy losses share: the discriminator's side and the smoothing of labels."""

    def __init__(self, label_smoothing: float = 0.0) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(
                "`label_smoothing` moves the targets 0 and 1 by half of itself towards 0.5 and must lie in [0, 1): "
                f"0.2 makes them 0.1 and 0.9. Received: label_smoothing={label_smoothing}"
            )
        self.label_smoothing = label_smoothing

    def _mean_cross_entropy(self, label, logits):
        # -label·log σ(x) − (1 − label)·log(1 − σ(x)), written so that no logit, however large, overflows
        label = label * (1 - self.label_smoothing) + 0.5 * self.label_smoothing
        return ops.mean(ops.softplus(logits) - label * logits)

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return self._mean_cross_entropy(1.0, real_logits) + self._mean_cross_entropy(0.0, fake_logits)

    def get_config(self) -> dict[str, Any]:
        return {"label_smoothing": self.label_smoothing}


@keras.saving.register_keras_serializable("keras_dcgan")
class NonSaturating(_CrossEntropy):
    """Cross-entropy with the non-saturating generator loss: the default.

    With `D = σ(logit)`, the discriminator minimises `−E[log D(x)] − E[log(1 − D(G(z)))]`, the sum of the two
    cross-entropies, and the generator `−E[log D(G(z))]`. Its gradient is strong exactly while the discriminator
    rejects the samples, where the one of `Minimax` vanishes.

    Args:
        label_smoothing: float in `[0, 1)`, as in `keras.losses.BinaryCrossentropy`: every target `y` becomes
            `y·(1 − label_smoothing) + label_smoothing / 2`.

    Raises:
        ValueError: `label_smoothing` outside `[0, 1)`.

    Reference:
        Goodfellow et al., Generative Adversarial Nets, 2014, section 3.
    """

    def generator(self, fake_logits: Any) -> Any:
        return self._mean_cross_entropy(1.0, fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class Minimax(_CrossEntropy):
    """The original zero-sum game.

    With `D = σ(logit)`, the discriminator minimises `−E[log D(x)] − E[log(1 − D(G(z)))]` and the generator
    `E[log(1 − D(G(z)))]`: what one wins, the other loses. The generator's gradient vanishes where the discriminator
    is sure of itself; it is here to show that, and to compare with.

    Args:
        label_smoothing: float in `[0, 1)`, as in `keras.losses.BinaryCrossentropy`.

    Raises:
        ValueError: `label_smoothing` outside `[0, 1)`.

    Reference:
        Goodfellow et al., Generative Adversarial Nets, 2014, equation 1.
    """

    def generator(self, fake_logits: Any) -> Any:
        return -self._mean_cross_entropy(0.0, fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class LeastSquares(AdversarialLoss):
    """Least squares: logits are pulled to 1 for real images and to 0 for generated ones.

    The discriminator minimises `½E[(D(x) − 1)²] + ½E[D(G(z))²]`, the generator `½E[(D(G(z)) − 1)²]`, where `D` is the
    logit itself. The training logs' accuracies count logits on the right side of 0, so that under this loss, whose
    decision boundary lies at ½, they are generous to real images.

    Reference:
        Mao et al., Least Squares Generative Adversarial Networks, 2017, equation 9 (a = 0, b = c = 1).
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return 0.5 * ops.mean(ops.square(real_logits - 1)) + 0.5 * ops.mean(ops.square(fake_logits))

    def generator(self, fake_logits: Any) -> Any:
        return 0.5 * ops.mean(ops.square(fake_logits - 1))


@keras.saving.register_keras_serializable("keras_dcgan")
class Hinge(AdversarialLoss):
    """Hinge: the discriminator stops pushing where its margin is 1.

    The discriminator minimises `E[max(0, 1 − D(x))] + E[max(0, 1 + D(G(z)))]`, the generator `−E[D(G(z))]`, where `D`
    is the logit itself.

    Reference:
        Lim and Ye, Geometric GAN, 2017, section 3; Miyato et al., Spectral Normalization for Generative Adversarial
        Networks, 2018, equations 16 and 17.
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return ops.mean(ops.relu(1 - real_logits)) + ops.mean(ops.relu(1 + fake_logits))

    def generator(self, fake_logits: Any) -> Any:
        return -ops.mean(fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class Wasserstein(AdversarialLoss):
    """Wasserstein: the difference of the mean logits.

    The discriminator minimises `E[D(G(z))] − E[D(x)]`, the generator `−E[D(G(z))]`, where `D` is the logit itself. It
    estimates a distance only where `D` is Lipschitz: constrain its weights with a `kernel_constraint` (the paper clips
    them) or, not on PyTorch, with `keras.layers.SpectralNormalization`.

    Reference:
        Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, algorithm 1.
    """

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return ops.mean(fake_logits) - ops.mean(real_logits)

    def generator(self, fake_logits: Any) -> Any:
        return -ops.mean(fake_logits)


@keras.saving.register_keras_serializable("keras_dcgan")
class R1(AdversarialLoss):
    """Any loss with the R1 penalty: the discriminator's slope at real images costs.

    Adds `γ/2 · E[‖∇ₓ D(x)‖²]` to what the discriminator minimises, where `D` is the logit and x are real images in the
    model's value range, so that it cannot become too sure of itself, and the two networks come to rest near each other.
    The penalty takes two backward passes through the discriminator; computed in every `interval`-th step only, with
    `interval` times the weight, it costs little and does much the same. The logs' `d_loss` includes it.

    Args:
        loss: what `compile` takes as a loss; None for non-saturating cross-entropy.
        gamma: positive float, the penalty's weight; 0.1 to 1 does well at 28×28 pixels.
        interval: int, a penalty every so many steps. On several replicas of TensorFlow it is computed in every step all
            the same, and counts in these.

    Raises:
        ValueError, TypeError: arguments that break these rules.

    Example:
        >>> gan.compile(g_opt, d_opt, keras_dcgan.losses.R1(gamma=1.0, interval=4))

    Reference:
        Mescheder, Geiger and Nowozin, Which Training Methods for GANs do actually Converge?, 2018, equation 9; of the
        interval, Karras et al., Analyzing and Improving the Image Quality of StyleGAN, 2020, section 3.1.
    """

    def __init__(
        self,
        loss: AdversarialLoss | keras.losses.BinaryCrossentropy | str | None = None,
        *,
        gamma: float = 1.0,
        interval: int = 1,
    ) -> None:
        if not isinstance(gamma, int | float) or not 0 < gamma < math.inf:
            raise ValueError(f"`gamma` weighs the penalty and must be positive. Received: gamma={gamma!r}")
        checks.check_count("interval", interval)
        self.loss = get(loss)
        self.gamma = gamma
        self.interval = interval

    def discriminator(self, real_logits: Any, fake_logits: Any) -> Any:
        return self.loss.discriminator(real_logits, fake_logits)

    def generator(self, fake_logits: Any) -> Any:
        return self.loss.generator(fake_logits)

    def penalty(self, discriminate: Callable[[Any], Any], real: Any, step: Any) -> Any:
        def mean_squared_slope():
            slope = backend.input_gradient(discriminate, real)
            return ops.mean(ops.sum(ops.square(slope), axis=(1, 2, 3)))

        weight = self.interval * self.gamma / 2
        own = weight * backend.cond(step % self.interval == 0, mean_squared_slope, lambda: ops.zeros((), real.dtype))
        return own + penalty(self.loss, discriminate, real, step)

    def get_config(self) -> dict[str, Any]:
        return {
            "loss": keras.saving.serialize_keras_object(self.loss),
            "gamma": self.gamma,
            "interval": self.interval,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Self:
        """Makes the loss again from what `get_config` gave."""
        return cls(**(config | {"loss": keras.saving.deserialize_keras_object(config["loss"])}))


def penalty(loss: Any, discriminate: Callable[[Any], Any], real: Any, step: Any) -> Any:
    """The penalty of a loss: see `AdversarialLoss.penalty`. 0 where a loss has none, which needs two methods only."""
    return loss.penalty(discriminate, real, step) if hasattr(loss, "penalty") else 0.0


LOSSES = {
    "non_saturating": NonSaturating,
    "minimax": Minimax,
    "least_squares": LeastSquares,
    "hinge": Hinge,
    "wasserstein": Wasserstein,
}


def get(loss: AdversarialLoss | keras.losses.BinaryCrossentropy | str | None) -> Any:
    """Makes a loss object of what `compile` was given.

    Args:
        loss: None (non-saturating), a name ("non_saturating", "minimax", "least_squares", "hinge", "wasserstein"), an
            object with the two methods of `AdversarialLoss`, or a `keras.losses.BinaryCrossentropy(from_logits=True)`,
            which becomes `NonSaturating` with its label smoothing.

    Returns:
        An object with the methods `discriminator(real_logits, fake_logits)` and `generator(fake_logits)`.

    Raises:
        ValueError: an unknown name, or a cross-entropy that expects probabilities or sums over the batch.
        TypeError: anything else.
    """
    known = ", ".join(f'"{name}"' for name in LOSSES)
    if loss is None:
        return NonSaturating()
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ValueError(f"Unknown loss. `loss` takes a name out of {known}. Received: loss={loss!r}")
        return LOSSES[loss]()
    if isinstance(loss, keras.losses.BinaryCrossentropy):
        return _from_binary_crossentropy(loss)
    if not isinstance(loss, type) and all(callable(getattr(loss, m, None)) for m in ("generator", "discriminator")):
        return loss
    raise TypeError(
        f"`loss` must be a name ({known}), an object of keras_dcgan.losses or with its two methods generator() and "
        "discriminator(), or keras.losses.BinaryCrossentropy(from_logits=True); of a class, pass an instance. "
        f"Received: loss={loss!r}"
    )


def _from_binary_crossentropy(loss):
    config = loss.get_config()
    if not config["from_logits"]:
        raise ValueError(
            "`loss` must read logits: the discriminator ends in a linear unit, and a loss with from_logits=False takes "
            "these logits for probabilities, so that training never converges. Pass "
            "keras.losses.BinaryCrossentropy(from_logits=True). Received: loss=BinaryCrossentropy(from_logits=False)"
        )
    if config["reduction"] not in ("sum_over_batch_size", "mean"):
        raise ValueError(
            '`loss` must be a mean over the batch: reduction="sum_over_batch_size", Keras\'s default. Received: '
            f"loss=BinaryCrossentropy(reduction={config['reduction']!r})"
        )
    return NonSaturating(label_smoothing=config["label_smoothing"])

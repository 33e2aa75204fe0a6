"""ConditionalDCGAN: adversarial training of networks that take labels."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import ArrayLike

from keras_dcgan import backend
from keras_dcgan._types import Array
from keras_dcgan.dcgan import DCGAN
from keras_dcgan.layers import ConditionalBatchNormalization
from keras_dcgan.training import files, validation


@keras.saving.register_keras_serializable("keras_dcgan")
class ConditionalDCGAN(DCGAN):
    """A generator and a discriminator that both take labels, trained against each other with `fit()`.

    The generator maps `[latents, labels]` to images, the discriminator `[images, labels]` to logits. `fit` takes
    `(images, labels)`: integer labels `(batch,)` or `(batch, 1)` in `[0, num_classes)`. Generated images get the labels
    of the real images of the same batch. With `class_names`, every method that takes labels as an array or a list also
    takes names.

    Args:
        generator: built Keras model with inputs `(None, latent_dim)` and labels `(None,)` or `(None, 1)`, and a
            float32 output `(None, H, W, C)`.
        discriminator: built Keras model with inputs `(None, H, W, C)` and labels, and a float32 output `(None, 1)` that
            ends in a linear unit.
        num_classes: int. Default: the number of `class_names`, or that of the networks' `Embedding` and
            `ConditionalBatchNormalization` layers.
        class_names: list of different strings, the i-th for the label i, such as the `class_names` of
            `keras_dcgan.datasets.load`. Saved with the model.
        **kwargs: those of `DCGAN`.

    Raises:
        TypeError, ValueError: as `DCGAN`; the number of classes is unknown or does not fit the networks, or the names
            are not different strings.

    Example:
        >>> gan = keras_dcgan.ConditionalDCGAN.from_preset(
        ...     "recommended_conditional", class_names=data.class_names, seed=0
        ... )
        >>> gan.compile()
        >>> gan.fit(images, labels, epochs=10)
        >>> gan.generate(3, labels="Sneaker", seed=1).shape
        (3, 28, 28, 1)

    Reference:
        Mirza and Osindero, Conditional Generative Adversarial Nets, 2014.
    """

    _conditional = True
    num_classes: int

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        *,
        num_classes: int | None = None,
        class_names: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(generator, discriminator, **kwargs)
        if class_names is not None:
            self.class_names = validation.check_class_names(class_names, num_classes)
            num_classes = len(self.class_names)
        sizes = {
            layer.input_dim if isinstance(layer, keras.layers.Embedding) else layer.num_classes
            for layer in self._flatten_layers()
            if isinstance(layer, keras.layers.Embedding | ConditionalBatchNormalization)
        }
        if num_classes is None and len(sizes) != 1:
            raise ValueError(
                "`num_classes` cannot be inferred from the networks' Embedding and ConditionalBatchNormalization "
                "layers: pass it. "
                f"Received: num_classes=None, layers for {sorted(sizes) or 'no'} classes"
            )
        self.num_classes = sizes.pop() if num_classes is None else num_classes
        validation.check_count("num_classes", self.num_classes)
        if sizes and self.num_classes > min(sizes):
            raise ValueError(
                "`num_classes` must not exceed the number of classes of the networks' Embedding and "
                "ConditionalBatchNormalization layers: reduce it. "
                f"Received: num_classes={num_classes}, layers for {sorted(sizes)} classes"
            )

    def invert(  # type: ignore[override]  # labels are required
        self,
        images: Array,
        labels: Array,
        *,
        steps: int = 500,
        learning_rate: float = 0.05,
        seed: int = 0,
        batch_size: int = 128,
    ) -> np.ndarray:
        """Finds latent vectors that reproduce images with these labels, `(n,)`. See `DCGAN.invert`."""
        labels = self._checked_labels(labels, len(images), self.generator)
        return self._invert(images, labels, steps, learning_rate, seed, batch_size)

    def features(self, images: Array, labels: Array | None = None, *, batch_size: int = 128) -> np.ndarray:
        """Extracts features that the discriminator has learned, see `DCGAN.features`.

        Args:
            images, batch_size: as in `DCGAN.features`.
            labels: `(n,)` integers or class names; required if a convolution reads them, as in
                `fashion_mnist_conditional`.

        Raises:
            ValueError, TypeError: an argument is invalid, required labels are missing, or the discriminator has no
                convolutional layers.
        """
        if labels is not None:
            labels = self._checked_labels(labels, len(images), self.discriminator)
        return self._features(images, labels, batch_size)

    def discriminate(  # type: ignore[override]  # labels are required
        self, images: Array, labels: ArrayLike, *, batch_size: int = 128
    ) -> np.ndarray:
        """Computes the discriminator's logits for images with these labels, `(n,)`. See `DCGAN.discriminate`."""
        return self._logits(images, self._checked_labels(labels, len(images), self.discriminator), batch_size)

    def _generate(self, z, labels, training):
        return self._generator_for(training)([z, self._as_input(labels, self.generator)], training=training)

    def _discriminate(self, x, labels, training):
        x = self._augment(x, training)
        return self.discriminator([x, self._as_input(labels, self.discriminator)], training=training)

    def _as_input(self, labels, network):
        """Labels `(batch,)` or `(batch, 1)` as int32 in the shape that the network takes."""
        return ops.cast(ops.reshape(labels, (-1, *network.inputs[1].shape[1:])), "int32")

    def _class_numbers(self, labels):
        return validation.class_numbers(labels, self.class_names)

    def _with_numbers(self, inputs):
        z, labels = self._pair(inputs)
        return [z, self._class_numbers(labels)]

    def _split_inputs(self, inputs):
        z, labels = self._pair(inputs)
        validation.check_latents(z, self.latent_dim)
        # for an unknown label, an embedding raises, returns NaN or returns numbers, depending on the backend
        values = backend.to_numpy_or_none(labels)
        # no number of classes yet while the model is built, for which PyTorch may take labels that do not exist
        if values is not None and self.num_classes is not None:
            validation.check_labels(values, len(values), self.num_classes)
        return z, labels

    def _pair(self, inputs):
        if not isinstance(inputs, list | tuple) or len(inputs) != 2:
            raise ValueError(f"ConditionalDCGAN takes [latents, labels]. Received: {type(inputs).__name__}")
        return inputs

    def _labels_for_generation(self, labels, n):
        labels = np.arange(n) % self.num_classes if labels is None else labels
        if np.ndim(labels) == 0:
            labels = np.full(n, labels)
        return self._checked_labels(labels, n, self.generator)

    def _checked_labels(self, labels, n, network):
        """Labels or class names as int32 in the shape that the network takes."""
        labels = self._class_numbers(labels)
        labels = np.asarray(labels) if isinstance(labels, list | tuple) else labels
        validation.check_labels(labels, n, self.num_classes)
        return validation.as_numpy(labels).reshape((n, *network.inputs[1].shape[1:])).astype("int32")

    def _subfolders(self, labels):
        """The name of the folder that samples are saved in, for each label."""
        if self.class_names is None:
            return [str(label) for label in labels]
        names = [files.safe_name(name) for name in self.class_names]
        if len({name.lower() for name in names}) < len(names):  # some file systems ignore the case
            names = [f"{i} {name}" for i, name in enumerate(names)]
        return [names[label] for label in labels]

    def _check_inputs(self, inputs):
        z, labels = self._pair(inputs)
        validation.check_latents(z, self.latent_dim)
        validation.check_labels(labels, len(z), self.num_classes)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments and the recipe, serialized."""
        names = None if self.class_names is None else list(self.class_names)
        return super().get_config() | {"num_classes": self.num_classes, "class_names": names}

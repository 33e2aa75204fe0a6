"""The base class of callbacks that evaluate samples."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_dcgan.training import validation
from keras_dcgan.training.inference import predict_in_batches


class Evaluation(keras.callbacks.Callback):
    """Adds metrics of samples from fixed latent vectors to the logs, under the names `logged`.

    Subclasses define `_evaluate()`, which returns the values.
    """

    def __init__(self, logged: Sequence[str], num_images: int, every: int, seed: int, batch_size: int) -> None:
        super().__init__()
        for name, value in (("num_images", num_images), ("every", every), ("batch_size", batch_size)):
            validation.check_count(name, value)
        validation.check_seed(seed)
        self.logged = logged
        self.num_images = num_images
        self.every = every
        self.seed = seed
        self.batch_size = batch_size

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latent vectors."""
        latents = self.model.sample_latents(self.num_images, seed=self.seed)
        self._request = {"latents": validation.as_numpy(latents)}
        num_classes = self.model.num_classes
        if num_classes is not None:
            self._request["labels"] = np.arange(self.num_images) % num_classes
        self._last: Any = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the metrics to the logs."""
        if self._last is None or (epoch + 1) % self.every == 0:
            self._last = self._evaluate()
        logs.update(self._last)  # type: ignore[union-attr]  # Keras always passes them

    def _predict_samples(self, network):
        """Yields the outputs of a network for the samples, in batches."""

        def samples(part):
            return self.model.generate(**{name: value[part] for name, value in self._request.items()})

        return self._predict(network, samples, self.num_images, "samples")

    def _predict(self, network, images_of, n, unit):
        """Yields the outputs of a network for images, in batches, with a progress bar if `fit` shows one."""
        verbose = self.params.get("verbose") == 1
        return predict_in_batches(network, images_of, n, self.batch_size, unit=unit, verbose=verbose)

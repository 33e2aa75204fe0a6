"""The base class of callbacks that evaluate samples."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_dcgan.training import validation
from keras_dcgan.training.inference import predict_on_batch


class Evaluation(keras.callbacks.Callback):
    """Adds metrics of samples from fixed latent vectors to the logs. Subclasses define `_evaluate()`."""

    def __init__(self, metrics: Sequence[str], num_images: int, every: int, seed: int, batch_size: int) -> None:
        super().__init__()
        for name, value in (("num_images", num_images), ("every", every), ("batch_size", batch_size)):
            validation.check_count(name, value)
        validation.check_seed(seed)
        self.metrics = metrics
        self.num_images = num_images
        self.every = every
        self.seed = seed
        self.batch_size = batch_size

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latent vectors."""
        latents = self.model.sample_latents(self.num_images, seed=self.seed)
        self._request = {"latents": validation.as_numpy(latents)}
        num_classes = getattr(self.model, "num_classes", None)
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

        return self._predict(network, "samples", self.num_images, samples)

    def _predict(self, network, unit, n, images_of):
        """Yields the outputs of a network for n images, in batches, with a progress bar if `fit` shows one."""
        progress = keras.utils.Progbar(n, verbose=self.params.get("verbose") == 1, unit_name=unit)
        for i in range(0, n, self.batch_size):
            batch = np.asarray(images_of(slice(i, i + self.batch_size)), "float32")
            output = predict_on_batch(network, batch)
            progress.add(len(batch))
            yield output

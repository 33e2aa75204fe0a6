"""SampleGrid: a grid of samples while a GAN trains."""

from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

from keras_dcgan import backend, images
from keras_dcgan.training import validation


class SampleGrid(keras.callbacks.Callback):
    """Draws a grid of samples from fixed latent vectors every `every` epochs. Base class of the other sample callbacks.

    Override `on_samples`, for instance to log the grid to an experiment tracker. The images are arranged in a
    near-square grid, those of a conditional model in one column per class. Training and its random state are not
    affected. If several processes train one model, only the first one calls `on_samples`.

    Args:
        num_images: int, number of images. A conditional model shows every class, in as many rows as give about this
            number, at most ten.
        seed: int, for the latent vectors.
        labels: for a conditional model: integers or class names, one per image, in place of `num_images`.
        every: int, epochs per grid.
        scale: int, factor by which images are enlarged.
        captions: bool, whether the grid shows the epoch and, above its columns, the class names if the model has any.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> class SaveGrid(keras_dcgan.callbacks.SampleGrid):
        ...     def on_samples(self, epoch, image):
        ...         image.save(f"epoch_{epoch}.png")
        >>> gan.fit(images, epochs=10, callbacks=[SaveGrid(every=5)])
    """

    def __init__(
        self,
        num_images: int = 25,
        seed: int = 0,
        labels: ArrayLike | None = None,
        every: int = 1,
        *,
        scale: int = 2,
        captions: bool = True,
    ) -> None:
        super().__init__()
        for name, value in (("num_images", num_images), ("every", every), ("scale", scale)):
            validation.check_count(name, value)
        validation.check_seed(seed)
        self.num_images = num_images
        self.seed = seed
        self.labels = labels
        self.every = every
        self.scale = scale
        self.captions = captions

    def on_samples(self, epoch: int, image: Image.Image) -> None:
        """Receives a grid: when training starts, and after every `every`-th epoch.

        Args:
            epoch: int, number of epochs that the model has been trained for, by earlier calls of `fit` too; 0 for the
                untrained generator.
            image: `PIL.Image.Image`.
        """
        raise NotImplementedError(f"{type(self).__name__} must override `on_samples(self, epoch, image)`")

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latent vectors."""
        labels = self._labels()
        self._cells, self._columns = _layout(self.num_images, labels)
        names = self.model.class_names
        self._names = [names[label] for label in np.unique(labels)] if names and self.captions else None
        latents = self.model.sample_latents(len(self._cells), seed=self.seed)
        self._request = {"latents": validation.as_numpy(latents)} | ({} if labels is None else {"labels": labels})
        self._earlier: int | None = None  # epochs of earlier calls of fit(), which counts from 0 again

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draws the grid before the first epoch."""
        if self._earlier is None:
            self._earlier = max(self.model.epochs_trained - epoch, 0)
            self._draw(self._earlier + epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Draws the grid."""
        assert self._earlier is not None
        trained = self._earlier + epoch + 1
        if trained % self.every == 0:
            self._draw(trained)

    def _draw(self, epoch):
        made = self.model.generate(**self._request)
        if backend.process_id():
            return
        cells = np.zeros((self._cells.max() + 1, *made.shape[1:]), made.dtype)
        cells[self._cells] = made
        title = f"epoch {epoch}" if self.captions else None
        self.on_samples(epoch, images.grid(cells, self._columns, scale=self.scale, captions=self._names, title=title))

    def _labels(self):
        """The labels of the images, or None for a model without labels."""
        num_classes = self.model.num_classes
        if num_classes is None:
            if self.labels is not None:
                raise ValueError(
                    "`labels` are for a conditional model: leave them out. Received: labels, and a model without labels"
                )
            return None
        if self.labels is None:
            rows = min(10, -(-self.num_images // num_classes))
            return np.tile(np.arange(num_classes), rows)
        labels = np.ravel(validation.class_numbers(self.labels, self.model.class_names))
        if not len(labels):
            raise ValueError("`labels` must have at least one label. Received: labels=[]")
        validation.check_labels(labels, len(labels), num_classes)
        return labels


def _layout(num_images, labels):
    """The grid's cell for each image, row by row, and the number of columns (None for a near-square grid)."""
    if labels is None:
        return np.arange(num_images), None
    classes, columns = np.unique(labels, return_inverse=True)
    rows = np.array([np.sum(labels[:i] == label) for i, label in enumerate(labels)])  # images of its class before it
    return rows * len(classes) + columns, len(classes)

"""GifSnapshot: an animation of the training."""

import os
import pathlib
import warnings
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_dcgan import backend, images
from keras_dcgan.training import validation


class GifSnapshot(keras.callbacks.Callback):
    """Saves an animated GIF of samples from fixed latent vectors, one frame per epoch.

    The first frame shows the untrained generator. The file is complete and playable after every epoch. An existing file
    is replaced if the model is new, and continued if the model has been trained before, by an earlier `fit` or before
    it was saved; frames of epochs that are trained again are replaced. Training and its random state are not affected.
    If several processes train one model, only the first one writes. If the file cannot be written (disk full, folder
    deleted), a warning is issued once and training continues; the next file that can be written contains all frames.

    Images are arranged in a near-square grid, those of a conditional model in one column per class, with the class
    names above them if the model has any.

    Args:
        filepath: path that ends in .gif, .webp, .png or .apng (animated PNG). Its folder is created if needed.
        num_images: int, number of images. A conditional model shows every class, in as many rows as give about this
            number, at most ten.
        seed: int, for the latent vectors.
        labels: for a conditional model: integers or class names, one per image, in place of `num_images`.
        every: int, epochs per frame.
        duration: int, milliseconds per frame, a multiple of 10 for GIF.
        scale: int, factor by which images are enlarged.
        frames_dir: folder in which every frame is also saved as a PNG file: `epoch_0000.png`, …

    Raises:
        ValueError, TypeError: an argument is invalid; when training starts, a folder cannot be created, or a file to be
            continued was not written with the same arguments.

    Example:
        >>> gan.fit(images, epochs=10, callbacks=[keras_dcgan.callbacks.GifSnapshot("samples.gif")])
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        num_images: int = 25,
        seed: int = 0,
        labels: ArrayLike | None = None,
        every: int = 1,
        *,
        duration: int = 200,
        scale: int = 2,
        frames_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        for name, value in (
            ("num_images", num_images),
            ("every", every),
            ("scale", scale),
        ):
            validation.check_count(name, value)
        validation.check_seed(seed)
        self.filepath = pathlib.Path(filepath)
        images.check_animation(self.filepath, duration)
        self.num_images = num_images
        self.seed = seed
        self.labels = labels
        self.every = every
        self.duration = duration
        self.scale = scale
        self.frames_dir = None if frames_dir is None else pathlib.Path(frames_dir)
        self._frames: Any = None
        self._reported = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latent vectors and creates the folders."""
        for name, folder in (("filepath", self.filepath.parent), ("frames_dir", self.frames_dir)):
            if folder is not None and not backend.process_id():
                _make_folder(name, folder)
        labels = self._labels()
        self._cells, self._columns = _layout(self.num_images, labels)
        names = getattr(self.model, "class_names", None)
        self._captions = None if names is None else [names[label] for label in np.unique(labels)]
        latents = self.model.sample_latents(len(self._cells), seed=self.seed)
        self._request = {"latents": validation.as_numpy(latents)} | ({} if labels is None else {"labels": labels})
        self._frames = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch, adds frame 0 or loads the frames of a training that is resumed."""
        if self._frames is not None:
            return
        trained = max(epoch, self.model.epochs_trained)
        self._earlier = trained - epoch  # epochs of earlier calls of fit(), which counts from 0 again
        count = 1 + trained // self.every
        self._frames = self._load(count) if trained and self.filepath.exists() else []
        # a training that was killed before it wrote its last frame is now in the state of that frame
        if not self._frames or (len(self._frames) < count and trained % self.every == 0):
            self._add(self._draw(), trained)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds a frame."""
        trained = self._earlier + epoch + 1
        if trained % self.every == 0:
            self._add(self._draw(), trained)

    def _draw(self):
        made = self.model.generate(**self._request)
        cells = np.zeros((self._cells.max() + 1, *made.shape[1:]), made.dtype)
        cells[self._cells] = made
        return images.grid(cells, self._columns, scale=self.scale, captions=self._captions)

    def _add(self, frame, epoch):
        if backend.process_id():  # only the first process writes
            return
        self._frames.append(images.as_frame(frame, self.filepath))
        try:
            images.save_animation(self._frames, self.filepath, duration=self.duration)
            if self.frames_dir is not None:
                images.save(frame, self.frames_dir / f"epoch_{epoch:04d}.png")
        except OSError as error:
            if not self._reported:
                self._reported = True
                warnings.warn(
                    f"GifSnapshot could not write the file; training continues and further warnings are suppressed. "
                    f"Received: {error}",
                    stacklevel=2,
                )

    def _load(self, count):
        """The first `count` frames of the existing file."""
        try:
            frames = images.load_animation(self.filepath, count, duration=self.duration)
            frames = [images.as_frame(frame, self.filepath) for frame in frames]
            size = self._draw().size
            if frames[0].size != size:
                raise ValueError(f"its frames have {frames[0].size} pixels, those to be added {size}")
        except ValueError as error:
            raise ValueError(
                "`filepath` exists but cannot be continued: move it away, or pass the arguments it was written with. "
                f"Received: filepath={str(self.filepath)!r} ({error})"
            ) from error
        return frames

    def _labels(self):
        """The labels of the images, or None for a model without labels."""
        num_classes = getattr(self.model, "num_classes", None)
        if num_classes is None:
            if self.labels is not None:
                raise ValueError("`labels` are for a conditional model. Received: labels, and a model without")
            return None
        if self.labels is None:
            rows = min(10, -(-self.num_images // num_classes))
            return np.tile(np.arange(num_classes), rows)
        labels = np.ravel(validation.class_numbers(self.labels, self.model.class_names))
        validation.check_count("len(labels)", len(labels))
        validation.check_labels(labels, len(labels), num_classes)
        return labels


def _layout(num_images, labels):
    """The grid's cell for each image, row by row, and the number of columns (None for a near-square grid)."""
    if labels is None:
        return np.arange(num_images), None
    classes, columns = np.unique(labels, return_inverse=True)
    rows = np.array([np.sum(labels[:i] == label) for i, label in enumerate(labels)])  # images of its class before it
    return rows * len(classes) + columns, len(classes)


def _make_folder(name, folder):
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(
            f"`{name}`: the folder cannot be created; choose another. Received: {str(folder)!r} ({error})"
        ) from error

"""Callbacks: what to look at, and what to measure, while a GAN trains."""

import os
import pathlib
import warnings
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_dcgan import backend, checks, images
from keras_dcgan._types import Array
from keras_dcgan.inference import predict_on_batch


class GifSnapshot(keras.callbacks.Callback):
    """Films the training: an animation of samples from the same latents, a frame an epoch.

    The first frame is the untrained generator. The file is whole and playable after every epoch: each is written aside
    and moved into place. When `fit` resumes with `initial_epoch` above 0, or by `BackupAndRestore`, an existing file is
    continued; frames of epochs that are trained again are replaced. Drawing disturbs neither training nor its random
    state. Of several processes that train one model the first alone writes. A film that cannot be written (full disk,
    folder gone) is reported once, as a warning, and training goes on; the next film that can be written has all frames.

    Images lie in a near-square grid; those of a conditional model in one column a class.

    Args:
        filepath: path that ends in .gif, .webp, .png or .apng (both an animated PNG); its folder is made if need be.
        num_images: int, number of images. A conditional model shows every class, in as many rows as give about this
            number, ten at the most.
        seed: int, for the latents.
        labels: of a conditional model: integers, one an image, in place of `num_images`.
        every: int, a frame every so many epochs.
        duration: int, milliseconds a frame, a multiple of 10 for GIF.
        scale: int, how many pixels of a frame an image's pixel takes in each direction.
        sheets: folder for each frame as a PNG of its own, `epoch_0000.png` and so on; None for none.

    Raises:
        ValueError, TypeError: arguments that break these rules; when training starts, a folder that cannot be made, or
            a file to be continued that was not written with the same arguments.

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
        sheets: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__()
        for name, value in (
            ("num_images", num_images),
            ("every", every),
            ("duration", duration),
            ("scale", scale),
        ):
            checks.check_count(name, value)
        checks.check_seed(seed)
        self.filepath = pathlib.Path(filepath)
        if self.filepath.suffix.lower() == ".gif" and duration % 10:
            raise ValueError(
                f"`duration` must be a multiple of 10: GIF counts in 10 milliseconds. Received: duration={duration}"
            )
        if self.filepath.suffix.lower() not in images.ANIMATIONS:
            raise ValueError(
                f"`filepath` must end in {', '.join(images.ANIMATIONS)}, the formats that hold an animation. "
                f"Received: filepath={str(filepath)!r}"
            )
        self.num_images = num_images
        self.seed = seed
        self.labels = labels
        self.every = every
        self.duration = duration
        self.scale = scale
        self.sheets = None if sheets is None else pathlib.Path(sheets)
        self._frames: Any = None
        self._reported = False

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latents and makes sure that frames can be written."""
        for name, folder in (("filepath", self.filepath.parent), ("sheets", self.sheets)):
            if folder is not None and not backend.process_id():
                _make_folder(name, folder)
        labels = self._labels()
        self._cells, self._columns = _layout(self.num_images, labels)
        latents = self.model.sample_latents(len(self._cells), seed=self.seed)
        self._request = {"latents": checks.as_numpy(latents)} | ({} if labels is None else {"labels": labels})
        self._frames = None

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Before the first epoch: frame 0, or the frames of a training that is continued."""
        if self._frames is not None:
            return
        count = 1 + epoch // self.every
        self._frames = self._load(count) if epoch > 0 and self.filepath.exists() else []
        # a training that was killed before it wrote its last frame is, here, where that frame belongs
        if not self._frames or (len(self._frames) < count and epoch % self.every == 0):
            self._add(self._draw(), epoch)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds a frame."""
        if (epoch + 1) % self.every == 0:
            self._add(self._draw(), epoch + 1)

    def _draw(self):
        made = self.model.generate(**self._request)
        cells = np.zeros((self._cells.max() + 1, *made.shape[1:]), made.dtype)
        cells[self._cells] = made
        return images.grid(cells, self._columns, scale=self.scale)

    def _add(self, frame, epoch):
        if backend.process_id():  # of several that train one model the first alone writes
            return
        self._frames.append(images.as_frame(frame, self.filepath))
        try:
            images.save_animation(self._frames, self.filepath, duration=self.duration)
            if self.sheets is not None:
                images.save(frame, self.sheets / f"epoch_{epoch:04d}.png")
        except OSError as error:
            if not self._reported:
                self._reported = True
                warnings.warn(
                    f"GifSnapshot cannot write: training goes on, and this is not said again. Received: {error}",
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
                "`filepath` exists and is no animation that could be continued: move it away, or pass what it was "
                f"written with. Received: filepath={str(self.filepath)!r} ({error})"
            ) from error
        return frames

    def _labels(self):
        """The labels of the images, None for a model without."""
        num_classes = getattr(self.model, "num_classes", None)
        if num_classes is None:
            if self.labels is not None:
                raise ValueError("`labels` are for a conditional model. Received: labels, and a model without")
            return None
        if self.labels is None:
            rows = min(10, -(-self.num_images // num_classes))
            return np.tile(np.arange(num_classes), rows)
        labels = np.ravel(self.labels)
        checks.check_count("len(labels)", len(labels))
        checks.check_labels(labels, len(labels), num_classes)
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
            f"`{name}` lies in a folder that cannot be made: choose another. Received: {str(folder)!r} ({error})"
        ) from error


# a figure of EvaluateSamples: the function of keras_dcgan.metrics, and which of its results
_FIGURES = {
    "frechet_distance": ("frechet_distance", 0),
    "kernel_distance": ("kernel_distance", 0),
    "precision": ("precision_recall", 0),
    "recall": ("precision_recall", 1),
    "density": ("density_coverage", 0),
    "coverage": ("density_coverage", 1),
}


class _Evaluation(keras.callbacks.Callback):
    """Puts figures of the same samples into the logs, every few epochs. A subclass measures them."""

    def __init__(self, figures: Sequence[str], num_images: int, every: int, seed: int, batch_size: int) -> None:
        super().__init__()
        for name, value in (("num_images", num_images), ("every", every), ("batch_size", batch_size)):
            checks.check_count(name, value)
        checks.check_seed(seed)
        self.figures = figures
        self.num_images = num_images
        self.every = every
        self.seed = seed
        self.batch_size = batch_size

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latents."""
        latents = self.model.sample_latents(self.num_images, seed=self.seed)
        self._request = {"latents": checks.as_numpy(latents)}
        num_classes = getattr(self.model, "num_classes", None)
        if num_classes is not None:
            self._request["labels"] = np.arange(self.num_images) % num_classes
        self._last: Any = None

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Adds the figures to the logs."""
        if self._last is None or (epoch + 1) % self.every == 0:
            self._last = self._measure()
        logs.update(self._last)  # type: ignore[union-attr]  # Keras always passes them

    def _read_samples(self, network):
        """Yields what a network makes of the samples, in batches."""

        def samples(part):
            return self.model.generate(**{name: value[part] for name, value in self._request.items()})

        return self._read(network, "samples", self.num_images, samples)

    def _read(self, network, what, n, images_of):
        """Yields what a network makes of n images, in batches, with a progress bar where `fit` shows one."""
        progress = keras.utils.Progbar(n, verbose=self.params.get("verbose") == 1, unit_name=what)
        for i in range(0, n, self.batch_size):
            batch = np.asarray(images_of(slice(i, i + self.batch_size)), "float32")
            output = predict_on_batch(network, batch)
            progress.add(len(batch))
            yield output


class EvaluateSamples(_Evaluation):
    """Measures samples against real images, and puts the figures into the epoch's logs.

    Other callbacks can monitor them, if they come later in the list: `ModelCheckpoint(save_best_only=True)`, since the
    samples of a GAN often get worse again, `EarlyStopping`, `CSVLogger`. After the first epoch of a run and every
    `every`-th epoch the samples are measured anew; in the epochs between, the logs repeat the last figures. Samples
    come from the same latents each time, those of a conditional model from each class in turn. Measuring disturbs
    neither training nor its random state. Needs the extra `metrics`.

    Args:
        extractor: Keras model that maps pixels, `(n, height, width, channels)` float32 from 0 to 255, to features
            `(n, d)`.
        images: real images, uint8 `(n, height, width, channels)`. Their features are extracted once; for the Fréchet
            distance alone they are not kept, whatever their number.
        figures: names out of "frechet_distance", "kernel_distance", "precision", "recall", "density" and "coverage",
            as `keras_dcgan.metrics` defines them. They are the names in the logs.
        num_images: int, how many samples.
        every: int, a measurement every so many epochs.
        seed: int from 0 on, for the latents.
        batch_size: int, images that go through the networks at once.

    Raises:
        ValueError, TypeError: arguments that break these rules; in `fit`, a callback that monitors one of the figures
            and comes before this one.

    Example:
        >>> evaluate = keras_dcgan.callbacks.EvaluateSamples(extractor, images)
        >>> best = keras.callbacks.ModelCheckpoint(
        ...     "best.keras", monitor="frechet_distance", mode="min", save_best_only=True
        ... )
        >>> gan.fit(images, epochs=50, callbacks=[evaluate, best])
    """

    def __init__(
        self,
        extractor: keras.Model,
        images: Array,
        figures: Sequence[str] = ("frechet_distance",),
        *,
        num_images: int = 10_000,
        every: int = 1,
        seed: int = 0,
        batch_size: int = 128,
    ) -> None:
        from keras_dcgan import metrics  # not above: scikit-learn is an extra, and slow to import

        if isinstance(figures, str) or not figures or not set(figures) <= set(_FIGURES):
            raise ValueError(f"`figures` must be a list of names out of {', '.join(_FIGURES)}. Received: {figures!r}")
        super().__init__(tuple(figures), num_images, every, seed, batch_size)
        self.extractor = extractor
        self.images = images
        self._metrics = metrics
        self._real: Any = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Extracts the real images' features, the first time, and draws the latents."""
        if self._real is None:
            checks.check_images(self.images, self.model.image_shape, (0, 255))
            real = self._read(self.extractor, "real images", len(self.images), lambda part: self.images[part])
            self._real = self._summarize(real)
        super().on_train_begin(logs)

    def _measure(self):
        made = self._summarize(self._read_samples(self.extractor))
        results = {
            function: np.atleast_1d(getattr(self._metrics, function)(real, made[function]))
            for function, real in self._real.items()
        }
        return {name: float(results[_FIGURES[name][0]][_FIGURES[name][1]]) for name in self.figures}

    def _summarize(self, batches):
        """What each function compares: all features, of the Fréchet distance mean and covariance alone."""
        functions = {_FIGURES[name][0] for name in self.figures}
        statistics, features = self._metrics.FrechetStatistics(), []
        for batch in batches:
            if "frechet_distance" in functions:
                statistics.update(batch)
            if functions != {"frechet_distance"}:
                features.append(batch)
        kept = np.concatenate(features) if features else None
        return {function: statistics if function == "frechet_distance" else kept for function in functions}


class EvaluateLabels(_Evaluation):
    """Puts into the epoch's logs how many samples of a conditional model show the class that was asked for.

    `label_accuracy` is the share of samples, from each class in turn, in which a classifier sees the class asked for.
    It tells nothing of their variety: `EvaluateSamples` does. Other callbacks can monitor it, if they come later in the
    list. When it measures, and what it leaves undisturbed, is as in `EvaluateSamples`.

    Args:
        classifier: Keras model that maps pixels, `(n, height, width, channels)` float32 from 0 to 255, to logits or
            probabilities `(n, num_classes)`.
        num_images: int, how many samples.
        every: int, a measurement every so many epochs.
        seed: int from 0 on, for the latents.
        batch_size: int, images that go through the networks at once.

    Raises:
        ValueError, TypeError: arguments that break these rules; in `fit`, a model without labels or with another number
            of classes, or a callback that monitors the figure and comes before this one.

    Example:
        >>> evaluate = keras_dcgan.callbacks.EvaluateLabels(classifier)
        >>> gan.fit(images, labels, epochs=50, callbacks=[evaluate, keras.callbacks.CSVLogger("log.csv")])
    """

    def __init__(
        self, classifier: keras.Model, *, num_images: int = 10_000, every: int = 1, seed: int = 0, batch_size: int = 128
    ) -> None:
        super().__init__(("label_accuracy",), num_images, every, seed, batch_size)
        self.classifier = classifier

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Draws the latents."""
        num_classes = getattr(self.model, "num_classes", None)
        if num_classes is None:
            raise ValueError("EvaluateLabels is for a conditional model. Received: a model without labels")
        shape = getattr(self.classifier, "output_shape", None)
        if shape != (None, num_classes):
            raise ValueError(
                f"`classifier` must give (n, {num_classes}) numbers, one for each class of the model. Received: a "
                f"model of output shape {shape}"
            )
        super().on_train_begin(logs)

    def _measure(self):
        seen = np.concatenate([scores.argmax(axis=1) for scores in self._read_samples(self.classifier)])
        return {"label_accuracy": float(np.mean(seen == self._request["labels"]))}

"""EvaluateSamples: distances between samples and real images."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_dcgan.callbacks.evaluation import Evaluation
from keras_dcgan.training import validation

# name in the logs: function of keras_dcgan.metrics, and index of its result
_METRICS = {
    "frechet_distance": ("frechet_distance", 0),
    "kernel_distance": ("kernel_distance", 0),
    "precision": ("precision_recall", 0),
    "recall": ("precision_recall", 1),
    "density": ("density_coverage", 0),
    "coverage": ("density_coverage", 1),
}


class EvaluateSamples(Evaluation):
    """Compares samples with real images and adds the metrics to the logs.

    Callbacks that come later in the list can monitor them: `ModelCheckpoint(save_best_only=True)`, since the samples of
    a GAN often get worse again, `EarlyStopping`, `CSVLogger`. Samples are evaluated after the first epoch of a run and
    after every `every`-th epoch; in between, the logs repeat the last values. The latent vectors are the same each
    time, with each class of a conditional model in turn. Training and its random state are not affected. Requires the
    extra `metrics`.

    Args:
        extractor: Keras model that maps pixels, `(n, height, width, channels)` float32 from 0 to 255, to features
            `(n, d)`.
        images: real images, uint8 `(n, height, width, channels)`. Their features are extracted once. For the Fréchet
            distance, only their mean and covariance are kept. Or, for this metric alone, their
            `keras_dcgan.metrics.FrechetStatistics`.
        metrics: list of names: "frechet_distance", "kernel_distance", "precision", "recall", "density" and "coverage",
            as defined in `keras_dcgan.metrics`. They are the names in the logs.
        num_images: int, number of samples.
        every: int, epochs per evaluation.
        seed: int, for the latent vectors.
        batch_size: int, images per call of the networks.

    Raises:
        ValueError, TypeError: an argument is invalid; in `fit`, a callback that monitors one of the metrics comes
            before this one.

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
        images: Any,
        metrics: Sequence[str] = ("frechet_distance",),
        *,
        num_images: int = 10_000,
        every: int = 1,
        seed: int = 0,
        batch_size: int = 128,
    ) -> None:
        from keras_dcgan import metrics as functions  # scikit-learn is an extra, and slow to import

        if isinstance(metrics, str) or not metrics or not set(metrics) <= set(_METRICS):
            raise ValueError(f"`metrics` must be a list of names from {', '.join(_METRICS)}. Received: {metrics!r}")
        super().__init__(tuple(metrics), num_images, every, seed, batch_size)
        self.extractor = extractor
        self.images = images
        self._functions = functions
        self._real: Any = None
        if isinstance(images, functions.FrechetStatistics):
            if set(metrics) != {"frechet_distance"}:
                raise ValueError(
                    '`images`: statistics are enough for "frechet_distance" only; pass real images for other metrics. '
                    f"Received: metrics={metrics!r}"
                )
            self._real = {"frechet_distance": images}

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Extracts the features of the real images, the first time, and draws the latent vectors."""
        if self._real is None:
            validation.check_images(self.images, self.model.image_shape, (0, 255))
            real = self._predict(self.extractor, "real images", len(self.images), lambda part: self.images[part])
            self._real = self._summarize(real)
        super().on_train_begin(logs)

    def _evaluate(self):
        samples = self._summarize(self._predict_samples(self.extractor))
        results = {
            function: np.atleast_1d(getattr(self._functions, function)(real, samples[function]))
            for function, real in self._real.items()
        }
        return {name: float(results[_METRICS[name][0]][_METRICS[name][1]]) for name in self.metrics}

    def _summarize(self, batches):
        """What each function compares: mean and covariance for the Fréchet distance, all features for the others."""
        functions = {_METRICS[name][0] for name in self.metrics}
        statistics, features = self._functions.FrechetStatistics(), []
        for batch in batches:
            if "frechet_distance" in functions:
                statistics.update(batch)
            if functions != {"frechet_distance"}:
                features.append(batch)
        kept = np.concatenate(features) if features else None
        return {function: statistics if function == "frechet_distance" else kept for function in functions}

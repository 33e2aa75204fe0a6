"""EvaluateSamples: distances between samples and real images."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_dcgan.callbacks.evaluation import Evaluation
from keras_dcgan.training import validation


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
        images: real images, uint8 `(n, height, width, channels)`. Their features are extracted once. For "fid", only
            their mean and covariance are kept. Or, for "fid" and "inception_score" alone, their
            `keras_dcgan.metrics.FrechetStatistics`.
        metrics: list of "fid", "kid", "inception_score", "precision_recall" and "density_coverage", as in
            `keras_dcgan.metrics.evaluate`. The names in the logs are those of its results: `fid`, `kid`, `precision`, …
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
        ...     "best.keras", monitor="fid", mode="min", save_best_only=True
        ... )
        >>> gan.fit(images, epochs=50, callbacks=[evaluate, best])
    """

    def __init__(
        self,
        extractor: keras.Model,
        images: Any,
        metrics: Sequence[str] = ("fid",),
        *,
        num_images: int = 10_000,
        every: int = 1,
        seed: int = 0,
        batch_size: int = 128,
    ) -> None:
        from keras_dcgan.metrics import FrechetStatistics, protocol  # scikit-learn is an extra, and slow to import

        protocol.check_metrics(metrics, images, extractor, protocol.DEFAULTS)
        logged = [name for metric in metrics for name in protocol.METRICS[metric]]
        validation.check_count("num_images", num_images, protocol.smallest_number(metrics))
        super().__init__(logged, num_images, every, seed, batch_size)
        self.extractor = extractor
        self.images = images
        self.metrics = tuple(metrics)
        self._protocol = protocol
        self._real: Any = protocol.Summary(images) if isinstance(images, FrechetStatistics) else None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Extracts the features of the real images, the first time, and draws the latent vectors."""
        self._protocol.check_extractor(self.extractor, self.model.image_shape)
        if self._real is None:
            self._protocol.check_real_images("images", self.images, self.model.image_shape)
            outputs = self._predict(self.extractor, lambda part: self.images[part], len(self.images), "real images")
            self._real = self._protocol.summarize({*self.metrics} - {"inception_score"}, outputs)
        super().on_train_begin(logs)

    def _evaluate(self):
        fake = self._protocol.summarize(self.metrics, self._predict_samples(self.extractor))
        return self._protocol.compare(self.metrics, self._real, fake)

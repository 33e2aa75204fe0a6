"""EvaluateLabels: whether samples show the requested class."""

from typing import Any

import keras
import numpy as np

from keras_dcgan.callbacks.evaluation import Evaluation


class EvaluateLabels(Evaluation):
    """Adds `label_accuracy` to the logs: the fraction of samples that a classifier assigns to the requested class.

    Samples are taken from each class in turn. The metric says nothing about their variety; use `EvaluateSamples` for
    that. Callbacks that come later in the list can monitor it. Samples are evaluated in the same epochs as in
    `EvaluateSamples`, and training is not affected.

    Args:
        classifier: Keras model that maps pixels, `(n, height, width, channels)` float32 from 0 to 255, to logits or
            probabilities `(n, num_classes)`.
        num_images: int, number of samples.
        every: int, epochs per evaluation.
        seed: int, for the latent vectors.
        batch_size: int, images per call of the networks.

    Raises:
        ValueError, TypeError: an argument is invalid; in `fit`, the model takes no labels or has another number of
            classes, or a callback that monitors the metric comes before this one.

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
        """Checks the classifier and draws the latent vectors."""
        num_classes = self.model.num_classes
        if num_classes is None:
            raise ValueError("EvaluateLabels needs a conditional model. Received: a model without labels")
        shape = getattr(self.classifier, "output_shape", None)
        if shape != (None, num_classes):
            raise ValueError(
                f"`classifier` must have the output shape (None, {num_classes}), one value per class. "
                f"Received: a model with the output shape {shape}"
            )
        super().on_train_begin(logs)

    def _evaluate(self):
        predicted = np.concatenate([scores.argmax(axis=1) for scores in self._predict_samples(self.classifier)])
        return {"label_accuracy": float(np.mean(predicted == self._request["labels"]))}

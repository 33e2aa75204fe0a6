"""Callbacks that show and evaluate samples while a GAN trains."""

from keras_dcgan.callbacks.evaluate_labels import EvaluateLabels
from keras_dcgan.callbacks.evaluate_samples import EvaluateSamples
from keras_dcgan.callbacks.gif_snapshot import GifSnapshot

__all__ = ["EvaluateLabels", "EvaluateSamples", "GifSnapshot"]

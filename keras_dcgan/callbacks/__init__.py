"""Callbacks that show and evaluate samples while a GAN trains."""

from keras_dcgan.callbacks.dashboard import Dashboard
from keras_dcgan.callbacks.evaluate_labels import EvaluateLabels
from keras_dcgan.callbacks.evaluate_samples import EvaluateSamples
from keras_dcgan.callbacks.gif_snapshot import GifSnapshot
from keras_dcgan.callbacks.sample_grid import SampleGrid
from keras_dcgan.callbacks.tensorboard_samples import TensorBoardSamples

__all__ = ["Dashboard", "EvaluateLabels", "EvaluateSamples", "GifSnapshot", "SampleGrid", "TensorBoardSamples"]

"""DCGANs for Keras 3: train with fit(), on TensorFlow, JAX and PyTorch."""

import importlib as _importlib
import typing as _typing
from importlib.metadata import version as _version

import keras_dcgan.backend as _backend  # noqa: F401  # first, because it explains why Keras cannot be imported
from keras_dcgan import (
    augmentation,
    callbacks,
    datasets,
    images,
    latents,
    layers,
    losses,
    networks,
    penalties,
    presets,
)
from keras_dcgan.conditional_dcgan import ConditionalDCGAN
from keras_dcgan.dcgan import DCGAN

__version__ = _version("keras-dcgan")

__all__ = [
    "DCGAN",
    "ConditionalDCGAN",
    "augmentation",
    "callbacks",
    "datasets",
    "images",
    "latents",
    "layers",
    "losses",
    "networks",
    "penalties",
    "presets",
]

if _typing.TYPE_CHECKING:
    from keras_dcgan import metrics as metrics, plots as plots
else:  # a type checker would accept every name

    def __getattr__(name):
        if name in ("metrics", "plots"):  # on first use: scikit-learn and matplotlib are extras, and slow to import
            return _importlib.import_module(f"keras_dcgan.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""DCGANs for Keras 3: train with fit(), on TensorFlow, JAX and PyTorch."""

from importlib.metadata import version as _version

from keras_dcgan import callbacks, datasets, latents, losses, networks
from keras_dcgan.conditional_dcgan import ConditionalDCGAN
from keras_dcgan.dcgan import DCGAN

__version__ = _version("keras-dcgan")

__all__ = ["DCGAN", "ConditionalDCGAN", "callbacks", "datasets", "latents", "losses", "networks"]

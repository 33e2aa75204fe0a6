"""Generators and discriminators, one pair of builders per system, for any image size.

A generator maps latent vectors `(batch, latent_dim)` float32 to images `(batch, height, width, channels)` float32 in
`value_range`; a discriminator maps images to logits `(batch, 1)` float32. Networks with `num_classes` take
`[latents, labels]` and `[images, labels]`, labels `(batch,)` int32. The outputs are float32 under any dtype policy, and
images have this shape under any `keras.config.image_data_format()`.

The builders return a functional or sequential Keras model and share these arguments:

- `image_shape`: `(height, width, channels)`, 1 to 4 channels.
- `width`: positive float, a factor for all filter counts.
- `seed`: int for the same initial weights and dropout masks every time. `None` draws different ones on every call.
- `latent_dim` (generators): int, size of a latent vector.
- `value_range` (generators): `(low, high)`, range of the images.
- `num_classes` (with labels): int, labels are in `[0, num_classes)`.
- `kernel_size` (`radford_…`): int, of all convolutions.
- `batch_norm` (with batch normalization): bool, False for none.
- `batch_norm_synchronized` (with batch normalization): bool, True for the statistics of the whole batch on several
  TensorFlow replicas. On JAX, statistics are always those of the whole batch. PyTorch does not support it.

They raise ValueError for an `image_shape` that the strides cannot produce; the message gives the nearest valid ones.
"""

from keras_dcgan.networks.all_convolutional import all_convolutional_discriminator, all_convolutional_generator
from keras_dcgan.networks.label_map import label_map_discriminator, label_map_generator
from keras_dcgan.networks.radford import (
    radford_discriminator,
    radford_generator,
    radford_mnist_discriminator,
    radford_mnist_generator,
)
from keras_dcgan.networks.sndcgan import sndcgan_discriminator, sndcgan_generator
from keras_dcgan.networks.tutorial import tutorial_discriminator, tutorial_generator

__all__ = [
    "all_convolutional_discriminator",
    "all_convolutional_generator",
    "label_map_discriminator",
    "label_map_generator",
    "radford_discriminator",
    "radford_generator",
    "radford_mnist_discriminator",
    "radford_mnist_generator",
    "sndcgan_discriminator",
    "sndcgan_generator",
    "tutorial_discriminator",
    "tutorial_generator",
]

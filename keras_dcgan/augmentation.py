"""Differentiable augmentation of the discriminator's inputs."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_dcgan.images import check_value_range
from keras_dcgan.training.validation import check_seed

POLICIES = ("color", "translation", "cutout")


@keras.saving.register_keras_serializable("keras_dcgan")
class DiffAugment(keras.layers.Layer):
    """Differentiable augmentation (DiffAugment): random changes of real and generated images.

    With few images, the discriminator overfits. Random changes multiply the images. Because generated images get the
    same kinds of changes, and gradients flow through them, the generator learns to generate unchanged images. Pass the
    layer to a model as `augmentation`. Every image is changed independently; in inference, nothing is changed. In short
    runs, augmentation can make samples worse.

    - "color": random brightness, `x + u` with u from −0.5 to 0.5 in units of half the value range; saturation, the
      distance from the mean of the channels times 0 to 2; contrast, the distance from the mean of the image times 0.5
      to 1.5. Nothing is clipped.
    - "translation": shifts by whole pixels, up to 1/8 of each side; the border is filled with gray.
    - "cutout": covers a rectangle with half the sides of the image, centered at a random pixel, with gray.

    Args:
        policy: one of these names, or a list of them. They are always applied in the order above.
        value_range: `(low, high)` of the images.
        seed: int, seed for the changes. `None` draws different ones on every run.
        **kwargs: `name` and `dtype`, as for any Keras layer.

    Raises:
        ValueError: a name is unknown, the list is empty, or the range is invalid.

    Call arguments:
        images: `(batch, height, width, channels)` float in `value_range`.
        training: bool, whether to change the images.

    Example:
        >>> augmentation = keras_dcgan.augmentation.DiffAugment(seed=0)
        >>> gan = keras_dcgan.DCGAN.from_preset("radford_28", augmentation=augmentation, seed=0)

    Reference:
        Zhao, Liu, Lin, Zhu and Han, Differentiable Augmentation for Data-Efficient GAN Training, 2020, section 3.2.
    """

    def __init__(
        self,
        policy: str | Sequence[str] = POLICIES,
        *,
        value_range: Sequence[float] = (-1, 1),
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        names = (policy,) if isinstance(policy, str) else tuple(policy)
        if not names or not set(names) <= set(POLICIES):
            known = ", ".join(f'"{name}"' for name in POLICIES)
            raise ValueError(f"`policy` must be a list of names from {known}. Received: policy={policy!r}")
        self.policy = tuple(name for name in POLICIES if name in names)
        self.value_range = check_value_range(value_range)
        self.seed_generator = keras.random.SeedGenerator(check_seed(seed, optional=True))
        self.seed = None if seed is None else int(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """Changes the images at random if `training`, `(batch, height, width, channels)`."""
        if not training:
            return images
        low, high = self.value_range
        half, middle = (high - low) / 2, (high + low) / 2
        x = (images - middle) / half
        for name in self.policy:
            x = getattr(self, f"_{name}")(x)
        return x * half + middle

    def _color(self, x):
        x = x + self._uniform(x, -0.5, 0.5)
        x = _scale_around(ops.mean(x, axis=3, keepdims=True), x, self._uniform(x, 0, 2))
        return _scale_around(ops.mean(x, axis=(1, 2, 3), keepdims=True), x, self._uniform(x, 0.5, 1.5))

    def _translation(self, x):
        # one matrix per side and image: row i of the product is row i + shift of the image, or zero outside of it
        for axis, product in ((1, "bij,bjwc->biwc"), (2, "bij,bhjc->bhic")):
            side = x.shape[axis]
            most = (side + 4) // 8
            shift = self._integers(x, -most, most + 1)
            pixel = ops.arange(side)
            matrix = pixel[None, :, None] + shift[:, None, None] == pixel[None, None, :]
            x = ops.einsum(product, ops.cast(matrix, x.dtype), x)
        return x

    def _cutout(self, x):
        inside = []
        for side in x.shape[1:3]:
            size = (side + 1) // 2
            first = self._integers(x, 0, side + 1 - size % 2) - size // 2
            pixel = ops.arange(side)[None] - first[:, None]
            inside.append((pixel >= 0) & (pixel < size))
        rows, columns = inside
        cut = rows[:, :, None, None] & columns[:, None, :, None]
        return ops.where(cut, ops.zeros_like(x), x)

    def _uniform(self, x, low, high):
        return keras.random.uniform((ops.shape(x)[0], 1, 1, 1), low, high, dtype=x.dtype, seed=self.seed_generator)

    def _integers(self, x, low, high):
        return keras.random.randint((ops.shape(x)[0],), low, high, seed=self.seed_generator)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Returns the shape of the images."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return super().get_config() | {"policy": self.policy, "value_range": self.value_range, "seed": self.seed}


def _scale_around(mean, x, factor):
    return (x - mean) * factor + mean

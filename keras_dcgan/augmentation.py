"""Augmentation of what the discriminator sees, through which the generator can still be trained."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_dcgan.images import check_value_range
from keras_dcgan.training.validation import check_seed

POLICIES = ("color", "translation", "cutout")


@keras.saving.register_keras_serializable("keras_dcgan")
class DiffAugment(keras.layers.Layer):
    """Differentiable augmentation: random changes of real and generated images alike.

    With few images the discriminator learns them by heart. Changed at random at every look, they are many; and since
    generated images are changed in the same ways, and gradients flow through the changes, the generator does not learn
    to make changed ones. Give it to a model as `augmentation`; each image gets changes of its own, and in inference
    nothing is changed.

    Distances are in units of half the value range, sides in those of the image:

    - "color": brightness, `x + u` with u from −0.5 to 0.5; saturation, distances from the channels' mean times 0 to 2;
      contrast, distances from the image's mean times 0.5 to 1.5. Nothing is clipped.
    - "translation": by whole pixels, up to 1/8 of each side either way; what comes in is grey.
    - "cutout": a grey rectangle of half the image's sides, its centre anywhere in the image.

    Args:
        policy: names out of the three above, applied in their order.
        value_range: `(low, high)` of the images.
        seed: int for the same changes in every run, None for others each time.
        **kwargs: `name` and `dtype`, as for any Keras layer.

    Raises:
        ValueError: an unknown name, none at all, or an impossible range.

    Call arguments:
        images: `(batch, height, width, channels)` float in `value_range`.
        training: bool, whether anything is changed.

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
            raise ValueError(f"`policy` must be names out of {known}. Received: policy={policy!r}")
        self.policy = tuple(name for name in POLICIES if name in names)
        self.value_range = check_value_range(value_range)
        self.seed_generator = keras.random.SeedGenerator(check_seed(seed, optional=True))
        self.seed = None if seed is None else int(seed)

    def call(self, images: Any, training: bool = False) -> Any:
        """The images, changed at random if `training`, `(batch, height, width, channels)`."""
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
        # one matrix a side and an image: row i of the product is row i + shift, and zero where there is none
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
        """The shape of the images."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return super().get_config() | {"policy": self.policy, "value_range": self.value_range, "seed": self.seed}


def _scale_around(mean, x, factor):
    return (x - mean) * factor + mean

"""Latent vectors: sampling, interpolation, arithmetic and inversion."""

import itertools
import math
from collections.abc import Sequence
from typing import Any, Literal

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_dcgan.training import validation

__all__ = ["analogy", "interpolate", "sample", "walk"]  # the rest is internal

PRIORS = ("normal", "uniform")


def sample(
    shape: Sequence[int],
    prior: Literal["normal", "uniform"] = "normal",
    seed: int | keras.random.SeedGenerator | None = None,
    truncation: float | None = None,
) -> Any:
    """Draws latent vectors from a prior.

    With an integer seed, the numbers come from NumPy and are the same on every backend. Otherwise they are drawn on the
    device, also inside a compiled step.

    Args:
        shape: `(n, latent_dim)`.
        prior: "normal" for N(0, 1), "uniform" for U(−1, 1).
        seed: int, or a `keras.random.SeedGenerator`.
        truncation: positive float, the largest magnitude of a number: the prior is truncated there, so samples vary
            less. Whether they also look better depends on the generator. The same seed gives the same vectors, scaled
            into the truncated range. `None` uses the whole prior, as in training.

    Returns:
        float32 tensor of `shape`.

    Raises:
        ValueError: the prior is unknown, or the truncation is not positive.
        TypeError: the seed is not an integer.

    Example:
        >>> z = keras_dcgan.latents.sample((100, gan.latent_dim), "normal", seed=0, truncation=0.7)
        >>> images = gan.generate(latents=z)

    Reference:
        Brock, Donahue and Simonyan, Large Scale GAN Training for High Fidelity Natural Image Synthesis, 2019,
        section 3.1, on truncation.
    """
    check_prior(prior, "prior")
    if truncation is not None:
        return _truncated(shape, prior, seed, truncation)
    if seed is not None and not isinstance(seed, keras.random.SeedGenerator):
        rng = np.random.default_rng(validation.check_seed(seed))
        numbers = rng.standard_normal(shape) if prior == "normal" else rng.uniform(-1, 1, shape)
        return keras.ops.convert_to_tensor(numbers.astype("float32"))
    if prior == "normal":
        return keras.random.normal(shape, dtype="float32", seed=seed)
    return keras.random.uniform(shape, -1, 1, dtype="float32", seed=seed)


def _truncated(shape, prior, seed, truncation):
    if not validation.is_number(truncation) or truncation <= 0:
        raise ValueError(f"`truncation` must be a positive number, such as 0.7. Received: truncation={truncation!r}")
    z = sample(shape, prior, seed)
    if prior == "uniform":
        return z * min(truncation, 1.0)
    # inverse transform sampling: unlike rejection, it takes the same time for any truncation
    root = math.sqrt(2)
    z = root * keras.ops.erfinv(keras.ops.erf(z / root) * math.erf(truncation / root))
    return keras.ops.clip(z, -truncation, truncation)


def check_prior(prior: str, name: str = "latent_prior") -> None:
    """Raises ValueError unless `prior`, the argument `name`, is known."""
    if prior not in PRIORS:
        known = " or ".join(f'"{known}"' for known in PRIORS)
        raise ValueError(f"`{name}` must be {known}. Received: {name}={prior!r}")


def interpolate(
    start: ArrayLike, end: ArrayLike, n: int, method: Literal["spherical", "linear"] = "spherical"
) -> np.ndarray:
    """Interpolates between two latent vectors.

    "linear" follows the straight line. In many dimensions, its middle has about 0.7 of the length of the ends, where
    the prior has almost no mass. "spherical" changes the direction and the length at constant rates, so all vectors are
    likely under a normal prior. For a uniform prior, "linear" stays inside the cube of the prior and "spherical" may
    leave it slightly near the corners.

    Args:
        start: `(latent_dim,)` floats.
        end: `(latent_dim,)` floats. If it points exactly opposite to `start`, the plane of rotation is arbitrary.
        n: int, number of vectors including both ends, at least 2.
        method: "spherical" or "linear".

    Returns:
        float32 NumPy array `(n, latent_dim)`, for `generate(latents=…)`.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> a, b = gan.sample_latents(2, seed=0)
        >>> images = gan.generate(latents=keras_dcgan.latents.interpolate(a, b, 10))

    Reference:
        White, Sampling Generative Networks, 2016, section 2.1.
    """
    start, end = (_latent(name, value) for name, value in (("start", start), ("end", end)))
    if start.shape != end.shape:
        raise ValueError(f"`start` and `end` must have the same shape. Received: {start.shape} and {end.shape}")
    validation.check_count("n", n, smallest=2)
    if method not in ("spherical", "linear"):
        raise ValueError(f'`method` must be "spherical" or "linear". Received: method={method!r}')
    t = np.linspace(0, 1, n)[:, None]
    lengths = [np.linalg.norm(latent) for latent in (start, end)]
    if method == "linear" or min(lengths) == 0:  # a zero vector has no direction
        path = (1 - t) * start + t * end
    else:
        directions = _turn(start / lengths[0], end / lengths[1], t)
        path = ((1 - t) * lengths[0] + t * lengths[1]) * directions
    path[0], path[-1] = start, end  # exactly, without rounding
    return path.astype("float32")


def walk(
    points: ArrayLike, n: int, method: Literal["spherical", "linear"] = "spherical", closed: bool = False
) -> np.ndarray:
    """Interpolates through several latent vectors, one after the other.

    Args:
        points: `(k, latent_dim)` floats, at least two points.
        n: int, steps from each point to the next.
        method: as in `interpolate`.
        closed: bool, whether to return to the first point, for an animation that loops without a jump.

    Returns:
        float32 NumPy array `((k - 1) * n + 1, latent_dim)`; if closed, `(k * n, latent_dim)`, which does not repeat the
        first point.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> path = keras_dcgan.latents.walk(gan.sample_latents(4, seed=0), 15, closed=True)
        >>> frames = [keras_dcgan.images.grid(image[None], scale=4) for image in gan.generate(latents=path)]
        >>> keras_dcgan.images.save_animation(frames, "walk.gif", duration=60)
    """
    points = validation.as_numpy(points)
    if points.ndim != 2 or len(points) < 2:
        raise ValueError(
            f"`points` must be at least two latent vectors, (k, latent_dim). Received: shape {points.shape}"
        )
    validation.check_count("n", n)
    stops = [*points, points[0]] if closed else [*points]
    legs = [interpolate(a, b, n + 1, method)[:-1] for a, b in itertools.pairwise(stops)]
    return np.concatenate(legs if closed else [*legs, points[-1:].astype("float32")])


def analogy(a: ArrayLike, b: ArrayLike, c: ArrayLike) -> np.ndarray:
    """Latent vector arithmetic: mean(a) − mean(b) + mean(c).

    Each group holds latent vectors whose images share a property: smiling women − women + men gives a smiling man. Use
    a few vectors per group, since one alone rarely works; with three each, as in the paper, the result is about as long
    as one draw from N(0, 1).

    Args:
        a: `(k, latent_dim)` floats, vectors with the property.
        b: `(k, latent_dim)` floats, vectors without it. k may differ between the groups.
        c: `(k, latent_dim)` floats, vectors to add it to.

    Returns:
        float32 NumPy array `(latent_dim,)`.

    Raises:
        ValueError: a group is not a finite array `(k, latent_dim)`, or the groups differ in `latent_dim`.

    Example:
        >>> z = keras.ops.convert_to_numpy(gan.sample_latents(64, seed=0))
        >>> images = gan.generate(latents=z)  # choose some that share a property
        >>> bolder = keras_dcgan.latents.analogy(z[[3, 17, 40]], z[[5, 8, 21]], z[[0, 30, 52]])
        >>> image = gan.generate(latents=bolder[None])

    Reference:
        Radford, Metz and Chintala, Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
        Networks, 2016, section 6.3.2.
    """
    means = []
    for name, group in (("a", a), ("b", b), ("c", c)):
        group = validation.as_numpy(group).astype("float64")
        if group.ndim != 2 or not group.size or not np.isfinite(group).all():
            raise ValueError(f"`{name}` must be finite floats (k, latent_dim). Received: shape {group.shape}")
        means.append(group.mean(axis=0))
    if len({len(mean) for mean in means}) > 1:
        raise ValueError(
            f"`a`, `b` and `c` must have the same latent_dim. Received: {', '.join(str(len(mean)) for mean in means)}"
        )
    return (means[0] - means[1] + means[2]).astype("float32")


def invert(
    generator: keras.Model,
    images: np.ndarray,
    labels: np.ndarray | None,
    prior: Literal["normal", "uniform"],
    *,
    steps: int,
    learning_rate: float,
    seed: int,
    batch_size: int,
) -> np.ndarray:
    """Finds latent vectors that reproduce images, see `DCGAN.invert`.

    Args:
        generator: Keras model without trainable weights, from latent vectors (and labels) to images.
        images: `(n, height, width, channels)` float32 in the generator's range.
        labels: int32 labels in the generator's input shape, or None.
        prior, steps, learning_rate, seed, batch_size: as in `DCGAN`.

    Returns:
        float32 NumPy array `(n, latent_dim)`.
    """
    start = sample((len(images), generator.inputs[0].shape[1]), prior, seed)
    found = []
    for i in range(0, len(images), batch_size):
        part = slice(i, i + batch_size)
        search, rows = _search(generator, start[part], prior)
        search.compile(keras.optimizers.Adam(learning_rate), _sum_of_mean_squared_errors)
        x = [np.arange(len(images[part]), dtype="int32"), *([] if labels is None else [labels[part]])]
        for _ in range(steps):  # not fit(), whose DataLoader on PyTorch draws from the global stream
            search.train_on_batch(x, images[part])
        found.append(validation.as_numpy(rows.embeddings))
    return np.concatenate(found)


def _search(generator, start, prior):
    """A model whose weights are the latent vectors: an embedding, whose rows they are, followed by the generator."""
    index = keras.Input((), dtype="int32")
    rows = keras.layers.Embedding(
        *start.shape,
        embeddings_initializer=lambda *args, **kwargs: start,
        embeddings_constraint=(lambda z: keras.ops.clip(z, -1, 1)) if prior == "uniform" else None,
        dtype="float32",
    )
    labels = [keras.Input(x.shape[1:], dtype=x.dtype) for x in generator.inputs[1:]]
    return keras.Model([index, *labels], generator([rows(index), *labels] if labels else rows(index))), rows


def _sum_of_mean_squared_errors(images, reproductions):
    """Summed over the images, so that the result for one does not depend on the number of others."""
    return keras.ops.sum(keras.ops.mean(keras.ops.square(images - reproductions), axis=(1, 2, 3)))


def _turn(a, b, t):
    """Unit vectors at equal angles from unit vector `a` to unit vector `b`."""
    across = b - (a @ b) * a
    if np.linalg.norm(across) < 1e-12:  # equal or opposite: rotate through the axis that is farthest from both
        axis = np.eye(len(a))[np.argmin(np.abs(a))]
        across = axis - (a @ axis) * a
        if np.linalg.norm(across) < 1e-12:  # one dimension has no rotation
            return (1 - t) * a + t * b
    # unlike arccos, this form of the angle is exact near 0 and π
    angle = 2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))
    across = across / np.linalg.norm(across)
    return np.cos(t * angle) * a + np.sin(t * angle) * across


def _latent(name: str, value: ArrayLike) -> np.ndarray:
    value = validation.as_numpy(value).astype("float64")
    if value.ndim != 1 or not value.size or not np.isfinite(value).all():
        raise ValueError(f"`{name}` must be finite floats (latent_dim,). Received: shape {value.shape}")
    return value

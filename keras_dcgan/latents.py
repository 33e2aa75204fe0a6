"""Latent vectors: the priors they are drawn from, and ways between them."""

import itertools

import keras
import numpy as np

from keras_dcgan import checks

PRIORS = ("normal", "uniform")


def sample(shape, prior="normal", seed=None):
    """Draws latents from a prior.

    With an integer seed the numbers come from NumPy, so that they are the same on every backend; otherwise they are
    drawn on the device, also inside a compiled step.

    Args:
        shape: `(n, latent_dim)`.
        prior: "normal" for N(0, 1), "uniform" for U(−1, 1).
        seed: int, or a `keras.random.SeedGenerator`.

    Returns:
        float32 tensor of `shape`.

    Raises:
        ValueError: an unknown prior.
    """
    check_prior(prior)
    if isinstance(seed, int | np.integer):
        rng = np.random.default_rng(int(seed))
        numbers = rng.standard_normal(shape) if prior == "normal" else rng.uniform(-1, 1, shape)
        return keras.ops.convert_to_tensor(numbers.astype("float32"))
    if prior == "normal":
        return keras.random.normal(shape, dtype="float32", seed=seed)
    return keras.random.uniform(shape, -1, 1, dtype="float32", seed=seed)


def check_prior(prior):
    """Raises ValueError unless `prior` is known."""
    if prior not in PRIORS:
        known = " or ".join(f'"{name}"' for name in PRIORS)
        raise ValueError(f"`latent_prior` must be {known}. Received: latent_prior={prior!r}")


def interpolate(start, end, n, method="spherical"):
    """A way between two latents.

    "linear" goes straight; halfway between two draws of N(0, 1) in many dimensions it passes where the prior hardly
    ever draws, at about 0.7 of their length. "spherical" turns the direction evenly and changes the length evenly, so
    that it stays among likely latents. For a uniform prior take "linear", which never leaves its cube.

    Args:
        start: `(latent_dim,)` floats.
        end: `(latent_dim,)` floats. Where it points exactly away from `start`, the way round is not told, and one is
            taken.
        n: int, how many latents, both ends included; two at least.
        method: "spherical" or "linear".

    Returns:
        float32 NumPy array `(n, latent_dim)`, for `generate(latents=…)`.

    Raises:
        ValueError, TypeError: arguments that break these rules.

    Example:
        >>> a, b = gan.sample_latents(2, seed=0)
        >>> images = gan.generate(latents=keras_dcgan.latents.interpolate(a, b, 10))

    Reference:
        White, Sampling Generative Networks, 2016, section 2.1.
    """
    start, end = (_latent(name, value) for name, value in (("start", start), ("end", end)))
    if start.shape != end.shape:
        raise ValueError(f"`start` and `end` must have one shape. Received: {start.shape} and {end.shape}")
    checks.check_count("n", n)
    if n < 2:
        raise ValueError(f"`n` must be two at least, the two ends. Received: n={n}")
    if method not in ("spherical", "linear"):
        raise ValueError(f'`method` must be "spherical" or "linear". Received: method={method!r}')
    t = np.linspace(0, 1, n)[:, None]
    lengths = [np.linalg.norm(latent) for latent in (start, end)]
    if method == "linear" or min(lengths) == 0:  # 0 has no direction
        path = (1 - t) * start + t * end
    else:
        directions = _turn(start / lengths[0], end / lengths[1], t)
        path = ((1 - t) * lengths[0] + t * lengths[1]) * directions
    path[0], path[-1] = start, end  # to the last bit
    return path.astype("float32")


def walk(points, n, method="spherical", closed=False):
    """A way through several latents.

    Args:
        points: `(k, latent_dim)` floats, two points at least.
        n: int, steps from each point to the next.
        method: as in `interpolate`.
        closed: bool, True to go back to the first point, for an animation without a jump.

    Returns:
        float32 NumPy array: `((k - 1) * n + 1, latent_dim)`, or, closed, `(k * n, latent_dim)`, which does not repeat
        the first point.

    Raises:
        ValueError, TypeError: arguments that break these rules.

    Example:
        >>> path = keras_dcgan.latents.walk(gan.sample_latents(4, seed=0), 15, closed=True)
        >>> frames = [keras_dcgan.images.grid(image[None], scale=4) for image in gan.generate(latents=path)]
        >>> keras_dcgan.images.save_animation(frames, "walk.gif", duration=60)
    """
    points = checks.as_numpy(points)
    if points.ndim != 2 or len(points) < 2:
        raise ValueError(f"`points` must be two latents at least, (k, latent_dim). Received: shape {points.shape}")
    checks.check_count("n", n)
    stops = [*points, points[0]] if closed else [*points]
    legs = [interpolate(a, b, n + 1, method)[:-1] for a, b in itertools.pairwise(stops)]
    return np.concatenate(legs if closed else [*legs, points[-1:].astype("float32")])


def _turn(a, b, t):
    """Directions from unit vector `a` to unit vector `b`, evenly."""
    across = b - (a @ b) * a
    if np.linalg.norm(across) < 1e-12:  # equal, or opposite: then by way of the axis that is farthest from both
        axis = np.eye(len(a))[np.argmin(np.abs(a))]
        across = axis - (a @ axis) * a
        if np.linalg.norm(across) < 1e-12:  # one dimension has no way round
            return (1 - t) * a + t * b
    # of the angle's two forms this one is exact near 0 and near half a turn
    angle = 2 * np.arctan2(np.linalg.norm(a - b), np.linalg.norm(a + b))
    across = across / np.linalg.norm(across)
    return np.cos(t * angle) * a + np.sin(t * angle) * across


def _latent(name, value):
    value = checks.as_numpy(value).astype("float64")
    if value.ndim != 1 or not value.size or not np.isfinite(value).all():
        raise ValueError(f"`{name}` must be one latent, (latent_dim,) finite floats. Received: shape {value.shape}")
    return value

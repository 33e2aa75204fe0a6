"""Latent vectors: the priors they are drawn from."""

import keras
import numpy as np

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

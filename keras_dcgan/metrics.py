"""How far generated images are from real ones, measured on features of both.

Features are arrays `(n, d)` of what an extractor makes of images, such as the last hidden layer of a classifier. All
figures are computed on the host in float64. They compare only where the extractor and the number of samples are the
same.
"""

import warnings
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from keras_dcgan.training import validation

try:
    import scipy.linalg
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors
except ImportError as error:
    raise ImportError(
        'keras_dcgan.metrics needs scikit-learn: pip install "keras-dcgan[metrics]"', name=error.name
    ) from error


class FrechetStatistics:
    """Mean and covariance of features that come in parts, in constant memory.

    Attributes:
        n: int, how many samples there were.
        mean: float64 `(d,)`.

    Raises:
        ValueError: features that are no finite array `(n, d)`, or of another d than before.

    Example:
        >>> statistics = keras_dcgan.metrics.FrechetStatistics()
        >>> for batch in batches:
        ...     statistics.update(extractor.predict_on_batch(batch))
    """

    def __init__(self) -> None:
        self.n = 0
        self.mean: np.ndarray = None  # type: ignore[assignment]  # until there are samples
        self._scatter: Any = None

    def update(self, features: ArrayLike) -> Self:
        """Adds samples.

        Args:
            features: `(n, d)` floats.

        Returns:
            The statistics themselves.
        """
        features = _features("features", features)
        if self.n == 0:
            self.mean = np.zeros(features.shape[1])
            self._scatter = np.zeros((features.shape[1],) * 2)
        if features.shape[1] != len(self.mean):
            raise ValueError(
                f"`features` must have {len(self.mean)} columns, as those before. Received: shape {features.shape}"
            )
        # the update of Chan, Golub and LeVeque (1983), a batch at a time: no difference of large sums
        m = len(features)
        mean = features.mean(axis=0)
        centred = features - mean
        step = mean - self.mean
        self._scatter += centred.T @ centred + np.outer(step, step) * (self.n * m / (self.n + m))
        self.mean = self.mean + step * (m / (self.n + m))
        self.n += m
        return self

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance, float64 `(d, d)`."""
        if self.n < 2:
            raise ValueError(f"A covariance needs two samples at least. Received: {self.n}")
        return self._scatter / (self.n - 1)


def frechet_distance(real: ArrayLike | FrechetStatistics, generated: ArrayLike | FrechetStatistics) -> float:
    """Fréchet distance between the normal distributions of two sets of features.

    ‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½). With features of InceptionV3 it is known as FID. It is biased upwards, the
    more the fewer the samples; where they are not more than features, the covariance is singular and the bias large,
    and a warning says so.

    Args:
        real: `(n, d)` floats, or `FrechetStatistics` of them.
        generated: the same of generated images; n may differ.

    Returns:
        float, 0 for equal distributions.

    Raises:
        ValueError: features that are no finite arrays of as many columns.

    Reference:
        Heusel et al., GANs Trained by a Two Time-Scale Update Rule, 2017, section 1; Chong and Forsyth, Effectively
        Unbiased FID and Inception Score, 2020, on the bias.
    """
    statistics = [
        given if isinstance(given, FrechetStatistics) else FrechetStatistics().update(_features(name, given))
        for name, given in (("real", real), ("generated", generated))
    ]
    covariances = [given.covariance for given in statistics]
    d = len(statistics[0].mean)
    if len(statistics[1].mean) != d:
        raise ValueError(f"`generated` must have as many columns as `real`, {d}. Received: {len(statistics[1].mean)}")
    fewest = min(given.n for given in statistics)
    if fewest <= d:
        warnings.warn(
            f"Fréchet distance of {fewest} samples with {d} features: the covariance is singular and the distance far "
            "too large. Compare it with nothing but distances of as many samples, or take more.",
            stacklevel=2,
        )
    roots = [_root(covariance) for covariance in covariances]
    # the trace of (C₁ C₂)^½ is the sum of the singular values of C₁^½ C₂^½: real and not negative, singular or not
    cross = scipy.linalg.svdvals(roots[0] @ roots[1]).sum()
    step = statistics[0].mean - statistics[1].mean
    return max(0.0, float(step @ step + sum(np.trace(c) for c in covariances) - 2 * cross))


def kernel_distance(real: ArrayLike, generated: ArrayLike, *, block_size: int = 1000) -> tuple[float, float]:
    """Kernel distance: an unbiased estimate of the squared maximum mean discrepancy, and its standard error.

    The kernel is (x·y / d + 1)³. Samples are cut, in their order, into blocks; each gives an unbiased estimate, their
    mean is the distance, their spread its error. With features of InceptionV3 it is known as KID.

    Args:
        real: `(n, d)` floats.
        generated: `(m, d)` floats.
        block_size: int, samples a block; less where there are not two such blocks.

    Returns:
        `(distance, standard_error)`, floats. The distance may be a little below 0.

    Raises:
        ValueError: features that are no finite arrays of as many columns, or fewer than four.

    Reference:
        Bińkowski et al., Demystifying MMD GANs, 2018, section 4; Gretton et al., A Kernel Two-Sample Test, 2012,
        lemma 6.
    """
    real, generated = _pair(real, generated)
    validation.check_count("block_size", block_size)
    fewest = min(len(real), len(generated))
    if fewest < 4 or block_size < 2:
        raise ValueError(
            "A kernel distance needs two blocks of two samples at least. "
            f"Received: {fewest} samples, block_size={block_size}"
        )
    size = min(block_size, fewest // 2)
    estimates = [_squared_mmd(real[i : i + size], generated[i : i + size]) for i in range(0, fewest - size + 1, size)]
    return float(np.mean(estimates)), float(np.std(estimates, ddof=1) / np.sqrt(len(estimates)))


def _squared_mmd(x, y):
    n, d = x.shape

    def kernel(a, b):
        return (a @ b.T / d + 1) ** 3

    def without_diagonal(k):
        return (k.sum() - np.trace(k)) / (n * (n - 1))

    return without_diagonal(kernel(x, x)) + without_diagonal(kernel(y, y)) - 2 * kernel(x, y).mean()


def precision_recall(real: ArrayLike, generated: ArrayLike, k: int = 3) -> tuple[float, float]:
    """Precision and recall: how many samples look real, and how many real images could have been made.

    A set covers the balls around its samples that reach to their k-th neighbour. Precision is the share of generated
    samples in the balls of the real ones, recall the share of real samples in the balls of the generated ones.

    Args:
        real: `(n, d)` floats.
        generated: `(m, d)` floats; take m = n, since the figures depend on both.
        k: int, below n and m.

    Returns:
        `(precision, recall)`, floats from 0 to 1.

    Raises:
        ValueError, TypeError: features that are no finite arrays of as many columns, or k out of range.

    Reference:
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models, 2019, section 3.
    """
    real, generated = _pair(real, generated, k)
    return _share_within(generated, real, k), _share_within(real, generated, k)


def _share_within(samples, others, k):
    """The share of samples that lie in a ball of the others."""
    radii = _radii(others, k)
    parts = pairwise_distances_chunked(samples, others, reduce_func=lambda d, start: (d <= radii).any(axis=1))
    return float(np.concatenate(list(parts)).mean())


def density_coverage(real: ArrayLike, generated: ArrayLike, k: int = 5) -> tuple[float, float]:
    """Density and coverage: precision and recall made robust against outliers.

    Density counts in how many balls of real samples a generated one lies, over k; coverage is the share of real samples
    whose ball holds a generated one.

    Args:
        real: `(n, d)` floats.
        generated: `(m, d)` floats.
        k: int, below n.

    Returns:
        `(density, coverage)`, floats; density is about 1 and may be above, coverage is at most 1.

    Raises:
        ValueError, TypeError: features that are no finite arrays of as many columns, or k out of range.

    Reference:
        Naeem et al., Reliable Fidelity and Diversity Metrics for Generative Models, 2020, section 3.
    """
    real, generated = _pair(real, generated, k)
    radii = _radii(real, k)
    held = np.concatenate(
        [
            inside.sum(axis=1)
            for inside in pairwise_distances_chunked(
                real, generated, reduce_func=lambda d, start: d < radii[start : start + len(d), None]
            )
        ]
    )
    return float(held.sum() / (k * len(generated))), float((held > 0).mean())


def _radii(samples, k):
    """Each sample's distance to its k-th neighbour, itself not counted."""
    neighbours = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(samples)
    return neighbours.kneighbors()[0][:, -1]


def _root(covariance):
    """The symmetric square root of a covariance matrix."""
    values, vectors = scipy.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _features(name: str, features: ArrayLike) -> np.ndarray:
    features = validation.as_numpy(features).astype("float64")
    if features.ndim != 2 or 0 in features.shape:
        raise ValueError(
            f"`{name}` must be features of shape (n, d): flatten others, features.reshape(len(features), -1). "
            f"Received: shape {features.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError(f"`{name}` must be finite. Received: features with NaN or infinity in them")
    return features


def _pair(real: ArrayLike, generated: ArrayLike, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    real, generated = _features("real", real), _features("generated", generated)
    if real.shape[1] != generated.shape[1]:
        raise ValueError(
            f"`generated` must have as many columns as `real`, {real.shape[1]}. Received: {generated.shape[1]}"
        )
    validation.check_count("k", k)
    if k >= min(len(real), len(generated)):
        raise ValueError(
            f"`k` must be below the number of samples. Received: k={k}, {len(real)} and {len(generated)} samples"
        )
    return real, generated

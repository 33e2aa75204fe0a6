"""Distances between two sets of features, and how much of one the other covers."""

import math
import os
import pathlib
import warnings
import zipfile
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike

from keras_dcgan.training import files, validation

try:
    import scipy.linalg
    import scipy.special
    from sklearn.metrics import pairwise_distances_chunked
    from sklearn.neighbors import NearestNeighbors
except ImportError as error:
    raise ImportError(
        'keras_dcgan.metrics needs scikit-learn: pip install "keras-dcgan[metrics]"', name=error.name
    ) from error


class FrechetStatistics:
    """Mean and covariance of features, computed batch by batch in constant memory.

    Args:
        mean: `(d,)` floats, to start from known statistics. `None` starts from none.
        covariance: `(d, d)` floats, the unbiased covariance; together with `mean`.
        count: int, number of samples of `mean` and `covariance`. `None` if it is unknown.

    Attributes:
        count: int or None, number of samples.
        mean: float64 `(d,)`, or None without samples.

    Raises:
        ValueError: the arrays do not fit each other.

    Example:
        >>> statistics = keras_dcgan.metrics.FrechetStatistics()
        >>> for batch in batches:
        ...     statistics.update(extractor.predict_on_batch(batch))
        >>> statistics.save("statistics.npz")
    """

    def __init__(
        self, mean: ArrayLike | None = None, covariance: ArrayLike | None = None, count: int | None = None
    ) -> None:
        self.mean: Any = None
        self.count: int | None = 0
        if (mean is None) != (covariance is None):
            raise ValueError("`mean` and `covariance` belong together: pass both or neither. Received: one of them")
        if mean is None:
            return
        self.mean, self._given = np.asarray(mean, "float64"), np.asarray(covariance, "float64")
        if self.mean.ndim != 1 or self._given.shape != 2 * self.mean.shape:
            raise ValueError(
                "`mean` must have shape (d,) and `covariance` (d, d). "
                f"Received: shapes {self.mean.shape} and {self._given.shape}"
            )
        if not (np.isfinite(self.mean).all() and np.isfinite(self._given).all()):
            raise ValueError("`mean` and `covariance` must be finite. Received: NaN or infinity in them")
        self.count = count
        self._scatter = self._given * ((count or 1) - 1)

    def update(self, features: ArrayLike) -> Self:
        """Adds samples.

        Args:
            features: `(n, d)` floats.

        Returns:
            The statistics themselves.

        Raises:
            ValueError: the features are not finite or have another d, or the number of samples so far is unknown.
        """
        features = _features("features", features)
        if self.count is None:
            raise ValueError(
                "update() requires the number of earlier samples: pass `count` to the constructor. Received: count=None"
            )
        if self.count == 0:
            self.mean = np.zeros(features.shape[1])
            self._scatter = np.zeros((features.shape[1],) * 2)
        if features.shape[1] != len(self.mean):
            raise ValueError(
                f"`features` must have {len(self.mean)} columns, like the earlier ones. "
                f"Received: shape {features.shape}"
            )
        # the update of Chan, Golub and LeVeque (1983) for a batch: no difference of large sums
        m = len(features)
        mean = features.mean(axis=0)
        centered = features - mean
        step = mean - self.mean
        self._scatter += centered.T @ centered + np.outer(step, step) * (self.count * m / (self.count + m))
        self.mean = self.mean + step * (m / (self.count + m))
        self.count += m
        return self

    @property
    def covariance(self) -> np.ndarray:
        """Unbiased covariance, float64 `(d, d)`."""
        if self.count is None:
            return self._given
        if self.count < 2:
            raise ValueError(f"A covariance needs at least two samples. Received: {self.count}")
        return self._scatter / (self.count - 1)

    def save(self, filepath: str | os.PathLike[str]) -> None:
        """Writes the statistics to a `.npz` file that pytorch-fid, clean-fid and StudioGAN read: `mu` and `sigma`."""
        if pathlib.Path(filepath).suffix != ".npz":
            raise ValueError(f"`filepath` must end in .npz. Received: filepath={str(filepath)!r}")
        with files.replacing(filepath) as temporary:
            np.savez(temporary, mu=self.mean, sigma=self.covariance, count=-1 if self.count is None else self.count)

    @classmethod
    def load(cls, filepath: str | os.PathLike[str]) -> Self:
        """Loads a `.npz` file with `mu` and `sigma`, also those of pytorch-fid, clean-fid and StudioGAN."""
        try:
            with np.load(filepath) as file:
                mean, covariance = file["mu"], file["sigma"]
                count = int(file["count"]) if "count" in file else -1
        except (KeyError, TypeError, ValueError, zipfile.BadZipFile, EOFError) as error:
            raise ValueError(
                "`filepath` must be a .npz file with the arrays `mu` and `sigma`. "
                f"Received: {str(filepath)!r} ({error})"
            ) from error
        return cls(mean, covariance, None if count < 0 else count)


def frechet_distance(real: ArrayLike | FrechetStatistics, generated: ArrayLike | FrechetStatistics) -> float:
    """Fréchet distance between two sets of features: `‖μ₁ − μ₂‖² + tr(C₁ + C₂ − 2 (C₁ C₂)^½)`.

    With features of the Inception network, it is known as FID. It is biased upward, more so for few samples. If there
    are not more samples than features, the covariance is singular and the bias large; a warning says so.

    Args:
        real: `(n, d)` floats, or `FrechetStatistics` of them.
        generated: the same for generated images; n may differ.

    Returns:
        float, 0 for equal distributions.

    Raises:
        ValueError: the features are not finite arrays with the same number of columns.

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
        raise ValueError(f"`generated` must have {d} columns like `real`. Received: {len(statistics[1].mean)}")
    fewest = min(math.inf if given.count is None else given.count for given in statistics)
    if fewest <= d:
        warnings.warn(
            f"The Fréchet distance of {fewest} samples with {d} features is far too large, because the covariance is "
            "singular. Use more samples, or compare it only with distances of the same number of samples.",
            stacklevel=2,
        )
    roots = [_root(covariance) for covariance in covariances]
    # the trace of (C₁ C₂)^½ is the sum of the singular values of C₁^½ C₂^½: never complex or negative
    cross = scipy.linalg.svdvals(roots[0] @ roots[1]).sum()
    step = statistics[0].mean - statistics[1].mean
    return max(0.0, float(step @ step + sum(np.trace(c) for c in covariances) - 2 * cross))


def kernel_distance(
    real: ArrayLike, generated: ArrayLike, *, block_size: int = 1000, subsets: int | None = None, seed: int = 2020
) -> tuple[float, float]:
    """Kernel distance: an unbiased estimate of the squared maximum mean discrepancy.

    The kernel is (x·y / d + 1)³. By default, the samples are cut into blocks in random order. Each block gives an
    unbiased estimate; the distance is their mean, with its standard error. With features of the Inception network, it
    is known as KID.

    Args:
        real: `(n, d)` floats.
        generated: `(m, d)` floats.
        block_size: int, samples per block; fewer if there are not enough for two blocks.
        subsets: int, to use as many random subsets of `block_size` samples instead of blocks, and to return the
            standard deviation of their estimates, as torch-fidelity does with 100 subsets.
        seed: int, for the order or the subsets, which are those of torch-fidelity for the same seed.

    Returns:
        `(distance, standard_error)`, or with `subsets` `(distance, standard_deviation)`, floats. The distance may be a
        little below 0.

    Raises:
        ValueError: the features are not finite arrays with the same number of columns, or there are fewer than four
            samples, or with `subsets` fewer than `block_size`.

    Reference:
        Bińkowski et al., Demystifying MMD GANs, 2018, section 4; Gretton et al., A Kernel Two-Sample Test, 2012,
        lemma 6.
    """
    real, generated = _pair(real, generated)
    validation.check_count("block_size", block_size)
    fewest = min(len(real), len(generated))
    if fewest < 4 or block_size < 2:
        raise ValueError(
            "A kernel distance needs at least two blocks of at least two samples. "
            f"Received: {fewest} samples, block_size={block_size}"
        )
    rng = np.random.RandomState(validation.check_seed(seed))
    if subsets is not None:
        return _kernel_distance_of_subsets(real, generated, block_size, subsets, rng)
    real, generated = rng.permutation(real), rng.permutation(generated)
    size = min(block_size, fewest // 2)
    estimates = [_squared_mmd(real[i : i + size], generated[i : i + size]) for i in range(0, fewest - size + 1, size)]
    return float(np.mean(estimates)), float(np.std(estimates, ddof=1) / np.sqrt(len(estimates)))


def _kernel_distance_of_subsets(real, generated, size, subsets, rng):
    validation.check_count("subsets", subsets)
    if size > min(len(real), len(generated)):
        raise ValueError(
            f"`block_size` must not exceed the number of samples. Received: block_size={size}, {len(real)} and "
            f"{len(generated)} samples"
        )
    estimates = []
    for _ in range(subsets):
        parts = [features[rng.choice(len(features), size, replace=False)] for features in (real, generated)]
        estimates.append(_squared_mmd(*parts))
    return float(np.mean(estimates)), float(np.std(estimates))


def _squared_mmd(x, y):
    n, d = x.shape

    def kernel(a, b):
        return (a @ b.T / d + 1) ** 3

    def without_diagonal(k):
        return (k.sum() - np.trace(k)) / (n * (n - 1))

    return without_diagonal(kernel(x, x)) + without_diagonal(kernel(y, y)) - 2 * kernel(x, y).mean()


def inception_score(probabilities: ArrayLike, splits: int = 10) -> tuple[float, float]:
    """Inception score: exp(E[KL(p(y|x) ‖ p(y))]) of class probabilities, high for clear and diverse images.

    Args:
        probabilities: `(n, classes)` floats, rows that sum to 1, such as the probabilities of `inception`.
        splits: int, number of parts, in the order of the samples; each gives a score.

    Returns:
        `(score, standard_deviation)` over the parts, floats.

    Raises:
        ValueError: the rows are not probabilities, or there are fewer samples than parts.

    Reference:
        Salimans et al., Improved Techniques for Training GANs, 2016, section 4.
    """
    p = _features("probabilities", probabilities)
    validation.check_count("splits", splits)
    if len(p) < splits:
        raise ValueError(f"`splits` must not exceed the number of samples. Received: splits={splits}, {len(p)} samples")
    if p.min() < 0 or np.abs(p.sum(axis=1) - 1).max() > 1e-3:
        raise ValueError(
            "`probabilities` must be rows of probabilities, such as keras.ops.softmax(logits). Received: rows with "
            f"sums from {p.sum(axis=1).min():.3g} to {p.sum(axis=1).max():.3g}"
        )
    scores = []
    for part in np.array_split(p, splits):
        divergence = scipy.special.rel_entr(part, part.mean(axis=0)).sum(axis=1)
        scores.append(np.exp(divergence.mean()))
    return float(np.mean(scores)), float(np.std(scores))


def nearest(samples: ArrayLike, images: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Finds the nearest image of each sample by Euclidean distance, to check for memorized training images.

    Args:
        samples: `(n, …)` floats or uint8, pixels or features.
        images: `(m, …)` of the same shape, for instance training images or their features.

    Returns:
        `(indices, distances)`: int64 `(n,)`, the positions in `images`, and float64 `(n,)`.

    Raises:
        ValueError: the shapes differ.
    """
    samples, images = (validation.as_numpy(x) for x in (samples, images))
    if samples.shape[1:] != images.shape[1:]:
        raise ValueError(
            f"`samples` and `images` must have the same shape. Received: shapes {samples.shape} and {images.shape}"
        )
    neighbors = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(
        images.reshape(len(images), -1).astype("float64")
    )
    distances, indices = neighbors.kneighbors(samples.reshape(len(samples), -1).astype("float64"))
    return indices[:, 0], distances[:, 0]


def precision_recall(real: ArrayLike, generated: ArrayLike, k: int = 3) -> tuple[float, float]:
    """Precision and recall: the fraction of samples that look real, and of real images that the model can generate.

    Each sample of a set covers a ball whose radius is the distance to its k-th nearest neighbor. Precision is the
    fraction of generated samples inside the balls of the real ones; recall is the fraction of real samples inside the
    balls of the generated ones.

    Args:
        real: `(n, d)` floats.
        generated: `(m, d)` floats. Use m = n, because the values depend on both.
        k: int, less than n and m.

    Returns:
        `(precision, recall)`, floats from 0 to 1.

    Raises:
        ValueError, TypeError: the features are not finite arrays with the same number of columns, or k is out of
            range.

    Reference:
        Kynkäänniemi et al., Improved Precision and Recall Metric for Assessing Generative Models, 2019, section 3.
    """
    real, generated = _pair(real, generated, k)
    return _share_within(generated, real, k), _share_within(real, generated, k)


def _share_within(samples, others, k):
    """The fraction of samples inside a ball of the others."""
    radii = _radii(others, k)
    parts = pairwise_distances_chunked(samples, others, reduce_func=lambda d, start: (d <= radii).any(axis=1))
    return float(np.concatenate(list(parts)).mean())


def density_coverage(real: ArrayLike, generated: ArrayLike, k: int = 5) -> tuple[float, float]:
    """Density and coverage: variants of precision and recall that are robust to outliers.

    Density is the mean number of balls of real samples that contain a generated sample, divided by k. Coverage is the
    fraction of real samples whose ball contains a generated sample.

    Args:
        real: `(n, d)` floats.
        generated: `(m, d)` floats.
        k: int, less than n and m.

    Returns:
        `(density, coverage)`, floats. Density is about 1 for equal distributions and can exceed it; coverage is at most
        1.

    Raises:
        ValueError, TypeError: the features are not finite arrays with the same number of columns, or k is out of
            range.

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
    """Each sample's distance to its k-th nearest neighbor, not counting itself."""
    neighbors = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(samples)
    return neighbors.kneighbors()[0][:, -1]


def _root(covariance):
    """The symmetric square root of a covariance matrix."""
    values, vectors = scipy.linalg.eigh(covariance)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T


def _features(name: str, features: ArrayLike) -> np.ndarray:
    features = validation.as_numpy(features).astype("float64")
    if features.ndim != 2 or 0 in features.shape:
        raise ValueError(
            f"`{name}` must have shape (n, d); features.reshape(len(features), -1) flattens other shapes. "
            f"Received: shape {features.shape}"
        )
    if not np.isfinite(features).all():
        raise ValueError(f"`{name}` must be finite. Received: features with NaN or infinity")
    return features


def _pair(real: ArrayLike, generated: ArrayLike, k: int = 1) -> tuple[np.ndarray, np.ndarray]:
    real, generated = _features("real", real), _features("generated", generated)
    if real.shape[1] != generated.shape[1]:
        raise ValueError(f"`generated` must have {real.shape[1]} columns like `real`. Received: {generated.shape[1]}")
    validation.check_count("k", k)
    if k >= min(len(real), len(generated)):
        raise ValueError(
            f"`k` must be less than the number of samples. Received: k={k}, {len(real)} and {len(generated)} samples"
        )
    return real, generated

"""Distances between sets of features, against values by hand."""

import itertools
import warnings

import numpy as np
import pytest

from keras_dcgan import metrics

pytestmark = pytest.mark.once

RNG = np.random.default_rng


def normal(n, d, seed=0, scale=1.0, shift=0.0):
    return RNG(seed).normal(size=(n, d)) * scale + shift


def with_moments(mean, covariance, n=64, seed=0):
    """Samples whose mean and covariance are exactly these."""
    x = normal(n, len(mean), seed)
    x -= x.mean(axis=0)
    x = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    values, vectors = np.linalg.eigh(np.array(covariance, "float64"))
    return x @ (vectors * np.sqrt(np.maximum(values, 0))).T + mean


# Fréchet


def test_frechet_distance_of_independent_features_is_the_closed_form():
    a = with_moments([0, 1, -2], np.diag([1.0, 4.0, 9.0]))
    b = with_moments([1, 1, 0], np.diag([4.0, 1.0, 0.25]), n=50, seed=1)
    expected = 1 + 4 + (1 - 2) ** 2 + (2 - 1) ** 2 + (3 - 0.5) ** 2
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-12)


def test_frechet_distance_of_correlated_features_in_two_dimensions():
    # tr (C1 C2)^1/2 of two matrices 2 x 2 is (tr C1 C2 + 2 (det C1 C2)^1/2)^1/2
    c1, c2 = np.array([[2.0, 0.7], [0.7, 1.0]]), np.array([[1.0, -0.9], [-0.9, 3.0]])
    cross = np.sqrt(np.trace(c1 @ c2) + 2 * np.sqrt(np.linalg.det(c1) * np.linalg.det(c2)))
    expected = 0.25 + np.trace(c1) + np.trace(c2) - 2 * cross
    a, b = with_moments([0, 0], c1), with_moments([0.5, 0], c2, seed=1)
    assert metrics.frechet_distance(a, b) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("rank", [8, 3])
def test_frechet_distance_is_symmetric_and_zero_for_the_same(rank):
    mix = normal(rank, 8, seed=3)
    a, b = normal(100, rank) @ mix, normal(90, rank, seed=1) @ mix
    assert metrics.frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(a, a[::-1]) == pytest.approx(0, abs=1e-9)
    assert metrics.frechet_distance(a, b) == pytest.approx(metrics.frechet_distance(b, a), rel=1e-9)
    assert metrics.frechet_distance(a, b) > 0.01


def test_frechet_distance_of_singular_covariances():
    a = with_moments([0, 0, 0], np.diag([4.0, 0.0, 1.0]))
    b = with_moments([0, 0, 0], np.diag([1.0, 9.0, 0.0]), seed=1)
    assert metrics.frechet_distance(a, b) == pytest.approx((2 - 1) ** 2 + 9 + 1, rel=1e-7)


def test_frechet_distance_far_from_zero_and_of_float32():
    a, b = normal(200, 5), normal(200, 5, seed=1, scale=1.5)
    expected = metrics.frechet_distance(a, b)
    assert metrics.frechet_distance(a + 1e6, b + 1e6) == pytest.approx(expected, rel=1e-5)
    assert metrics.frechet_distance(a.astype("float32"), b.astype("float32")) == pytest.approx(expected, rel=1e-5)


def test_frechet_distance_says_that_samples_are_too_few():
    with pytest.warns(UserWarning, match="8 samples with 8 features is far too large"):
        value = metrics.frechet_distance(normal(8, 8), normal(100, 8, seed=1))
    assert np.isfinite(value)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.frechet_distance(normal(9, 8), normal(100, 8, seed=1))


@pytest.mark.parametrize("cuts", [[], [1], [1, 2, 50], range(1, 100)])
def test_statistics_that_come_in_parts_are_those_of_the_whole(cuts):
    x = normal(100, 6, shift=1e3)
    statistics = metrics.FrechetStatistics()
    for start, stop in itertools.pairwise([0, *cuts, 100]):
        statistics.update(x[start:stop].astype("float64"))
    assert statistics.count == 100
    np.testing.assert_allclose(statistics.mean, x.mean(axis=0), rtol=1e-13)
    np.testing.assert_allclose(statistics.covariance, np.cov(x.T), rtol=1e-9, atol=1e-12)
    y = normal(100, 6, seed=1, shift=1e3)
    assert metrics.frechet_distance(statistics, y) == pytest.approx(metrics.frechet_distance(x, y), rel=1e-9)


# kernel distance


def mmd_by_hand(x, y):
    def k(a, b):
        return (float(a @ b) / len(a) + 1) ** 3

    n = len(x)
    within = sum(k(x[i], x[j]) + k(y[i], y[j]) for i in range(n) for j in range(n) if i != j)
    return within / (n * (n - 1)) - 2 * sum(k(a, b) for a in x for b in y) / n**2


def test_kernel_distance_equals_that_computed_by_hand():
    x, y = normal(12, 3), normal(14, 3, seed=1, shift=0.5)
    value, error = metrics.kernel_distance(x, y, block_size=4, seed=3)
    rng = np.random.RandomState(3)
    x, y = rng.permutation(x), rng.permutation(y)
    parts = [mmd_by_hand(x[i : i + 4], y[i : i + 4]) for i in (0, 4, 8)]
    assert value == pytest.approx(np.mean(parts), rel=1e-12)
    assert error == pytest.approx(np.std(parts, ddof=1) / np.sqrt(3), rel=1e-12)


def test_kernel_distance_is_unbiased_and_its_error_is_honest():
    results = [
        metrics.kernel_distance(normal(200, 4, seed), normal(200, 4, 1000 + seed), block_size=20) for seed in range(100)
    ]
    values, errors = np.transpose(results)
    assert abs(values.mean()) < 3 * values.std() / 10
    assert 0.8 < np.sqrt((errors**2).mean()) / values.std() < 1.25


def test_kernel_distance_cuts_two_blocks_at_least():
    x, y = normal(9, 3), normal(11, 3, seed=1)
    assert metrics.kernel_distance(x, y) == pytest.approx(metrics.kernel_distance(x, y, block_size=4))


def test_kernel_distance_does_not_depend_on_the_order_of_classes():
    classes = 10 * np.repeat(np.arange(10), 100)[:, None]
    x, y = normal(1000, 4) + classes, normal(1000, 4, 1) + np.random.default_rng(0).permutation(classes)
    distance, error = metrics.kernel_distance(x, y, block_size=100)
    assert abs(distance) < 3 * error


# neighbours


def neighbours_by_hand(real, generated, k):
    def distances(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=2)

    def radii(a):
        return np.sort(distances(a, a), axis=1)[:, k]

    to = distances(generated, real)
    in_real, in_generated = to <= radii(real), radii(generated) >= to.T
    precision, recall = in_real.any(axis=1).mean(), in_generated.any(axis=1).mean()
    strictly = to < radii(real)
    return precision, recall, strictly.sum() / (k * len(generated)), strictly.any(axis=0).mean()


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize(("n", "m", "shift"), [(40, 40, 0.0), (30, 50, 1.0), (50, 20, 3.0)])
def test_neighbours_equal_those_counted_by_hand(n, m, shift, k):
    real, generated = normal(n, 3), normal(m, 3, seed=1, shift=shift)
    expected = neighbours_by_hand(real, generated, k)
    assert metrics.precision_recall(real, generated, k) == pytest.approx(expected[:2], abs=1e-12)
    assert metrics.density_coverage(real, generated, k) == pytest.approx(expected[2:], abs=1e-12)


def test_neighbours_of_many_samples_are_counted_in_pieces():
    import sklearn

    real, generated = normal(300, 2), normal(300, 2, seed=1)
    whole = metrics.precision_recall(real, generated), metrics.density_coverage(real, generated)
    with sklearn.config_context(working_memory=0.01):  # MiB
        pieces = metrics.precision_recall(real, generated), metrics.density_coverage(real, generated)
    assert pieces == whole


def test_collapse_is_seen_by_recall_and_coverage_and_noise_by_precision_and_density():
    real = normal(500, 2)
    collapsed = normal(500, 2, seed=1, scale=0.01)
    noise = normal(500, 2, seed=2, scale=30.0)
    precision, recall = metrics.precision_recall(real, collapsed)
    density, coverage = metrics.density_coverage(real, collapsed)
    assert precision > 0.95
    assert recall < 0.1
    assert density > 0.9
    assert coverage < 0.1
    precision, _ = metrics.precision_recall(real, noise)
    density, coverage = metrics.density_coverage(real, noise)
    assert max(precision, density, coverage) < 0.1
    assert (
        min(*metrics.precision_recall(real, normal(500, 2, 3)), *metrics.density_coverage(real, normal(500, 2, 3)))
        > 0.8
    )


# what is refused

FUNCTIONS = [
    metrics.frechet_distance,
    metrics.kernel_distance,
    metrics.precision_recall,
    metrics.density_coverage,
]


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((20, 2, 2)), r"`generated` must have shape \(n, d\)"),
        (np.zeros(20), r"`generated` must have shape \(n, d\)"),
        (np.zeros((0, 4)), r"`generated` must have shape \(n, d\)"),
        (np.full((20, 4), np.nan), "`generated` must be finite"),
        (np.zeros((20, 5)), "`generated` must have 4 columns like `real`"),
    ],
)
def test_refuses_what_are_no_features(function, bad, message):
    with pytest.raises(ValueError, match=message):
        function(normal(20, 4), bad)


@pytest.mark.parametrize("function", [metrics.precision_recall, metrics.density_coverage])
@pytest.mark.parametrize(("k", "error"), [(0, ValueError), (20, ValueError), (1.5, TypeError)])
def test_refuses_an_impossible_k(function, k, error):
    with pytest.raises(error, match="`k` must be"):
        function(normal(20, 4), normal(20, 4, 1), k=k)


@pytest.mark.parametrize(("n", "block_size"), [(3, 1000), (20, 1)])
def test_refuses_blocks_that_are_too_small(n, block_size):
    with pytest.raises(ValueError, match="at least two blocks of at least two samples"):
        metrics.kernel_distance(normal(n, 4), normal(20, 4, 1), block_size=block_size)


def test_refuses_statistics_of_another_width_or_of_one_sample():
    statistics = metrics.FrechetStatistics().update(normal(1, 4))
    with pytest.raises(ValueError, match="must have 4 columns"):
        statistics.update(normal(3, 5))
    with pytest.raises(ValueError, match="needs at least two samples"):
        metrics.frechet_distance(statistics, normal(20, 4))


def test_statistics_are_saved_as_others_read_them(tmp_path):
    x, y = normal(50, 4), normal(60, 4, seed=1)
    statistics = metrics.FrechetStatistics().update(x[:20])
    statistics.save(tmp_path / "s.npz")
    with np.load(tmp_path / "s.npz") as file:  # mu and sigma are the names of pytorch-fid
        np.testing.assert_allclose(file["mu"], x[:20].mean(axis=0))
        np.testing.assert_allclose(file["sigma"], np.cov(x[:20], rowvar=False))
    loaded = metrics.FrechetStatistics.load(tmp_path / "s.npz").update(x[20:])
    assert loaded.count == 50
    assert metrics.frechet_distance(loaded, y) == pytest.approx(metrics.frechet_distance(x, y), rel=1e-9)


def test_statistics_of_others_have_no_count(tmp_path):
    x, y = normal(50, 4), normal(60, 4, seed=1)
    np.savez(tmp_path / "theirs.npz", mu=x.mean(axis=0), sigma=np.cov(x, rowvar=False))
    theirs = metrics.FrechetStatistics.load(tmp_path / "theirs.npz")
    assert theirs.count is None
    assert metrics.frechet_distance(theirs, y) == pytest.approx(metrics.frechet_distance(x, y), rel=1e-9)
    with pytest.raises(ValueError, match="requires the number of earlier samples"):
        theirs.update(x)
    theirs.save(tmp_path / "again.npz")
    assert metrics.FrechetStatistics.load(tmp_path / "again.npz").count is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"mu": np.zeros(3)}, "with the arrays `mu` and `sigma`"),
        ({"mu": np.zeros(3), "sigma": np.zeros((2, 2))}, r"`covariance` \(d, d\)"),
        ({"mu": np.full(3, np.nan), "sigma": np.zeros((3, 3))}, "must be finite"),
    ],
)
def test_refuses_files_that_are_no_statistics(tmp_path, content, message):
    np.savez(tmp_path / "s.npz", **content)
    with pytest.raises(ValueError, match=message):
        metrics.FrechetStatistics.load(tmp_path / "s.npz")


def test_refuses_files_of_other_kinds(tmp_path):
    np.save(tmp_path / "s.npy", np.zeros((5, 3)))
    (tmp_path / "s.txt").write_text("0.5")
    for name in ("s.npy", "s.txt"):
        with pytest.raises(ValueError, match="must be a .npz file with the arrays `mu` and `sigma`"):
            metrics.FrechetStatistics.load(tmp_path / name)


def test_refuses_a_mean_without_a_covariance():
    with pytest.raises(ValueError, match="pass both or neither"):
        metrics.FrechetStatistics(covariance=np.eye(2))


def test_statistics_are_written_to_npz_files_only(tmp_path):
    with pytest.raises(ValueError, match="must end in .npz"):
        metrics.FrechetStatistics(np.zeros(2), np.eye(2)).save(tmp_path / "s.txt")


def test_kernel_distance_of_random_subsets():
    x, y = normal(40, 4), normal(50, 4, seed=1)
    value, deviation = metrics.kernel_distance(x, y, block_size=10, subsets=5, seed=7)
    rng = np.random.RandomState(7)  # as torch-fidelity draws them
    estimates = []
    for _ in range(5):
        a, b = x[rng.choice(40, 10, replace=False)], y[rng.choice(50, 10, replace=False)]
        kernels = [(u @ v.T / 4 + 1) ** 3 for u, v in ((a, a), (b, b), (a, b))]
        within = [(k.sum() - np.trace(k)) / 90 for k in kernels[:2]]
        estimates.append(sum(within) - 2 * kernels[2].mean())
    assert value == pytest.approx(np.mean(estimates), rel=1e-9)
    assert deviation == pytest.approx(np.std(estimates), rel=1e-9)
    with pytest.raises(ValueError, match="`block_size` must not exceed"):
        metrics.kernel_distance(x, y, subsets=5)


def test_inception_score_of_clear_and_of_vague_predictions():
    clear = np.eye(4)[np.arange(40) % 4]
    assert metrics.inception_score(clear, splits=2) == pytest.approx((4, 0), abs=1e-9)
    assert metrics.inception_score(np.full((40, 4), 0.25), splits=2) == pytest.approx((1, 0), abs=1e-9)
    # by hand: p = (0.5, 0.5) on average, divergence ln 2 - H(0.9)
    mixed = np.array([[0.9, 0.1], [0.1, 0.9]] * 5)
    expected = np.exp(np.log(2) + 0.9 * np.log(0.9) + 0.1 * np.log(0.1))
    assert metrics.inception_score(mixed, splits=1)[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("probabilities", "splits", "message"),
    [
        (np.ones((10, 4)), 2, "rows of probabilities.*sums from 4 to 4"),
        (np.full((10, 4), 0.25), 11, "`splits` must not exceed"),
        (np.array([[1.5, -0.5]] * 10), 2, "rows of probabilities"),
    ],
)
def test_inception_score_refuses_what_are_no_probabilities(probabilities, splits, message):
    with pytest.raises(ValueError, match=message):
        metrics.inception_score(probabilities, splits)


def test_nearest_images():
    images = np.arange(5 * 4, dtype="uint8").reshape(5, 2, 2, 1) * 10
    indices, distances = metrics.nearest(images[[3, 1]].astype(int) + np.array([[[[1]]]]), images)
    np.testing.assert_array_equal(indices, [3, 1])
    np.testing.assert_allclose(distances, [2, 2])
    with pytest.raises(ValueError, match="must have the same shape"):
        metrics.nearest(images[:, :1], images)

"""Ways between latents."""

import statistics

import keras
import numpy as np
import pytest
from conftest import assert_identical, once, tiny, weights

from keras_dcgan import latents


def draw(d, seed):
    return np.random.default_rng(seed).normal(size=d)


@pytest.mark.parametrize("method", ["spherical", "linear"])
@pytest.mark.parametrize("d", [1, 2, 100])
@pytest.mark.parametrize("case", ["any", "equal", "opposite", "longer", "zero"])
def test_the_ends_are_exact_and_every_step_is_finite(method, d, case):
    a = draw(d, 0)
    b = {"any": draw(d, 1), "equal": a, "opposite": -a, "longer": 3 * a, "zero": 0 * a}[case]
    path = latents.interpolate(a, b, 7, method)
    assert path.shape == (7, d)
    assert path.dtype == np.float32
    np.testing.assert_array_equal(path[0], a.astype("float32"))
    np.testing.assert_array_equal(path[-1], b.astype("float32"))
    assert np.isfinite(path).all()


def test_linear_is_straight_and_even():
    a, b = draw(5, 0), draw(5, 1)
    path = latents.interpolate(a, b, 5, "linear")
    np.testing.assert_allclose(path[1], 0.75 * a + 0.25 * b, rtol=1e-6)
    np.testing.assert_allclose(np.diff(path, axis=0), np.tile((b - a) / 4, (4, 1)), atol=1e-6)


@pytest.mark.parametrize("case", ["any", "opposite"])
def test_spherical_turns_evenly_and_changes_its_length_evenly(case):
    a = draw(50, 0)
    b = 2 * draw(50, 1) if case == "any" else -2 * a
    path = latents.interpolate(a, b, 9).astype("float64")
    lengths = np.linalg.norm(path, axis=1)
    np.testing.assert_allclose(lengths, np.linspace(np.linalg.norm(a), np.linalg.norm(b), 9), rtol=1e-6)
    directions = path / lengths[:, None]
    # rounding may put the cosine of half a turn below −1
    turns = np.arccos(np.clip(np.sum(directions[:-1] * directions[1:], axis=1), -1, 1))
    whole = np.arccos(np.clip(a @ b / np.linalg.norm(a) / np.linalg.norm(b), -1, 1))
    np.testing.assert_allclose(turns, whole / 8, rtol=1e-4)


def test_spherical_in_the_plane_is_the_circle():
    path = latents.interpolate(np.array([1.0, 0]), np.array([0, 1.0]), 4)
    angles = np.radians([0, 30, 60, 90])
    np.testing.assert_allclose(path, np.stack([np.cos(angles), np.sin(angles)], axis=1), atol=1e-7)


def test_spherical_between_nearly_equal_and_nearly_opposite_points_keeps_their_length():
    a = draw(100, 0)
    for b in (a + 1e-9 * draw(100, 1), -a + 1e-9 * draw(100, 1)):
        path = latents.interpolate(a, b, 11)
        np.testing.assert_allclose(np.linalg.norm(path, axis=1), np.linalg.norm(a), rtol=1e-6)


def test_a_walk_goes_through_its_points():
    points = np.stack([draw(6, i) for i in range(3)]).astype("float32")
    path = latents.walk(points, 4)
    assert path.shape == (9, 6)
    np.testing.assert_array_equal(path[::4], points)
    np.testing.assert_array_equal(path[4:8], latents.interpolate(points[1], points[2], 5)[:-1])


def test_a_closed_walk_comes_back_without_repeating_its_first_point():
    points = np.stack([draw(6, i) for i in range(3)]).astype("float32")
    path = latents.walk(points, 4, "linear", closed=True)
    assert path.shape == (12, 6)
    np.testing.assert_array_equal(path[::4], points)
    np.testing.assert_allclose(path[-1], 0.25 * points[2] + 0.75 * points[0], rtol=1e-5)


def test_takes_tensors_and_is_taken_by_generate():
    gan = tiny()
    path = latents.walk(gan.sample_latents(3, seed=0), 2)
    assert gan.generate(latents=path).shape == (5, 8, 8, 1)
    a, b = keras.ops.unstack(gan.sample_latents(2, seed=0), axis=0)
    np.testing.assert_array_equal(latents.interpolate(a, b, 3), path[:3])


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"start": np.zeros((2, 3))}, ValueError, "`start` must be finite floats"),
        ({"end": np.full(3, np.nan)}, ValueError, "`end` must be finite floats"),
        ({"end": np.zeros(4)}, ValueError, "`start` and `end` must have the same shape"),
        ({"n": 1}, ValueError, "`n` must be an integer of at least 2"),
        ({"n": 2.5}, TypeError, "`n` must be an integer of at least 2"),
        ({"method": "cubic"}, ValueError, '`method` must be "spherical" or "linear"'),
    ],
)
def test_refuses_nonsense(arguments, error, message):
    with pytest.raises(error, match=message):
        latents.interpolate(**({"start": np.ones(3), "end": np.zeros(3), "n": 5} | arguments))


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.zeros(3)])
def test_refuses_a_walk_without_two_points(points):
    with pytest.raises(ValueError, match="`points` must be at least two latent vectors"):
        latents.walk(points, 3)


def test_truncation_is_the_prior_without_its_tails():
    z = keras.ops.convert_to_numpy(latents.sample((400, 50), "normal", seed=0, truncation=0.7))
    assert z.dtype == np.float32
    assert 0.69 < np.abs(z).max() <= 0.7
    # what is left of N(0, 1): the variance 1 − 2 t φ(t) / (2 Φ(t) − 1), and the quantiles of the whole
    assert z.var() == pytest.approx(1 - 1.4 * 0.3122539 / 0.5160727, rel=0.01)
    assert np.mean(np.abs(z) < 0.35) == pytest.approx(0.2736612 / 0.5160727, abs=0.01)


def test_a_wide_truncation_leaves_the_prior():
    whole = keras.ops.convert_to_numpy(latents.sample((400, 50), "normal", seed=0, truncation=8.0))
    assert np.isfinite(whole).all()
    assert whole.mean() == pytest.approx(0, abs=0.02)
    assert whole.std() == pytest.approx(1, abs=0.02)
    uniform = [keras.ops.convert_to_numpy(latents.sample((9, 5), "uniform", 0, t)) for t in (None, 2.0, 0.5)]
    np.testing.assert_array_equal(uniform[1], uniform[0])
    np.testing.assert_allclose(uniform[2], 0.5 * uniform[0], rtol=1e-6)


def test_truncation_pulls_the_same_draws_in():
    z = np.random.default_rng(0).standard_normal((2, 3))
    normal = statistics.NormalDist()
    expected = [[normal.inv_cdf(0.5 + (normal.cdf(x) - 0.5) * 0.6826894921370859) for x in row] for row in z]
    for truncation, values, tolerance in ((1.0, expected, 1e-5), (8.0, z, 1e-4)):
        got = keras.ops.convert_to_numpy(latents.sample((2, 3), "normal", 0, truncation))
        np.testing.assert_allclose(got, values, rtol=tolerance)


@pytest.mark.parametrize("truncation", [0, -1.0, "0.7", True, float("nan")])
def test_refuses_a_truncation_that_is_not_positive(truncation):
    with pytest.raises(ValueError, match="`truncation` must be a positive number"):
        latents.sample((2, 2), "normal", 0, truncation)


def test_an_analogy_is_the_difference_of_the_means_added_to_the_third():
    a, b, c = np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 1]]), np.array([[5.0, 5], [7, 7], [9, 9]])
    got = latents.analogy(a, b, c)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, [8, 9])


def test_an_analogy_of_three_each_is_as_long_as_a_draw():
    a, b, c = np.random.default_rng(0).normal(size=(3, 3, 10_000))
    assert np.linalg.norm(latents.analogy(a, b, c)) == pytest.approx(100, rel=0.03)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ((np.zeros(3), np.zeros((1, 3)), np.zeros((1, 3))), "`a` must be finite floats"),
        ((np.zeros((1, 3)), np.zeros((0, 3)), np.zeros((1, 3))), "`b` must be finite floats"),
        ((np.zeros((1, 3)), np.zeros((1, 3)), np.full((1, 3), np.inf)), "`c` must be finite floats"),
        ((np.zeros((1, 3)), np.zeros((1, 4)), np.zeros((1, 3))), "must have the same latent_dim. Received: 3, 4, 3"),
    ],
)
def test_refuses_an_analogy_of_what_are_no_latents(groups, message):
    with pytest.raises(ValueError, match=message):
        latents.analogy(*groups)


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("preset", "prior"),
    [
        once("mnist", "normal"),
        once("radford_28", "uniform"),
        ("fashion_mnist_conditional", "normal"),
    ],
)
def test_the_latents_of_a_generated_image_are_found(preset, prior):
    gan = tiny(preset, latent_prior=prior, width=1 / 8)
    # the images of an untrained generator are nearly grey
    for weight in gan.generator.trainable_variables:
        weight.assign((2 if preset == "mnist" else 4) * weight)
    given = {"labels": np.array([0, 1, 2, 0, 1])} if "conditional" in preset else {}
    before = weights(gan)
    made = gan.generate(5, seed=5, **given)
    assert made.std() > 20
    start = gan.generate(latents=gan.sample_latents(5, seed=0), **given)
    z = gan.invert(made, *given.values(), steps=200)
    assert z.shape == (5, 4)
    assert z.dtype == np.float32
    if prior == "uniform":
        assert np.abs(z).max() <= 1
    before_and_after = [
        np.abs(x.astype(float) - made).mean(axis=(1, 2, 3)) for x in (start, gan.generate(latents=z, **given))
    ]
    # the median, since a search may be stuck
    assert np.median(before_and_after[1]) < 0.1 * np.median(before_and_after[0])
    for a, b in zip(before, weights(gan), strict=True):
        np.testing.assert_array_equal(a, b)
    assert gan.generator.trainable


@pytest.mark.parametrize("batch_size", [128, 2])
def test_an_image_is_inverted_independently_of_the_others(batch_size):
    gan = tiny("fashion_mnist_conditional", width=1 / 8)
    labels = np.array([2, 0, 1])
    made = gan.generate(3, seed=5, labels=labels)
    together = gan.invert(made, labels, steps=20, batch_size=batch_size)
    alone = gan.invert(made[:1], labels[:1], steps=20)
    np.testing.assert_allclose(alone, together[:1], atol=1e-4)


def test_a_search_does_not_change_training(images):
    models = tiny(), tiny()
    models[0].invert(images, steps=2)
    for gan in models:
        gan.fit(images, batch_size=8, verbose=0, shuffle=False)
    assert_identical(*models)


def test_the_search_starts_where_the_seed_says(images):
    gan = tiny("mnist")
    z = gan.invert(images, steps=1, seed=3, learning_rate=1e-6)
    np.testing.assert_allclose(z, keras.ops.convert_to_numpy(gan.sample_latents(24, seed=3)), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"images": np.zeros((2, 9, 8, 1), "uint8")}, ValueError, "Images must have shape"),
        ({"steps": 0}, ValueError, "`steps` must be a positive integer"),
        ({"seed": None}, TypeError, "`seed` must be an integer"),
    ],
)
def test_refuses_a_search_for_nonsense(images, arguments, error, message):
    with pytest.raises(error, match=message):
        tiny().invert(**({"images": images} | arguments))

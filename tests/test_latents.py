"""Ways between latents."""

import keras
import numpy as np
import pytest
from conftest import tiny

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
    turns = np.arccos(np.sum(directions[:-1] * directions[1:], axis=1))
    whole = np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b))
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
        ({"start": np.zeros((2, 3))}, ValueError, "`start` must be one latent"),
        ({"end": np.full(3, np.nan)}, ValueError, "`end` must be one latent"),
        ({"end": np.zeros(4)}, ValueError, "`start` and `end` must have one shape"),
        ({"n": 1}, ValueError, "`n` must be two at least"),
        ({"n": 2.5}, TypeError, "`n` must be a positive integer"),
        ({"method": "cubic"}, ValueError, '`method` must be "spherical" or "linear"'),
    ],
)
def test_refuses_nonsense(arguments, error, message):
    with pytest.raises(error, match=message):
        latents.interpolate(**({"start": np.ones(3), "end": np.zeros(3), "n": 5} | arguments))


@pytest.mark.parametrize("points", [np.zeros((1, 3)), np.zeros(3)])
def test_refuses_a_walk_without_two_points(points):
    with pytest.raises(ValueError, match="`points` must be two latents at least"):
        latents.walk(points, 3)

"""The pictures of the latent space show what they say."""

import pathlib
import re
import statistics

import keras
import numpy as np
import pytest
from conftest import tiny
from PIL import Image, ImageSequence
from scripts import run

pytestmark = pytest.mark.once
SCRIPT = "examples/latent_space.py"


def saved(tmp_path, preset):
    """A tiny untrained model whose images differ from each other."""
    gan = tiny(preset)
    for weight in gan.generator.trainable_variables:
        if len(weight.shape) > 1:
            weight.assign(weight * (0.5 / np.std(keras.ops.convert_to_numpy(weight))))
    assert gan.generate(20, seed=0).std(axis=0).mean() > 20
    gan.save(tmp_path / "gan.keras")
    return gan


def cells(picture, columns):
    """A sheet of 8x8 images at 8 pixels to one, as a path or an image, cut up: (rows, columns, 8, 8)."""
    if isinstance(picture, pathlib.Path):
        with Image.open(picture) as file:
            return cells(file.copy(), columns)
    sheet = np.asarray(picture)[::8, ::8]
    assert sheet.shape[1] == 10 * columns + 2
    return sheet[2:, 2:].reshape(-1, 10, columns, 10).swapaxes(1, 2)[:, :, :8, :8]


def assert_shows(cell, gan, latent):
    # 1: the images of a batch of another size may be rounded otherwise
    np.testing.assert_allclose(cell.astype(int), gan.generate(latents=np.float32(latent)[None])[0, ..., 0], atol=1)


def groups(output):
    return [[int(i) for i in group.split(", ")] for group in re.findall(r"[abc] \[([\d, ]+)\]", output)]


def check_analogy(picture, gan, z, a, b, c):
    drawn = cells(picture, 6)
    for column, group in enumerate((a, b, c)):
        for row, i in enumerate(group):
            assert_shows(drawn[row, column], gan, z[i])
        assert_shows(drawn[3, column], gan, z[group].mean(axis=0))
    result = z[a].mean(axis=0) - z[b].mean(axis=0) + z[c].mean(axis=0)
    assert_shows(drawn[3, 4], gan, result)
    assert not drawn[3, [3, 5]].any()
    around = np.abs(drawn[:3, 3:].astype(int) - drawn[3, 4]).mean(axis=(2, 3))
    assert (around > 0).all()  # noise,
    assert around.mean() < np.abs(drawn[:3, :3].astype(int) - drawn[3, 4]).mean()  # but little


def test_a_normal_prior_with_test_images(tmp_path):
    gan = saved(tmp_path, "mnist")
    out = tmp_path / "new" / "out"
    real = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 1), "uint8")
    np.savez(tmp_path / "data.npz", x_train=real[:2], x_test=real)
    output = run(SCRIPT, tmp_path / "gan.keras", "--data", tmp_path / "data.npz", "--out", out, "--seed", 3)
    written = re.search(r": (samples.*)", output)[1].split(", ")
    assert sorted(written) == sorted(path.name for path in out.iterdir())
    assert len(written) == 6

    z = keras.ops.convert_to_numpy(gan.sample_latents(100, seed=3))
    samples = cells(out / "samples.png", 10)
    np.testing.assert_array_equal(samples.reshape(100, 8, 8), gan.generate(100, seed=3)[..., 0])

    ways = cells(out / "interpolation.png", 10)
    assert ways.shape[:2] == (10, 10)
    for row in (0, 9):
        start, end = z[10 * row].astype("float64"), z[10 * row + 1].astype("float64")
        assert_shows(ways[row, 0], gan, start)
        assert_shows(ways[row, 9], gan, end)
        lengths = np.linalg.norm(start), np.linalg.norm(end)
        angle = np.arccos(start @ end / np.prod(lengths))  # the third of ten turns by two ninths of it
        turned = np.sin(7 / 9 * angle) * start / lengths[0] + np.sin(2 / 9 * angle) * end / lengths[1]
        assert_shows(ways[row, 2], gan, turned / np.sin(angle) * (7 * lengths[0] + 2 * lengths[1]) / 9)

    rows = cells(out / "truncation.png", 10)
    bell = statistics.NormalDist()
    for row, truncation in zip(rows[:3], (0.25, 0.5, 1), strict=True):
        share = 2 * bell.cdf(truncation) - 1
        for cell, numbers in zip(row, z, strict=False):
            assert_shows(cell, gan, [bell.inv_cdf(0.5 + share * (bell.cdf(x) - 0.5)) for x in numbers])
    np.testing.assert_array_equal(rows[3], samples[0])

    a, b, c = groups(output)
    check_analogy(out / "arithmetic.png", gan, z, a, b, c)
    brightness = samples.reshape(100, 64).mean(axis=1)
    assert brightness[a].min() > brightness[b].max()
    like = np.corrcoef(samples.reshape(100, 64))
    assert like[np.ix_(a, b)].mean() > like[np.ix_(a, c)].mean()

    above, below = cells(out / "found.png", 10)
    np.testing.assert_array_equal(above, real[:10, ..., 0])
    errors = ((above / 255 - below / 255) ** 2).mean(axis=(1, 2))
    assert float(re.search(r"on average ([\d.]+)", output)[1]) == pytest.approx(errors.mean(), abs=1e-4)
    assert errors.mean() < ((above / 255 - gan.generate(10, seed=3)[..., 0] / 255) ** 2).mean()


def test_a_uniform_prior_with_groups_by_hand(tmp_path):
    gan = saved(tmp_path, "radford_28")
    out = tmp_path / "out"
    output = run(SCRIPT, tmp_path / "gan.keras", "--out", out, "--analogy", *range(9))
    assert groups(output) == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]
    z = keras.ops.convert_to_numpy(gan.sample_latents(100, seed=0))
    check_analogy(out / "arithmetic.png", gan, z, *groups(output))
    assert not (out / "found.png").exists()

    ways = cells(out / "interpolation.png", 10)
    assert_shows(ways[4, 3], gan, (6 * z[40] + 3 * z[41]) / 9)

    with Image.open(out / "walk.gif") as animation:
        shown = [
            (cells(frame.convert("L"), 4)[0], frame.info["duration"]) for frame in ImageSequence.Iterator(animation)
        ]
    assert sum(duration for _, duration in shown) == 5 * 12 * 80  # equal frames are stored as one
    for walk in range(4):
        assert_shows(shown[0][0][walk], gan, z[20 * walk])
        assert_shows(shown[-1][0][walk], gan, (z[20 * walk + 4] + 11 * z[20 * walk]) / 12)  # a step from the first

    rows = cells(out / "truncation.png", 10)
    for row, truncation in zip(rows, (0.25, 0.5, 0.75, 1), strict=True):
        for cell, latent in zip(row, z, strict=False):
            assert_shows(cell, gan, truncation * latent)


def test_a_conditional_model_is_refused(tmp_path, capsys):
    tiny("radford_28_conditional").save(tmp_path / "gan.keras")
    with pytest.raises(SystemExit, match="2"):
        run(SCRIPT, tmp_path / "gan.keras", "--out", tmp_path / "out")
    assert "needs an unconditional DCGAN" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()

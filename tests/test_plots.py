"""Figures: what is drawn where."""

import csv
import math

import keras
import numpy as np
import pytest
from conftest import tiny

from keras_dcgan import plots

pytestmark = pytest.mark.once
LOGS = {
    "g_loss": [0.7, 0.9, 1.1],
    "d_loss": [1.4, 1.2, 1.0],
    "real_accuracy": [0.5, 0.6, 0.7],
    "fake_accuracy": [0.4, 0.5, 0.6],
    "val_d_loss": [1.3, 1.2, 1.1],
}


def as_history():
    history = keras.callbacks.History()
    history.epoch, history.history = [0, 1, 2], LOGS
    return history


def as_csv(path):
    """With an epoch that was trained twice: the later row counts."""
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", *LOGS])
        rows.writerow([1, *[9] * 5])
        for epoch, values in enumerate(zip(*LOGS.values(), strict=True)):
            rows.writerow([epoch, *values])
    return path


@pytest.mark.parametrize("form", ["history", "dict", "csv"])
def test_history_draws_every_curve_and_where_the_discriminator_guesses(tmp_path, form):
    given = {"history": as_history(), "dict": LOGS, "csv": as_csv(tmp_path / "log.csv")}[form]
    figure = plots.history(given)
    lines = {line.get_label(): line for axis in figure.axes for line in axis.lines}
    for name, values in LOGS.items():
        x, y = lines[name].get_data()
        order = np.argsort(x)
        assert list(np.array(x)[order]) == [1, 2, 3]
        np.testing.assert_array_equal(np.array(y)[order], values)
    assert lines["val_d_loss"].get_linestyle() == "--"
    assert lines["2 log 2: the discriminator guesses"].get_ydata()[0] == pytest.approx(2 * math.log(2))
    figure.savefig(tmp_path / "history.png")
    assert (tmp_path / "history.png").stat().st_size > 10_000


@pytest.mark.parametrize("validation", [{}, {"validation_split": 0.5, "validation_freq": 2}])
def test_history_of_a_run_is_drawn_from_its_file_and_its_return_value(tmp_path, validation):
    gan = tiny()
    gan.compile()
    images = np.random.default_rng(0).integers(0, 256, (8, 8, 8, 1), "uint8")
    log = keras.callbacks.CSVLogger(tmp_path / "log.csv")
    returned = gan.fit(images, batch_size=4, epochs=4, verbose=0, callbacks=[log], **validation)
    for form in (returned, returned.history, tmp_path / "log.csv"):
        lines = {line.get_label(): line for axis in plots.history(form).axes for line in axis.lines}
        np.testing.assert_array_equal(lines["d_loss"].get_xdata(), [1, 2, 3, 4])
        np.testing.assert_allclose(lines["d_loss"].get_ydata(), returned.history["d_loss"], rtol=1e-5)
        assert ("val_d_loss" in lines) == bool(validation)
        if validation:
            np.testing.assert_array_equal(lines["val_d_loss"].get_xdata(), [2, 4])
            np.testing.assert_allclose(lines["val_d_loss"].get_ydata(), returned.history["val_d_loss"], rtol=1e-5)


def test_history_without_losses_is_refused():
    with pytest.raises(ValueError, match=r"must contain `g_loss` and `d_loss`.*Received: \['accuracy'\]"):
        plots.history({"accuracy": [1.0]})


def picture(figure):
    return np.asarray(figure.axes[0].images[0].get_array())


def test_latent_grid_spans_a_plane_of_two_components():
    gan = tiny(latent_dim=2)
    made = picture(plots.latent_grid(gan, 3))
    quantile = 2 * 0.95 - 1  # uniform prior
    corners = np.array([[-quantile, quantile], [quantile, quantile], [-quantile, -quantile], [quantile, -quantile]])
    expected = gan.generate(latents=corners.astype("float32"))[..., 0]
    for (i, j), image in zip([(0, 0), (0, 2), (2, 0), (2, 2)], expected, strict=True):
        np.testing.assert_array_equal(made[8 * i : 8 * i + 8, 8 * j : 8 * j + 8], image)


def test_latent_grid_interpolates_between_four_latent_vectors():
    gan = tiny("radford_28_conditional", class_names=["a", "b", "c"])
    made = picture(plots.latent_grid(gan, 3, label="b", seed=5))
    corners = keras.ops.convert_to_numpy(gan.sample_latents(4, seed=5))
    expected = gan.generate(latents=corners, labels="b")[..., 0].astype(int)
    for k, image in zip([(0, 0), (2, 0), (0, 2), (2, 2)], expected, strict=True):
        tile = made[8 * k[0] : 8 * k[0] + 8, 8 * k[1] : 8 * k[1] + 8]
        assert np.abs(tile - image).max() <= 1
    with pytest.raises(ValueError, match="`label` is required"):
        plots.latent_grid(gan)


def test_normal_quantiles_are_those_of_the_prior():
    np.testing.assert_allclose(plots._quantiles("normal", np.array([0.05, 0.5, 0.95])), [-1.645, 0, 1.645], atol=1e-3)


@pytest.mark.parametrize("in_features", [False, True])
def test_nearest_finds_the_images_of_which_the_samples_are_copies(images, in_features):
    gan = tiny()
    samples = gan.generate(3, seed=0)
    near = np.clip(samples.astype(int) + 1, 0, 255).astype("uint8")
    training = np.concatenate([images, near[::-1]])
    x = keras.Input((8, 8, 1))
    extractor = keras.Model(x, keras.layers.Flatten()(x)) if in_features else None
    figure = plots.nearest(gan, training, 3, extractor=extractor, scale=1)
    made = picture(figure)
    for i in range(3):
        np.testing.assert_array_equal(made[2:10, 2 + 10 * i : 10 + 10 * i], samples[i, ..., 0])
        np.testing.assert_array_equal(made[12:20, 2 + 10 * i : 10 + 10 * i], near[i, ..., 0])
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == ["samples", "nearest\ntraining images"]


def test_figures_are_not_shown(monkeypatch):
    import matplotlib.pyplot as plt

    plots.history(LOGS)
    plots.latent_grid(tiny(), 2)
    assert plt.get_fignums() == []

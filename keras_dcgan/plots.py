"""Plots of a training run and of a trained model, drawn with matplotlib."""

import csv
import math
import os
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_dcgan import images as _images, latents as _latents
from keras_dcgan.dcgan import DCGAN
from keras_dcgan.training import validation
from keras_dcgan.training.inference import predict_on_batch

try:
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure
except ImportError as error:
    raise ImportError(
        'keras_dcgan.plots needs matplotlib: pip install "keras-dcgan[plots]"', name=error.name
    ) from error

__all__ = ["history", "latent_grid", "nearest"]


def history(history: keras.callbacks.History | Mapping[str, list[float]] | str | os.PathLike[str]) -> Figure:
    """Plots the losses and accuracies of both networks over the epochs.

    The dotted lines show the values at which the discriminator only guesses: with the cross-entropy losses 2 log 2 for
    `d_loss` and log 2 for `g_loss`, and an accuracy of 0.5. A healthy run stays near them without reaching them: a
    `d_loss` near 0 means that the discriminator wins. Held-out data is dashed.

    Args:
        history: the return value of `fit`, its dict `history`, or the path of a file that `keras.callbacks.CSVLogger`
            wrote. Of an epoch that was trained twice, the later values are plotted. Only the file tells the epochs of
            validation; otherwise they are assumed to be equally far apart.

    Returns:
        `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError: the history contains no losses.

    Example:
        >>> keras_dcgan.plots.history(gan.fit(images, epochs=10)).savefig("losses.png")
    """
    curves = _curves(history)
    if not {"g_loss", "d_loss"} <= curves.keys():
        raise ValueError(
            f"`history` must contain `g_loss` and `d_loss`, as that of DCGAN.fit() does. Received: {sorted(curves)}"
        )
    figure, axes = plt.subplots(2, sharex=True, figsize=(8, 5), height_ratios=(2, 1), layout="constrained")
    plt.close(figure)  # a notebook would show it twice
    guessing = {"d_loss": (2 * math.log(2), "2 log 2"), "g_loss": (math.log(2), "log 2")}
    for name, color in (("d_loss", "C0"), ("g_loss", "C1"), ("real_accuracy", "C0"), ("fake_accuracy", "C1")):
        axis = axes[int("accuracy" in name)]
        for key, style in ((name, "-"), (f"val_{name}", "--")):
            if key in curves:
                axis.plot(*curves[key], style, color=color, label=key)
        if name in guessing:
            value, text = guessing[name]
            axis.axhline(value, color=color, linestyle=":", label=f"{text}: the discriminator guesses")
    axes[1].axhline(0.5, color="gray", linestyle=":", label="0.5: the discriminator guesses")
    axes[0].set_ylabel("loss")
    axes[1].set(xlabel="epoch", ylabel="accuracy", ylim=(-0.02, 1.02))
    axes[1].xaxis.get_major_locator().set_params(integer=True)
    for axis in axes:
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def _curves(history):
    """The epochs, from 1 on, and the values of each metric, by name."""
    if not isinstance(history, keras.callbacks.History | Mapping):
        with open(history, newline="") as file:
            rows = {int(row["epoch"]) + 1: row for row in csv.DictReader(file)}
        curves = {}
        for name in next(iter(rows.values()), {}).keys() - {"epoch"}:
            # without validation, CSVLogger writes columns of "NA"
            known = [(epoch, float(row[name])) for epoch, row in rows.items() if row[name] not in ("", "NA", None)]
            if known:
                curves[name] = tuple(zip(*known, strict=True))
        return curves
    if isinstance(history, Mapping):
        values, epochs = history, [*range(1, 1 + max(map(len, history.values()), default=0))]
    else:
        values, epochs = history.history, [epoch + 1 for epoch in history.epoch]
    curves = {}
    for name, own in values.items():
        step = len(epochs) // max(len(own), 1)  # with `validation_freq`, there are fewer values
        curves[name] = tuple(epochs[step - 1 :: step][: len(own)]), tuple(own)
    return curves


def latent_grid(gan: DCGAN, n: int = 15, *, label: int | str | None = None, seed: int = 0, scale: int = 1) -> Figure:
    """Plots samples over a plane of the latent space.

    If the latent vectors have two components, the plane is the whole space: both components run over the middle 90% of
    the prior. Otherwise the corners are four random latent vectors, with spherical interpolation between them.

    Args:
        gan: `DCGAN` or `ConditionalDCGAN`.
        n: int, images per side.
        label: integer or class name, required for a `ConditionalDCGAN`.
        seed: int, for the four latent vectors.
        scale: int, factor by which the images are enlarged.

    Returns:
        `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> keras_dcgan.plots.latent_grid(gan).savefig("latent_space.png")
    """
    validation.check_count("n", n)
    if label is None and gan.num_classes is not None:
        raise ValueError("`label` is required for a ConditionalDCGAN: pass a class. Received: label=None")
    if gan.latent_dim == 2:
        side = _quantiles(gan.latent_prior, np.linspace(0.05, 0.95, n))
        z = np.stack(np.meshgrid(side, side[::-1]), axis=-1).reshape(-1, 2)
        names = ("first component", "second component")
    else:
        corners = keras.ops.convert_to_numpy(gan.sample_latents(4, seed=seed))
        count = max(n, 2)
        left, right = (_latents.interpolate(corners[i], corners[i + 1], count)[:n] for i in (0, 2))
        z = np.concatenate([_latents.interpolate(a, b, count)[:n] for a, b in zip(left, right, strict=True)])
        names = ("", "")
    made = gan.generate(latents=z.astype("float32"), labels=label)
    return _figure(_images.grid(made, n, gap=0, scale=scale), *names)


def _quantiles(prior, probabilities):
    if prior == "uniform":
        return 2 * probabilities - 1
    return math.sqrt(2) * keras.ops.convert_to_numpy(keras.ops.erfinv(2 * probabilities - 1))


def nearest(
    gan: DCGAN,
    images: ArrayLike,
    n: int = 10,
    *,
    extractor: keras.Model | None = None,
    labels: ArrayLike | None = None,
    seed: int = 0,
    scale: int = 2,
) -> Figure:
    """Plots samples above their nearest training images, to see whether the generator has memorized them.

    Args:
        gan: `DCGAN` or `ConditionalDCGAN`.
        images: training images, uint8 `(m, height, width, channels)`.
        n: int, number of samples.
        extractor: Keras model that maps pixels, float32 from 0 to 255, to features `(m, d)`, in which the Euclidean
            distance is measured. `None` measures it in pixels, where small shifts count much.
        labels: for a conditional model, as in `generate`.
        seed: int, for the samples.
        scale: int, factor by which the images are enlarged.

    Returns:
        `matplotlib.figure.Figure`, not shown.

    Raises:
        ValueError, TypeError: an argument is invalid.

    Example:
        >>> keras_dcgan.plots.nearest(gan, images).savefig("nearest.png")
    """
    from keras_dcgan import metrics  # scikit-learn is slow to import

    validation.check_count("n", n)
    images = np.asarray(images)
    metrics.protocol.check_real_images("images", images, gan.image_shape)
    samples = gan.generate(n, labels=labels, seed=seed)
    ours, theirs = (_features(extractor, batch) for batch in (samples, images))
    closest, _ = metrics.nearest(ours, theirs)
    grid = _images.grid(np.concatenate([samples, images[closest]]), n, scale=scale)
    figure = _figure(grid, "")
    figure.axes[0].set_yticks([grid.height / 4, 3 * grid.height / 4], ["samples", "nearest\ntraining images"])
    figure.axes[0].tick_params(length=0)
    return figure


def _features(extractor, images):
    if extractor is None:
        return images.reshape(len(images), -1).astype("float32")
    batches = range(0, len(images), 128)
    return np.concatenate([predict_on_batch(extractor, images[i : i + 128].astype("float32")) for i in batches])


def _figure(picture: Any, x: str, y: str = "") -> Figure:
    """A figure of one picture, at its own resolution."""
    figure, axes = plt.subplots(figsize=(picture.width / 100 + 1, picture.height / 100 + 0.5), layout="constrained")
    plt.close(figure)
    axes.imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlabel=x, ylabel=y)
    axes.spines[:].set_visible(False)
    return figure

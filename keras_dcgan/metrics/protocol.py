"""One call from a model and real images to the metrics of the literature."""

import importlib.metadata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_dcgan.metrics.distances import (
    FrechetStatistics,
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)
from keras_dcgan.training import validation
from keras_dcgan.training.inference import predict_in_batches

# the metrics, and the names of their values in the results
METRICS = {
    "fid": ("fid",),
    "kid": ("kid", "kid_standard_error"),
    "inception_score": ("inception_score", "inception_score_std"),
    "precision_recall": ("precision", "recall"),
    "density_coverage": ("density", "coverage"),
    "intra_fid": ("intra_fid", "fid_per_class"),
}
DEFAULTS = [name for name in METRICS if name != "intra_fid"]


def evaluate(
    gan: Any,
    reference: Any,
    *,
    extractor: keras.Model,
    labels: ArrayLike | None = None,
    metrics: Sequence[str] | None = None,
    num_images: int = 50_000,
    seed: int = 0,
    batch_size: int = 64,
    verbose: bool = False,
) -> dict[str, Any]:
    """Generates images and compares them with real ones.

    Images are generated and reduced to features batch by batch, so memory holds only the features; for "fid" and
    "intra_fid" not even these. A conditional model generates each class in turn.

    Args:
        gan: `DCGAN` or `ConditionalDCGAN`.
        reference: real images, uint8 `(n, height, width, channels)`; or, for "fid" and "inception_score" alone,
            `FrechetStatistics`.
        extractor: Keras model from pixels, 0 to 255, to features `(n, d)`; for "inception_score" to
            `[features, probabilities]`. `metrics.inception(path, "both")` makes values comparable with published ones.
        labels: integers or class names `(n,)`, the classes of the real images, for "intra_fid".
        metrics: list of "fid", "kid", "inception_score", "precision_recall", "density_coverage" and "intra_fid" (the
            mean of the FIDs of all classes of a conditional model). `None` computes all, "intra_fid" only with `labels`
            and "inception_score" only if the extractor returns probabilities; with `FrechetStatistics`, only "fid".
        num_images: int, number of generated images, at least 2. Published values use 50,000, or 10,000.
        seed: int, for the latent vectors.
        batch_size: int, images per call of the networks.
        verbose: bool, whether to show progress bars.

    Returns:
        dict with the values: `fid`; `kid` and `kid_standard_error`; `inception_score` and its standard deviation over
        ten parts, `inception_score_std`; `precision` and `recall`; `density` and `coverage`; `intra_fid` and
        `fid_per_class`. Also the settings: `num_images`, `num_real_images`, `seed`, `extractor` and `versions`.

    Raises:
        ValueError, TypeError: an argument is invalid, or a metric needs images, probabilities or labels that are
            missing.

    Example:
        >>> extractor = keras_dcgan.metrics.inception("pt_inception-2015-12-05-6726825d.pth", "both")
        >>> keras_dcgan.metrics.evaluate(gan, test_images, extractor=extractor)["fid"]
    """
    if not hasattr(gan, "image_shape"):
        raise TypeError(f"`gan` must be a DCGAN or ConditionalDCGAN. Received: gan={gan!r}")
    check_extractor(extractor, gan.image_shape)
    if metrics is None:
        missing = {"inception_score": _num_outputs(extractor) < 2, "intra_fid": labels is None}
        available = [name for name in METRICS if not missing.get(name)]
        metrics = ["fid"] if isinstance(reference, FrechetStatistics) else available
    labels = validation.class_numbers(labels, gan.class_names)
    check_metrics(metrics, reference, extractor, METRICS)
    if not isinstance(reference, FrechetStatistics):
        check_real_images("reference", reference, gan.image_shape)
    _check_labels(gan, reference, labels, metrics)
    num_classes = gan.num_classes
    validation.check_count("num_images", num_images, smallest_number(metrics, num_classes))
    validation.check_count("batch_size", batch_size)
    latents = validation.as_numpy(gan.sample_latents(num_images, seed=validation.check_seed(seed)))
    requested = None if num_classes is None else np.arange(num_images) % num_classes

    def outputs(images_of, n, unit):
        return predict_in_batches(extractor, images_of, n, batch_size, unit=unit, verbose=verbose)

    def samples(part):
        return gan.generate(latents=latents[part], labels=None if requested is None else requested[part])

    fake = summarize(metrics, outputs(samples, num_images, "samples"), requested)
    if isinstance(reference, FrechetStatistics):
        real, num_real = Summary(reference), reference.count
    else:
        num_real = len(reference)
        real_outputs = outputs(lambda part: reference[part], num_real, "real images")
        real = summarize({*metrics} - {"inception_score"}, real_outputs, labels)
    versions = {name: importlib.metadata.version(name) for name in ("keras-dcgan", "keras", "numpy", "scipy")}
    return compare(metrics, real, fake) | {
        "num_images": num_images,
        "num_real_images": num_real,
        "seed": int(seed),
        "extractor": extractor.name,
        "versions": versions | {"backend": keras.backend.backend()},
    }


@dataclass
class Summary:
    """The part of the extractor's outputs for one set of images that the metrics need."""

    statistics: FrechetStatistics = field(default_factory=FrechetStatistics)
    statistics_of_class: dict[int, FrechetStatistics] = field(default_factory=dict)
    features: Any = None
    probabilities: Any = None


def summarize(metrics: Collection[str], batches: Iterable[Any], labels: Any = None) -> Summary:
    """Reduces the outputs of the extractor, which come batch by batch, to what the metrics need.

    Args:
        metrics: names from `METRICS`; for real images without "inception_score", which reads those of samples only.
        batches: arrays of features `(n, d)`, or pairs of features and probabilities.
        labels: integers `(n,)`, the classes of all images, for "intra_fid".
    """
    summary = Summary()
    if not metrics:
        return summary
    features, probabilities = [], []
    start = 0
    for outputs in batches:
        pair = isinstance(outputs, list | tuple)
        batch = outputs[0] if pair else outputs
        if "fid" in metrics:
            summary.statistics.update(batch)
        if "intra_fid" in metrics:
            own = np.asarray(labels)[start : start + len(batch)]
            for label in np.unique(own):
                of_class = summary.statistics_of_class.setdefault(int(label), FrechetStatistics())
                of_class.update(batch[own == label])
        if set(metrics) & {"kid", "precision_recall", "density_coverage"}:
            features.append(batch)
        if "inception_score" in metrics and pair:
            probabilities.append(outputs[1])
        start += len(batch)
    summary.features, summary.probabilities = (np.concatenate(x) if x else None for x in (features, probabilities))
    return summary


def compare(metrics: Sequence[str], real: Summary, fake: Summary) -> dict[str, Any]:
    """Computes the metrics: the names in `METRICS` and their values."""
    results: dict[str, Any] = {}
    for metric in metrics:
        values: Any
        if metric == "fid":
            values = [frechet_distance(real.statistics, fake.statistics)]
        elif metric == "kid":
            values = kernel_distance(real.features, fake.features)
        elif metric == "inception_score":
            values = inception_score(fake.probabilities)
        elif metric == "precision_recall":
            values = precision_recall(real.features, fake.features)
        elif metric == "density_coverage":
            values = density_coverage(real.features, fake.features)
        else:
            classes = sorted(fake.statistics_of_class)
            distances = [frechet_distance(real.statistics_of_class[i], fake.statistics_of_class[i]) for i in classes]
            values = float(np.mean(distances)), distances
        results |= zip(METRICS[metric], values, strict=True)
    return results


def check_metrics(metrics: Any, reference: Any, extractor: Any, supported: Iterable[str]) -> None:
    """Raises ValueError if a metric is unknown, or the extractor or the reference are not enough for it."""
    if isinstance(metrics, str) or not metrics or not set(metrics) <= set(supported):
        raise ValueError(
            f"`metrics` must be a list of names from {', '.join(supported)}; precision_recall gives precision and "
            f"recall, density_coverage density and coverage. Received: metrics={metrics!r}"
        )
    if "inception_score" in metrics and _num_outputs(extractor) < 2:
        raise ValueError(
            '"inception_score" needs an extractor with the outputs [features, probabilities], such as '
            f'metrics.inception(path, "both"). Received: an extractor with {_num_outputs(extractor)} output'
        )
    others = sorted(set(metrics) - {"fid", "inception_score"})
    if isinstance(reference, FrechetStatistics) and others:
        raise ValueError(
            'FrechetStatistics are enough for "fid" and "inception_score" only; pass real images for the other '
            f"metrics. Received: metrics with {', '.join(others)}"
        )


def smallest_number(metrics: Iterable[str], num_classes: int | None = None) -> int:
    """The smallest number of samples from which metrics can be computed."""
    known = {"kid": 4, "precision_recall": 4, "density_coverage": 6, "intra_fid": 2 * (num_classes or 0)}
    return max(known.get(metric, 2) for metric in metrics)


def _num_outputs(extractor):
    return len(getattr(extractor, "outputs", None) or [extractor])  # subclassed models do not tell theirs


def check_extractor(extractor: Any, image_shape: Sequence[int]) -> None:
    """Raises unless an extractor is a model from images to features; unknown shapes are not checked."""
    if not hasattr(extractor, "predict_on_batch"):
        raise TypeError(
            "`extractor` must be a Keras model from pixels to features, such as metrics.inception(path). "
            f"Received: extractor={extractor!r}"
        )
    shape = getattr(extractor, "input_shape", None)
    if isinstance(shape, tuple):
        fits = len(shape) == 4 and all(n in (None, m) for n, m in zip(shape[1:], image_shape, strict=True))
        if not fits:
            raise ValueError(
                f"`extractor` must take images of shape {tuple(image_shape)}, like those of the model. "
                f"Received: an extractor of {shape[1:]}"
            )
    outputs = getattr(extractor, "outputs", None)
    if outputs and len(outputs[0].shape) != 2:
        raise ValueError(
            "`extractor` must return features (n, d): end it in a Flatten or GlobalAveragePooling2D layer. "
            f"Received: an extractor with the output shape {tuple(outputs[0].shape)}"
        )


def check_real_images(name: str, images: Any, image_shape: Sequence[int]) -> None:
    """Raises unless real images are uint8 and have the shape of the model's images."""
    validation.check_shape(images, image_shape)
    dtype = keras.backend.standardize_dtype(images.dtype)
    if dtype != "uint8" or len(images) == 0:
        raise ValueError(
            f"`{name}` must be uint8 images, from 0 to 255, like those of generate(). "
            f"Received: {len(images)} images of dtype {dtype}"
        )


def _check_labels(gan, reference, labels, metrics):
    """Raises unless "intra_fid" has the labels of real images of all classes."""
    if "intra_fid" in metrics:
        if gan.num_classes is None or labels is None:
            raise ValueError(
                '"intra_fid" needs a ConditionalDCGAN and the `labels` of the real images. Received: '
                f"{type(gan).__name__}, labels={labels!r}"
            )
        validation.check_labels(labels, len(reference), gan.num_classes)
        if missing := set(range(gan.num_classes)) - set(np.unique(labels).tolist()):
            raise ValueError(
                f'"intra_fid" needs real images of all {gan.num_classes} classes. Received: none of {sorted(missing)}'
            )

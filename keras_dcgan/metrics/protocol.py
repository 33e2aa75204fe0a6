"""One call from a model and real images to the metrics of the literature."""

import importlib.metadata
from collections.abc import Iterator, Sequence
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
from keras_dcgan.training.inference import predict_on_batch

METRICS = ("fid", "kid", "inception_score", "precision_recall", "density_coverage", "intra_fid")


def evaluate(
    gan: Any,
    reference: Any,
    *,
    extractor: keras.Model,
    labels: ArrayLike | None = None,
    metrics: Sequence[str] = ("fid", "kid", "inception_score", "precision_recall", "density_coverage"),
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
            mean of the FIDs of all classes of a conditional model).
        num_images: int, number of generated images. Published values use 50,000, or 10,000.
        seed: int, for the latent vectors.
        batch_size: int, images per call of the networks.
        verbose: bool, whether to show progress bars.

    Returns:
        dict with the values: `fid`; `kid` and `kid_standard_error`; `inception_score` and its standard deviation over
        ten parts, `inception_score_std`; `precision` and `recall`; `density` and `coverage`; `intra_fid` and
        `fid_per_class`. Also the settings: `num_images`, `num_real_images`, `seed`, `extractor` and `versions`.

    Raises:
        ValueError: an argument is invalid, or a metric needs images, probabilities or labels that are missing.

    Example:
        >>> extractor = keras_dcgan.metrics.inception("pt_inception-2015-12-05-6726825d.pth", "both")
        >>> keras_dcgan.metrics.evaluate(gan, test_images, extractor=extractor)["fid"]
    """
    labels = validation.class_numbers(labels, getattr(gan, "class_names", None))
    _check(gan, reference, extractor, labels, metrics)
    for name, value in (("num_images", num_images), ("batch_size", batch_size)):
        validation.check_count(name, value)
    num_classes = getattr(gan, "num_classes", None)
    latents = validation.as_numpy(gan.sample_latents(num_images, seed=validation.check_seed(seed)))
    requested = None if num_classes is None else np.arange(num_images) % num_classes

    def samples(part):
        return gan.generate(latents=latents[part], labels=None if requested is None else requested[part])

    kept = set(metrics) & {"kid", "precision_recall", "density_coverage"}
    options = {"classes": num_classes if "intra_fid" in metrics else None, "keep": bool(kept), "verbose": verbose}
    probabilities = "inception_score" in metrics
    fake = _Summary(extractor, "samples", samples, num_images, batch_size, requested, probabilities, **options)
    if isinstance(reference, FrechetStatistics):
        real_statistics, num_real = reference, reference.count
    else:
        real = _Summary(
            extractor, "real images", lambda part: reference[part], len(reference), batch_size, labels, False, **options
        )
        real_statistics, num_real = real.statistics, len(reference)
    results: dict[str, Any] = {}
    if "fid" in metrics:
        results["fid"] = frechet_distance(real_statistics, fake.statistics)
    if "kid" in metrics:
        results["kid"], results["kid_standard_error"] = kernel_distance(real.features, fake.features)
    if probabilities:
        results["inception_score"], results["inception_score_std"] = inception_score(np.concatenate(fake.probabilities))
    if "precision_recall" in metrics:
        results["precision"], results["recall"] = precision_recall(real.features, fake.features)
    if "density_coverage" in metrics:
        results["density"], results["coverage"] = density_coverage(real.features, fake.features)
    if "intra_fid" in metrics:
        pairs = zip(real.of_class, fake.of_class, strict=True)
        results["fid_per_class"] = [frechet_distance(*pair) for pair in pairs]
        results["intra_fid"] = float(np.mean(results["fid_per_class"]))
    versions = {name: importlib.metadata.version(name) for name in ("keras-dcgan", "keras", "numpy", "scipy")}
    return results | {
        "num_images": num_images,
        "num_real_images": num_real,
        "seed": int(seed),
        "extractor": extractor.name,
        "versions": versions | {"backend": keras.backend.backend()},
    }


class _Summary:
    """What the metrics need of one set of images: statistics, of each class too, features and probabilities."""

    def __init__(self, extractor, unit, images_of, n, batch_size, labels, probabilities, classes, keep, verbose):
        self.statistics = FrechetStatistics()
        self.of_class = [FrechetStatistics() for _ in range(classes or 0)]
        self.probabilities: list[np.ndarray] = []
        kept = []
        progress = keras.utils.Progbar(n, verbose=int(verbose), unit_name=unit)
        for part in _parts(n, batch_size):
            outputs = predict_on_batch(extractor, np.asarray(images_of(part), "float32"))
            features = outputs[0] if isinstance(outputs, list | tuple) else outputs
            self.statistics.update(features)
            for label, statistics in enumerate(self.of_class):
                own = features[np.asarray(labels)[part] == label]
                if len(own):
                    statistics.update(own)
            if keep:
                kept.append(features)
            if probabilities:
                self.probabilities.append(outputs[1])
            progress.add(len(features))
        self.features: Any = np.concatenate(kept) if keep else None


def _parts(n: int, size: int) -> Iterator[slice]:
    return (slice(i, i + size) for i in range(0, n, size))


def _check(gan, reference, extractor, labels, metrics):
    if isinstance(metrics, str) or not metrics or not set(metrics) <= set(METRICS):
        raise ValueError(f"`metrics` must be a list of names from {', '.join(METRICS)}. Received: metrics={metrics!r}")
    if "inception_score" in metrics and len(extractor.outputs) < 2:
        raise ValueError(
            '"inception_score" needs an extractor with the outputs [features, probabilities], such as '
            f'metrics.inception(path, "both"). Received: an extractor with {len(extractor.outputs)} output'
        )
    if isinstance(reference, FrechetStatistics):
        if others := sorted(set(metrics) - {"fid", "inception_score"}):
            raise ValueError(
                '`reference`: statistics are enough for "fid" and "inception_score" only; pass real images for the '
                f"other metrics. Received: metrics with {', '.join(others)}"
            )
        return
    validation.check_images(reference, gan.image_shape, (0, 255))
    if "intra_fid" in metrics:
        if not hasattr(gan, "num_classes") or labels is None:
            raise ValueError(
                '"intra_fid" needs a ConditionalDCGAN and the `labels` of the real images. Received: '
                f"{type(gan).__name__}, labels={labels!r}"
            )
        validation.check_labels(labels, len(reference), gan.num_classes)

"""Metrics that compare features of generated and real images.

Features are arrays `(n, d)` that an extractor computes from images, such as the pooled features of `inception` or the
last hidden layer of a classifier. All metrics are computed on the host in float64. Values can be compared only if
extractor and numbers of images are the same.
"""

from keras_dcgan.metrics.distances import (
    FrechetStatistics,
    density_coverage,
    frechet_distance,
    inception_score,
    kernel_distance,
    nearest,
    precision_recall,
)
from keras_dcgan.metrics.inception import inception
from keras_dcgan.metrics.protocol import evaluate

__all__ = [
    "FrechetStatistics",
    "density_coverage",
    "evaluate",
    "frechet_distance",
    "inception",
    "inception_score",
    "kernel_distance",
    "nearest",
    "precision_recall",
]
